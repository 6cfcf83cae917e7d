"""The files of a published checkpoint: safetensors, config.json, tokenizer.json and their companions.

A safetensors file is the length of a JSON header (u64), the header (name -> dtype, shape, place), and the bytes.
"""
import json
import os
import struct

import numpy as np

import layouts
import tokenizer
from files import BadInput, whole

DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def to_bf16(a):
    """The upper halves of F32 values, rounded to nearest even."""
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def write_safetensors(path, tensors, dtype="F32"):
    header, pieces, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, a in tensors.items():
        data = (to_bf16(a) if dtype == "BF16" else np.asarray(a, DTYPES[dtype])).tobytes()
        header[name] = {"dtype": dtype, "shape": list(a.shape), "data_offsets": [at, at + len(data)]}
        pieces.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)      # the data starts aligned
    with whole(path) as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.writelines(pieces)


def read_safetensors(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    out = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        if info["dtype"] not in DTYPES:
            raise BadInput(f"{path}: tensor {name} has type {info['dtype']}; {', '.join(DTYPES)} are read")
        begin, end = info["data_offsets"]
        a = np.frombuffer(data[begin:end], DTYPES[info["dtype"]]).reshape(info["shape"])
        out[name] = (a.astype(np.uint32) << 16).view(np.float32) if info["dtype"] == "BF16" else a.astype(np.float32)
    return out


def config(c, tok, dtype, flat):
    """config.json. flat: of the text model alone; else as published, where it is a part of a model that also sees."""
    text = {
        "model_type": "qwen3_5_moe_text", "dtype": {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[dtype],
        "vocab_size": c.vocab, "hidden_size": c.d, "num_hidden_layers": c.n_layer, "mtp_num_hidden_layers": 1,
        "mtp_use_dedicated_embeddings": False, "full_attention_interval": c.interval,
        "layer_types": ["full_attention" if c.is_attention(i) else "linear_attention" for i in range(c.n_layer)],
        "num_attention_heads": c.n_head, "num_key_value_heads": c.n_kv, "head_dim": c.head_dim,
        "attn_output_gate": True, "attention_bias": False, "attention_dropout": 0.0,
        "linear_conv_kernel_dim": c.conv, "linear_num_key_heads": c.n_k, "linear_num_value_heads": c.n_v,
        "linear_key_head_dim": c.dk, "linear_value_head_dim": c.dk, "mamba_ssm_dtype": "float32",
        "num_experts": c.n_expert, "num_experts_per_tok": c.n_used, "moe_intermediate_size": c.ff,
        "shared_expert_intermediate_size": c.ff, "router_aux_loss_coef": 0.01,
        "hidden_act": "silu", "rms_norm_eps": c.eps, "initializer_range": 0.02,
        "max_position_embeddings": layouts.max_context(c),
        "rope_parameters": {"rope_type": "default", "rope_theta": c.rope_base,
                            "partial_rotary_factor": c.n_rot / c.head_dim,
                            "mrope_interleaved": True, "mrope_section": layouts.rope_sections(c)},
        "tie_word_embeddings": False, "use_cache": True,
        "bos_token_id": tok.end, "eos_token_id": tok.id["<|im_end|>"], "pad_token_id": tok.end,
    }
    if flat:
        return {"architectures": ["Qwen3_5MoeForCausalLM"]} | text
    return {"architectures": ["Qwen3_5MoeForConditionalGeneration"], "model_type": "qwen3_5_moe",
            "tie_word_embeddings": False, "text_config": text}


def tokenizer_json(tok):
    special = [{"id": tok.id[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for t in tokenizer.SPECIAL]
    split = {"type": "Split", "pattern": {"Regex": tokenizer.PATTERN}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                  "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {t: i for i, t in enumerate(tok.tokens) if t not in tokenizer.SPECIAL},
                  "merges": [list(m) for m in tok.merges]},
    }


def write(folder, tensors, c, tok, chat_template, dtype, flat):
    write_safetensors(os.path.join(folder, "model.safetensors"), tensors, dtype)
    special = {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    texts = {
        "config.json": config(c, tok, dtype, flat),
        "generation_config.json": {"bos_token_id": tok.end, "eos_token_id": sorted(tok.stop), "pad_token_id": tok.end,
                                   "do_sample": False},
        "tokenizer.json": tokenizer_json(tok),
        "tokenizer_config.json": {
            "tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": False, "add_bos_token": False,
            "model_max_length": layouts.max_context(c), "clean_up_tokenization_spaces": False,
            "chat_template": chat_template} | special,
    }
    for name, value in texts.items():
        with whole(os.path.join(folder, name), "w", encoding="utf8") as f:
            json.dump(value, f, ensure_ascii=False, indent=2)
            f.write("\n")
