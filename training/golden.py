#!/usr/bin/env python3
"""Reference logits in float32 from the weights as a file holds them, for the tests of the engine.

    golden.py MODEL.gguf TOKENS.txt PREFIX            # writes PREFIX.trunk.npy and PREFIX.mtp.npy
    golden.py MODEL.gguf TOKENS.txt PREFIX --check    # compares with them instead: NMSE of each

TOKENS.txt holds ids between blanks. Row i of the trunk predicts token i + 1. Row i of the MTP block was given the
trunk's normed hidden row i and token i + 1, and predicts token i + 2; the last token has no such row.
"""
import argparse
import sys

import machine    # before torch
import numpy as np
import torch

import checkpoint
from files import program, whole

BOUND = 1e-8          # of the NMSE: rounding of float32 sums in another order


@torch.no_grad()
def logits(model, ids):
    tokens = torch.tensor([ids])
    h = model(tokens)
    mtp = model.output(model.mtp(h, tokens)[0])
    return {"trunk": model.output(h)[0].numpy(), "mtp": mtp[0, :-1].numpy()}


def nmse(a, b):
    """Sum of squared differences over the sum of squares of a."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(((a - b) ** 2).sum() / (a**2).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help=".gguf file or checkpoint")
    parser.add_argument("tokens", help="text file of ids")
    parser.add_argument("prefix", help="of the .npy files")
    parser.add_argument("--check", action="store_true", help=f"compare; fails above {BOUND}")
    args = parser.parse_args()
    machine.prepare(1)
    with open(args.tokens) as f:
        ids = [int(word) for word in f.read().split()]
    bad = False
    for name, rows in logits(checkpoint.load_model(args.model).eval(), ids).items():
        path = f"{args.prefix}.{name}.npy"
        if args.check:
            error = nmse(rows, np.load(path))
            bad |= not error <= BOUND
            print(f"{path}: NMSE {error:.2e}")
        else:
            with whole(path) as f:
                np.save(f, rows)
    sys.exit(bad)


if __name__ == "__main__":
    program(main)
