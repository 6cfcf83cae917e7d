#!/usr/bin/env python3
"""Greedy text of a trunk: what it says after prompts, or ids for the MTP stage.

    generate.py MODEL PROMPT ...                            # answers to questions, as a chat
    generate.py MODEL --ids FILE --data FOLDER -n 400000    # what it writes itself, for train.py --own
"""
import argparse
import json
import os
import sys

import machine    # before torch
import numpy as np
import torch

import batches
import checkpoint
import data
import tokenizer
from files import program, whole


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


def own_text(model, folder, n, seed, mix):
    """At least n ids of what the trunk itself writes, in shares of domains: answers to the questions of questions.json
    are "dictionary", other domains are continuations of an eighth of a context of their training text. The shares are
    as near as 64 rows at a time bring them. The domains come one after the other, as in mix."""
    length, begin = model.c.context + 1, model.c.context // 8
    tok = tokenizer.Tokenizer.load(os.path.join(folder, "vocab.json"))
    with open(os.path.join(folder, "questions.json"), encoding="utf8") as f:
        questions = json.load(f)
    streams = batches.load(folder, "train", [domain for domain in mix if domain != "dictionary"])
    rng, own, done = np.random.default_rng(seed), {domain: [] for domain in mix}, 0
    while done < n:
        domain = min(own, key=lambda d: len(own[d]) / mix[d])
        if domain == "dictionary":
            begun = [tok.encode(questions[i]) for i in rng.choice(len(questions), 64)]
            rows = [row + tok.encode("\n") + [tok.end] for row in greedy(model, begun, 128, tok.stop)]
        else:
            ids = streams[domain]
            begun = [ids[at : at + begin].tolist() for at in rng.integers(len(ids) - begin, size=64)]
            rows = greedy(model, begun, length - begin)
        own[domain] += [i for row in rows for i in row]
        done += sum(map(len, rows))
        print(f"{done} of {n} tokens", file=sys.stderr, flush=True)
    return np.concatenate([np.array(ids, dtype=np.uint16) for ids in own.values()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help=".gguf file or checkpoint")
    parser.add_argument("prompts", nargs="*", help="questions")
    parser.add_argument("-n", type=int, default=128, help="new tokens of an answer, or tokens of --ids")
    parser.add_argument("--ids", metavar="FILE", help="write at least -n ids there")
    parser.add_argument("--data", help="folder that data.py wrote, for --ids")
    parser.add_argument("--mix", default="dictionary=2,prose=1,code=2", help="shares of the domains, for --ids")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    machine.prepare(args.threads)
    model = checkpoint.load_model(args.model).eval()
    if args.ids:
        with whole(args.ids) as f:
            np.save(f, own_text(model, args.data, args.n, args.seed, batches.shares(args.mix)))
        return
    tok = tokenizer.Tokenizer.load()
    for question in args.prompts:
        ids = tok.encode(data.chat(question))
        (answer,) = greedy(model, [ids], args.n, tok.stop)
        print(f"> {question}\n{tok.decode(i for i in answer[len(ids):] if i not in tok.stop)}\n", flush=True)


if __name__ == "__main__":
    program(main)
