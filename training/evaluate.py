#!/usr/bin/env python3
"""What a model is worth: held-out losses per domain, how many drafts of the MTP block the trunk accepts, and what the
model knows of the dictionary it was trained with.

    evaluate.py MODEL --data FOLDER [--batches 4] [--prompts 20] [--tokens 64] [--json FILE]
    evaluate.py MODEL --text FILE ... [--batches 4]         # losses on other texts, nothing else

Losses are mean cross-entropies in nats per token, of the trunk (next token) and of each chained draft (1: the token
after that). Acceptance is of greedy speculative decoding with three drafts a round, as an engine does it: after a
round with m accepted drafts and the trunk's own token the next starts m + 1 tokens later. "Accepted at i" is the share
of rounds whose first i drafts were all accepted; "2 given 1", that share among the rounds whose first was.

Recall is of common words in the training text, asked as "define WORD" and answered greedily: the share of answers that
are about the word at all, of those whose first sense is right to the letter, and of those that are right as a whole.
"""
import argparse
import json
import os

import machine    # before torch
import numpy as np
import torch

import batches
import checkpoint
import data
import generate
import losses
import tokenizer
from files import program

DEPTH = 3


@torch.no_grad()
def losses_on(model, streams, n_batches, batch=8):
    """streams: domain -> ids. Returns domain -> [trunk, draft 1, 2, 3]"""
    out = {}
    for domain, ids in streams.items():
        sums, n = torch.zeros(1 + DEPTH), 0
        for window in batches.in_order(ids, batch, model.c.context, n_batches):
            trunk, drafts = losses.of_text(model, window, DEPTH)
            sums += len(window) * torch.stack([trunk, *drafts])
            n += len(window)
        out[domain] = (sums / n).tolist()
    return out


@torch.no_grad()
def accepted(model, ids, start):
    """For every round of greedy speculative decoding of ids[start:], the trunk's own continuation: how many drafts were
    accepted, and how many were tried (fewer than DEPTH at the end)."""
    # One pass serves all rounds, because every round's true rows are rows of the text: row t of the MTP block drafts
    # the tokens t+2, t+3, ... Chains continue with their own drafts.
    tokens, choices = torch.tensor([ids]), []

    def choose(rows):
        choices.append(model.output(rows).argmax(-1))
        return choices[-1]
    choose(model.mtp(model(tokens), tokens, DEPTH, choose)[-1])
    drafts = torch.stack([c[0] for c in choices]).tolist()
    rounds, at = [], start                      # at: the next token the trunk has to give; ids[:at] is known
    while at + 1 < len(ids):
        row, tried = at - 1, min(DEPTH, len(ids) - at - 1)
        m = 0
        while m < tried and drafts[m][row] == ids[at + 1 + m]:
            m += 1
        rounds.append((m, tried))
        at += m + 1
    return rounds


def acceptance(model, folder, n_prompts, n_tokens):
    """domain -> shares accepted at 1, 2, 3; each given the one before; tokens per round."""
    with open(os.path.join(folder, "prompts.json"), encoding="utf8") as f:
        prompts = json.load(f)
    tok = tokenizer.Tokenizer.load(os.path.join(folder, "vocab.json"))
    out = {}
    for domain, texts in prompts.items():
        begun = [tok.encode(text) for text in texts[:n_prompts]]
        rounds = []
        for start, ids in zip(begun, generate.greedy(model, begun, n_tokens, tok.stop)):
            rounds += accepted(model, ids, len(start))
        positions = range(1, DEPTH + 1)
        good = [sum(m >= i for m, _ in rounds) for i in positions]
        tried = [sum(n >= i for _, n in rounds) for i in positions]
        reached = [sum(m >= i - 1 and n >= i for m, n in rounds) for i in positions]
        out[domain] = {
            "accepted": [a / max(1, b) for a, b in zip(good, tried)],
            "given_the_one_before": [a / max(1, b) for a, b in zip(good, reached)],
            "tokens_per_round": 1 + sum(m for m, _ in rounds) / max(1, len(rounds)), "rounds": len(rounds),
        }
    return out


def recalled(model, folder):
    """Shares of the answers that name the word, have the first sense right, are right as a whole."""
    with open(os.path.join(folder, "recall.json"), encoding="utf8") as f:
        pairs = json.load(f)
    tok = tokenizer.Tokenizer.load(os.path.join(folder, "vocab.json"))
    begun = [tok.encode(question) for question, _ in pairs]
    good = {"named": 0, "first sense": 0, "whole": 0}
    for start, ids, (_, right) in zip(begun, generate.greedy(model, begun, 128, tok.stop), pairs):
        answer = tok.decode(i for i in ids[len(start):] if i not in tok.stop)
        good["named"] += answer.startswith(right[: right.index(" (") + 1])
        good["first sense"] += answer.partition("\n")[0] == right.partition("\n")[0]
        good["whole"] += answer == right
    return {name: n / len(pairs) for name, n in good.items()} | {"questions": len(pairs)}


def losses_table(loss):
    lines = ["| domain | trunk | draft 1 | draft 2 | draft 3 |", "|---|---|---|---|---|"]
    return "\n".join(lines + [f"| {d} | " + " | ".join(f"{x:.3f}" for x in row) + " |" for d, row in loss.items()])


def acceptance_table(accept):
    lines = ["| domain | accepted at 1 | at 2 | at 3 | 2 given 1 | 3 given 2 | tokens per round | rounds |",
             "|---|---|---|---|---|---|---|---|"]
    for d, a in accept.items():
        shares = " | ".join(f"{x:.2f}" for x in a["accepted"] + a["given_the_one_before"][1:])
        lines.append(f"| {d} | {shares} | {a['tokens_per_round']:.2f} | {a['rounds']} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help=".gguf file or checkpoint")
    text = parser.add_mutually_exclusive_group(required=True)
    text.add_argument("--data", help="folder that data.py wrote")
    text.add_argument("--text", nargs="+", metavar="FILE")
    parser.add_argument("--batches", type=int, default=4, help="of 8 sequences per domain, for the losses")
    parser.add_argument("--prompts", type=int, default=20, help="per domain, for the acceptance")
    parser.add_argument("--tokens", type=int, default=64, help="new tokens of each")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    machine.prepare(args.threads)
    model = checkpoint.load_model(args.model).eval()
    if args.text:
        tok = tokenizer.Tokenizer.load()
        streams = {path: np.array(tok.encode(open(path, encoding="utf8").read())) for path in args.text}
        loss = losses_on(model, streams, args.batches)
        print(losses_table(loss))
        if args.json:
            data.save_json(args.json, {"losses": loss})
        return
    loss = losses_on(model, batches.load(args.data, "heldout", data.HELD_OUT_DOMAINS), args.batches)
    accept = acceptance(model, args.data, args.prompts, args.tokens)
    recall = recalled(model, args.data)
    print(losses_table(loss), acceptance_table(accept),
          "recall: " + ", ".join(f"{name} {share:g}" for name, share in recall.items()), sep="\n\n")
    if args.json:
        data.save_json(args.json, {"losses": loss, "acceptance": accept, "recall": recall})


if __name__ == "__main__":
    program(main)
