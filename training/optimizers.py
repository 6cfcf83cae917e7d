"""AdamW for everything, or Muon for the matrices: fewer steps, but its products cost about half a small step."""
import torch


def groups(model):
    """(matrices, rest): those between hidden rows, and embeddings, output, vectors, router and small projections."""
    matrices, rest = [], []
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        outer = name.startswith(("token_embd", "output.")) or "conv1d" in name
        inner = p.ndim >= 2 and p.shape[-2] > 8 and not outer
        (matrices if inner else rest).append(p)
    return matrices, rest


def make(model, kind, lr):
    """A list of optimisers; every group keeps its full learning rate in "top"."""
    matrices, rest = groups(model)
    adam = dict(betas=(0.9, 0.98), foreach=False)     # one tensor at a time: it stays in the cache for all its passes
    if kind == "muon":
        out = [Muon(matrices, lr=10 * lr), torch.optim.AdamW(rest, lr=1.5 * lr, weight_decay=0.0, **adam)]
    else:
        out = [torch.optim.AdamW([{"params": matrices, "lr": lr, "weight_decay": 0.05},
                                  {"params": rest, "lr": 1.5 * lr, "weight_decay": 0.0}], **adam)]
    for group in (g for o in out for g in o.param_groups):
        group["top"] = group["lr"]
    return out


def orthogonal(G, steps=5):
    """The orthogonal factor of G (..., m, n), roughly: singular values end between 0.7 and 1.2 (Newton-Schulz)."""
    X = G.bfloat16() if G.is_cuda else G
    X = X / (X.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = X.shape[-2] > X.shape[-1]
    if tall:
        X = X.transpose(-1, -2)
    for _ in range(steps):
        A = X @ X.transpose(-1, -2)
        X = 3.4445 * X + (-4.7750 * A + 2.0315 * A @ A) @ X
    return (X.transpose(-1, -2) if tall else X).float()


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised: all directions of a matrix move equally."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                m = state["momentum"].mul_(group["momentum"]).add_(p.grad)
                update = orthogonal(p.grad + group["momentum"] * m)
                tallness = max(1, p.shape[-2] / p.shape[-1]) ** 0.5
                p.mul_(1 - group["weight_decay"] * group["lr"]).add_(update, alpha=-group["lr"] * tallness)
