"""No answer depends on another request: thousands of mixed requests beside each other give what each gives alone,
and no word of one prompt stands in another's answer."""

import http.client
import os
import random
import re
import shutil
import tempfile
import threading

from dialects import CHAT, RAW
from serving import Server, in_threads

WORDS = ('sea river stone bread winter king letter garden morning silver horse mountain answer window number child '
         'define explain describe write the of and in under behind with without often never because while').split()
KEYS = ['alpha-key-1', 'beta-key-2', 'gamma-key-3', 'delta-key-4']
SCHEMA = {'type': 'object', 'properties': {'a': {'type': 'integer'}, 'b': {'type': 'string', 'maxLength': 8}},
          'required': ['a', 'b'], 'additionalProperties': False}


def words(r, n):
    return ' '.join(r.choice(WORDS) for _ in range(n))


class Item:
    """A request, in any of its dialects."""

    def __init__(self, r, systems, passages):
        self.canary = f'zq{r.getrandbits(40):010x}'
        self.own = {self.canary}
        self.seed, self.n = r.randrange(1 << 30), r.randint(3, 14)
        self.more = {'temperature': r.choice([0, 0.5, 1.2, 2.0])}
        self.dialects = CHAT
        if r.random() < 0.3:
            self.dialects = RAW
            passage, canary = r.choice(passages)
            self.own.add(canary)
            cut = r.randint(0, len(passage))
            self.input = f'{passage[:cut]} {self.canary} {words(r, r.randint(1, 12))}'
            return
        self.input = []
        if r.random() < 0.7:
            text, canary = r.choice(systems)
            self.own.add(canary)
            self.input.append({'role': 'system', 'content': text})
        self.input.append({'role': 'user', 'content': words(r, r.randint(2, 30))})
        for _ in range(r.choice([0, 0, 1, 2])):
            self.input.append({'role': 'assistant', 'content': words(r, r.randint(3, 20))})
            self.input.append({'role': 'user', 'content': words(r, r.randint(2, 10))})
        self.input[-1]['content'] += f' remember {self.canary}'
        kind = r.random()
        if kind < 0.06:
            self.dialects, self.n = CHAT[:1], 40
            self.more['response_format'] = {'type': 'json_schema', 'json_schema': {'name': 's', 'schema': SCHEMA}}
        elif kind < 0.2:  # the numbers must be the same to the last bit
            self.dialects = CHAT[:1]
            self.more.update(logprobs=True, top_logprobs=3)

    def body(self, dialect, stream):
        return dialect.body(self.input, self.seed, self.n, stream, **self.more)


def catalogue(n, seed=1):
    r = random.Random(seed)

    def marked(size):
        canary = f'zq{r.getrandbits(40):010x}'
        text = words(r, size).split()
        text.insert(r.randint(0, len(text)), canary)
        return ' '.join(text), canary
    systems = [marked(r.choice([20, 80, 160, 300])) for _ in range(8)]
    passages = [marked(r.choice([60, 200, 400])) for _ in range(6)]
    return [Item(r, systems, passages) for _ in range(n)]


def alone(program, items, options, wrap=()):
    """What each says when nobody else asks: nothing remembered, nothing drafted, one at a time."""
    with Server(program, ['--exact', '-np', '1', '-cram', '0', '--spec', 'off', *options], wrap) as server:
        c = server.connect()
        for item in items:
            dialect = item.dialects[0]
            status, data, _ = server.ask('POST', dialect.path, item.body(dialect, False), connection=c)
            a = dialect.read(data, False)
            if status != 200 or not a.ended:
                raise RuntimeError(f'alone: {status} {data[:300]}')
            item.text, item.extra = a.text, a.extra


class Mix:
    """`n` requests for `items` from several clients at once, some of which go away."""

    def __init__(self, server, items, n, clients, folder, seed=2):
        self.server, self.items, self.n, self.clients, self.folder = server, items, n, clients, folder
        self.seed, self.lock, self.done = seed, threading.Lock(), False
        self.finished = self.cancelled = self.streamed = self.slot_calls = self.refused = 0
        self.different, self.foreign, self.errors = [], [], []
        self.canaries = set().union(*(i.own for i in items))

    def check(self, item, dialect, stream, status, data):
        with self.lock:
            if status == 429:
                self.refused += 1
                return
            a = dialect.read(data, stream) if status == 200 else None
            if a is None or a.error or not a.ended:
                self.errors.append((dialect.path, stream, status, data[-300:]))
                return
            self.finished += 1
            self.streamed += stream
            if a.text != item.text or a.extra and a.extra != item.extra:
                self.different.append((dialect.path, stream, item.seed, a.cached, item.text, a.text))
            for canary in re.findall(r'zq[0-9a-f]{10}', data.decode(errors='replace')):
                if canary in self.canaries and canary not in item.own:
                    self.foreign.append((dialect.path, canary))

    def client(self, i):
        r = random.Random(self.seed * 1000 + i)
        c = self.server.connect()
        for _ in range(self.n // self.clients):
            item = r.choice(self.items)
            dialect, stream, key = r.choice(item.dialects), r.random() < 0.5, r.choice(KEYS)
            if r.random() < 0.12:
                self.cancel(r, item, dialect, stream, key)
                continue
            try:
                status, data, _ = self.server.ask('POST', dialect.path, item.body(dialect, stream), key, connection=c)
                self.check(item, dialect, stream, status, data)
            except (OSError, http.client.HTTPException) as e:
                with self.lock:
                    self.errors.append((dialect.path, stream, repr(e)))
                c = self.server.connect()

    def cancel(self, r, item, dialect, stream, key):
        """Goes away in the middle of the request, while it waits, or in the middle of the answer."""
        data = self.server.request_bytes(dialect.path, item.body(dialect, stream), key)
        with self.server.socket() as s:
            how = r.random()
            s.sendall(data[:r.randint(1, len(data) - 1)] if how < 0.15 else data)
            if how > 0.4:
                s.settimeout(r.choice([0.001, 0.005, 0.02, 0.1]))
                try:
                    for _ in range(r.randint(1, 6)):
                        if not s.recv(r.randint(1, 400)):
                            break
                except OSError:
                    pass
        with self.lock:
            self.cancelled += 1

    def slots(self):
        """States saved, brought back and erased all the time; and those who watch."""
        r = random.Random(self.seed)
        n = len(self.get('/slots'))
        while not self.done:
            slot, action = r.randrange(n), r.choice(['save', 'restore', 'restore', 'erase', 'look'])
            if action == 'look':
                self.server.get(r.choice(['/slots', '/metrics', '/props', '/health']), KEYS[0])
            else:
                body = {} if action == 'erase' else {'filename': f's{r.randrange(5)}'}
                status, data, _ = self.server.post(f'/slots/{slot}?action={action}', body, KEYS[0])
                if status not in (200, 400):
                    self.errors.append((action, status, data[:200]))
                self.slot_calls += status == 200
            threading.Event().wait(0.02)

    def get(self, path):
        import json
        return json.loads(self.server.get(path, KEYS[0])[1])

    def run(self):
        watcher = threading.Thread(target=self.slots, daemon=True)
        watcher.start()
        try:
            in_threads(self.clients, self.client)
        finally:
            self.done = True
            watcher.join()


SPECULATION = {'off': ['--spec', 'off'], 'auto': ['--spec', 'auto'],
               'forced': ['--spec-type', 'ngram-suffix,ngram-simple:ngram_size_n=2', '--spec-force']}


def isolation(program, report, n=10000, n_items=400, spec=('off', 'auto', 'forced'), wrap=(), name='isolation'):
    items = catalogue(n_items)
    alone(program, items, [], wrap)
    for how in spec:
        folder = tempfile.mkdtemp(prefix='gannet-isolation.')
        share = n // len(spec)
        # Rings for taking drafts back are large beside the state of so small a model.
        options = ['--exact', '-np', '6', '--queue', '100', '-cram', '12' if how == 'off' else '48', '--cache-dir', os.path.join(folder, 'cache'),
                   '--cache-disk', '8', '--slot-save-path', os.path.join(folder, 'slots'), *SPECULATION[how]]
        os.mkdir(os.path.join(folder, 'slots'))
        for key in KEYS:
            options += ['--api-key', key]
        with Server(program, options, wrap) as server:
            mix = Mix(server, items, share, 12, folder)
            mix.run()
            server.idle()
            m = server.metrics()
            lines = server.lines
        code = server.process.returncode
        report.note(f'{name}, speculation {how}',
                    f'{mix.finished} answers ({mix.streamed} streamed), {mix.cancelled} clients gone, '
                    f'{mix.slot_calls} slot actions, {m["gannet_states_given_up_total"]:.0f} states evicted, '
                    f'{m["llamacpp:prompt_tokens_cached_total"]:.0f} tokens cached of '
                    f'{m["vllm:prefix_cache_queries"]:.0f}, {m["gannet_prompt_tokens_stored_total"]:.0f} from disk, '
                    f'{m["llamacpp:spec_decode_num_draft_tokens_total"]:.0f} drafted of which '
                    f'{m["llamacpp:spec_decode_num_accepted_tokens_total"]:.0f} right')
        bad = len(mix.different) + len(mix.foreign) + len(mix.errors)
        report.demand(f'{name}, speculation {how}', 'all as alone, none foreign',
                      f'{len(mix.different)} differ, {len(mix.foreign)} foreign words, {len(mix.errors)} errors, '
                      f'{mix.refused} refused, exit {code}', bad == 0 and code == 0 and mix.finished > 0.7 * share)
        for what in (mix.different, mix.foreign, mix.errors):
            for one in what[:5]:
                report.say(repr(one))
        races = [line for line in lines if 'Sanitizer' in line]
        if wrap or races:
            report.demand(f'{name}, sanitizer', '0 reports', f'{len(races)} reports', not races)
            for line in lines if races else []:
                report.say(line)
        shutil.rmtree(folder)


# Where ThreadSanitizer can place its shadow.
SETARCH = ('setarch', os.uname().machine, '-R')


def isolation_short(program, report):
    """For builds that are many times slower."""
    isolation(program, report, n=600, n_items=60, spec=('off', 'forced'), wrap=SETARCH, name='isolation, short')


def isolation_tsan(program, report):
    """For one with ThreadSanitizer and -DGANNET_SANITIZE_KERNELS=OFF: half an hour."""
    isolation(program, report, n_items=150, wrap=SETARCH, name='isolation, ThreadSanitizer')
