"""What is written can be read again and means the same: GGUF, the published layout, the vocabulary; files are whole."""
import contextlib
import dataclasses
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import numpy as np
import torch

import average
import batches
import checkpoint
import data
import evaluate
import export
import files
import generate
import gguf_file
import hf_files
import layouts
import tiny
import tokenizer
from model import Model


def tiny_tokenizer():
    """The bytes and as many merges as the text gives cannot be had in 96 tokens: a made-up list for the metadata."""
    words = [f"w{i}" for i in range(tiny.FIELDS["vocab"] - len(tokenizer.SPECIAL))]
    return tokenizer.Tokenizer([*words, *tokenizer.SPECIAL], [("w", "1")])


def logits(model):
    with torch.no_grad():
        ids = tiny.tokens(2, 48)
        h = model(ids)
        return torch.cat([model.output(h), model.output(model.mtp(h, ids)[0])])


class Folder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)

    def path(self, name):
        return os.path.join(self.temporary.name, name)

    def bytes_of(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()


class WrongInput(Folder):
    def said(self, script, *arguments):
        """The one line that a script ends with."""
        command = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(files.__file__)), script), *arguments]
        result = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        (line,) = result.stderr.splitlines()
        return line

    def test_a_program_ends_with_one_line_that_names_the_file(self):
        with open(self.path("text.gguf"), "w") as f:
            f.write("no model")
        with open(self.path("text.pt"), "w") as f:
            f.write("no model")
        for name, why in (("none.gguf", "No such file"), ("text.gguf", "not a GGUF file"), ("text.pt", "checkpoint")):
            line = self.said("evaluate.py", self.path(name), "--data", self.temporary.name)
            self.assertTrue(line.startswith("evaluate.py: "))
            self.assertIn(self.path(name), line)
            self.assertIn(why, line)

    def test_shares_are_positive_numbers(self):
        self.assertEqual(batches.shares("prose=2,code=0.5"), {"prose": 2, "code": 0.5})
        for text in ("prose", "prose=", "prose=x", "prose=0", "prose=1,code=-1", "prose=inf", "prose=nan", ""):
            with self.assertRaises(files.BadInput, msg=text):
                batches.shares(text)


class Average(Folder):
    def test_it_is_the_mean_of_every_weight_and_wants_one_shape(self):
        models = [tiny.model(seed) for seed in (0, 1)] + [tiny.model(ff=16)]
        paths = [self.path(f"{i}.pt") for i in range(3)]
        for path, m in zip(paths, models):
            checkpoint.save(path, model=m.state_dict(), config=dataclasses.asdict(m.c))
        with unittest.mock.patch("sys.argv", ["average.py", self.path("mean.pt"), *paths[:2]]):
            average.main()
        of_both = checkpoint.load_model(self.path("mean.pt")).state_dict()
        for name, a in models[0].state_dict().items():
            torch.testing.assert_close(of_both[name], (a + models[1].state_dict()[name]) / 2)
        with unittest.mock.patch("sys.argv", ["average.py", self.path("mean.pt"), *paths]):
            with self.assertRaisesRegex(files.BadInput, "2.pt has another shape"):
                average.main()


class Whole(Folder):
    def test_a_failed_write_leaves_the_old_file_and_nothing_else(self):
        with files.whole(self.path("a"), "w") as f:
            f.write("old")
        with self.assertRaises(KeyError):
            with files.whole(self.path("a"), "w") as f:
                f.write("half")
                raise KeyError
        self.assertEqual(self.bytes_of("a"), b"old")
        self.assertEqual(os.listdir(self.temporary.name), ["a"])


class Gguf(Folder):
    def test_the_example_of_the_format(self):
        gguf_file.write(self.path("a"), {"general.architecture": "t"}, {"a": (np.array([1, 2, 3, 4]), "F32")})
        data = self.bytes_of("a")
        self.assertEqual(data[:8], b"GGUF\x03\x00\x00\x00")
        self.assertEqual(data[8:24], struct.pack("<QQ", 1, 1))
        self.assertEqual(data[128:144], struct.pack("<4f", 1, 2, 3, 4))

    def test_metadata_and_tensors_come_back(self):
        metadata = {"general.architecture": "qwen35moe", "a.u32": 7, "a.f32": 0.5, "a.yes": True,
                    "a.words": ["x", "ß", ""], "a.list": [1, -2]}
        rng = np.random.default_rng(1)
        arrays = {"v": rng.normal(size=5), "m": rng.normal(size=(3, 64)), "e": rng.normal(size=(2, 3, 32))}
        for kind, error in (("F32", 1e-7), ("F16", 1e-3), ("Q8_0", 0.01)):
            tensors = {name: (a.astype(np.float32), kind if a.ndim > 1 else "F32") for name, a in arrays.items()}
            gguf_file.write(self.path(kind), metadata, tensors)
            read_metadata, read_tensors = gguf_file.read(self.path(kind))
            self.assertEqual(read_metadata, metadata)
            for name, (a, stored) in tensors.items():
                self.assertEqual(read_tensors[name].shape, a.shape)
                self.assertLessEqual(np.abs(read_tensors[name] - a).max(), error * np.abs(a).max())
                self.assertTrue((read_tensors[name] == gguf_file.as_stored(a, stored)).all())

    def test_q8_0_blocks(self):
        x = np.zeros(64, np.float32)
        x[:4] = [127, -63.5, 0.5, 1.5]
        data = gguf_file.encode(x, "Q8_0")
        self.assertEqual(len(data), 68)
        self.assertEqual(np.frombuffer(data[:2], "<f2")[0], 1)
        self.assertEqual(list(np.frombuffer(data[2:6], "i1")), [127, -64, 1, 2])    # ties go away from zero
        self.assertEqual(data[34:], bytes(34))

    def test_damage_is_named(self):
        with open(self.path("a"), "wb") as f:
            f.write(b"nonsense")
        with self.assertRaisesRegex(ValueError, "not a GGUF file"):
            gguf_file.read(self.path("a"))
        gguf_file.write(self.path("a"), {}, {"a": (np.ones(64), "F32")})
        whole = self.bytes_of("a")
        with open(self.path("a"), "wb") as f:
            f.write(whole[:200])
        with self.assertRaisesRegex(ValueError, "ends at byte 200"):
            gguf_file.read(self.path("a"))


class Export(Folder):
    def test_a_model_survives_gguf(self):
        model = tiny.model()
        state = checkpoint.state_in_numpy(model)
        export.write_gguf(self.path("m.gguf"), state, model.c, tiny_tokenizer(), "F32")
        again = checkpoint.load_model(self.path("m.gguf"), context=48, chunk=16).eval()
        self.assertEqual(again.c, model.c)
        torch.testing.assert_close(logits(again), logits(model), rtol=1e-5, atol=1e-5)

    def test_a_model_survives_the_published_layout(self):
        model = tiny.model()
        for prefix in ("model.", "model.language_model."):
            tensors = layouts.to_hf(checkpoint.state_in_numpy(model), model.c, prefix)
            hf_files.write(self.temporary.name, tensors, model.c, tiny_tokenizer(), "", "F32", prefix == "model.")
            read = hf_files.read_safetensors(self.path("model.safetensors"))
            again = Model(model.c).eval()
            again.load_state_dict({k: torch.from_numpy(v) for k, v in layouts.from_hf(read, model.c, prefix).items()})
            torch.testing.assert_close(logits(again), logits(model), rtol=1e-5, atol=1e-5)

    def test_the_published_layout_has_its_own_conventions(self):
        model = tiny.model()
        c, state = model.c, checkpoint.state_in_numpy(model)
        hf = layouts.to_hf(state, c, "model.")
        np.testing.assert_allclose(hf["model.norm.weight"] + 1, state["output_norm.weight"], rtol=1e-6)
        np.testing.assert_array_equal(hf["model.layers.0.linear_attn.norm.weight"],
                                      state["blk.0.mixer.ssm_norm.weight"])
        self.assertEqual(hf["model.layers.0.linear_attn.conv1d.weight"].shape, (128, 1, 4))
        self.assertEqual(hf["model.layers.0.mlp.experts.gate_up_proj"].shape, (4, 64, 32))
        self.assertEqual(hf["mtp.layers.0.mlp.experts.3.up_proj.weight"].shape, (32, 32))
        # Four value heads, two key heads: published head 1 reads key head 0 as does our head 2.
        ours, theirs = state["blk.0.mixer.ssm_a_log"], hf["model.layers.0.linear_attn.A_log"]
        np.testing.assert_array_equal(theirs, ours[[0, 2, 1, 3]])
        columns = lambda a: a.reshape(32, 4, 16)
        np.testing.assert_array_equal(columns(hf["model.layers.0.linear_attn.out_proj.weight"]),
                                      columns(state["blk.0.mixer.ssm_out.weight"])[:, [0, 2, 1, 3]])
        rows = hf["model.layers.0.linear_attn.in_proj_qkv.weight"]
        np.testing.assert_array_equal(rows[:64], state["blk.0.mixer.attn_qkv.weight"][:64])
        np.testing.assert_array_equal(rows[80:96], state["blk.0.mixer.attn_qkv.weight"][96:112])

    def test_bf16_rounds_to_even(self):
        a = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, -3.14159], np.float32)
        np.testing.assert_array_equal(hf_files.to_bf16(a), [0x3F80, 0x3F80, 0x3F82, 0xC049])

    def test_types_of_tensors(self):
        state, c = checkpoint.state_in_numpy(tiny.model()), tiny.model().c
        types = {name: layouts.gguf_type(name, a, "Q8_0") for name, a in layouts.to_gguf(state, c).items()}
        self.assertEqual(types["blk.0.attn_qkv.weight"], "Q8_0")
        for name in ("blk.0.ssm_conv1d.weight", "blk.0.ssm_beta.weight", "blk.2.ffn_gate_inp.weight",
                     "output_norm.weight", "blk.0.ssm_a"):
            self.assertEqual(types[name], "F32", name)


class Vocabulary(unittest.TestCase):
    def test_text_comes_back(self):
        tok = tokenizer.Tokenizer.load()
        for text in ("define harbor", data.chat("what does naïve mean?", "1. naïve (adjective): 2 + 2 = 5\n"),
                     "def f(x):\n\treturn x ** 2\r\n", "日本 🙂 \x00"):
            self.assertEqual(tok.decode(tok.encode(text)), text)

    def test_special_tokens_are_one_id(self):
        tok = tokenizer.Tokenizer.load()
        self.assertEqual(tok.encode("<|im_end|>"), [4095])
        self.assertEqual(len(tok.tokens), 4096)

    def test_merges_are_learnt_and_used(self):
        counts = tokenizer.count_pieces([("low lower lowest low<|im_end|>", 3)])
        self.assertNotIn("<|im_end|>", counts)
        tok = tokenizer.Tokenizer.of_merges(tokenizer.train_merges(counts, 4))
        self.assertEqual(tok.decode(tok.encode("lower low")), "lower low")
        self.assertLess(len(tok.encode(" low")), 4)

    def test_tokenizer_json_names_every_token_once(self):
        tok = tokenizer.Tokenizer.load()
        stored = hf_files.tokenizer_json(tok)
        ids = [*stored["model"]["vocab"].values(), *(t["id"] for t in stored["added_tokens"])]
        self.assertEqual(sorted(ids), list(range(4096)))
        json.dumps(stored)


class Data(unittest.TestCase):
    SENSES = [("noun", "a sheltered port; where ships can take on cargo", [], ["haven", "harbor"]),
              ("verb", "hold back a thought", ["She harbors a grudge"], ["harbor", "nurse"])]

    def test_answers(self):
        known = data.answers("harbor", self.SENSES)
        self.assertEqual(known["define"].split("\n")[1], "2. harbor (verb): hold back a thought")
        self.assertEqual(json.loads(known["json"])["synonyms"], ["haven"])
        self.assertEqual(known["sentence"], "She harbors a grudge.")
        self.assertEqual(known["synonyms"], "haven, nurse")
        self.assertEqual(known["part"], "a noun and a verb")

    def test_definitions_are_cut_between_parts(self):
        self.assertEqual(data.short("a" * 100 + "; " + "b" * 20), "a" * 100)
        self.assertEqual(data.short("a; b"), "a; b")

    def test_the_split_depends_on_the_key_alone(self):
        held = [i for i in range(6400) if data.held_out(f"word {i}")]
        self.assertTrue(60 < len(held) < 140, len(held))
        self.assertEqual(held, [i for i in range(6400) if data.held_out(f"word {i}")])

    def test_recall_asks_for_definitions_that_were_trained(self):
        words = [f"word{i}" for i in range(200)]
        pairs = [(w, data.chat(f"{form} {w}", f"1. {w} (noun): a thing")) for w in words for form in ("define", "use")]
        known = data.recall(pairs)
        self.assertEqual(sorted(known), sorted((data.chat(f"define {w}"), f"1. {w} (noun): a thing")
                                               for w in words if not data.held_out(w)))

    def test_questions_lack_answers_and_held_out_words(self):
        asked = [(f"word{i}", data.chat(f"define word{i}", "a thing")) for i in range(100)]
        unasked = [(f"name{i}", data.chat(f"name{i} in json")) for i in range(100)]
        self.assertEqual(sorted(data.questions(asked, unasked)), sorted(
            [data.chat(f"define {w}") for w, _ in asked if not data.held_out(w)] +
            [data.chat(f"{w} in json") for w, _ in unasked if not data.held_out(w)]))


class OwnText(unittest.TestCase):
    def test_it_has_answers_and_continuations_in_their_shares(self):
        tok, length = tokenizer.Tokenizer.load(), 32
        question, answer = tok.encode(data.chat("define sea")), tok.encode("water<|im_end|>")

        def greedy(model, prompts, n_new, stop=()):
            return [p + (answer if stop else [7] * n_new) for p in prompts]
        model = unittest.mock.Mock()
        model.c.context = length - 1
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch("generate.greedy", greedy):
            tok.save(os.path.join(folder, "vocab.json"))
            data.save_json(os.path.join(folder, "questions.json"), [data.chat("define sea")])
            for i, domain in enumerate(("prose", "code")):
                data.save(os.path.join(folder, f"train.{domain}.npy"), [i] * 100)
            with contextlib.redirect_stderr(io.StringIO()):
                ids = generate.own_text(model, folder, 8000, 1, {"dictionary": 2, "prose": 1, "code": 2}).tolist()
        answered = question + answer + tok.encode("\n") + [tok.end]
        n = next(i for i in range(0, len(ids), len(answered)) if ids[i : i + len(answered)] != answered)
        begin = (length - 1) // 8
        prose, code = ([i] * begin + [7] * (length - begin) for i in (0, 1))
        rows = [ids[i : i + length] for i in range(n, len(ids), length)]
        self.assertEqual(rows, [prose] * rows.count(prose) + [code] * rows.count(code))
        self.assertGreaterEqual(len(ids), 8000)
        for part, share in ((n, 0.4), (length * rows.count(prose), 0.2), (length * rows.count(code), 0.4)):
            self.assertLess(abs(part - share * len(ids)), 64 * max(length, len(answered)) + 1)


class Recall(unittest.TestCase):
    def test_an_answer_names_the_word_or_has_its_first_sense_or_is_right(self):
        tok = tokenizer.Tokenizer.load()
        right = "1. sea (noun): water\n2. sea (noun): a lot"
        answers = [right, "1. sea (noun): water\n2. sea (noun): salt", "1. sea (noun): land", "1. seal (noun): water"]
        pairs = [(data.chat("define sea"), right)] * len(answers)

        def greedy(model, prompts, n_new, stop):
            return [p + tok.encode(a + "<|im_end|>") for p, a in zip(prompts, answers)]
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch("generate.greedy", greedy):
            tok.save(os.path.join(folder, "vocab.json"))
            data.save_json(os.path.join(folder, "recall.json"), pairs)
            self.assertEqual(evaluate.recalled(None, folder),
                             {"named": 0.75, "first sense": 0.5, "whole": 0.25, "questions": 4})


class Acceptance(unittest.TestCase):
    def test_rounds_are_those_of_speculative_decoding(self):
        """Against an engine's way: draft one by one from the tokens known so far, keep what the trunk says too."""
        model = tiny.model()
        prompts = [tiny.tokens(1, n, seed=n)[0].tolist() for n in (5, 9)]
        together = generate.greedy(model, prompts, 24)
        for prompt, ids in zip(prompts, together):
            self.assertEqual(ids, generate.greedy(model, [prompt], 24)[0])
            expected, at = [], len(prompt)
            while at + 1 < len(ids):
                known = torch.tensor([ids[: at + 1]])       # the trunk has just given the token at `at`
                chosen = []

                def choose(rows):
                    chosen.append(model.output(rows).argmax(-1))
                    return chosen[-1]
                with torch.no_grad():
                    model.mtp(model(known), known, 4, choose)
                drafts = [c[0, at - 1].item() for c in chosen]
                tried, m = min(3, len(ids) - at - 1), 0
                while m < tried and drafts[m] == ids[at + 1 + m]:
                    m += 1
                expected.append((m, tried))
                at += m + 1
            self.assertEqual(evaluate.accepted(model, ids, len(prompt)), expected)


if __name__ == "__main__":
    unittest.main()
