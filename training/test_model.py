"""The model: its two forms of the delta rule, of attention and of the MTP block, and the hand-written gradients."""
import unittest

import torch
import torch.nn.functional as F

import delta_rule
import fused
import gradients
import losses
import tiny


def doubles(*shapes):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes]


class DeltaRule(unittest.TestCase):
    def inputs(self, T=96):
        q, k, v, g, beta = doubles((2, T, 2, 16), (2, T, 2, 16), (2, T, 4, 16), (2, T, 4), (2, T, 4))
        unit = lambda x: x / x.norm(dim=-1, keepdim=True)
        return unit(q) / 4, unit(k), v, -F.softplus(g), beta.sigmoid()

    def test_chunks_of_every_size_compute_the_recurrence_and_its_gradient(self):
        def results(function, **options):
            leaves = [x.detach().requires_grad_() for x in self.inputs()]
            o, state = function(*leaves, **options)
            (o.sin().sum() + state.cos().sum()).backward()
            return [o, state, *(x.grad for x in leaves)]
        expected = results(delta_rule.recurrent)
        for chunk in (16, 32, 48, 64, 96):
            for a, b in zip(expected, results(delta_rule.chunked, chunk=chunk)):
                torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-11)

    def test_the_state_continues(self):
        inputs = self.inputs(8)
        whole, state = delta_rule.recurrent(*inputs)
        first, between = delta_rule.recurrent(*(x[:, :5] for x in inputs))
        second, end = delta_rule.recurrent(*(x[:, 5:] for x in inputs), state=between)
        torch.testing.assert_close(torch.cat([first, second], 1), whole)
        torch.testing.assert_close(end, state)


class Fused(unittest.TestCase):
    def check(self, function, *inputs):
        self.assertTrue(torch.autograd.gradcheck(function, inputs))

    def test_gradients(self):
        self.check(lambda x, w: fused.RmsNorm.apply(x, w, 1e-3), *doubles((3, 2, 8), (8,)))
        self.check(fused.SwiGlu.apply, *doubles((5, 8)))
        self.check(fused.CausalConvSilu.apply, *doubles((2, 9, 3), (3, 4)))
        order = torch.tensor([3, 0, 5, 2, 1, 4])
        place = order.argsort()
        self.check(lambda x: fused.Dispatch.apply(x, order, place, 2), *doubles((3, 4)))
        self.check(lambda y, w: fused.Combine.apply(y, w, order, place), *doubles((6, 4), (3, 2)))

    def test_head_loss_is_cross_entropy_with_its_gradient(self):
        ids = torch.arange(2500) % 8 - 1
        other = torch.rand(2500, 5) * (ids >= 0)[:, None]

        def of_rows(h, w):
            wanted = F.linear(other, w.detach()).softmax(-1) * (ids >= 0)[:, None]
            return -(wanted * F.linear(h, w).log_softmax(-1)).sum() / (ids >= 0).sum()
        def of_ids(h, w):
            return F.cross_entropy(F.linear(h, w), ids, ignore_index=-1)
        for target, plain in ((ids, of_ids), (other, of_rows)):
            results = []
            for function in (plain, lambda h, w: fused.HeadLoss.apply(h, w, target)):
                h, w = (x.detach().float().requires_grad_() for x in doubles((2500, 5), (7, 5)))
                loss = function(h, w)
                (3 * loss).backward()
                results.append((loss, h.grad, w.grad))
            torch.testing.assert_close(*results)


class Decoding(unittest.TestCase):
    def test_steps_give_the_rows_of_the_whole(self):
        model, ids = tiny.model(), tiny.tokens(2, 48)
        past = model.start()
        with torch.no_grad():
            rows = [model.step(ids[:, a:b], past) for a, b in ((0, 20), (20, 21), (21, 48))]
            torch.testing.assert_close(torch.cat(rows, 1), model(ids), rtol=1e-4, atol=1e-5)

    def test_attention_in_pieces_is_attention(self):
        import model as module
        m, ids = tiny.model(context=320), tiny.tokens(1, 320)
        with torch.no_grad():
            whole = m(ids)
            default, module.QUERIES = module.QUERIES, 512
            try:
                torch.testing.assert_close(m(ids), whole, rtol=1e-4, atol=1e-5)
            finally:
                module.QUERIES = default

    def test_a_chain_of_drafts_sees_the_true_rows_and_its_own(self):
        """Against the definition: the MTP block run on one explicit sequence for every place where a chain starts."""
        model, ids, depth = tiny.model(), tiny.tokens(1, 32), 3
        block = model.blk[model.c.n_layer]
        with torch.no_grad():
            h = model(ids)
            chains = model.mtp(h, ids, depth)
            for start in (0, 7, 27):
                past = []

                def run(token, hidden):
                    x = model.nextn.join(model.token_embd(token), hidden)
                    x = x + block.mixer(x, past)
                    return model.nextn.shared_head_norm(x + block.ffn(x))[:, -1:]
                row = run(ids[:, 1 : start + 2], h[:, : start + 1])
                for i in range(depth):
                    torch.testing.assert_close(chains[i][:, start : start + 1], row, rtol=1e-4, atol=1e-5)
                    row = run(ids[:, start + 2 + i : start + 3 + i], row)

    def test_nothing_sees_the_future(self):
        model, ids = tiny.model(), tiny.tokens(1, 48)
        other = ids.clone()
        other[:, 30:] = (other[:, 30:] + 1) % tiny.FIELDS["vocab"]
        with torch.no_grad():
            a, b = model(ids), model(other)
            torch.testing.assert_close(a[:, :30], b[:, :30])
            self.assertGreater((a[:, 30:] - b[:, 30:]).abs().max(), 1e-3)
            for i, (x, y) in enumerate(zip(model.mtp(a, ids, 3), model.mtp(b, other, 3)), 1):
                torch.testing.assert_close(x[:, : 30 - i], y[:, : 30 - i])

    def test_losses_of_drafts_are_of_the_tokens_they_predict(self):
        model, window = tiny.model(), tiny.tokens(2, 49)
        with torch.no_grad():
            trunk, drafts = losses.of_text(model, window, 2)
            h = model(window[:, :-1])
            logits = model.output(model.mtp(h, window[:, :-1], 2)[1])
            expected = F.cross_entropy(logits[:, :-2].flatten(0, 1), window[:, 3:].flatten())
        torch.testing.assert_close(drafts[1], expected)
        self.assertNotAlmostEqual(trunk.item(), drafts[0].item())

    def test_drafts_learn_the_trunk_at_a_temperature(self):
        model, window = tiny.model(), tiny.tokens(2, 49)
        tokens = window[:, :-1]
        with torch.no_grad():
            _, draft = losses.of_drafts(model, window, 2, 0.5)
            h = model(tokens)
            wanted = (model.output(h)[:, 2:] / 0.5).softmax(-1)
            logits = model.output(model.mtp(h, tokens, 2)[1])[:, :-2] / 0.5
            expected = -(wanted * logits.log_softmax(-1)).sum(-1).mean()
        torch.testing.assert_close(draft, expected)

    def test_drafts_that_learn_with_the_trunk_reach_into_it_and_its_own_text_teaches_it_nothing_else(self):
        model, window = tiny.model(), tiny.tokens(2, 49)
        trunk, drafts = losses.of_both(model, window, 1, 0.5, torch.tensor([False, True]))
        alone, _ = losses.of_text(model, window[:1], 0)
        torch.testing.assert_close(trunk, alone / 2)
        for a, b in zip(drafts, losses.of_drafts(model, window, 1, 0.5)):
            torch.testing.assert_close(a, b)
        first, output = model.blk[0].mixer.attn_qkv.weight, model.output.weight
        of_first, of_output = torch.autograd.grad(drafts[0], [first, output], allow_unused=True)
        self.assertGreater(of_first.abs().max(), 0)
        self.assertIsNone(of_output)


class Threads(unittest.TestCase):
    def test_threads_share_a_step_and_give_its_gradient(self):
        def loss(model, window, own):
            trunk, drafts = losses.of_text(model, window)
            return trunk + drafts[0], [trunk, *drafts]
        rows, results = (tiny.tokens(5, 49), torch.zeros(5, dtype=torch.bool)), []
        for n in (1, 2, 3):
            model = tiny.model()
            numbers = gradients.Pieces(model, n)(loss, *rows)
            results.append((torch.tensor(numbers), *(p.grad for p in model.parameters())))
        for several in results[1:]:
            torch.testing.assert_close(several, results[0], rtol=1e-4, atol=1e-6)


if __name__ == "__main__":
    unittest.main()
