#!/usr/bin/env python3
"""Measures what speculation does to the time and to the text, for programs that run the same model file, and prints
it as Markdown. All programs answer the same prompts at temperature 0 in turns; the order is turned around from round
to round. Only the time of the generation counts, not that of loading and of reading the prompt.

Programs are called FAMILY/MODE; the first of a family is the plain one that its others are compared to: their text
with its text, their tokens per second with its tokens per second in the same round. When texts are equal that is
the ratio of times. Three kinds:

  --gannet PROGRAM             Gannet with the modes of the table MODES below: one `gannet bench --spec-prompts` per
                               round, which answers all prompts in all modes, in turns.
  --serve FAMILY/MODE=COMMAND  a server with POST /completion and "timings" in its answers, as llama.cpp's; {port} is
                               where it shall listen. Started anew in every round, so that a table of n-grams does not
                               know the answers of the round before; within a round it sees one prompt after the other.
                               --server PROGRAM stands for a llama-server with its modes of MODES.
  --run FAMILY/MODE=COMMAND    answers one prompt per start: {prompt} is its text. Prints the answer. The numbers come
                               from the file {stats} (JSON with "generate_seconds", "tokens", "drafted", "right")
                               when the command has it, else from the line that `gannet run --timings` prints. Nothing
                               is warm then, and nothing is known from the prompts before.

{model}, {n} (tokens to generate), {ctx} and {t} (threads) are replaced as well. --only picks some of the modes.

Example:
  scripts/compare_speculation.py --model models/pocket.gguf --threads 2 --rounds 5 \\
    --gannet build/release/gannet --server llama-server --raw results.jsonl
"""
import argparse
import hashlib
import json
import math
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import namedtuple

from compare_peers import filled

PROMPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/data/speculation/prompts.txt")
BENCH = ("{program} bench -m {{model}} --spec {{modes}} --spec-prompts {{prompts}} -n {{n}} -t {{t}} -r 1 -o json")
SERVE = "{program} -m {{model}} -c {{ctx}} -t {{t}} -np 1 --host 127.0.0.1 --port {{port}}"
# What follows SERVE, or is a mode of BENCH.
MODES = {
    "gannet": [("plain", "off"), ("auto", "auto")]
              + [(f"draft-mtp {n}", f"draft-mtp:n_max={n}") for n in (1, 2, 3)]
              + [("ngram-mod", "ngram-mod"),
                 ("ngram-map-k 8 16", "ngram-map-k:ngram_size_n=8,ngram_size_m=16"),
                 ("ngram-suffix", "ngram-suffix"),
                 ("draft-mtp 3 forced", "draft-mtp:n_max=3+force")],
    "llama.cpp": [("plain", "")]
                 + [(f"draft-mtp {n}", f"--spec-type draft-mtp --spec-draft-n-max {n}") for n in (1, 2, 3)]
                 + [("ngram-mod", "--spec-type ngram-mod"),
                    ("ngram-map-k 8 16",
                     "--spec-type ngram-map-k --spec-ngram-map-k-size-n 8 --spec-ngram-map-k-size-m 16")],
}

# kind: "run", "serve" or "bench"; flags: the mode of a "bench" program, whose template serves all modes at once.
Program = namedtuple("Program", "family mode kind template flags", defaults=("",))
Prompt = namedtuple("Prompt", "kind name text")
# Of one prompt; times in seconds. None: not told.
Result = namedtuple("Result", "text tokens seconds prompt_seconds drafted accepted")
# Of all prompts.
Results = namedtuple("Results", "answers drafted accepted")


def read_prompts(path):
    """The format is described at the top of the file with the prompts."""
    prompts = []
    with open(path, encoding="utf-8", newline="\n") as file:
        for part in re.split(r"^=== ", file.read(), flags=re.MULTILINE)[1:]:
            head, _, text = part.partition("\n")
            kind, name = head.split()
            prompts.append(Prompt(kind, name, text.removesuffix("\n")))
    return prompts


def fail(message):
    sys.exit(f"compare_speculation: {message}")


def result_of_run(program, values, prompt, timeout):
    with tempfile.TemporaryDirectory() as folder:
        stats = os.path.join(folder, "stats.json")
        command = filled(program.template, {**values, "prompt": prompt.text, "stats": stats})
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
        except (OSError, subprocess.TimeoutExpired) as problem:
            fail(problem)
        said = done.stderr.decode(errors="replace")
        if done.returncode != 0:
            fail(f"exit code {done.returncode} from {command}\n{said[-2000:]}")
        found = {}
        if os.path.exists(stats):
            with open(stats, encoding="utf-8") as file:
                found = json.load(file)
    timings = re.search(r"prompt (\d+) tokens, ([\d.]+) t/s; answer (\d+) tokens, ([\d.]+) t/s", said)
    if not found and not timings:
        fail(f"neither statistics nor timings from {command}\n{said[-2000:]}")
    prompt_seconds = float(timings[1]) / float(timings[2]) if timings and float(timings[2]) else None
    if not found:
        steps, rate = int(timings[3]) - 1, float(timings[4])  # the first token is the prompt's
        found = {"tokens": int(timings[3]), "generate_seconds": steps / rate if rate else 0}
    return Result(done.stdout.decode(errors="replace"), found["tokens"], found["generate_seconds"],
                  prompt_seconds, found.get("drafted", 0), found.get("right", 0))


class Server:
    """A running server; leaving the block ends it."""

    def __init__(self, program, values, timeout):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.timeout = timeout
        self.command = filled(program.template, {**values, "port": port})
        self.log = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        except OSError as problem:
            fail(problem)

    def __enter__(self):
        end = time.monotonic() + self.timeout
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=1):
                    return self
            except OSError:  # not there yet, or there and still loading
                time.sleep(0.05)
        self.stop()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.seek(0)
        fail(f"no answer from {self.command}\n{self.log.read()[-2000:].decode(errors='replace')}")

    def ask(self, text, n):
        body = {"prompt": text, "n_predict": n, "temperature": 0, "cache_prompt": False}
        request = urllib.request.Request(self.url + "/completion", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as problem:
            fail(f"{problem} from {self.command}: {problem.read()[:500]}")
        except OSError:
            self.stop()
        t = answer["timings"]
        return Result(answer["content"], t["predicted_n"], t["predicted_ms"] / 1000, t["prompt_ms"] / 1000,
                      t.get("draft_n", 0), t.get("draft_n_accepted", 0))


def results_of_bench(programs, values, prompts, timeout):
    """Of programs with the same template."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "prompts.txt")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            for prompt in prompts:
                file.write(f"=== {prompt.kind} {prompt.name}\n{prompt.text}\n")
        modes = ",".join(program.flags for program in programs)
        command = filled(programs[0].template, {**values, "modes": modes, "prompts": path})
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout * len(prompts) * len(programs),
                                  check=False)
            records = json.loads(done.stdout)
        except (OSError, subprocess.TimeoutExpired) as problem:
            fail(problem)
        except ValueError:
            records = []
    # 1: some texts were not equal, which shows in the table.
    if done.returncode not in (0, 1) or len(records) != len(programs):
        fail(f"exit code {done.returncode} from {command}\n{done.stderr.decode(errors='replace')[-2000:]}")
    results = {}
    for program, record in zip(programs, records):
        answers = [Result(answer["text"], answer["tokens"], answer["samples_ns"][0] / 1e9, None, None, None)
                   for answer in record["answers"]]
        # As servers count: what was drafted and not verified cost next to nothing.
        results[program] = Results(answers, record["verified"], record["accepted"])
    return results


def results_of(program, values, prompts, timeout):
    if program.kind == "run":
        answers = [result_of_run(program, values, prompt, timeout) for prompt in prompts]
    else:
        with Server(program, values, timeout) as server:
            server.ask("warm", 4)
            answers = [server.ask(prompt.text, values["n"]) for prompt in prompts]
    return Results(answers, sum(a.drafted for a in answers), sum(a.accepted for a in answers))


def results_of_round(programs, values, prompts, timeout):
    found = {}
    for program in programs:
        if program in found:
            continue
        if program.kind == "bench":
            same = [p for p in programs if (p.kind, p.template) == (program.kind, program.template)]
            found.update(results_of_bench(same, values, prompts, timeout))
        else:
            found[program] = results_of(program, values, prompts, timeout)
    return found


def speed(results):
    return sum(r.tokens for r in results) / max(sum(r.seconds for r in results), 1e-9)


def table(programs, prompts, rounds):
    """`rounds`: for each round the results of every program, in the order of the prompts."""
    kinds = list(dict.fromkeys(prompt.kind for prompt in prompts))
    print("| program | t/s | t/s over plain (least-most) | " + " | ".join(kinds)
          + " | drafted | accepted | equal texts |")
    print("| --- | ---: | ---: |" + " ---: |" * (len(kinds) + 3))
    for program in programs:
        plain = next(p for p in programs if p.family == program.family)
        mine, its = [r[program].answers for r in rounds], [r[plain].answers for r in rounds]

        def ratios(kind):
            keep = [i for i, prompt in enumerate(prompts) if kind in (None, prompt.kind)]
            pairs = [(speed([a[i] for i in keep]), speed([b[i] for i in keep])) for a, b in zip(mine, its)]
            return [ours / theirs if theirs else math.nan for ours, theirs in pairs]  # answers may be empty

        every = ratios(None)
        cells = [f"{program.family} {program.mode}", f"{statistics.median(map(speed, mine)):.1f}",
                 f"{statistics.median(every):.3f} ({min(every):.3f}-{max(every):.3f})"]
        cells += [f"{statistics.median(ratios(kind)):.3f}" for kind in kinds]
        first = rounds[0][program]
        cells.append(str(first.drafted) if first.drafted else "-")
        cells.append(f"{100 * first.accepted / first.drafted:.0f} %" if first.drafted else "-")
        # Of the first plain run: a plain program that is not always the same shows here as well.
        equal = sum(all(r[i].text == its[0][i].text for r in mine) for i in range(len(prompts)))
        cells.append(f"{equal} of {len(prompts)}")
        print("| " + " | ".join(cells) + " |", flush=True)


def parse_program(kind):
    def parse(text):
        name, equals, template = text.partition("=")
        family, slash, mode = name.partition("/")
        if not equals or not slash or not family or not mode or not template:
            raise argparse.ArgumentTypeError(f"{text}: expected FAMILY/MODE=COMMAND")
        return [Program(family, mode, kind, template)]
    return parse


def bench_modes(program):
    template = BENCH.format(program=program)
    return [Program("gannet", mode, "bench", template, flags) for mode, flags in MODES["gannet"]]


def server_modes(program):
    command = SERVE.format(program=program)
    return [Program("llama.cpp", mode, "serve", f"{command} {flags}") for mode, flags in MODES["llama.cpp"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompts", default=PROMPTS, help="file of prompts (default: those of the repository)")
    parser.add_argument("--kind", action="append", help="only prompts of this kind (repeatable)")
    for flag, parse in (("--run", parse_program("run")), ("--serve", parse_program("serve")),
                        ("--gannet", bench_modes), ("--server", server_modes)):
        parser.add_argument(flag, dest="programs", action="extend", default=[], type=parse, metavar="PROGRAM")
    parser.add_argument("--only", help="modes to run besides plain, separated by commas")
    parser.add_argument("-n", type=int, default=200, help="most tokens of an answer")
    parser.add_argument("--ctx", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=600, help="seconds that one answer may take")
    parser.add_argument("--raw", help="append every single result to this file as JSON lines")
    options = parser.parse_args()
    only = options.only and options.only.split(",") + ["plain"]
    programs = [p for p in options.programs if not only or p.mode in only]
    prompts = [p for p in read_prompts(options.prompts) if not options.kind or p.kind in options.kind]
    if not programs or not prompts or options.rounds < 1:
        parser.error("there is nothing to measure")
    if len({(p.family, p.mode) for p in programs}) != len(programs):
        parser.error("two programs have the same name")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers end too
    values = {"model": options.model, "n": options.n, "ctx": options.ctx, "t": options.threads}
    rounds = []
    for number in range(options.rounds):
        order = programs if number % 2 == 0 else programs[::-1]
        found = results_of_round(order, values, prompts, options.timeout)
        if options.raw:
            with open(options.raw, "a", encoding="utf-8") as raw:
                for program in programs:
                    for prompt, result in zip(prompts, found[program].answers):
                        entry = {"model": os.path.basename(options.model), "family": program.family,
                                 "mode": program.mode, "threads": options.threads, "round": number,
                                 "prompt": f"{prompt.kind} {prompt.name}", **result._asdict()}
                        entry["text"] = hashlib.sha256(result.text.encode()).hexdigest()[:16]
                        raw.write(json.dumps(entry) + "\n")
        rounds.append(found)
    print(f"{os.path.basename(options.model)}, {len(prompts)} prompts, at most {options.n} tokens each, "
          f"{options.threads} threads, {options.rounds} rounds\n")
    table(programs, prompts, rounds)


if __name__ == "__main__":
    main()
