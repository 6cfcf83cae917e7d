"""Many clients, most of them a nuisance: health stays quick (R5), a full queue is said at once (R6)."""

import collections
import json
import threading
import time

from serving import Server, in_threads, quantile, until

HEALTH_MS, METRICS_MS, REFUSAL_MS = 50, 100, 20


def ask(text, n=20, **more):
    return {'messages': [{'role': 'user', 'content': text}], 'max_tokens': n, 'seed': 1, 'ignore_eos': True, **more}


def probe(server, path, n, pause=0.01):
    """Milliseconds of n requests, each on a new connection as monitors have them."""
    took = []
    for _ in range(n):
        began = time.monotonic()
        status = server.get(path)[0]
        took.append(1e3 * (time.monotonic() - began))
        if status != 200:
            raise RuntimeError(f'{path}: {status}')
        time.sleep(pause)
    return took


def crowded(program, report):
    with Server(program, ['-np', '2', '--queue', '400']) as server:
        quiet = probe(server, '/health', 200, 0)
        report.note('R5 health with nobody else', f'p50 {quantile(quiet, 0.5):.1f} ms, p99 {quantile(quiet, 0.99):.1f} ms')
        rss = server.rss()
        head = server.request_bytes('/v1/chat/completions', ask('x' * 4000))[:600]
        half_open, idle, queued = [], [], []
        for _ in range(1000):
            s = server.socket()
            s.sendall(head)
            half_open.append(s)
        for _ in range(1000):
            idle.append(server.socket())
        body = server.request_bytes('/v1/chat/completions', ask('tell a story', 3000))
        for _ in range(300):
            s = server.socket()
            s.sendall(body)
            queued.append(s)
        until(lambda: server.metrics()['llamacpp:requests_deferred'] >= 298, 60, 'queued')
        answer = []

        def long_prompt():
            began = time.monotonic()
            status, data, _ = server.post('/v1/chat/completions', ask('word ' * 20 * 4096))
            answer.append((status, time.monotonic() - began, data[:120]))
        long = threading.Thread(target=long_prompt)
        long.start()
        health, metrics = probe(server, '/health', 300), probe(server, '/metrics', 300)
        long.join()
        waiting = server.metrics()['llamacpp:requests_deferred']
        demand_ms(report, 'R5 /health p99, crowded', health, HEALTH_MS)
        demand_ms(report, 'R5 /metrics p99, crowded', metrics, METRICS_MS)
        status, seconds, _ = answer[0]
        report.demand('R5 prompt of 20 contexts', '400 < 200 ms', f'{status} after {1e3 * seconds:.0f} ms',
                      status == 400 and seconds < 0.2)
        report.note('R5 the crowd', f'{waiting:.0f} waited at the end, {server.threads()} threads, '
                    f'{server.rss() - rss:.0f} MiB more than before')
        for s in half_open + idle + queued:
            s.close()
        server.idle()


def demand_ms(report, name, took, most):
    p99 = quantile(took, 0.99)
    report.demand(name, f'<= {most} ms', f'{p99:.1f} ms (p50 {quantile(took, 0.5):.1f}, worst {max(took):.1f})',
                  p99 <= most)


def flood(program, report, n=300, queue=64):
    with Server(program, ['-np', '1', '--queue', str(queue), '-cram', '24']) as server:
        server.post('/v1/chat/completions', ask('warm up', 4))
        rss, threads, fds = server.rss(), server.threads(), server.fds()
        most_threads, most_rss, over = [threads], [rss], threading.Event()

        def watch():
            while not over.wait(0.02):
                most_threads.append(server.threads())
                most_rss.append(server.rss())
        watcher = threading.Thread(target=watch)
        watcher.start()
        # One thread sends them all at once and takes what comes, so that its own time is not measured.
        import selectors
        bodies = [server.request_bytes('/v1/chat/completions', ask(f'request {i}', 30)) for i in range(n)]
        sockets = [server.socket() for _ in range(n)]
        selector = selectors.DefaultSelector()
        sent, got = {}, collections.defaultdict(bytes)
        refused, statuses, dropped = [], collections.Counter(), 0
        began = time.monotonic()

        def take(wait):
            nonlocal dropped
            for key, _ in selector.select(wait):
                i = key.data
                data = sockets[i].recv(65536)
                now = time.monotonic()
                got[i] += data
                if not data:
                    dropped += 1
                elif b'\r\n\r\n' in got[i]:
                    head, _, rest = got[i].partition(b'\r\n\r\n')
                    length = int(head.lower().partition(b'content-length:')[2].split(b'\r\n')[0])
                    if len(rest) < length:
                        continue
                    status = int(head.split()[1])
                    statuses[status] += 1
                    if status == 429:
                        refused.append(1e3 * (now - sent[i]))
                        if b'retry-after' not in head.lower():
                            statuses['429 without Retry-After'] += 1
                    else:
                        json.loads(rest)
                else:
                    continue
                selector.unregister(sockets[i])
        for i, s in enumerate(sockets):
            sent[i] = time.monotonic()
            s.sendall(bodies[i])
            selector.register(s, selectors.EVENT_READ, i)
            take(0)
        while selector.get_map() and time.monotonic() < began + 120:
            take(1)
        seconds = time.monotonic() - began
        over.set()
        watcher.join()
        unanswered = len(selector.get_map())
        for s in sockets:
            s.close()
        ok = set(statuses) <= {200, 429} and sum(statuses.values()) == n and dropped == unanswered == 0
        report.demand(f'R6 {n} at once, 1 slot', 'all 200 or 429', f'{dict(statuses)}, {dropped} dropped, {unanswered} '
                      f'unanswered, {seconds:.1f} s', ok and statuses[200] >= queue)
        demand_ms(report, 'R6 refusal, p99', refused, REFUSAL_MS)
        report.demand('R6 memory', '<= 64 MiB more', f'{max(most_rss) - rss:.1f} MiB more', max(most_rss) - rss <= 64)
        report.demand('R6 threads', 'constant', f'{min(most_threads)} to {max(most_threads)}',
                      min(most_threads) == max(most_threads))
        until(lambda: server.fds() <= fds, 10, 'closed')


def load(program, report):
    crowded(program, report)
    flood(program, report)
