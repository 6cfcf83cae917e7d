#!/usr/bin/env python3
"""Compares programs that run the same model files, taking turns, and prints medians and ratios as Markdown.

Each program is a command template; {model} is the file and {test}, {p}, {n}, {t} are the test ("pp512",
"tg64"), its prompt and generated tokens, and the threads. The command prints its speed: either JSON or
JSON lines with "avg_ts" (as `gannet bench -o json` does), or text whose last number is the tokens per
second.

Loading a large model takes longer than measuring it. A template with {ps} and {ns} in place of {p} and {n} gets
the lists of all tests and runs once for all of them; its JSON then tells them apart by n_prompt and n_gen.

Programs take turns within every round, and the order is turned around from round to round, so that what
disturbs the machine disturbs all of them. The ratio of a program is the median over the rounds of (its
speed / speed of the first program in the same round). Spinning thread pools suffer far more than others
when cores are shared, so wall-clock ratios mean something only on a machine that has the cores to
itself.

Example:
  scripts/compare_peers.py --model a.gguf --test pp512 --test tg64 --threads 2 --rounds 5 \\
    --program 'gannet=build/release/gannet bench -m {model} -p {p} -n {n} -t {t} -r 1 -o jsonl' \\
    --program 'peer=peer-bench -m {model} -p {p} -n {n} -t {t} -r 1 -o jsonl'
"""
import argparse
import json
import os
import re
import shlex
import statistics
import subprocess
import sys


def entries_in(text):
    """The results in JSON, or JSON lines, that a program printed."""
    for document in [text] + text.splitlines():
        try:
            parsed = json.loads(document)
        except ValueError:
            continue
        for entry in parsed if isinstance(parsed, list) else [parsed]:
            if isinstance(entry, dict) and "avg_ts" in entry:
                yield entry


def speed_from(text):
    """Tokens per second in what a program printed; None when there are none."""
    for entry in entries_in(text):
        return float(entry["avg_ts"])
    numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])", text)
    return float(numbers[-1]) if numbers else None


def parse_test(name):
    match = re.fullmatch(r"(?:pp(\d+))?\+?(?:tg(\d+))?", name)
    if not match or not name or not any(match.groups()):
        raise argparse.ArgumentTypeError(f"{name}: tests are called pp512, tg128 or pp512+tg128")
    return name, int(match.group(1) or 0), int(match.group(2) or 0)


def parse_program(text):
    name, equals, template = text.partition("=")
    if not equals or not name or not template:
        raise argparse.ArgumentTypeError(f"{text}: expected NAME=COMMAND")
    return name, template


def filled(template, values):
    """The words of a command. Only the known names are replaced, so commands may hold other braces."""
    fill = re.compile("{(" + "|".join(values) + ")}")
    return [fill.sub(lambda match: str(values[match[1]]), word) for word in shlex.split(template)]


def run(template, values, timeout):
    command = filled(template, values)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        sys.exit(f"compare_peers: {problem}")
    if done.returncode != 0:
        sys.exit(f"compare_peers: exit code {done.returncode} from: {shlex.join(command)}\n"
                 f"{done.stderr[-2000:]}")
    return shlex.join(command), done.stdout


def speeds_of(template, model, tests, threads, timeout):
    """Tokens per second of each test, by its name."""
    speeds = {}
    if "{ps}" in template:
        prompts = sorted({p for _, p, _ in tests if p})
        gens = sorted({n for _, _, n in tests if n})
        values = {"model": model, "t": threads, "ps": ",".join(map(str, prompts)) or "0",
                  "ns": ",".join(map(str, gens)) or "0"}
        command, text = run(template, values, timeout)
        found = {(e.get("n_prompt"), e.get("n_gen")): float(e["avg_ts"]) for e in entries_in(text)}
        speeds = {name: found.get((p, n)) for name, p, n in tests}
    else:
        for name, p, n in tests:
            values = {"model": model, "test": name, "p": p, "n": n, "t": threads}
            command, text = run(template, values, timeout)
            speeds[name] = speed_from(text)
    missing = [name for name, speed in speeds.items() if not speed]
    if missing:
        sys.exit(f"compare_peers: no tokens per second for {', '.join(missing)} in the output of: {command}\n"
                 f"{text[-2000:]}")
    return speeds


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, help="model file (repeatable)")
    parser.add_argument("--program", action="append", required=True, type=parse_program,
                        metavar="NAME=COMMAND",
                        help="command template (repeatable); the others are divided by the first")
    parser.add_argument("--test", action="append", required=True, type=parse_test,
                        help="pp512, tg64, ... (repeatable)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=3600, help="seconds that one run may take")
    parser.add_argument("--raw", help="append every single result to this file as JSON lines")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    names = [name for name, _ in options.program]
    if len(set(names)) != len(names):
        parser.error("two programs have the same name")
    if any(p and n for _, p, n in options.test) and any("{ps}" in t for _, t in options.program):
        parser.error("tests of prompt and generation together need {p} and {n}, not {ps} and {ns}")

    columns = [f"{name} t/s" for name in names] + [f"{name} / {names[0]}" for name in names[1:]]
    print("| model | test | " + " | ".join(columns) + " |")
    print("| --- | --- |" + " ---: |" * len(columns), flush=True)
    for model in options.model:
        speeds = {(name, test): [] for name in names for test, _, _ in options.test}
        for number in range(options.rounds):
            order = options.program if number % 2 == 0 else options.program[::-1]
            for name, template in order:
                found = speeds_of(template, model, options.test, options.threads, options.timeout)
                for test, speed in found.items():
                    speeds[name, test].append(speed)
                    if options.raw:
                        with open(options.raw, "a", encoding="utf-8") as raw:
                            entry = {"model": os.path.basename(model), "test": test, "threads": options.threads,
                                     "round": number, "program": name, "tokens_per_second": speed}
                            raw.write(json.dumps(entry) + "\n")
        for test, _, _ in options.test:
            first = speeds[names[0], test]
            cells = [f"{statistics.median(speeds[name, test]):.2f}" for name in names]
            for name in names[1:]:
                cells.append(f"{statistics.median(s / f for s, f in zip(speeds[name, test], first)):.3f}")
            print(f"| {os.path.basename(model)} | {test} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
