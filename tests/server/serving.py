"""A running `gannet serve`, and what is measured of it. Python's own library only."""

import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

HOST = '127.0.0.1'


def raise_file_limit(n=16384):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (n if most == resource.RLIM_INFINITY else min(n, most), most))


class Server:
    """The program with `options`, once it says where it listens. Threads of the model: one, unless told."""

    def __init__(self, program, options=(), wrap=(), environment=None, ready=True, wait=60,
                 command=('serve',)):
        options = list(options)
        if '-t' not in options:
            options += ['-t', '1']
        self.lines, self.port = [], None
        self.process = subprocess.Popen([*wrap, program, *command, '--port', '0', *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        errors='replace', env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        self.said = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.said.wait(wait)
        if self.port is None:
            self.kill()
            raise RuntimeError('the server did not start: ' + ' | '.join(self.lines[-5:]))
        self.keys = [options[i + 1] for i, o in enumerate(options[:-1]) if o == '--api-key']
        if ready:
            until(lambda: self.get('/health')[0] == 200, wait, 'healthy')

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip('\n'))
            at = re.search(r'served at https?://[^ ]*:(\d+)', line)
            if at and self.port is None:
                self.port = int(at[1])
                self.said.set()
        self.said.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, wait=60):
        """SIGTERM; the exit code, and the seconds it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                self.kill()
        self.reader.join(5)
        return self.process.returncode, time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()

    def headers(self, key=None):
        key = key or (self.keys[0] if self.keys else None)
        return {'Authorization': f'Bearer {key}'} if key else {}

    def get(self, path, key=None, wait=60):
        return self.ask('GET', path, None, key, wait)

    def post(self, path, body, key=None, wait=300):
        return self.ask('POST', path, body, key, wait)

    def ask(self, method, path, body=None, key=None, wait=300, connection=None):
        """Status, body (bytes) and headers."""
        own = connection is None
        c = connection or http.client.HTTPConnection(HOST, self.port, timeout=wait)
        headers = self.headers(key)
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers['Content-Type'] = 'application/json'
        try:
            c.request(method, path, data, headers)
            answer = c.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            if own:
                c.close()

    def connect(self, wait=300):
        return http.client.HTTPConnection(HOST, self.port, timeout=wait)

    def socket(self, wait=60):
        s = socket.create_connection((HOST, self.port), wait)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def request_bytes(self, path, body, key=None):
        data = json.dumps(body).encode()
        lines = [f'POST {path} HTTP/1.1', f'Host: {HOST}:{self.port}', 'Content-Type: application/json',
                 f'Content-Length: {len(data)}', *(f'{k}: {v}' for k, v in self.headers(key).items())]
        return '\r\n'.join(lines).encode() + b'\r\n\r\n' + data

    def metrics(self):
        """By name; those with labels by name{labels}."""
        text = self.get('/metrics')[1].decode()
        return {n: float(v) for n, v in re.findall(r'^([^#\s]+) (\S+)$', text, re.M)}

    def idle(self, wait=30):
        """Until nothing is answered any more."""
        def quiet():
            m = self.metrics()
            return all(m[n] == 0 for n in ('llamacpp:requests_processing', 'llamacpp:requests_deferred'))
        until(quiet, wait, 'idle')

    # ---- of the process ----
    def status(self, field):
        with open(f'/proc/{self.pid}/status') as f:
            return int(re.search(rf'^{field}:\s+(\d+)', f.read(), re.M)[1])

    def rss(self):  # MiB
        return self.status('VmRSS') / 1024

    def threads(self):
        return self.status('Threads')

    def fds(self):
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def cpu(self):  # seconds, all threads
        with open(f'/proc/{self.pid}/stat') as f:
            parts = f.read().rpartition(')')[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf('SC_CLK_TCK')


def until(true, wait, what):
    end = time.monotonic() + wait
    while True:
        try:
            if true():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise RuntimeError(f'not {what} after {wait} s')
        time.sleep(0.005)


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))] if values else float('nan')


def in_threads(n, work):
    """Runs work(i) in n threads; the first exception is raised here."""
    failures = []

    def run(i):
        try:
            work(i)
        except BaseException as e:  # noqa: B036 - it is raised again below
            failures.append(e)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


class Report:
    """What was demanded, and what was measured."""

    def __init__(self):
        self.failed, self.rows = 0, []

    def demand(self, name, demanded, measured, ok):
        self.rows.append((name, demanded, measured, ok))
        self.failed += not ok
        self.show(self.rows[-1])

    def note(self, name, measured):
        self.rows.append((name, '', measured, True))
        self.show(self.rows[-1])

    @staticmethod
    def show(row):
        name, demanded, measured, ok = row
        mark = 'ok  ' if ok and demanded else '    ' if ok else 'FAIL'
        print(f'{mark} {name:<34} {demanded:<30} {measured}', flush=True)

    @staticmethod
    def say(text):
        print(f'     {text}', file=sys.stderr, flush=True)
