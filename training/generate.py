#!/usr/bin/env python3
"""Greedy text of a trunk: what it says after prompts, or ids for the MTP stage.

    generate.py MODEL PROMPT ...                            # answers to questions, as a chat
    generate.py MODEL --ids FILE --data FOLDER -n 256       # sequences of one context for train.py --own
"""
import argparse
import os
import sys

import numpy as np
import torch

import batches
import checkpoint
import data
import tokenizer
from files import whole


@torch.no_grad()
def greedy(model, prompts, n_new, stop=()):
    """Continues every prompt (lists of ids) by up to n_new of the trunk's first choices; those that meet a stop token end
    there. Prompts of one length run together."""
    out = [None] * len(prompts)
    for length in sorted({len(p) for p in prompts}):
        which = [i for i, p in enumerate(prompts) if len(p) == length]
        past, ids = model.start(), torch.tensor([prompts[i] for i in which])
        h = model.step(ids, past)
        rows = [ids]
        for k in range(n_new):
            nxt = model.output(h[:, -1:]).argmax(-1)
            rows.append(nxt)
            if k + 1 < n_new:
                h = model.step(nxt, past)
        for i, row in zip(which, torch.cat(rows, 1).tolist()):
            end = next((k for k in range(length, len(row)) if row[k] in stop), len(row))
            out[i] = row[: end + 1]
    return out


def own_sequences(model, folder, n, seed):
    """n sequences of one context: beginnings from the training text, each domain in turn, and the trunk's continuation."""
    length, begin = model.c.context + 1, model.c.context // 8
    streams, tok = batches.load(folder, "train", data.DOMAINS), tokenizer.Tokenizer.load(os.path.join(folder, "vocab.json"))
    rng, out = np.random.default_rng(seed), []
    for first in range(0, n, 64):
        prompts = []
        for i in range(first, min(first + 64, n)):
            ids = streams[data.DOMAINS[i % len(data.DOMAINS)]]
            at = int(rng.integers(len(ids) - begin))
            prompts.append(ids[at : at + begin].tolist())
        out += greedy(model, prompts, length - begin)
        print(f"{len(out)} of {n} sequences", file=sys.stderr, flush=True)
    return np.array(out, dtype=np.uint16)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help=".gguf file or checkpoint")
    parser.add_argument("prompts", nargs="*", help="questions")
    parser.add_argument("-n", type=int, default=128, help="new tokens of an answer, or sequences of --ids")
    parser.add_argument("--ids", metavar="FILE", help="write the ids of -n sequences there")
    parser.add_argument("--data", help="folder that data.py wrote, for --ids")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = checkpoint.load_model(args.model).eval()
    if args.ids:
        with whole(args.ids) as f:
            np.save(f, own_sequences(model, args.data, args.n, args.seed).reshape(-1))
        return
    tok = tokenizer.Tokenizer.load()
    for question in args.prompts:
        ids = tok.encode(data.chat(question))
        (answer,) = greedy(model, [ids], args.n, tok.stop)
        print(f"> {question}\n{tok.decode(i for i in answer[len(ids):] if i not in tok.stop)}\n", flush=True)


if __name__ == "__main__":
    main()
