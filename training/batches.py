"""Which tokens a step sees: a function of the seed and the step's number, so that a resumed run sees the same."""
import os

import numpy as np
import torch

from files import BadInput


def load(folder, kind, domains):
    """domain -> ids, from KIND.DOMAIN.npy."""
    return {d: np.load(os.path.join(folder, f"{kind}.{d}.npy"), mmap_mode="r") for d in domains}


def shares(text):
    """domain -> share, of "prose=2,code=3"."""
    out = {}
    for part in text.split(","):
        domain, _, share = part.partition("=")
        try:
            out[domain] = float(share)
        except ValueError:
            raise BadInput(f"'{part}' is no share of a domain; write them as in prose=2,code=3") from None
        if not 0 < out[domain] < float("inf"):
            raise BadInput(f"the share of {domain} is {share}; leave out what is to have none")
    return out


class Batches:
    """Windows of context + 1 tokens at random places, each from a domain drawn by its share: (B, context + 1), and for
    each whether it is from the domain "own", the trunk's own text (B)."""

    def __init__(self, streams, shares, batch, context, seed):
        for domain in shares:
            if len(streams[domain]) <= context + 1:
                raise BadInput(f"domain {domain} has {len(streams[domain])} tokens, fewer than a context of "
                                 f"{context}; give it no share")
        self.streams, self.batch, self.length, self.seed = streams, batch, context + 1, seed
        self.domains = sorted(shares)
        self.ends = np.cumsum([shares[d] for d in self.domains]) / sum(shares.values())

    def __call__(self, step):
        rng = np.random.Generator(np.random.Philox(key=self.seed, counter=step << 64))
        rows, own = [], []
        for _ in range(self.batch):
            domain = self.domains[int(np.searchsorted(self.ends[:-1], rng.random(), side="right"))]
            ids = self.streams[domain]
            at = int(rng.integers(len(ids) - self.length + 1))
            rows.append(ids[at : at + self.length].astype(np.int64))
            own.append(domain == "own")
        return torch.from_numpy(np.stack(rows)), torch.tensor(own)


def in_order(ids, batch, context, n_batches):
    """The first windows of a held-out stream, one after the other; fewer if the text ends."""
    n = min((len(ids) - 1) // context, n_batches * batch)
    rows = [ids[i * context : (i + 1) * context + 1].astype(np.int64) for i in range(n)]
    return [torch.from_numpy(np.stack(rows[i : i + batch])) for i in range(0, n, batch)]
