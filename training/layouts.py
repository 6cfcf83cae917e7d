"""The names and conventions of GGUF and of the published checkpoints, to and from those of model.py.

A state is a dict of parameter name -> float32 array (model.state_dict() in numpy).
"""
import re

import numpy as np

ARCHITECTURE = "qwen35moe"
KEYS = {     # of the metadata -> field of the Config
    "embedding_length": "d", "attention.head_count": "n_head", "attention.head_count_kv": "n_kv",
    "attention.key_length": "head_dim", "attention.value_length": "head_dim", "rope.dimension_count": "n_rot",
    "rope.freq_base": "rope_base", "attention.layer_norm_rms_epsilon": "eps", "ssm.conv_kernel": "conv",
    "ssm.state_size": "dk", "ssm.group_count": "n_k", "ssm.time_step_rank": "n_v", "expert_count": "n_expert",
    "expert_used_count": "n_used", "feed_forward_length": "ff", "expert_feed_forward_length": "ff",
    "expert_shared_feed_forward_length": "ff", "full_attention_interval": "interval",
}


def metadata_of(c):
    """The metadata that describes the shape."""
    m = {"block_count": c.n_layer + 1, "nextn_predict_layers": 1, "context_length": max(4096, c.context)}
    m |= {key: getattr(c, field) for key, field in KEYS.items()}
    sections = c.n_rot // 2
    m |= {"ssm.inner_size": c.n_v * c.dk, "rope.dimension_sections": [sections - 2 * (sections // 3), sections // 3, sections // 3, 0]}
    return {f"{ARCHITECTURE}.{key}": value for key, value in m.items()}


def config_of(metadata, **fields):
    """The Config fields a file's metadata gives, as keyword arguments."""
    if metadata.get("general.architecture") != ARCHITECTURE:
        raise ValueError(f"the file holds a {metadata.get('general.architecture')} model; only {ARCHITECTURE} is trained here")
    fields |= {field: metadata[f"{ARCHITECTURE}.{key}"] for key, field in KEYS.items()}
    for key in ("rope_base", "eps"):
        fields[key] = float(np.float32(fields[key]))
    # F32 cannot hold 1e-6 exactly; the number that was meant can be read from its shortest form.
    fields["eps"] = float(str(np.float32(fields["eps"])))
    return fields | {"n_layer": metadata[f"{ARCHITECTURE}.block_count"] - 1, "vocab": len(metadata["tokenizer.ggml.tokens"])}


def to_gguf(state, c):
    """Name -> array as the file holds them, in the order of the blocks."""
    out = {}
    for name, a in state.items():
        name = re.sub(r"\.(mixer|ffn)\.", ".", name)
        if name.startswith("nextn."):
            name = f"blk.{c.n_layer}.{name}"
        if name.endswith("ffn_gate_up_exps.weight"):
            out[name.replace("gate_up", "gate")], out[name.replace("gate_up", "up")] = a[:, : c.ff], a[:, c.ff :]
        elif name.endswith("ssm_a_log"):
            out[name[: -len("_log")]] = -np.exp(a)
        elif name.endswith("ffn_gate_inp_shexp.weight"):
            out[name] = a[0]
        else:
            out[name] = a
    return out


def from_gguf(tensors, c):
    """The state, from a file's tensors."""
    state = {}
    for name, a in tensors.items():
        block, _, rest = name.partition(".nextn.")
        if rest:
            state["nextn." + rest] = a
            continue
        if name.endswith("ffn_up_exps.weight"):
            continue
        if name.startswith("blk."):
            _, n, rest = name.split(".", 2)
            part = "ffn" if rest.startswith(("ffn", "post")) else "mixer"
            if rest == "ffn_gate_exps.weight":
                rest, a = "ffn_gate_up_exps.weight", np.concatenate([a, tensors[name.replace("gate", "up")]], 1)
            elif rest == "ssm_a":
                rest, a = "ssm_a_log", np.log(-a)
            elif rest == "ffn_gate_inp_shexp.weight":
                a = a.reshape(1, -1)
            name = f"blk.{n}.{part}.{rest}"
        state[name] = a
    return state


def gguf_type(name, array, base):
    """Small vectors, the router, the convolution and the step sizes stay F32."""
    keep = array.ndim == 1 or "norm" in name or re.search(r"ssm_(conv1d|alpha|beta)|ffn_gate_inp", name)
    return "F32" if keep else base
