#!/usr/bin/env python3
"""Writes a model as GGUF or in the Hugging Face layout.

    export.py MODEL OUT.gguf [--type q8_0]           # f32, f16 or q8_0
    export.py MODEL FOLDER --hf [--type f32]         # f32, f16 or bf16

MODEL is a checkpoint of train.py or a .gguf file: `export.py pocket.gguf exact.gguf --type f32` stores exactly the
numbers that the Q8_0 file stands for. The folder gets model.safetensors, config.json, tokenizer.json and their
companions, named as the published checkpoints name them; --flat names those of the text model alone.
"""
import argparse

import checkpoint
import gguf_file
import hf_files
import layouts
import tokenizer
from files import program

NAME = "Gannet Pocket"
DESCRIPTION = "20M-parameter pocket dictionary: Gated DeltaNet + gated attention + MoE + MTP"
CHAT_TEMPLATE = ("{%- for message in messages %}"
                 "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{%- endfor %}"
                 "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}")
CONTROL, NORMAL = 3, 1          # token types
TEMPERATURE = 0.3               # what it is not sure of, it does not know: sampling wider makes definitions worse


def metadata(c, tok, kind):
    special = set(tokenizer.SPECIAL)
    return {
        "general.architecture": layouts.ARCHITECTURE, "general.type": "model",
        "general.name": NAME, "general.description": DESCRIPTION,
        "general.file_type": gguf_file.FILE_TYPES[kind], "general.quantization_version": 2,
        "general.sampling.temp": TEMPERATURE,
        **layouts.metadata_of(c),
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen35", "tokenizer.ggml.tokens": tok.tokens,
        "tokenizer.ggml.token_type": [CONTROL if t in special else NORMAL for t in tok.tokens],
        "tokenizer.ggml.merges": [" ".join(m) for m in tok.merges],
        "tokenizer.ggml.bos_token_id": tok.end, "tokenizer.ggml.eos_token_id": tok.id["<|im_end|>"],
        "tokenizer.ggml.padding_token_id": tok.end, "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def write_gguf(path, state, c, tok, kind):
    tensors = {name: (a, layouts.gguf_type(name, a, kind)) for name, a in layouts.to_gguf(state, c).items()}
    gguf_file.write(path, metadata(c, tok, kind), tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help=".gguf file or checkpoint")
    parser.add_argument("out", help=".gguf file, or folder with --hf")
    parser.add_argument("--type", default=None, help="of the matrices; q8_0, and f32 with --hf")
    parser.add_argument("--hf", action="store_true", help="the Hugging Face layout")
    parser.add_argument("--flat", action="store_true", help="with --hf: names and config of the text model alone")
    parser.add_argument("--vocab", default=tokenizer.STORED,
                        help="vocab.json of the training data, if it is not the stored one")
    args = parser.parse_args()
    kind = (args.type or ("f32" if args.hf else "q8_0")).upper()
    allowed = hf_files.DTYPES if args.hf else gguf_file.FILE_TYPES
    if kind not in allowed:
        parser.error(f"--type {kind.lower()}: choose from {', '.join(allowed).lower()}")
    model, tok = checkpoint.load_model(args.model), tokenizer.Tokenizer.load(args.vocab)
    c, state = model.c, checkpoint.state_in_numpy(model)
    if len(tok.tokens) != c.vocab:
        parser.error(f"{args.vocab} has {len(tok.tokens)} tokens, the model {c.vocab}; "
                     "give the vocab.json of its data with --vocab")
    if args.hf:
        prefix = "model." if args.flat else "model.language_model."
        hf_files.write(args.out, layouts.to_hf(state, c, prefix), c, tok, CHAT_TEMPLATE, kind, args.flat)
    else:
        write_gguf(args.out, state, c, tok, kind)


if __name__ == "__main__":
    program(main)
