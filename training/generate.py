#!/usr/bin/env python3
"""Greedy text of a trunk: what it says after prompts, or ids for the MTP stage.

    generate.py MODEL PROMPT ...                            # answers to questions, as a chat
    generate.py MODEL --ids FILE --data FOLDER -n 256       # sequences of one context for train.py --own
"""
import argparse
import sys

import machine    # before torch
import numpy as np
import torch

import batches
import checkpoint
import data
import tokenizer
from files import whole


@torch.no_grad()
def greedy(model, prompts, n_new, stop=()):
    """Continues every prompt (lists of ids) by up to n_new of the trunk's first choices; those that meet a stop token
    end there. All prompts go in step from their first token: the shorter ones choose while the longer still read."""
    lengths = torch.tensor([len(p) for p in prompts])
    shortest, longest = int(lengths.min()), int(lengths.max())
    ids = torch.zeros(len(prompts), longest + n_new, dtype=torch.long)
    for row, prompt in zip(ids, prompts):
        row[: len(prompt)] = torch.tensor(prompt)
    past = model.start()
    h = model.step(ids[:, :shortest], past)
    ended = torch.zeros(len(prompts), dtype=torch.bool)
    for k in range(shortest, longest + n_new):
        choice = model.output(h[:, -1]).argmax(-1)
        chooses = k >= lengths
        ids[chooses, k] = choice[chooses]
        ended |= (k >= lengths + n_new - 1) | chooses & torch.isin(choice, torch.tensor(sorted(stop), dtype=torch.long))
        if ended.all():
            break
        h = model.step(ids[:, k : k + 1], past)
    out = []
    for row, start in zip(ids.tolist(), lengths.tolist()):
        row = row[: start + n_new]
        end = next((k for k in range(start, len(row)) if row[k] in stop), len(row) - 1)
        out.append(row[: end + 1])
    return out


def own_sequences(model, folder, n, seed):
    """n sequences of one context: beginnings from the training text, each domain in turn, and how the trunk goes on."""
    length, begin = model.c.context + 1, model.c.context // 8
    streams = batches.load(folder, "train", data.DOMAINS)
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
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    machine.prepare(args.threads)
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
