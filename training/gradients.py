"""The gradient of a step on several threads: each takes some of the step's sequences, with one thread for its
products. That keeps two cores busier than products shared by both, because most of a step is not products."""
import concurrent.futures
import copy

import torch

import machine


class Pieces:
    """Splits a step's sequences over `n` threads and adds up their gradients, in an order that is always the same."""

    def __init__(self, model, n):
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        # Modules keep what a forward pass leaves (the balance of the experts), so every thread has its own; the
        # parameters are the same objects.
        shared = {id(p): p for p in model.parameters()}
        self.models = [model] + [copy.deepcopy(model, dict(shared)) for _ in range(n - 1)]
        self.pool = concurrent.futures.ThreadPoolExecutor(n, initializer=machine.one_thread) if n > 1 else None

    def __call__(self, loss, *rows):
        """Sets p.grad of every trained parameter to the gradient of the mean loss over the rows (tensors of B
        sequences). loss(model, *rows) -> (what is minimised, a list of numbers to report); returns their means."""
        pieces = list(zip(*(r.chunk(len(self.models)) for r in rows)))
        run = self.pool.map if self.pool else map
        results = list(run(lambda model, piece: self.gradient(loss, model, piece), self.models, pieces))
        shares = [len(piece[0]) / len(rows[0]) for piece in pieces]
        for p, *gradients in zip(self.parameters, *(gradients for gradients, _ in results)):
            p.grad = None
            for gradient, share in zip(gradients, shares):
                if gradient is not None:
                    p.grad = gradient.mul_(share) if p.grad is None else p.grad.add_(gradient, alpha=share)
        return [sum(s * x for s, x in zip(shares, column)) for column in zip(*(numbers for _, numbers in results))]

    def gradient(self, loss, model, piece):
        total, numbers = loss(model, *piece)
        return torch.autograd.grad(total, self.parameters, allow_unused=True), [x.item() for x in numbers]
