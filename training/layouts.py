"""The names and conventions of GGUF and of the published checkpoints, to and from those of model.py.

A state is a dict of parameter name -> float32 array (model.state_dict() in numpy).
"""
import re

import numpy as np

from files import BadInput

ARCHITECTURE = "qwen35moe"
KEYS = {     # of the metadata -> field of the Config
    "embedding_length": "d", "attention.head_count": "n_head", "attention.head_count_kv": "n_kv",
    "attention.key_length": "head_dim", "attention.value_length": "head_dim", "rope.dimension_count": "n_rot",
    "rope.freq_base": "rope_base", "attention.layer_norm_rms_epsilon": "eps", "ssm.conv_kernel": "conv",
    "ssm.state_size": "dk", "ssm.group_count": "n_k", "ssm.time_step_rank": "n_v", "expert_count": "n_expert",
    "expert_used_count": "n_used", "feed_forward_length": "ff", "expert_feed_forward_length": "ff",
    "expert_shared_feed_forward_length": "ff", "full_attention_interval": "interval",
}


def rope_sections(c):
    """Rotated pairs for time, height and width; in text all three positions are the token's."""
    pairs = c.n_rot // 2
    return [pairs - 2 * (pairs // 3), pairs // 3, pairs // 3]


def max_context(c):
    """Longer than what was trained: there is nothing in the model that ends there."""
    return max(4096, c.context)


def metadata_of(c):
    """The metadata that describes the shape."""
    m = {"block_count": c.n_layer + 1, "nextn_predict_layers": 1, "context_length": max_context(c)}
    m |= {key: getattr(c, field) for key, field in KEYS.items()}
    m |= {"ssm.inner_size": c.n_v * c.dk, "rope.dimension_sections": [*rope_sections(c), 0]}
    return {f"{ARCHITECTURE}.{key}": value for key, value in m.items()}


def config_of(metadata, **fields):
    """The Config fields a file's metadata gives, as keyword arguments."""
    if metadata.get("general.architecture") != ARCHITECTURE:
        raise BadInput(f"the file holds a {metadata.get('general.architecture')} model; "
                       f"only {ARCHITECTURE} is trained here")
    fields |= {field: metadata[f"{ARCHITECTURE}.{key}"] for key, field in KEYS.items()}
    for key in ("rope_base", "eps"):
        fields[key] = float(np.float32(fields[key]))
    # F32 cannot hold 1e-6 exactly; the number that was meant can be read from its shortest form.
    fields["eps"] = float(str(np.float32(fields["eps"])))
    return fields | {"n_layer": metadata[f"{ARCHITECTURE}.block_count"] - 1,
                     "vocab": len(metadata["tokenizer.ggml.tokens"])}


def to_gguf(state, c):
    """Name -> array as the file holds them, in the order of the blocks."""
    out = {}
    for name, a in state.items():
        name = re.sub(r"\.(mixer|ffn)\.", ".", name)
        if name.startswith("nextn."):
            name = f"blk.{c.n_layer}.{name}"
        if name.endswith("ffn_gate_up_exps.weight"):
            out[name.replace("gate_up", "gate")], out[name.replace("gate_up", "up")] = a[:, : c.ff], a[:, c.ff :]
        elif name.endswith("ssm_a_log"):
            out[name[: -len("_log")]] = -np.exp(a)
        elif name.endswith("ffn_gate_inp_shexp.weight"):
            out[name] = a[0]
        else:
            out[name] = a
    return out


def from_gguf(tensors, c):
    """The state, from a file's tensors."""
    state = {}
    for name, a in tensors.items():
        block, _, rest = name.partition(".nextn.")
        if rest:
            state["nextn." + rest] = a
            continue
        if name.endswith("ffn_up_exps.weight"):
            continue
        if name.startswith("blk."):
            _, n, rest = name.split(".", 2)
            part = "ffn" if rest.startswith(("ffn", "post")) else "mixer"
            if rest == "ffn_gate_exps.weight":
                rest, a = "ffn_gate_up_exps.weight", np.concatenate([a, tensors[name.replace("gate", "up")]], 1)
            elif rest == "ssm_a":
                rest, a = "ssm_a_log", np.log(-a)
            elif rest == "ffn_gate_inp_shexp.weight":
                a = a.reshape(1, -1)
            name = f"blk.{n}.{part}.{rest}"
        state[name] = a
    return state


def gguf_type(name, array, base):
    """Small vectors, the router, the convolution and the step sizes stay F32."""
    keep = array.ndim == 1 or "norm" in name or re.search(r"ssm_(conv1d|alpha|beta)|ffn_gate_inp", name)
    return "F32" if keep else base


# The published layout. Each row: our name in a block, the published one, and whether values change: "norm" is stored
# less one, "heads" has value heads in the other order (along rows, or along columns for out_proj).
HF_BLOCK = [
    ("mixer.attn_norm.weight", "input_layernorm.weight", "norm"),
    ("ffn.post_attention_norm.weight", "post_attention_layernorm.weight", "norm"),
    ("mixer.attn_q.weight", "self_attn.q_proj.weight", None),
    ("mixer.attn_k.weight", "self_attn.k_proj.weight", None),
    ("mixer.attn_v.weight", "self_attn.v_proj.weight", None),
    ("mixer.attn_output.weight", "self_attn.o_proj.weight", None),
    ("mixer.attn_q_norm.weight", "self_attn.q_norm.weight", "norm"),
    ("mixer.attn_k_norm.weight", "self_attn.k_norm.weight", "norm"),
    ("mixer.attn_qkv.weight", "linear_attn.in_proj_qkv.weight", "heads"),
    ("mixer.attn_gate.weight", "linear_attn.in_proj_z.weight", "heads"),
    ("mixer.ssm_beta.weight", "linear_attn.in_proj_b.weight", "heads"),
    ("mixer.ssm_alpha.weight", "linear_attn.in_proj_a.weight", "heads"),
    ("mixer.ssm_conv1d.weight", "linear_attn.conv1d.weight", "heads"),
    ("mixer.ssm_a_log", "linear_attn.A_log", "heads"),
    ("mixer.ssm_dt.bias", "linear_attn.dt_bias", "heads"),
    ("mixer.ssm_norm.weight", "linear_attn.norm.weight", None),
    ("mixer.ssm_out.weight", "linear_attn.out_proj.weight", "columns"),
    ("ffn.ffn_gate_inp.weight", "mlp.gate.weight", None),
    ("ffn.ffn_gate_inp_shexp.weight", "mlp.shared_expert_gate.weight", None),
    ("ffn.ffn_gate_shexp.weight", "mlp.shared_expert.gate_proj.weight", None),
    ("ffn.ffn_up_shexp.weight", "mlp.shared_expert.up_proj.weight", None),
    ("ffn.ffn_down_shexp.weight", "mlp.shared_expert.down_proj.weight", None),
    ("ffn.ffn_gate_up_exps.weight", "mlp.experts.gate_up_proj", None),
    ("ffn.ffn_down_exps.weight", "mlp.experts.down_proj", None),
]
HF_REST = [
    ("token_embd.weight", "{}embed_tokens.weight", None),
    ("output_norm.weight", "{}norm.weight", "norm"),
    ("output.weight", "lm_head.weight", None),
    ("nextn.eh_proj.weight", "mtp.fc.weight", None),
    ("nextn.enorm.weight", "mtp.pre_fc_norm_embedding.weight", "norm"),
    ("nextn.hnorm.weight", "mtp.pre_fc_norm_hidden.weight", "norm"),
    ("nextn.shared_head_norm.weight", "mtp.norm.weight", "norm"),
]


def hf_names(c, prefix):
    """(our name, published name, change of values) of every parameter. prefix: where the trunk's names begin."""
    for ours, theirs, change in HF_REST:
        yield ours, theirs.format(prefix), change
    for i in range(c.n_layer + 1):
        block = f"{prefix}layers.{i}." if i < c.n_layer else "mtp.layers.0."
        for ours, theirs, change in HF_BLOCK:
            delta_net = "linear_attn" in theirs
            if not (delta_net or "self_attn" in theirs) or delta_net != c.is_attention(i):
                yield f"blk.{i}.{ours}", block + theirs, change


def reorder_heads(a, c, columns, to_hf):
    """Value heads between the tiled order of GGUF, where head h reads key head h mod Hk, and the published grouped one,
    where it reads h // (Hv / Hk). Before the value heads, rows of q and k may stand; they stay."""
    if columns:
        return np.ascontiguousarray(reorder_heads(np.ascontiguousarray(a.T), c, False, to_hf).T)
    ratio = c.n_v // c.n_k
    before = 2 * c.n_k * c.dk if len(a) == 2 * c.n_k * c.dk + c.n_v * c.dk else 0
    shape = (ratio, c.n_k) if to_hf else (c.n_k, ratio)
    heads = a[before:].reshape(*shape, -1, *a.shape[1:]).swapaxes(0, 1).reshape(a[before:].shape)
    return np.concatenate([a[:before], heads])


def expert_parts(name):
    """What the published fused matrix of this name consists of, from the first row on."""
    return ("gate_proj", "up_proj") if name.endswith("gate_up_proj") else ("down_proj",)


def to_hf(state, c, prefix="model.language_model."):
    """Published name -> array. In the MTP block experts are single matrices, as published."""
    out = {}
    for ours, theirs, change in hf_names(c, prefix):
        a = state[ours]
        if change == "norm":
            a = a - 1
        elif change:
            a = reorder_heads(a, c, change == "columns", True)
        if theirs.endswith("conv1d.weight"):
            a = a[:, None]
        if theirs.startswith("mtp.") and ".experts." in theirs:
            base = theirs.rpartition(".")[0]
            for e in range(c.n_expert):
                for part, matrix in zip(expert_parts(theirs), np.split(a[e], len(expert_parts(theirs)))):
                    out[f"{base}.{e}.{part}.weight"] = matrix
            continue
        out[theirs] = a
    return out


def from_hf(tensors, c, prefix="model.language_model."):
    """The state, from published names."""
    state = {}
    for ours, theirs, change in hf_names(c, prefix):
        if theirs in tensors:
            a = tensors[theirs]
        else:
            base = theirs.rpartition(".")[0]
            a = np.stack([np.concatenate([tensors[f"{base}.{e}.{part}.weight"] for part in expert_parts(theirs)])
                          for e in range(c.n_expert)])
        if theirs.endswith("conv1d.weight"):
            a = a[:, 0]
        if change == "norm":
            a = a + np.float32(1)
        elif change:
            a = reorder_heads(a, c, change == "columns", False)
        state[ours] = np.ascontiguousarray(a, np.float32)
    return state
