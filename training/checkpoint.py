"""Models from files: GGUF files and checkpoints of the trainer."""
import pickle

import torch

import gguf_file
import layouts
from files import BadInput, whole
from model import Config, Model


def save(path, **parts):
    with whole(path) as f:
        torch.save(parts, f)


def read(path):
    try:
        return torch.load(path, map_location="cpu")
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise BadInput(f"{path}: neither a .gguf file nor a whole checkpoint of train.py ({error})") from None


def load_model(path, **fields):
    """The model of a .gguf file or of a checkpoint, with Config fields replaced (context, chunk)."""
    if str(path).endswith(".gguf"):
        metadata, tensors = gguf_file.read(path)
        config = Config(**layouts.config_of(metadata, **fields))
        state = {k: torch.from_numpy(v) for k, v in layouts.from_gguf(tensors, config).items()}
    else:
        stored = read(path)
        config, state = Config(**stored["config"] | fields), stored["model"]
    model = Model(config)
    model.load_state_dict(state)
    return model


def state_in_numpy(model):
    return {k: v.detach().cpu().float().numpy() for k, v in model.state_dict().items()}
