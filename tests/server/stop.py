"""The end of the server (R8): SIGTERM lets answers end, or ends them properly; `kill -9` leaves nothing in the way of
the next start, and what was remembered is there again."""

import json
import os
import random
import signal
import tempfile
import threading
import time

from dialects import CHAT, RAW
from serving import Server, quantile

CHATS = [{'role': 'user', 'content': 'write about the sea and the river'}]


def stream(server, dialect, n, got, i):
    body = dialect.body(CHATS if dialect in CHAT else 'the sea', 1, n, True, **(
        {'ignore_eos': True} if dialect.path not in ('/api/chat',) else {}))
    try:
        status, data, _ = server.post(dialect.path, body)
        got[i] = dialect.read(data, status == 200)
        got[i].ended |= status == 503  # its turn had not come
    except Exception as e:  # the end of the connection without a word is what is looked for
        got[i] = e


def drained(program, drain, n_tokens, kind):
    """(streams that ended properly, of all; seconds to the exit; exit code)"""
    with Server(program, ['-np', '8', '--drain-seconds', str(drain), '-c', '65536']) as server:
        dialects = (CHAT + RAW + CHAT)[:8]
        got = [None] * len(dialects)
        threads = [threading.Thread(target=stream, args=(server, d, n_tokens, got, i)) for i, d in enumerate(dialects)]
        for t in threads:
            t.start()
        deadline = time.monotonic() + 3
        while server.metrics()['llamacpp:requests_processing'] < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        code, seconds = server.stop()
        for t in threads:
            t.join(10)
    good = sum(not isinstance(a, (Exception, type(None))) and bool(a.ended if kind == 'ends' else a.ended or a.error)
               for a in got)
    return good, len(dialects), seconds, code, got


def terminated(program, report, n=20):
    for kind, drain, n_tokens in (('ends', 20, 600), ('is cut', 0, 40000), ('is cut', 1, 40000)):
        good = total = 0
        worst, codes = 0.0, set()
        for _ in range(n if drain != 1 else 3):
            g, t, seconds, code, got = drained(program, drain, n_tokens, kind)
            good, total, worst = good + g, total + t, max(worst, seconds)
            codes.add(code)
            for a in got:
                if isinstance(a, Exception) or a is None or not (a.ended or a.error):
                    report.say(f'{kind}: {a!r} {getattr(a, "text", "")[-80:]}')
        most = drain + 1
        report.demand(f'R8 SIGTERM, drain {drain} s', f'streams end, exit 0 <= {most} s',
                      f'{good} of {total} streams have their last event, exit {codes} after {worst:.2f} s at most',
                      good == total and codes == {0} and worst <= most)


def killed(program, report, n=int(os.environ.get('STOP_KILLS', '100'))):
    r = random.Random(3)

    def answer(server, i):
        body = {'messages': [{'role': 'user', 'content': f'{i} {prompt}'}], 'max_tokens': 8, 'seed': 1}
        return json.loads(server.post('/v1/chat/completions', body)[1])['choices'][0]['message']['content']
    prompt = 'the sea and the stone and the river ' * 20
    with tempfile.TemporaryDirectory(prefix='gannet-kill.') as folder:
        options = ['--cache-dir', folder, '--cache-disk', '8', '--exact', '--spec', 'off']
        with Server(program, ['--exact', '--spec', 'off', '-cram', '0']) as server:
            alone = [answer(server, i) for i in range(8)]
        starts, stored, wrong, said = [], 0, 0, []
        for _ in range(n):
            began = time.monotonic()
            server = Server(program, options)
            starts.append(1e3 * (time.monotonic() - began))
            for _ in range(3):
                i = r.randrange(8)
                wrong += answer(server, i) != alone[i]
            stored += server.metrics()['gannet_prompt_tokens_stored_total']
            body = server.request_bytes('/completion', {'prompt': f'{r.random()} {prompt}', 'n_predict': 500, 'stream': True})
            with server.socket() as s:
                s.sendall(body)
                time.sleep(r.random() * 0.15)
                server.signal(signal.SIGKILL)
            server.process.wait()
            server.reader.join(5)
            said += [line for line in server.lines if 'being loaded' not in line and 'served at' not in line]
        report.demand(f'R8 kill -9, {n} times', 'starts, right answers', f'{len(starts)} starts (p99 '
                      f'{quantile(starts, 0.99):.0f} ms), {wrong} of {3 * n} answers wrong, {stored:.0f} tokens came '
                      f'from disk, {len(said)} complaints', wrong == 0 and stored > 0)
        for line in said[:5]:
            report.say(line)


def stop(program, report):
    terminated(program, report)
    killed(program, report)
