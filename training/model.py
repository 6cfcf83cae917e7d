"""The pocket model: a qwen35moe hybrid of Gated DeltaNet, gated attention, mixture of experts and one MTP block.

Parameters are called as in a GGUF file (`blk.3.attn_q.weight`) and follow its conventions: norm weights are plain
factors, value head h of the delta rule reads key head h mod Hk. Two differ, because they train better so: the decay is
kept as its logarithm (`ssm_a_log`, the file has -exp of it), and the gate and up matrices of the experts are one
(`ffn_gate_up_exps`). layouts.py converts.

Shapes: B sequences, T tokens, d hidden width, V vocabulary.
"""
import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import nn

import delta_rule
from fused import RmsNorm, SwiGlu, CausalConvSilu, Dispatch, Combine


QUERIES = 128     # of attention that are multiplied with the keys at once


@dataclasses.dataclass(frozen=True)
class Config:
    n_layer: int = 8          # trunk blocks
    interval: int = 4         # every interval-th block is attention
    d: int = 256
    vocab: int = 4096
    n_head: int = 2
    n_kv: int = 1
    head_dim: int = 128
    n_rot: int = 32           # rotated dimensions of a head
    rope_base: float = 1e7
    n_k: int = 2              # key heads of the delta rule
    n_v: int = 4              # its value heads
    dk: int = 64              # size of either
    conv: int = 4             # taps
    n_expert: int = 8
    n_used: int = 2
    ff: int = 256             # width of an expert, and of the shared one
    eps: float = 1e-6
    context: int = 512        # tokens of a training sequence
    chunk: int = 64           # of the delta rule in training: speed only

    def is_attention(self, i):
        return i >= self.n_layer or (i + 1) % self.interval == 0   # the MTP block is attention whatever its number


class Weight(nn.Module):
    """One parameter with the last part of its name."""

    def __init__(self, value, name="weight"):
        super().__init__()
        self.register_parameter(name, nn.Parameter(value))


def matrix(n_in, n_out):
    return nn.Linear(n_in, n_out, bias=False)


def together(x, *layers, pieces=None):
    """The outputs of several matrices of the same input from one product, cut into pieces of these widths."""
    weights = [layer.weight for layer in layers]
    return F.linear(x, torch.cat(weights)).split(pieces or [len(w) for w in weights], -1)


class Norm(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(n)), eps

    def forward(self, x):
        return RmsNorm.apply(x.float(), self.weight, self.eps)


def rope(x, position, n_rot, base):
    """Rotates pairs (i, i + n_rot/2) of the last dimension; x (B, T, heads, D), position (T)."""
    half = n_rot // 2
    frequency = base ** (-torch.arange(half, device=x.device).float() * 2 / n_rot)
    angle = position[:, None].float() * frequency
    c, s = angle.cos()[:, None], angle.sin()[:, None]
    a, b, rest = x[..., :half], x[..., half:n_rot], x[..., n_rot:]
    return torch.cat([a * c - b * s, b * c + a * s, rest], -1)


class Attention(nn.Module):
    """Gated attention. `past` holds rows of keys and values (B, kv heads, rows, D)."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.attn_norm = Norm(c.d, c.eps)
        self.attn_q = matrix(c.d, 2 * c.n_head * c.head_dim)      # per head: query, then gate
        self.attn_k, self.attn_v = matrix(c.d, c.n_kv * c.head_dim), matrix(c.d, c.n_kv * c.head_dim)
        self.attn_q_norm, self.attn_k_norm = Norm(c.head_dim, c.eps), Norm(c.head_dim, c.eps)
        self.attn_output = matrix(c.n_head * c.head_dim, c.d)

    def rows(self, x, position):
        """q (B, kv heads, heads per kv head x T, D) with its scale, gate (B, T, H, D), k and v (B, kv heads, T, D)."""
        c, (B, T, _) = self.c, x.shape
        q, k, v = together(self.attn_norm(x), self.attn_q, self.attn_k, self.attn_v)
        q, gate = q.reshape(B, T, c.n_head, 2 * c.head_dim).float().chunk(2, -1)
        k, v = (t.reshape(B, T, c.n_kv, c.head_dim).float() for t in (k, v))
        q = rope(self.attn_q_norm(q) / math.sqrt(c.head_dim), position, c.n_rot, c.rope_base)
        k = rope(self.attn_k_norm(k), position, c.n_rot, c.rope_base)
        q = q.transpose(1, 2).reshape(B, c.n_kv, -1, c.head_dim)
        return q, gate, k.transpose(1, 2), v.transpose(1, 2)

    def output(self, o, gate):
        c, (B, T) = self.c, gate.shape[:2]
        o = o.reshape(B, c.n_head, T, c.head_dim).transpose(1, 2)
        return self.attn_output((o * gate.sigmoid()).reshape(B, T, -1)).float()

    def forward(self, x, past=None):
        """past: None, or a list [k, v] of the rows before x, to which those of x are appended."""
        c, T = self.c, x.shape[1]
        n_past = past[0].shape[2] if past else 0
        q, gate, k, v = self.rows(x, torch.arange(n_past, n_past + T, device=x.device))
        if past is not None:
            if past:
                k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
            past[:] = [k, v]
        # Pieces of the queries: none is multiplied with keys that come after all of it.
        q, out = q.view(*q.shape[:2], -1, T, c.head_dim), []
        for start in range(0, T, QUERIES):
            piece = q[:, :, :, start : start + QUERIES]
            n = piece.shape[3]
            seen = n_past + start + n
            weight = piece.flatten(2, 3) @ k[:, :, :seen].transpose(-1, -2)
            future = torch.ones(n, n, dtype=torch.bool, device=x.device).triu(1)
            weight = weight.view(*piece.shape[:4], seen)
            weight[..., seen - n :].masked_fill_(future, float("-inf"))
            o = weight.softmax(-1).flatten(2, 3) @ v[:, :, :seen]
            out.append(o.view(piece.shape))
        return self.output(torch.cat(out, 3), gate)

    def deeper(self, x, depth, k, v, own):
        """Row t of a chain of drafts: it sees rows 0..t of (k, v) and its own chain's rows in `own` (pairs like k, v),
        to which it is appended. It stands `depth` positions after row t."""
        T = x.shape[1]
        q, gate, k_own, v_own = self.rows(x, torch.arange(depth, T + depth, device=x.device))
        own.append((k_own, v_own))
        shape = (*q.shape[:2], -1, T, q.shape[-1])
        future = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        before = (q @ k.transpose(-1, -2)).view(*q.shape[:2], -1, T, T).masked_fill(future, float("-inf"))
        chain = [(q.view(shape) * k_i[:, :, None]).sum(-1, keepdim=True) for k_i, _ in own]
        weight = torch.cat([before, *chain], -1).softmax(-1)
        o = (weight[..., :T].reshape(*q.shape[:3], T) @ v).view(shape)
        for i, (_, v_i) in enumerate(own):
            o = o + weight[..., T + i : T + i + 1] * v_i[:, :, None]
        return self.output(o, gate)


class GatedDeltaNet(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        key, value = c.n_k * c.dk, c.n_v * c.dk
        self.attn_norm = Norm(c.d, c.eps)
        self.attn_qkv, self.attn_gate = matrix(c.d, 2 * key + value), matrix(c.d, value)
        self.ssm_beta, self.ssm_alpha = matrix(c.d, c.n_v), matrix(c.d, c.n_v)
        taps = torch.randn(2 * key + value, c.conv) * 0.2
        taps[:, -1] += 0.6
        self.ssm_conv1d = Weight(taps)
        self.ssm_a_log = nn.Parameter(torch.linspace(0, math.log(8), c.n_v))
        self.ssm_dt = Weight(torch.linspace(-4, -1, c.n_v), "bias")
        self.ssm_norm = Norm(c.dk, c.eps)
        self.ssm_out = matrix(value, c.d)

    def forward(self, x, past=None):
        """past: None, or a list [last conv - 1 inputs, delta state], empty at the start."""
        c, (B, T, _) = self.c, x.shape
        qkv, z, beta, alpha = together(self.attn_norm(x), self.attn_qkv, self.attn_gate, self.ssm_beta, self.ssm_alpha)
        qkv = qkv.float()
        window = torch.cat([past[0], qkv], 1) if past else F.pad(qkv, (0, 0, c.conv - 1, 0))
        y = CausalConvSilu.apply(window, self.ssm_conv1d.weight)
        q, k, v = y.split([c.n_k * c.dk, c.n_k * c.dk, c.n_v * c.dk], -1)
        # A unit vector is the RMS norm with weight 1 / sqrt(dk) and eps / dk; q carries another 1 / sqrt(dk).
        unit = torch.full((c.dk,), c.dk ** -0.5, device=x.device)
        q = RmsNorm.apply(q.reshape(B, T, c.n_k, c.dk), unit / math.sqrt(c.dk), c.eps / c.dk)
        k = RmsNorm.apply(k.reshape(B, T, c.n_k, c.dk), unit, c.eps / c.dk)
        v = v.reshape(B, T, c.n_v, c.dk)
        g = -self.ssm_a_log.exp() * F.softplus(alpha.float() + self.ssm_dt.bias)
        beta = beta.float().sigmoid()
        with torch.autocast(x.device.type, enabled=False):
            if past is not None:
                o, state = delta_rule.recurrent(q, k, v, g, beta, past[1] if past else None)
                past[:] = [window[:, -(c.conv - 1):], state]
            else:
                o, _ = delta_rule.chunked(q, k, v, g, beta, c.chunk)
        z = z.reshape(B, T, c.n_v, c.dk).float()
        return self.ssm_out((self.ssm_norm(o) * F.silu(z)).reshape(B, T, -1)).float()


class Experts(nn.Module):
    """The routed experts and the shared one. Keeps the load-balance penalty of the last batch in `balance`."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.post_attention_norm = Norm(c.d, c.eps)
        self.ffn_gate_inp = matrix(c.d, c.n_expert)
        self.ffn_gate_up_exps = Weight(torch.randn(c.n_expert, 2 * c.ff, c.d) / math.sqrt(c.d))
        self.ffn_down_exps = Weight(torch.randn(c.n_expert, c.d, c.ff) / math.sqrt(c.ff))
        self.ffn_gate_inp_shexp = matrix(c.d, 1)
        self.ffn_gate_shexp, self.ffn_up_shexp = matrix(c.d, c.ff), matrix(c.d, c.ff)
        self.ffn_down_shexp = matrix(c.ff, c.d)
        self.balance = 0.0

    def forward(self, x):
        c, shape = self.c, x.shape
        x = self.post_attention_norm(x).view(-1, c.d)
        router, shared_gate, gate_up = together(x, self.ffn_gate_inp, self.ffn_gate_inp_shexp, self.ffn_gate_shexp,
                                                self.ffn_up_shexp, pieces=[c.n_expert, 1, 2 * c.ff])
        shared = self.ffn_down_shexp(SwiGlu.apply(gate_up)).float() * shared_gate.float().sigmoid()

        p = router.float().softmax(-1)
        weight, chosen = p.topk(c.n_used, -1)
        weight = weight / weight.sum(-1, keepdim=True)
        count = torch.bincount(chosen.flatten(), minlength=c.n_expert)
        self.balance = c.n_expert * (p.mean(0) * count / chosen.numel()).sum()
        # Rows sorted by expert: every expert reads one contiguous piece.
        order = chosen.flatten().argsort(stable=True)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        rows = Dispatch.apply(x, order, place, c.n_used).split(count.tolist())
        out = [F.linear(SwiGlu.apply(F.linear(piece, gate_up)), down) for piece, gate_up, down in
               zip(rows, self.ffn_gate_up_exps.weight.unbind(0), self.ffn_down_exps.weight.unbind(0))]
        routed = Combine.apply(torch.cat(out).float(), weight, order, place)
        return (routed + shared).view(shape)


class Block(nn.Module):
    """Residual block: Attention or GatedDeltaNet, then Experts."""

    def __init__(self, c, attention):
        super().__init__()
        self.mixer, self.ffn = (Attention if attention else GatedDeltaNet)(c), Experts(c)

    def forward(self, x, past=None):
        x = x + self.mixer(x, past)
        return x + self.ffn(x)


class NextN(nn.Module):
    """What the MTP block has besides the tensors of a block."""

    def __init__(self, c):
        super().__init__()
        self.eh_proj = matrix(2 * c.d, c.d)
        self.enorm, self.hnorm, self.shared_head_norm = (Norm(c.d, c.eps) for _ in range(3))

    def join(self, e, h):
        return self.eh_proj(torch.cat([self.enorm(e), self.hnorm(h)], -1)).float()


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.token_embd = nn.Embedding(c.vocab, c.d)
        self.blk = nn.ModuleList(Block(c, c.is_attention(i)) for i in range(c.n_layer + 1))   # the last: MTP
        self.nextn = NextN(c)
        self.output_norm = Norm(c.d, c.eps)
        self.output = matrix(c.d, c.vocab)
        self.token_embd.weight.data.normal_(0, 0.02)
        self.output.weight.data.normal_(0, 0.02)

    def forward(self, tokens):
        """The trunk: tokens (B, T) -> normed hidden rows (B, T, d)."""
        x = self.token_embd(tokens)
        for block in self.blk[: self.c.n_layer]:
            x = block(x)
        return self.output_norm(x)

    def step(self, tokens, past):
        """forward for the tokens that follow those in `past` (from start()), token by token where order matters."""
        x = self.token_embd(tokens)
        for block, rows in zip(self.blk, past):
            x = block(x, rows)
        return self.output_norm(x)

    def start(self):
        return [[] for _ in range(self.c.n_layer)]

    def mtp(self, h, tokens, depth=1, choose=None):
        """Hidden rows of the MTP block for each of `depth` chained drafts.

        Row t of draft 1 joins h_t, of the trunk, with token t+1 and predicts token t+2. Row t of draft i joins the
        hidden row of draft i-1 with token t+i and predicts token t+i+1; like the drafts of speculative decoding it
        sees the true rows 0..t and its own chain. h (B, T, d) and tokens (B, T) -> list of (B, T, d); in draft i the
        last i rows have no token t+i and are to be ignored. choose(hidden) -> token ids: what continues a chain
        instead of the text's own tokens.
        """
        block, out, own = self.blk[self.c.n_layer], [], []
        past = []
        for i in range(depth):
            if i == 0 or choose is None:
                token = F.pad(tokens[:, i + 1:], (0, i + 1))
            else:
                token = choose(out[-1])
            x = self.nextn.join(self.token_embd(token), h if i == 0 else out[-1])
            x = x + (block.mixer(x, past) if i == 0 else block.mixer.deeper(x, i, *past, own))
            x = x + block.ffn(x)
            out.append(self.nextn.shared_head_norm(x))
        return out

    def balance(self):
        return sum(block.ffn.balance for block in self.blk)
