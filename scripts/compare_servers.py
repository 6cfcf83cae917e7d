#!/usr/bin/env python3
"""Compares servers that answer POST /v1/completions, taking turns, and prints speeds and waits as Markdown.

Each program is a command template that starts a server on one model file: {model} is the file, {port} where it
has to listen, {streams} how many clients will ask at once, {ctx} the tokens that all of them need together. Every
client asks --requests times, one after the other, with a prompt that no other request shares, and reads the stream
to its end; answers have all --generate tokens. A server is started anew for every measurement and warmed up by one
short request. The programs take turns, and the order is turned around from round to round.

Columns: generated tokens per second of all clients together, from the first request to the last token; the ratio to
the first program is the median over the rounds. The wait for the first token is that of all requests of all rounds.

Example:
  scripts/compare_servers.py --model a.gguf --streams 1,4,16 --rounds 3 \\
    --program 'gannet=build/release/gannet serve -m {model} --port {port} -np {streams} -c {ctx} -t 2' \\
    --program 'peer=peer-server -m {model} --port {port} -np {streams} -c {ctx} -t 2'
"""
import argparse
import http.client
import json
import random
import shlex
import socket
import statistics
import subprocess
import sys
import threading
import time

WORDS = """harbor lantern river stone the of and a to in is was for that with on as by at from it an be which or are
this were not have has but one their had they its been who will more can other when all out up than no people into
some first time could also after only new these two may then do any such over city water light house small between
under long year many world life made where through back part early great night number later each name while state
south north white known during large war area same place old often music until high line since three work""".split()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def prompt(seed, n_words):
    choose = random.Random(seed)
    return " ".join(choose.choice(WORDS) for _ in range(n_words))


def ask(port, text, n, result, timeout, tokens=False):
    """One streamed answer: result gets the start, the times at which pieces came, and the usage. With `tokens` each
    token has its piece, also where its bytes are no text yet."""
    body = {"model": "any", "prompt": text, "max_tokens": n, "temperature": 0, "ignore_eos": True, "stream": True,
            "stream_options": {"include_usage": True}}
    if tokens:
        body["logprobs"] = 1
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    result["start"] = time.perf_counter()
    connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {response.read()[:300]}")
    times = result["times"] = []
    while line := response.readline():
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        if event.get("choices") and (tokens or event["choices"][0].get("text")):
            times.append(time.perf_counter())
        if event.get("usage"):
            result["usage"] = event["usage"]
    result["end"] = time.perf_counter()
    connection.close()


def wait_until_ready(port, process, seconds):
    for _ in range(int(seconds / 0.1)):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server is not ready")


def measure(command, args, streams, round_number):
    port = free_port()
    ctx = streams * (args.prompt * 4 + args.generate + 64)  # a word may be several tokens
    line = command.format(model=args.model, port=port, streams=streams, ctx=ctx)
    with open(args.log, "ab") as log:
        process = subprocess.Popen(shlex.split(line), stdout=log, stderr=log)
    try:
        wait_until_ready(port, process, 300)
        ask(port, prompt("warm", 16), 8, {}, args.timeout)
        results, failures = [], []

        def client(number):
            try:
                for i in range(args.requests):
                    result = {}
                    text = prompt(f"{round_number}/{number}/{i}", args.prompt)
                    ask(port, text, args.generate, result, args.timeout)
                    results.append(result)
            except Exception as error:  # a thread's failure is that of the measurement
                failures.append(error)

        threads = [threading.Thread(target=client, args=(i,)) for i in range(streams)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
    for result in results:
        if result["usage"]["completion_tokens"] != args.generate:
            raise RuntimeError(f"an answer has {result['usage']['completion_tokens']} tokens")
    seconds = max(r["end"] for r in results) - min(r["start"] for r in results)
    gaps = [b - a for r in results for a, b in zip(r["times"], r["times"][1:])]
    return {"speed": len(results) * args.generate / seconds,
            "prompt": statistics.median(r["usage"]["prompt_tokens"] for r in results),
            "first": [r["times"][0] - r["start"] for r in results], "gap": max(gaps)}


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--program", action="append", required=True, metavar="NAME=COMMAND")
    parser.add_argument("--streams", default="1,2,4,8,16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=2, help="of every client, one after the other")
    parser.add_argument("--prompt", type=int, default=100, help="words of a prompt")
    parser.add_argument("--generate", type=int, default=64, help="tokens of an answer")
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("--raw", help="file that gets every measurement, as JSON lines")
    parser.add_argument("--log", default="/dev/null", help="file that gets what the servers print")
    args = parser.parse_args()
    programs = [entry.split("=", 1) for entry in args.program]
    print("| streams | program | tokens/s | ratio | first token p50 s | p99 s | worst gap s |")
    print("|---|---|---|---|---|---|---|")
    for streams in map(int, args.streams.split(",")):
        found = {name: [] for name, _ in programs}
        for number in range(args.rounds):
            for name, command in programs if number % 2 == 0 else programs[::-1]:
                found[name].append(measure(command, args, streams, number))
                print(f"{streams} {name} {found[name][-1]['speed']:.1f}", file=sys.stderr)
                if args.raw:
                    with open(args.raw, "a", encoding="utf-8") as raw:
                        raw.write(json.dumps({"streams": streams, "program": name, "round": number,
                                              **found[name][-1]}) + "\n")
        base = found[programs[0][0]]
        for name, _ in programs:
            runs = found[name]
            first = [wait for run in runs for wait in run["first"]]
            ratio = statistics.median(run["speed"] / other["speed"] for run, other in zip(runs, base))
            print(f"| {streams} | {name} | {statistics.median(r['speed'] for r in runs):.1f} | {ratio:.2f} "
                  f"| {percentile(first, 0.5):.2f} | {percentile(first, 0.99):.2f} "
                  f"| {max(r['gap'] for r in runs):.2f} |", flush=True)


if __name__ == "__main__":
    main()
