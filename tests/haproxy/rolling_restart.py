#!/usr/bin/env python3
"""Two replicas of `gannet serve` behind HAProxy (packaging/haproxy/haproxy.cfg) are restarted one after the other
while clients ask: no request may fail. Needs Python 3.9, haproxy, and a built program:

    rolling_restart.py --gannet build/ci/gannet [--seconds 30] [--rate 5] [--rounds 2]

Prints what came of it; exits with 1 when a request failed or a conversation wandered without need.
"""
import argparse
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CONFIG = Path(__file__).resolve().parents[2] / "packaging/haproxy/haproxy.cfg"
CONVERSATIONS = 8
TOKENS = 400  # as many as two small cores answer at this rate, with room to spare


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Replica:
    """A server that says when it is ready, as systemd hears it."""

    def __init__(self, program, folder, name):
        self.program, self.folder, self.name = program, folder, name
        self.port = free_port()
        self.log = folder / f"{name}.jsonl"
        self.process = None
        self.times = []

    def start(self):
        path = str(self.folder / f"{self.name}.notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(60)
            began = time.monotonic()
            self.process = subprocess.Popen(
                [self.program, "serve", "--port", str(self.port), "-t", "1", "--queue", "64", "--log-jsonl",
                 "--log-file", str(self.log), "--cache-dir", str(self.folder / f"{self.name}.states")],
                env={**os.environ, "NOTIFY_SOCKET": path, "GANNET_PROFILES": ""},
                stderr=open(self.folder / f"{self.name}.err", "a"))
            message = notify.recv(4096)
            assert message.startswith(b"READY=1"), message
            self.times.append(time.monotonic() - began)
        os.unlink(path)

    def stop(self):
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        assert code == 0, f"{self.name} ended with {code}"
        return time.monotonic() - began

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]


class Load:
    def __init__(self, port):
        self.port = port
        self.lock = threading.Lock()
        self.failures, self.seconds, self.kinds = [], [], {"whole": 0, "stream": 0}
        self.open = 0

    def ask(self, number):
        stream = number % 2 == 0
        conversation = number % CONVERSATIONS
        body = {"messages": [{"role": "user", "content": f"conversation {conversation}: define sea " * 8}],
                "max_tokens": TOKENS, "ignore_eos": True, "stream": stream, "seed": number}
        began = time.monotonic()
        problem = None
        with self.lock:
            self.open += 1
        try:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            client.request("POST", "/v1/chat/completions", json.dumps(body), {
                "Content-Type": "application/json", "X-Conversation-Id": f"c{conversation}",
                "X-Request-Id": f"r{number}-c{conversation}"})
            answer = client.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                problem = f"status {answer.status}: {text[:200]}"
            elif stream:
                events = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
                reasons = [json.loads(e)["choices"][0].get("finish_reason") for e in events[:-1]]
                if events[-1] != "[DONE]" or reasons[-1] != "length":
                    problem = f"the stream ends with {text[-200:]}"
            elif json.loads(text)["usage"]["completion_tokens"] != TOKENS:
                problem = f"the answer is cut: {text[-200:]}"
            client.close()
        except Exception as error:  # whatever a client would see
            problem = f"{type(error).__name__}: {error}"
        with self.lock:
            self.open -= 1
            self.kinds["stream" if stream else "whole"] += 1
            self.seconds.append(time.monotonic() - began)
            if problem:
                self.failures.append(f"request {number}: {problem}")

    def run(self, rate, done):
        threads, began, number = [], time.monotonic(), 0
        while not done.is_set():
            thread = threading.Thread(target=self.ask, args=(number,))
            thread.start()
            threads.append(thread)
            number += 1
            time.sleep(max(0, began + number / rate - time.monotonic()))
        for thread in threads:
            thread.join()


def wandering(replicas, calm_until):
    """Conversations that were answered by both replicas while nothing was restarted."""
    where = {}
    for replica in replicas:
        for line in replica.lines():
            if line["path"] == "/v1/chat/completions" and line["time"] < calm_until:
                where.setdefault(line["id"].split("-")[1], set()).add(replica.name)
    return sorted(c for c, names in where.items() if len(names) > 1)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gannet", required=True)
    options.add_argument("--seconds", type=float, default=30, help="of load, restarts in the middle")
    options.add_argument("--rate", type=float, default=5, help="requests per second")
    options.add_argument("--rounds", type=int, default=2, help="restarts of each replica")
    o = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gannet-haproxy-") as name:
        return run(o, Path(name))


def run(o, folder):
    replicas = [Replica(o.gannet, folder, name) for name in ("one", "two")]
    proxy = None
    done = threading.Event()
    try:
        for replica in replicas:
            replica.start()
        front = free_port()
        proxy = subprocess.Popen(["haproxy", "-f", str(CONFIG)], stderr=open(folder / "proxy", "w"), env={
            **os.environ, "GANNET_FRONT": f"127.0.0.1:{front}", "GANNET_ONE": f"127.0.0.1:{replicas[0].port}",
            "GANNET_TWO": f"127.0.0.1:{replicas[1].port}"})
        time.sleep(2)
        load = Load(front)
        loader = threading.Thread(target=load.run, args=(o.rate, done))
        loader.start()
        time.sleep(o.seconds / 4)
        calm_until = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        stops, open_then = [], []
        for _ in range(o.rounds):
            for replica in replicas:
                open_then.append(load.open)
                stops.append(replica.stop())
                time.sleep(1)
                replica.start()
                time.sleep(3)  # the proxy looks twice before it uses a replica again
        time.sleep(o.seconds / 4)
        done.set()
        loader.join()
        seconds = sorted(load.seconds)
        n = len(seconds)
        lines = [line for r in replicas for line in r.lines() if line["path"] == "/v1/chat/completions"]
        again = wandering(replicas, calm_until)
        version = subprocess.run(["haproxy", "-v"], capture_output=True, text=True).stdout.split()[2]
        print(f"haproxy {version}, {subprocess.run([o.gannet, '--version'], capture_output=True, text=True).stdout.strip()}")
        print(f"requests: {n} ({load.kinds['stream']} streams, {load.kinds['whole']} whole), failed: {len(load.failures)}")
        print(f"seconds: median {seconds[n // 2]:.2f}, 99 % {seconds[n * 99 // 100]:.2f}, longest {seconds[-1]:.2f}")
        print(f"restarts: {len(stops)}, stopping took up to {max(stops):.2f} s, starting "
              f"{max(t for r in replicas for t in r.times):.2f} s; requests open when a replica was stopped: {open_then}")
        print(f"answered by one: {len(replicas[0].lines())}, by two: {len(replicas[1].lines())}; "
              f"with a cached prompt: {sum(line.get('n_cached', 0) > 0 for line in lines)} of {len(lines)}")
        # The last of five numbers of connections, before two of queues: tries after the first; "+": another replica.
        tries = re.findall(r"/(\+?)(\d+) \d+/\d+ ", (folder / "proxy").read_text())
        print(f"sent again by the proxy: {sum(n != '0' for _, n in tries)} of {len(tries)}, "
              f"to the other replica: {sum(plus == '+' for plus, _ in tries)}")
        for failure in load.failures[:20]:
            print(failure)
        if again:
            print(f"conversations that went to both replicas before any restart: {', '.join(again)}")
        return 1 if load.failures or again or n < o.rate * o.seconds / 4 else 0
    finally:
        done.set()
        for process in [proxy] + [r.process for r in replicas]:
            if process and process.poll() is None:
                process.kill()
                process.wait()


if __name__ == "__main__":
    sys.exit(main())
