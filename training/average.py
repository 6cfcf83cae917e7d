#!/usr/bin/env python3
"""The mean of the weights of models that one training made, as a checkpoint to go on from.

    average.py OUT MODEL MODEL ...          # .gguf files or checkpoints

A run that goes on from another moves away from what that one knew; their mean can have the best of both.
"""
import argparse
import dataclasses

import machine    # before torch
import torch

import checkpoint
from files import BadInput, program


def mean(models):
    """A state dict of the means."""
    states = [model.state_dict() for model in models]
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="checkpoint to write")
    parser.add_argument("models", nargs="+", metavar="model", help=".gguf file or checkpoint")
    args = parser.parse_args()
    machine.prepare(1)
    models = [checkpoint.load_model(path) for path in args.models]
    for path, model in zip(args.models, models):
        if model.c != models[0].c:
            raise BadInput(f"{path} has another shape than {args.models[0]}; only models of one shape have a mean")
    checkpoint.save(args.out, model=mean(models), config=dataclasses.asdict(models[0].c))


if __name__ == "__main__":
    program(main)
