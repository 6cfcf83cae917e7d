"""The gated delta rule: token by token, and in chunks for training.

Per value head h, with state P (key x value), decay a_t = exp(g_t), step beta_t, and unit keys:

    P <- a_t P;  e = beta_t (v_t - P^T k_t);  P <- P + k_t e^T;  o_t = P^T q_t

Shapes: q, k (B, T, Hk, D); v (B, T, Hv, D); g, beta (B, T, Hv). Value head h reads key head h mod Hk, so the value
heads are seen as (Hv / Hk, Hk). q carries its scale already. Both forms return o (B, T, Hv, D) and the final state
(B, Hv, D, D).
"""
import torch
import torch.nn.functional as F


def recurrent(q, k, v, g, beta, state=None):
    """The definition, one token after the other; also the step of decoding (T = 1)."""
    B, T, Hk, D = q.shape
    Hv = v.shape[2]
    P = torch.zeros(B, Hv, D, D, dtype=v.dtype, device=v.device) if state is None else state
    q, k = q.repeat(1, 1, Hv // Hk, 1), k.repeat(1, 1, Hv // Hk, 1)
    out = []
    for t in range(T):
        P = P * g[:, t].exp()[..., None, None]
        e = beta[:, t, :, None] * (v[:, t] - (P * k[:, t, :, :, None]).sum(-2))
        P = P + k[:, t, :, :, None] * e[:, :, None, :]
        out.append((P * q[:, t, :, :, None]).sum(-2))
    return torch.stack(out, 1), P


def inverse_of_unit_lower(A):
    """(I + A)^-1 for strictly lower A (M, C, C), by rows, with the batch innermost so that every step is one long
    elementwise operation; halves above 32 are joined by products."""
    M, C, _ = A.shape
    if C > 32:
        h = C // 2
        halves = inverse_of_unit_lower(torch.cat([A[:, :h, :h], A[:, h:, h:]]))
        X = A.new_zeros(M, C, C)
        X[:, :h, :h], X[:, h:, h:] = halves[:M], halves[M:]
        X[:, h:, :h] = -(halves[M:] @ (A[:, h:, :h] @ halves[:M]))
        return X
    a = A.permute(1, 2, 0).contiguous()
    X = torch.eye(C, dtype=A.dtype, device=A.device)[:, :, None].repeat(1, 1, M)
    for i in range(1, C):
        X[i, :i] = -(a[i, :i, None] * X[:i, :i]).sum(0)
    return X.permute(2, 0, 1).contiguous()


class SolveUnitLower(torch.autograd.Function):
    """X with (I + A) X = R, for strictly lower A (M, C, C) and R (M, C, N)."""

    @staticmethod
    def forward(ctx, A, R):
        inverse = inverse_of_unit_lower(A)
        X = inverse @ R
        ctx.save_for_backward(inverse, X)
        return X

    @staticmethod
    def backward(ctx, dX):
        inverse, X = ctx.saved_tensors
        dR = inverse.transpose(1, 2) @ dX
        return -(dR @ X.transpose(1, 2)).tril(-1), dR


def chunked(q, k, v, g, beta, chunk=64):
    """The same function of the same inputs from products of chunk x chunk matrices.

    Inside a chunk the updates are the solution of a unit lower triangular system; only the state at the chunk's
    start is carried from chunk to chunk. The chunk is the outermost dimension: a slice of it is contiguous, and
    unbind's gradient is one copy where that of an index would fill a tensor of zeros per chunk.
    """
    B, length, Hk, D = q.shape
    Hv, C, N = v.shape[2], chunk, -(-length // chunk)
    T, r = N * C, Hv // Hk
    if T > length:
        # Rows of zeros leave the state as it is.
        q, k, v, g, beta = (F.pad(x, (0, 0) * (x.dim() - 2) + (0, T - length)) for x in (q, k, v, g, beta))
    q = q.reshape(B, N, C, Hk, D).permute(1, 0, 3, 2, 4).contiguous()                     # N B Hk C D
    k = k.reshape(B, N, C, Hk, D).permute(1, 0, 3, 2, 4).contiguous()
    v = v.reshape(B, N, C, r, Hk, D).permute(1, 0, 3, 4, 2, 5)                            # N B r Hk C D
    beta = beta.reshape(B, N, C, r, Hk).permute(1, 0, 3, 4, 2)[..., None]
    G = g.reshape(B, N, C, r, Hk).permute(1, 0, 3, 4, 2).cumsum(-1)                       # N B r Hk C

    lower = torch.ones(C, C, dtype=torch.bool, device=q.device).tril()
    decay = (G[..., :, None] - G[..., None, :]).masked_fill(~lower, float("-inf")).exp()  # N B r Hk C C
    kk, qk = torch.cat([k, q], -2).matmul(k.transpose(-1, -2)).split(C, -2)               # per key head
    att = qk[:, :, None] * decay
    A = (kk[:, :, None] * decay * beta).tril(-1)
    from_start = G.exp()[..., None]
    k, q = k[:, :, None], q[:, :, None]
    rhs = torch.cat([v * beta, k * (beta * from_start)], -1)
    M = B * r * Hk
    U = SolveUnitLower.apply(A.reshape(N * M, C, C), rhs.reshape(N * M, C, 2 * D)).view(N, M, C, 2 * D)
    u, w = U.split(D, -1)
    # What reads the state, and what reads the updates, each as one product per chunk.
    reads_state = torch.cat([w, (q * from_start).reshape(N, M, C, D)], -2).unbind(0)
    to_end = (G[..., -1:] - G).exp()[..., None]
    kept = (k * to_end).reshape(N, M, C, D).transpose(-1, -2)
    reads_update = torch.cat([att.reshape(N, M, C, C), kept], -2).unbind(0)
    last = G[..., -1].exp().reshape(N, M, 1, 1).unbind(0)
    u = u.unbind(0)

    P, out = None, []
    for n in range(N):
        if P is None:
            o, dP = (reads_update[n] @ u[n]).split((C, D), -2)
            P = dP
        else:
            predicted, carried = (reads_state[n] @ P).split(C, -2)
            o, dP = (reads_update[n] @ (u[n] - predicted)).split((C, D), -2)
            o, P = o + carried, P * last[n] + dP
        out.append(o)
    o = torch.stack(out).view(N, B, r, Hk, C, D).permute(1, 0, 4, 2, 3, 5).reshape(B, T, Hv, D)
    return o[:, :length], P.view(B, Hv, D, D)
