"""What is minimised and reported: cross-entropy of the trunk and of the MTP block's chained drafts."""
import torch

from fused import HeadLoss


def shifted(rows, n, fill):
    """rows (B, T, ...) moved n towards the front, with `fill` after the end."""
    return torch.cat([rows[:, n:], torch.full_like(rows[:, :n], fill)], 1)


def of_text(model, window, depth=1):
    """Losses on a window (B, T + 1): of the trunk, and of each of `depth` drafts, all against the text."""
    tokens, after = window[:, :-1], window[:, 1:]
    h = model(tokens)
    trunk = HeadLoss.apply(h.flatten(0, 1), model.output.weight, after.flatten())
    drafts = []
    for i, rows in enumerate(model.mtp(h, tokens, depth) if depth else [], 1):
        # Row t of draft i has token t + i, which the last i rows lack, and predicts token t + i + 1.
        target = shifted(after, i, -1)
        drafts.append(HeadLoss.apply(rows.flatten(0, 1), model.output.weight, target.flatten()))
    return trunk, drafts


def against_trunk(model, h, tokens, depth, temperature):
    """Losses of the drafts against what the trunk itself predicts where they stand: the probabilities that decide
    whether a draft is accepted, both at that temperature. The output matrix gets no gradient of it."""
    weight, out = model.output.weight.detach() / temperature, []
    for i, rows in enumerate(model.mtp(h, tokens, depth), 1):
        target = shifted(h.detach(), i, 0.0)
        out.append(HeadLoss.apply(rows.flatten(0, 1), weight, target.flatten(0, 1)))
    return out


def of_drafts(model, window, depth, temperature):
    """Losses of the drafts alone, against a trunk that stays as it is."""
    tokens = window[:, :-1]
    with torch.no_grad():
        h = model(tokens)
    return against_trunk(model, h, tokens, depth, temperature)


def of_both(model, window, depth, temperature, own):
    """The trunk's loss on the text, and those of the drafts against the trunk. The gradient of the drafts goes on into
    the trunk: its rows learn to tell what it will say after the next token. From rows that `own` (B) marks, text that
    the trunk wrote, it learns nothing else."""
    tokens, after = window[:, :-1], window[:, 1:]
    h = model(tokens)
    target = after.masked_fill(own[:, None], -1)
    trunk = HeadLoss.apply(h.flatten(0, 1), model.output.weight, target.flatten()) * (~own).float().mean()
    return trunk, against_trunk(model, h, tokens, depth, temperature)
