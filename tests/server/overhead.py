"""What the server adds to the model (R10): time to the first token, and CPU time of a streamed token."""

import json
import time

from serving import Server, quantile


def cpu(server):
    """Nanoseconds by thread."""
    import os
    took = {}
    for task in os.listdir(f'/proc/{server.pid}/task'):
        with open(f'/proc/{server.pid}/task/{task}/schedstat') as f:
            took[int(task)] = int(f.read().split()[0])
    return took


def first_tokens(server, n):
    """Milliseconds from the request to its first token, less what the scheduler needed for it."""
    added = []
    c = server.connect()
    for i in range(n):
        body = json.dumps({'messages': [{'role': 'user', 'content': 'define sea'}], 'max_tokens': 4, 'seed': i,
                           'stream': True, 'stream_options': {'include_usage': True}, 'ignore_eos': True})
        began = time.monotonic()
        c.request('POST', '/v1/chat/completions', body, {'Content-Type': 'application/json'})
        answer = c.getresponse()
        first, last = None, None
        for line in answer:
            if first is None and b'"content"' in line and b'"role"' not in line:
                first = time.monotonic()
            if b'"timings"' in line:
                last = json.loads(line[6:])['timings']
        added.append(1e3 * (first - began) - last['prompt_ms'])
    return added


def streamed(server, n_tokens, rounds):
    """Microseconds of CPU per token that are spent because it is streamed: (event loop, all)."""
    loop = {True: 0, False: 0}
    total = {True: 0, False: 0}
    for i in range(rounds):
        for stream in (True, False):
            body = {'prompt': 'the sea', 'n_predict': n_tokens, 'seed': i, 'stream': stream, 'ignore_eos': True,
                    'temperature': 1.0}
            before = cpu(server)
            server.post('/completion', body)
            after = cpu(server)
            loop[stream] += after[server.pid] - before[server.pid]
            total[stream] += sum(after.values()) - sum(before.get(t, 0) for t in after)
    n = 1e3 * n_tokens * rounds
    return loop[True] / n, (total[True] - total[False]) / n, total[False] / n


def overhead(program, report):
    with Server(program, ['-np', '1', '--spec', 'off']) as server:
        first_tokens(server, 20)
        added = first_tokens(server, 500)
        p50, p99 = quantile(added, 0.5), quantile(added, 0.99)
        report.demand('R10 added to the first token', 'p50 <= 1.5 ms, p99 <= 4 ms', f'p50 {p50:.2f} ms, p99 {p99:.2f} ms',
                      p50 <= 1.5 and p99 <= 4)
        loop, more, whole = streamed(server, 1000, 12)
        report.demand('R10 CPU of a streamed token', '<= 30 us', f'event loop {loop:.1f} us; streamed beside whole: '
                      f'{more:.1f} us more (whole, with the model: {whole:.0f} us)', max(loop, more) <= 30)
