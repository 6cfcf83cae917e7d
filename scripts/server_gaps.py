#!/usr/bin/env python3
"""How long running answers wait for their next token while a long prompt arrives.

Starts a server on one model file, lets --streams clients read answers, and after --before seconds sends a prompt of
about --tokens tokens. Prints the times between the tokens of the running answers, before it came and while it was read:
a step that reads no prompt takes as long as the median before; what steps take longer beside the prompt is a piece of
it. The demand is that no wait is longer than three plain steps and one piece.

Example:
  scripts/server_gaps.py --model a.gguf \\
    'build/release/gannet serve -m {model} --port {port} -np {streams} -c {ctx} -t 2'
"""
import argparse
import json
import shlex
import statistics
import subprocess
import sys
import threading
import time

import compare_servers as servers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command")
    parser.add_argument("--model", required=True)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=32768)
    parser.add_argument("--before", type=float, default=10)
    parser.add_argument("--per-word", type=float, default=2.6, help="tokens of a word, about")
    parser.add_argument("--log", default="/dev/null")
    args = parser.parse_args()
    port = servers.free_port()
    line = args.command.format(model=args.model, port=port, streams=args.streams + 1, ctx=int(args.tokens * 1.3) + 4096)
    with open(args.log, "ab") as log:
        process = subprocess.Popen(shlex.split(line), stdout=log, stderr=log)
    try:
        servers.wait_until_ready(port, process, 300)
        servers.ask(port, servers.prompt("warm", 16), 8, {}, 600)
        running = [{} for _ in range(args.streams)]
        failures = []

        def client(result, number):
            try:
                servers.ask(port, servers.prompt(f"gap {number}", 12), 100000, result, 3600, tokens=True)
            except Exception as error:  # pylint: disable=broad-except
                if not done.is_set():
                    failures.append(error)

        done = threading.Event()
        threads = [threading.Thread(target=client, args=(r, i), daemon=True) for i, r in enumerate(running)]
        for thread in threads:
            thread.start()
        while any(len(r.get("times", [])) < 3 for r in running):
            time.sleep(0.05)
        began = time.perf_counter()
        time.sleep(args.before)
        late = {}
        arrived = time.perf_counter()
        servers.ask(port, servers.prompt("long", int(args.tokens / args.per_word)), 1, late, 3600)
        read = time.perf_counter()
        done.set()
    finally:
        process.kill()
        process.wait()
    if failures:
        raise failures[0]

    def gaps(first, last):
        return [(a, b - a) for r in running for a, b in zip(r["times"], r["times"][1:]) if a >= first and b <= last]

    plain, beside = gaps(began, arrived), sorted(gaps(arrived, read))
    step = statistics.median(wait for _, wait in plain)
    # Pieces take longer the more was read before: each wait is held against those around it.
    near = args.streams * 20
    worst = []
    for i, (when, wait) in enumerate(beside):
        around = statistics.median(w for _, w in beside[max(0, i - near):i + near])
        worst.append((wait - (2 * step + around), wait, around, when - arrived))
    worst.sort(reverse=True)
    waits = [wait for _, wait in beside]
    print(json.dumps({"prompt_tokens": late["usage"]["prompt_tokens"], "seconds_to_read": round(read - arrived, 2),
                      "plain_step": round(step, 4), "plain_worst": round(max(w for _, w in plain), 4),
                      "beside_median": round(statistics.median(waits), 4), "n_beside": len(waits),
                      "beside_p99": round(servers.percentile(waits, 0.99), 4), "worst": round(max(waits), 4),
                      "over": sum(1 for w in worst if w[0] > 0)}))
    print("nearest to the limit (over it by, wait, median around, seconds since the prompt came):",
          [tuple(round(x, 3) for x in w) for w in worst[:6]], file=sys.stderr)
    return 0 if worst[0][0] <= 0 else 1


if __name__ == "__main__":
    sys.exit(main())
