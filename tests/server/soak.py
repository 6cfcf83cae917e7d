"""Minutes of everything (R9): chats, tools, clients that go away, bad input. Memory stays, nothing fails."""

import http.client
import os
import random
import tempfile
import threading
import time

from dialects import CHAT, RAW
from isolation import words
from serving import Server, quantile

BAD = [b'', b'{', b'[]', b'{"messages":[]}', b'{"messages":[{"role":"user"}]}', b'{"prompt":"x","n_predict":-7}',
       b'{"prompt":[1,2,99999999]}', b'\xff\xfe', b'[' * 5000, b'{"prompt":"' + b'x' * 200000 + b'"}',
       b'{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"s",'
       b'"schema":{"type":"string","pattern":"(a"}}}}',
       b'{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}', b'{"prompt":"x","grammar":"root ::= ("}']


def soak(program, report, minutes=float(os.environ.get('SOAK_MINUTES', '10')),
         rate=float(os.environ.get('SOAK_RATE', '12'))):
    with tempfile.TemporaryDirectory(prefix='gannet-soak.') as folder, \
            Server(program, ['-np', '4', '--queue', '64', '-cram', '48', '--cache-dir', folder, '--cache-disk',
                             '32']) as server:
        lock, over = threading.Lock(), threading.Event()
        statuses, slow, kinds = {}, [], {}
        systems = [words(random.Random(i), 60) for i in range(6)]

        def one(r):
            kind = r.choice(['chat'] * 5 + ['raw', 'tools', 'cancel', 'cancel', 'bad', 'look'])
            began = time.monotonic()
            dialect = r.choice(CHAT)
            messages = [{'role': 'system', 'content': r.choice(systems)}, {'role': 'user', 'content': words(r, 12)}]
            try:
                if kind == 'bad':
                    status = server.post(r.choice([*CHAT, *RAW]).path, r.choice(BAD))[0]
                elif kind == 'look':
                    status = server.get(r.choice(['/health', '/metrics', '/slots', '/props', '/v1/models', '/nothing']))[0]
                elif kind == 'raw':
                    dialect = r.choice(RAW)
                    status = server.post(dialect.path, dialect.body(words(r, 20), r.randrange(99), 12, False))[0]
                elif kind == 'tools':
                    tools = [{'type': 'function', 'function': {'name': 'f', 'parameters': {'type': 'object', 'properties': {
                        'a': {'type': 'integer', 'minimum': 0, 'maximum': 9}}, 'required': ['a']}}}]
                    status = server.post(CHAT[0].path, CHAT[0].body(messages, 1, 24, False, tools=tools))[0]
                elif kind == 'cancel':
                    data = server.request_bytes(dialect.path, dialect.body(messages, 1, 200, True))
                    with server.socket() as s:
                        s.sendall(data[:r.randint(1, 2 * len(data))])
                        time.sleep(r.random() * 0.1)
                    status = 0
                else:
                    stream = r.random() < 0.5
                    status, data, _ = server.post(dialect.path, dialect.body(messages, r.randrange(99), 12, stream))
                    if status == 200 and not dialect.read(data, stream).ended:
                        status = 'no end'
            except (OSError, http.client.HTTPException) as e:
                status = type(e).__name__
            with lock:
                statuses[status] = statuses.get(status, 0) + 1
                kinds[kind] = kinds.get(kind, 0) + 1
                if kind == 'chat':
                    slow.append((began, time.monotonic() - began))

        def client(i):
            r = random.Random(i)
            while not over.wait(r.expovariate(rate / 8)):
                one(r)

        threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        time.sleep(60 * minutes * 0.15)  # until the cache is as full as it gets
        samples, end = [], time.monotonic() + 60 * minutes * 0.85
        while time.monotonic() < end:
            samples.append((time.monotonic(), server.rss()))
            time.sleep(1)
        over.set()
        for t in threads:
            t.join()
        server.idle()
        n, threads_left = sum(kinds.values()), server.threads()
    # Least squares.
    mt, mr = (sum(s[i] for s in samples) / len(samples) for i in (0, 1))
    slope = sum((t - mt) * (r - mr) for t, r in samples) / sum((t - mt) ** 2 for t, _ in samples) * 3600
    slow.sort()
    third = len(slow) // 3
    early, late = (quantile([s for _, s in part], 0.99) for part in (slow[:third], slow[-third:]))
    fives = {s: c for s, c in statuses.items() if not isinstance(s, int) or s >= 500}
    report.demand(f'R9 {minutes:g} minutes, failures', '0', f'{n} requests ({n / 60 / minutes:.1f}/s): {statuses}', not fives)
    report.note('R9 memory', f'{samples[0][1]:.1f} -> {samples[-1][1]:.1f} MiB, {slope:+.1f} MiB/h over '
                f'{0.85 * minutes:.1f} minutes (demand over an hour: < 1 MiB/h); {threads_left} threads')
    report.note('R9 chats, p99', f'{1e3 * early:.0f} ms in the first third, {1e3 * late:.0f} ms in the last')
