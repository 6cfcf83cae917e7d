"""For the tests: a model of a few thousand parameters, and data for it."""
import json
import os

import numpy as np
import torch

import data
from model import Config, Model

FIELDS = dict(n_layer=3, interval=3, d=32, vocab=96, n_head=2, n_kv=1, head_dim=16, n_rot=8, n_k=2, n_v=4, dk=16,
              n_expert=4, n_used=2, ff=32, context=48, chunk=16)
OPTIONS = ["--config", json.dumps(FIELDS), "--batch", "2", "--eval-batches", "1", "--warmup", "4", "--threads", "1"]


def model(seed=0, **fields):
    torch.manual_seed(seed)
    m = Model(Config(**FIELDS | fields))
    # Norm weights and the like start as constants, which would hide that two were exchanged.
    with torch.no_grad():
        for p in m.parameters():
            if p.ndim == 1:
                p.add_(0.1 * torch.randn_like(p))
    return m.eval()


def tokens(n_rows, n, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, FIELDS["vocab"], (n_rows, n)))


def write_data(folder):
    """Streams in which a token often follows from the one before."""
    rng = np.random.default_rng(2)
    for kind, domains, n in (("train", data.DOMAINS, 4000), ("heldout", data.HELD_OUT_DOMAINS, 400)):
        for domain in domains:
            steps = rng.choice([1, 2, 7], n)
            ids = np.cumsum(steps) % FIELDS["vocab"]
            np.save(os.path.join(folder, f"{kind}.{domain}.npy"), ids.astype(np.uint16))
