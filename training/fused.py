"""Operations with hand-written gradients: the same functions as their PyTorch compositions, with fewer passes over
memory, and gathers where autograd would scatter."""
import torch
import torch.nn.functional as F


class RmsNorm(torch.autograd.Function):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimension."""

    @staticmethod
    def forward(ctx, x, weight, eps):
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight)

    @staticmethod
    def backward(ctx, dy):
        x, weight, scale = ctx.saved_tensors
        n = x.shape[-1]
        xdy = x * dy
        dweight = (xdy * scale).view(-1, n).sum(0) if ctx.needs_input_grad[1] else None
        # d/dx of x * scale(x): scale * (dy w) - x * scale^3 / n * sum(x dy w)
        pull = (xdy @ weight)[..., None] * scale.pow(3).div_(-n)
        return (dy * weight).mul_(scale).addcmul_(x, pull), dweight, None


class SwiGlu(torch.autograd.Function):
    """silu(gate) * up for x = [gate, up] along the last dimension."""

    @staticmethod
    def forward(ctx, x):
        gate, up = x.chunk(2, -1)
        ctx.save_for_backward(x)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx, dy):
        gate, up = ctx.saved_tensors[0].chunk(2, -1)
        s = torch.sigmoid(gate)
        dx = torch.empty_like(ctx.saved_tensors[0])
        dgate, dup = dx.chunk(2, -1)
        silu = gate * s
        torch.mul(dy, silu, out=dup)
        # silu' = s + silu * (1 - s)
        torch.mul(silu.mul_(1 - s).add_(s).mul_(up), dy, out=dgate)
        return dx


class CausalConvSilu(torch.autograd.Function):
    """silu of a causal convolution per channel. x (B, T + taps - 1, C), taps (C, K), oldest tap first -> (B, T, C)."""

    @staticmethod
    def forward(ctx, x, taps):
        K, T = taps.shape[1], x.shape[1] - taps.shape[1] + 1
        y = x[:, :T] * taps[:, 0]
        for i in range(1, K):
            y.addcmul_(x[:, i : i + T], taps[:, i])
        ctx.save_for_backward(x, taps, y)
        return F.silu(y)

    @staticmethod
    def backward(ctx, dy):
        x, taps, y = ctx.saved_tensors
        K, T = taps.shape[1], y.shape[1]
        s = torch.sigmoid(y)
        d = (y * (1 - s)).add_(1).mul_(s).mul_(dy)
        dx, dtaps = torch.zeros_like(x), torch.empty_like(taps)
        for i in range(K):
            dx[:, i : i + T].addcmul_(d, taps[:, i])
            dtaps[:, i] = (d * x[:, i : i + T]).sum((0, 1))
        return dx, dtaps


class Dispatch(torch.autograd.Function):
    """Rows of x (N, d) in the order of their experts: row i of the result is token order[i] // used. place is the
    inverse of order."""

    @staticmethod
    def forward(ctx, x, order, place, used):
        ctx.save_for_backward(place)
        ctx.used = used
        return x.index_select(0, order.div(used, rounding_mode="floor"))

    @staticmethod
    def backward(ctx, dy):
        (place,) = ctx.saved_tensors
        return dy.index_select(0, place).view(-1, ctx.used, dy.shape[1]).sum(1), None, None, None


class Combine(torch.autograd.Function):
    """Sum over a token's experts of weight (N, used) times its row of y, which is sorted by expert."""

    @staticmethod
    def forward(ctx, y, weight, order, place):
        N, used = weight.shape
        y = y.index_select(0, place).view(N, used, -1)
        ctx.save_for_backward(y, weight, order)
        return (y * weight[..., None]).sum(1)

    @staticmethod
    def backward(ctx, dout):
        y, weight, order = ctx.saved_tensors
        dweight = (y * dout[:, None]).sum(-1)
        dy = (dout[:, None] * weight[..., None]).view(len(order), -1)
        return dy.index_select(0, order), dweight, None, None


class HeadLoss(torch.autograd.Function):
    """Mean cross-entropy of the output matrix, in pieces of rows that fit the cache; the logits are never kept.

    h (N, d), weight (V, d), target: ids (N), where negative ones do not count, or rows (N, d) whose own probabilities
    under the same matrix are wanted, where rows of zeros do not count. Returns a scalar; the gradient of h and weight
    is made on the way forward, because there the logits are at hand.
    """
    ROWS = 1024

    @staticmethod
    def forward(ctx, h, weight, target):
        low = h.dtype
        if torch.is_autocast_enabled() if h.is_cuda else torch.is_autocast_cpu_enabled():
            low = torch.get_autocast_gpu_dtype() if h.is_cuda else torch.get_autocast_cpu_dtype()
        w = weight.to(low)
        soft = target.dim() == 2
        counts = (target != 0).any(-1) if soft else target >= 0
        scale = 1.0 / counts.sum().clamp(min=1)
        need_h, need_w = ctx.needs_input_grad[:2]
        dh = torch.empty_like(h) if need_h else None
        dw = torch.zeros_like(weight) if need_w else None
        total = torch.zeros((), device=h.device)
        for i in range(0, len(h), HeadLoss.ROWS):
            rows = slice(i, i + HeadLoss.ROWS)
            piece, t, on = h[rows].to(low), target[rows], counts[rows]
            if soft:
                t = (t.to(low) @ w.t()).float().softmax(-1)
            logits = (piece @ w.t()).float()
            top = logits.amax(-1, keepdim=True)
            logits.sub_(top)
            picked = (logits * t).sum(-1) if soft else logits.gather(1, t.clamp(min=0)[:, None])[:, 0]
            sums = logits.exp_().sum(-1)
            total += ((sums.log() - picked) * on).sum()
            if not (need_h or need_w):
                continue
            factor = scale * on
            grad = logits.mul_((factor / sums)[:, None])
            if soft:
                grad.addcmul_(t, factor[:, None], value=-1)
            else:
                grad.scatter_add_(1, t.clamp(min=0)[:, None], -factor[:, None])
            grad = grad.to(low)
            if need_h:
                dh[rows] = grad @ w
            if need_w:
                dw += (grad.t() @ piece).float()
        ctx.save_for_backward(dh, dw)
        return total * scale

    @staticmethod
    def backward(ctx, dy):
        dh, dw = ctx.saved_tensors
        return None if dh is None else dh * dy, None if dw is None else dw * dy, None
