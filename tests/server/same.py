"""The same request gives the same bytes (R11): beside copies of itself and noise, with one thread and two, cold, from
memory and from disk, with and without drafts."""

import json
import os
import random
import shutil
import tempfile
import threading

from serving import Server, in_threads

PROMPTS = ['define sea', 'In the beginning ' * 3, 'the stone and the river and the house ' * 25]


def bodies():
    for i, prompt in enumerate(PROMPTS):
        for temperature in (0, 1):
            yield {'messages': [{'role': 'user', 'content': prompt}], 'max_tokens': 16, 'seed': i,
                   'temperature': temperature, 'logprobs': True, 'top_logprobs': 2}


def essence(data):
    """Text, and the numbers of its tokens as they were written."""
    choice = json.loads(data)['choices'][0]
    return json.dumps([choice['message']['content'], choice['logprobs']['content']])


def ask(server, body):
    status, data, _ = server.post('/v1/chat/completions', body)
    if status != 200:
        raise RuntimeError(f'{status} {data[:300]}')
    return essence(data)


def beside_noise(server, expected):
    """16 copies of each at once, while others come and go."""
    over, wrong = threading.Event(), []
    r = random.Random(4)

    def noise():
        while not over.is_set():
            server.post('/completion', {'prompt': f'{r.random()} noise ' * r.randint(1, 60), 'n_predict': r.randint(1, 30)})

    makers = [threading.Thread(target=noise) for _ in range(3)]
    for t in makers:
        t.start()
    try:
        for body, want in zip(bodies(), expected):
            def one(_, body=body, want=want):
                if ask(server, body) != want:
                    wrong.append(body)
            in_threads(16, one)
    finally:
        over.set()
        for t in makers:
            t.join()
    return len(wrong)


def same(program, report):
    with Server(program, ['--exact', '--spec', 'off', '-np', '1', '-cram', '0']) as server:
        expected = [ask(server, b) for b in bodies()]
    n = len(expected)
    for threads in ('1', '2'):
        for spec in ('off', 'auto'):
            folder = tempfile.mkdtemp(prefix='gannet-same.')
            options = ['--exact', '-t', threads, '--spec', spec, '-np', '8', '--queue', '200', '--slot-save-path', folder,
                       '--cache-dir', os.path.join(folder, 'cache')]
            with Server(program, options) as server:
                wrong = {'cold': sum(ask(server, b) != e for b, e in zip(bodies(), expected))}
                wrong['cached'] = sum(ask(server, b) != e for b, e in zip(bodies(), expected))
                wrong['beside noise'] = beside_noise(server, expected)
                ask(server, list(bodies())[-1])
                saved = server.post('/slots/0?action=save', {'filename': 's'})[0]
            with Server(program, options) as server:
                wrong['from disk'] = sum(ask(server, b) != e for b, e in zip(bodies(), expected))
                stored = server.metrics()['gannet_prompt_tokens_stored_total']
            shutil.rmtree(os.path.join(folder, 'cache'))
            with Server(program, options) as server:
                restored = server.post('/slots/0?action=restore', {'filename': 's'})[0]
                wrong['restored'] = sum(ask(server, b) != e for b, e in zip(bodies(), expected))
            shutil.rmtree(folder)
            report.demand(f'R11 {threads} threads, speculation {spec}', 'the same bytes', 'different: ' + ', '.join(
                f'{k} {v} of {n * 16 if k == "beside noise" else n}' for k, v in wrong.items()) +
                f' ({stored:.0f} tokens from disk)', not any(wrong.values()) and stored > 0 and saved == restored == 200)
