#!/usr/bin/env python3
"""How long running answers wait for their next token while a long prompt arrives.

Starts a server on one model file, lets --streams clients read answers, and after --before seconds sends a prompt of
about --tokens tokens. Prints the times between the tokens of the running answers, before it came and while it was read:
a step that reads no prompt takes as long as the median before; what the median step took longer beside the prompt is a
piece of it. The demand is that the longest wait is at most three plain steps and one piece.

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
                servers.ask(port, servers.prompt(f"gap {number}", 12), 100000, result, 3600)
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
        return [b - a for r in running for a, b in zip(r["times"], r["times"][1:]) if a >= first and b <= last]

    plain, beside = gaps(began, arrived), gaps(arrived, read)
    step = statistics.median(plain)
    piece = statistics.median(beside) - step
    print(json.dumps({"prompt_tokens": late["usage"]["prompt_tokens"], "seconds_to_read": round(read - arrived, 2),
                      "plain_step": round(step, 4), "plain_worst": round(max(plain), 4), "n_plain": len(plain),
                      "beside_median": round(statistics.median(beside), 4), "n_beside": len(beside),
                      "beside_p99": round(servers.percentile(beside, 0.99), 4), "worst": round(max(beside), 4),
                      "allowed": round(3 * step + piece, 4)}))
    longest = sorted(((b - a, a - arrived) for r in running for a, b in zip(r["times"], r["times"][1:])
                      if arrived <= a and b <= read), reverse=True)[:8]
    print("longest waits (seconds, when):", [(round(g, 3), round(w, 1)) for g, w in longest], file=sys.stderr)
    return 0 if max(beside) <= 3 * step + piece else 1


if __name__ == "__main__":
    sys.exit(main())
