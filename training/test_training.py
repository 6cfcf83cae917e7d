"""The trainer's promises: one seed, one curve; a killed run goes on as if nothing had happened."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

import checkpoint
import tiny

QUIET = {"check": True, "stdout": subprocess.DEVNULL}
HERE = os.path.dirname(os.path.abspath(__file__))


def command(out, folder, *more):
    return [sys.executable, os.path.join(HERE, "train.py"), out, "--data", folder, *tiny.OPTIONS, *more]


def curve(out):
    with open(os.path.join(out, "curve.jsonl")) as f:
        return [json.loads(line) for line in f]


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        tiny.write_data(cls.folder)
        cls.options = ["--steps", "60", "--save-every", "10", "--eval-every", "25"]
        cls.whole = cls.path("whole")
        subprocess.run(command(cls.whole, cls.folder, *cls.options), **QUIET)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    def test_it_learns(self):
        losses = [line["heldout"]["prose"] for line in curve(self.whole) if "heldout" in line]
        self.assertLess(losses[-1][0], losses[0][0] - 0.3)
        self.assertLess(losses[-1][1], losses[0][1] - 0.3)

    def test_one_seed_gives_one_curve_and_another_another(self):
        for seed, same in (("1", True), ("2", False)):
            out = self.path("seed" + seed)
            subprocess.run(command(out, self.folder, *self.options, "--seed", seed), **QUIET)
            self.assertEqual(curve(out) == curve(self.whole), same)

    def interrupted(self, out, how):
        """Starts a run, ends it by a signal after its first checkpoint, and runs it again to its end."""
        process = subprocess.Popen(command(out, self.folder, *self.options), stdout=subprocess.DEVNULL)
        while not os.path.exists(os.path.join(out, "checkpoint.pt")) and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(how)
        code = process.wait()
        step = checkpoint.read(os.path.join(out, "checkpoint.pt"))["step"]
        self.assertLess(step, 60, "the run ended before it was interrupted")
        subprocess.run(command(out, self.folder, *self.options), **QUIET)
        self.assertEqual(curve(out), curve(self.whole))
        return code

    def test_a_killed_run_goes_on_with_the_same_curve(self):
        self.assertEqual(self.interrupted(self.path("killed"), signal.SIGKILL), -signal.SIGKILL)

    def test_a_terminated_run_saves_first(self):
        self.assertEqual(self.interrupted(self.path("terminated"), signal.SIGTERM), 0)

    def test_a_run_does_not_go_on_with_other_options(self):
        other = command(self.whole, self.folder, *self.options, "--lr", "1")
        result = subprocess.run(other, stderr=subprocess.PIPE, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("was made with --lr 0.002", result.stderr)

    def test_a_stage_that_knows_no_text_does_not_take_it(self):
        result = subprocess.run(command(self.path("none"), self.folder, "--steps", "1", "--stage", "mtp", "--drafts",
                                        "text"), stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 2)
        self.assertIn("leave out --drafts text", result.stderr)

    def test_two_threads_give_one_curve(self):
        curves = []
        for out in ("threads1", "threads2"):
            subprocess.run(command(self.path(out), self.folder, *self.options, "--threads", "2"), **QUIET)
            curves.append(curve(self.path(out)))
        self.assertEqual(*curves)
        self.assertNotEqual(curves[0], curve(self.whole), "two threads round otherwise than one")

    def test_own_text_can_be_half_of_it_and_does_not_count_for_the_trunk(self):
        start, own, seen = os.path.join(self.whole, "checkpoint.pt"), self.path("own.npy"), {}
        np.save(own, np.full(400, 5, dtype=np.uint16))     # not like the text at all
        for drafts in ("trunk", "text"):
            out = self.path("own_" + drafts)
            subprocess.run(command(out, self.folder, "--steps", "12", "--init", start, "--own", own, "--lr", "1e-9",
                                   "--drafts", drafts), **QUIET)
            seen[drafts] = [line["trunk"] for line in curve(out) if "trunk" in line]
        self.assertTrue(any(x is None for x in seen["trunk"]), "a step of own text alone")
        pairs = [(a, b) for a, b in zip(seen["trunk"], seen["text"]) if a is not None]
        self.assertTrue(any(a < b - 0.1 for a, b in pairs), "its loss is in one curve and not in the other")
        for a, b in pairs:
            self.assertLess(a, b + 1e-5)
            self.assertLess(abs(a - pairs[0][0]), 0.5, "the mean over the text, not over all")

    def test_the_mtp_stage_leaves_the_trunk_alone(self):
        out, start = self.path("mtp"), os.path.join(self.whole, "checkpoint.pt")
        subprocess.run(command(out, self.folder, "--steps", "8", "--stage", "mtp", "--init", start), **QUIET)
        before, after = (checkpoint.read(p)["model"] for p in (start, os.path.join(out, "checkpoint.pt")))
        changed = {name for name in before if not (before[name] == after[name]).all()}
        self.assertTrue(changed)
        steps = [len(line["drafts"]) for line in curve(out) if "drafts" in line]
        self.assertEqual(steps, [3, 1, 1, 3, 1, 1, 3, 1], "all drafts are trained in every third step")
        for name in changed:
            self.assertTrue(name.startswith((f"blk.{tiny.FIELDS['n_layer']}.", "nextn.")), name)


if __name__ == "__main__":
    unittest.main()
