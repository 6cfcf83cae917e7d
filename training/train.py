#!/usr/bin/env python3
"""Trains the pocket model; started again with the same words, it goes on where it was.

    train.py OUT --data FOLDER --minutes 600                        # from nothing
    train.py OUT --data FOLDER --steps 2000 --init pocket.gguf      # from a model
    train.py OUT2 --data FOLDER --steps 300 --init OUT/checkpoint.pt --stage mtp

OUT gets checkpoint.pt (weights, optimiser, step, curve) and curve.jsonl (a line per step, and per evaluation the
held-out losses of each domain). With --steps a run is a function of its options and the seed, on the same machine;
with --minutes the learning rate follows the clock. SIGTERM and SIGINT save first.
"""
import argparse
import dataclasses
import json
import os
import signal
import sys
import time

import machine    # before torch
import torch

import batches
import checkpoint
import data
import gradients
import losses
import optimizers
from files import BadInput, program, whole
from model import Config, Model


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="folder of the run")
    parser.add_argument("--data", required=True, help="folder that data.py wrote")
    parser.add_argument("--init", help="start from this .gguf file or checkpoint")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int)
    length.add_argument("--minutes", type=float, help="of work; a pause does not count")
    parser.add_argument("--stage", choices=("all", "mtp"), default="all",
                        help="all: trunk and MTP block, on the text; mtp: that block alone, on the trunk's predictions")
    parser.add_argument("--mix", default="common=3,dictionary=2,prose=2,code=3", help="shares of the domains")
    parser.add_argument("--own", metavar="FILE", help="ids that the trunk wrote (generate.py): half of all sequences")
    parser.add_argument("--batch", type=int, default=8, help="sequences of a step")
    parser.add_argument("--lr", type=float, default=2e-3, help="of matrices with AdamW; all others follow from it")
    parser.add_argument("--warmup", type=int, default=50, help="steps until the full learning rate")
    parser.add_argument("--decay", type=float, default=0.5, help="last part of the run in which it falls to zero")
    parser.add_argument("--depth", type=int, help="chained drafts that are trained; 1, and 3 for --stage mtp")
    parser.add_argument("--chain-every", type=int, default=3, metavar="STEPS",
                        help="steps of --stage mtp that train all drafts; the others train the first alone")
    parser.add_argument("--mtp-weight", type=float, default=0.3,
                        help="of their loss in --stage all; 0 trains the trunk alone, a fifth faster")
    parser.add_argument("--drafts", choices=("text", "trunk"), metavar="text|trunk",
                        help="what drafts learn: the text, or what the trunk predicts (always so in --stage mtp)")
    parser.add_argument("--temperature", type=float, default=0.5, help="of trunk and drafts in the loss of the latter")
    parser.add_argument("--optimizer", choices=("adamw", "muon"), help="muon on a GPU, else adamw")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"),
                        help="of products; bfloat16 where the machine has instructions for it")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="that share a step's sequences, on a CPU")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=200, metavar="STEPS")
    parser.add_argument("--eval-every", type=int, default=400, metavar="STEPS")
    parser.add_argument("--eval-batches", type=int, default=3, help="per domain")
    parser.add_argument("--config", default="{}", help="Config fields as JSON, for models from nothing")
    args = parser.parse_args(argv)
    args.depth = args.depth or (3 if args.stage == "mtp" else 1)
    args.trained_depth = args.depth if args.stage == "mtp" or args.mtp_weight else 0
    args.optimizer = args.optimizer or ("muon" if args.device == "cuda" else "adamw")
    if args.stage == "mtp" and args.drafts == "text":
        parser.error("in --stage mtp drafts learn what the trunk predicts; leave out --drafts text, or the stage")
    args.drafts = args.drafts or ("trunk" if args.stage == "mtp" else "text")
    args.dtype = args.dtype or ("bfloat16" if args.device == "cuda" or machine.has("avx512_bf16") else "float32")
    args.threads = min(args.threads, args.batch) if args.device == "cpu" else 1
    args.mix = batches.shares(args.mix)
    return args


# What a run that goes on may not change; how long it lasts, and where, it may.
FIXED = ("stage", "mix", "own", "batch", "lr", "depth", "chain_every", "mtp_weight", "drafts", "temperature",
         "optimizer", "dtype", "threads", "seed")


class Trainer:
    def __init__(self, args):
        self.args, self.path = args, os.path.join(args.out, "checkpoint.pt")
        self.options = {name: getattr(args, name) for name in FIXED}
        stored = checkpoint.read(self.path) if os.path.exists(self.path) else None
        if stored:
            for name, value in stored["options"].items():
                if value != self.options[name]:
                    raise BadInput(f"{self.path} was made with --{name.replace('_', '-')} {value}; "
                                   "go on with that, or choose another folder")
            self.model = checkpoint.load_model(self.path)
        elif args.init:
            self.model = checkpoint.load_model(args.init)
        else:
            self.model = Model(Config(**json.loads(args.config)))
        self.model.to(args.device)
        c = self.model.c
        if args.stage == "mtp":
            for name, p in self.model.named_parameters():
                p.requires_grad_(name.startswith((f"blk.{c.n_layer}.", "nextn.")))
        self.optimizers = optimizers.make(self.model, args.optimizer, args.lr)
        self.pieces = gradients.Pieces(self.model, args.threads)
        self.step, self.used, self.curve = 0, 0.0, []
        if stored:
            self.step, self.used, self.curve = stored["step"], stored["used"], stored["curve"]
            for optimizer, state in zip(self.optimizers, stored["optimizers"]):
                optimizer.load_state_dict(state)
            print(f"goes on after step {self.step}", flush=True)
        streams = batches.load(args.data, "train", args.mix)
        shares = dict(args.mix)
        if args.own:
            streams["own"], shares["own"] = batches.np.load(args.own), sum(shares.values())
        self.batch = batches.Batches(streams, shares, args.batch, c.context, args.seed)
        held = batches.load(args.data, "heldout", data.HELD_OUT_DOMAINS)
        self.held = {d: batches.in_order(ids, args.batch, c.context, args.eval_batches) for d, ids in held.items()}

    def progress(self):
        return self.step / self.args.steps if self.args.steps else self.used / (60 * self.args.minutes)

    def autocast(self):
        return torch.autocast(self.args.device, torch.bfloat16, enabled=self.args.dtype == "bfloat16")

    def loss(self, model, window, own):
        """What a step minimises on some of its sequences, and the losses of trunk and drafts that it is made of."""
        args = self.args
        depth = args.depth if args.stage == "all" or self.step % args.chain_every == 0 else 1
        with self.autocast():
            if args.stage == "mtp":
                drafts = losses.of_drafts(model, window, depth, args.temperature)
                return sum(drafts) + 0.01 * model.blk[-1].ffn.balance, drafts
            if args.drafts == "trunk":
                trunk, drafts = losses.of_both(model, window, args.trained_depth, args.temperature, own)
            else:
                trunk, drafts = losses.of_text(model, window, args.trained_depth)
            total = trunk + args.mtp_weight * sum(drafts) / max(1, len(drafts)) + 0.01 * model.balance()
            return total, [trunk, *drafts]

    def train_step(self):
        args = self.args
        factor = min(1.0, (self.step + 1) / args.warmup, (1 - self.progress()) / args.decay)
        for group in (g for o in self.optimizers for g in o.param_groups):
            group["lr"] = group["top"] * factor
        window, own = self.batch(self.step)
        numbers = self.pieces(self.loss, window.to(args.device), own.to(args.device))
        torch.nn.utils.clip_grad_norm_(self.pieces.parameters, 1.0, error_if_nonfinite=True)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        line = {"step": self.step}
        if args.stage == "all":
            # Where its own text teaches the trunk nothing, that counted as zero; reported is the text's.
            share = (~own).float().mean().item() if args.drafts == "trunk" else 1.0
            line["trunk"] = numbers.pop(0) / share if share else None
        return line | {"drafts": numbers}

    def evaluate(self):
        """Held-out losses per domain: [trunk, draft 1, ...]."""
        self.model.eval()
        out = {}
        for domain, windows in self.held.items():
            sums, n = None, 0
            for window in windows:
                with torch.no_grad(), self.autocast():
                    trunk, drafts = losses.of_text(self.model, window.to(self.args.device), self.args.depth)
                row = [len(window) * x.item() for x in (trunk, *drafts)]
                sums = row if sums is None else [a + b for a, b in zip(sums, row)]
                n += len(window)
            out[domain] = [s / n for s in sums]
        self.model.train()
        return {"step": self.step, "heldout": out}

    def save(self):
        checkpoint.save(self.path, model=self.model.state_dict(), config=dataclasses.asdict(self.model.c),
                        options=self.options, step=self.step, used=self.used, curve=self.curve,
                        optimizers=[o.state_dict() for o in self.optimizers])
        with whole(os.path.join(self.args.out, "curve.jsonl"), "w") as f:
            f.writelines(json.dumps(line) + "\n" for line in self.curve)

    def run(self, stop):
        args = self.args
        if not self.curve:
            self.report(self.evaluate())
        begin, tokens = time.time(), 0
        while self.progress() < 1 and not stop:
            start = time.time()
            self.curve.append(self.train_step())
            tokens += args.batch * self.model.c.context
            self.used += min(time.time() - start, 60)      # a stopped process or a sleeping machine is not work
            if self.step % 20 == 0:
                rows = [self.curve[-1].get("trunk"), *self.curve[-1]["drafts"]]
                numbers = " ".join(f"{x:.3f}" for x in rows if x is not None)
                print(f"step {self.step} ({100 * self.progress():.1f} %)  {numbers}  "
                      f"{tokens / (time.time() - begin):.0f} tokens/s", flush=True)
                begin, tokens = time.time(), 0
            if self.step % args.eval_every == 0:
                self.report(self.evaluate())
                begin, tokens = time.time(), 0
            if self.step % args.save_every == 0:
                self.save()
        if self.progress() >= 1 and "heldout" not in self.curve[-1]:
            self.report(self.evaluate())
        self.save()
        end = "stopped after step {}; the same command goes on" if stop else "done after step {}"
        print(end.format(self.step), flush=True)

    def report(self, line):
        self.curve.append(line)
        print(f"held out at step {line['step']} (trunk, drafts): " + "; ".join(
            f"{domain} {' '.join(f'{x:.3f}' for x in row)}" for domain, row in line["heldout"].items()), flush=True)


def main(argv):
    args = parse(argv)
    os.makedirs(args.out, exist_ok=True)
    stop = []
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda number, _: stop.append(number))
    torch.manual_seed(args.seed)
    machine.prepare(args.threads, of_products=1)     # a step has its own threads
    Trainer(args).run(stop)


if __name__ == "__main__":
    program(lambda: main(sys.argv[1:]))
