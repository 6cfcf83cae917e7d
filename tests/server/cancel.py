"""Clients that go away (R7): their slot is free at once, and nothing of them stays."""

import json
import random
import time

from serving import Server, quantile, until

LONG = 'the sea and the river and the stone ' * 250


def body(prompt, n, stream=True):
    return {'prompt': prompt, 'n_predict': n, 'stream': stream, 'ignore_eos': True, 'seed': 1}


def busy(server):
    return sum(s['is_processing'] for s in json.loads(server.get('/slots')[1]))


def free_after(server, s):
    began = time.monotonic()
    s.close()
    until(lambda: server.metrics()['llamacpp:requests_processing'] == 0, 10, 'free')
    return 1e3 * (time.monotonic() - began)


def time_to_free(program, report):
    """From the end of the connection to a free slot; what it takes to ask for that is included."""
    r = random.Random(1)
    took = {'generating': [], 'reading the prompt': [], 'waiting': []}
    with Server(program, ['-np', '1', '-ub', '64']) as server:
        for i in range(150):
            for how in took:
                # A new beginning each time: what was read before would not be read again.
                prompt = f'{how} {i} ' + ('' if how == 'generating' else LONG)
                with server.socket() as s:
                    s.sendall(server.request_bytes('/completion', body(prompt, 3000)))
                    if how == 'generating':
                        s.recv(1)
                        time.sleep(r.random() * 0.05)
                    else:
                        until(lambda: server.metrics()['llamacpp:requests_processing'] > 0, 10, 'begun')
                    if how != 'waiting':
                        took[how].append(free_after(server, s))
                        continue
                    with server.socket() as second:
                        second.sendall(server.request_bytes('/completion', body('waits', 10)))
                        until(lambda: server.metrics()['llamacpp:requests_deferred'] > 0, 10, 'waiting')
                        began = time.monotonic()
                        second.close()
                        until(lambda: server.metrics()['llamacpp:requests_deferred'] == 0, 10, 'gone')
                        took[how].append(1e3 * (time.monotonic() - began))
                    free_after(server, s)
    for how, ms in took.items():
        p99 = quantile(ms, 0.99)
        report.demand(f'R7 cancel while {how}, p99', '<= 250 ms', f'{p99:.0f} ms (p50 {quantile(ms, 0.5):.0f})', p99 <= 250)


def disconnects(program, report, n=1000):
    r = random.Random(2)
    with Server(program, ['-np', '4', '-cram', '64']) as server:
        prompts = [f'{i} ' + 'stone and bread ' * r.randint(1, 200) for i in range(8)]
        whole = [server.post('/completion', {**body(p, 12, False)})[1] for p in prompts]
        texts = [json.loads(w)['content'] for w in whole]
        server.idle()
        fds, threads, rss = server.fds(), server.threads(), server.rss()
        for i in range(n):
            which = r.randrange(len(prompts))
            data = server.request_bytes('/completion', body(prompts[which], r.choice([5, 50, 500]), r.random() < 0.7))
            s = server.socket()
            s.sendall(data[:r.randint(0, len(data))] if r.random() < 0.3 else data)
            if r.random() < 0.5:
                time.sleep(r.random() * 0.03)
            if r.random() < 0.3:  # with a reset
                import socket
                import struct
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            s.close()
        server.idle()
        slots = busy(server)
        until(lambda: server.fds() <= fds, 10, 'rid of descriptors')
        left = (slots, server.fds() - fds, server.threads() - threads)
        report.demand(f'R7 {n} disconnects leave', '0 slots, descriptors, threads', f'{left[0]}, {left[1]}, {left[2]}; '
                      f'{server.rss() - rss:+.1f} MiB', left == (0, 0, 0))
        held = server.metrics()['gannet_state_bytes']
        again = [json.loads(server.post('/completion', body(p, 12, False))[1])['content'] for p in prompts]
        report.demand('R7 answers after them', 'the same', f'{sum(a == b for a, b in zip(texts, again))} of {len(texts)}',
                      texts == again)
        report.note('R7 states held by the cache', f'{held / 2**20:.1f} MiB of at most 64')
        server.post('/models/unload', {})
        until(lambda: server.metrics()['gannet_models_loaded'] == 0, 10, 'unloaded')
        server.post('/models/load', {})
        fresh = server.metrics()['gannet_state_bytes']
        report.demand('R7 states without the cache', '0 bytes', f'{fresh:.0f} bytes', fresh == 0)


def cancel(program, report):
    time_to_free(program, report)
    disconnects(program, report)
