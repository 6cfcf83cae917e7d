"""Calls of tools in all shapes that models write them in, right and wrong (R14): every answer is a call or a text,
nothing is a failure of the server, and a stream says what the whole answer says."""

import json
import os
import random
import tempfile

from serving import Server, in_threads
from turns import template

TOOLS = [{'type': 'function', 'function': {'name': n, 'parameters': {'type': 'object', 'properties': {
    'path': {'type': 'string'}, 'content': {'type': 'string'}, 'lines': {'type': 'integer'}, 'deep': {'type': 'object'}}}}}
    for n in ('write_file', 'read_file', 'run')]
VALUES = ['/a/b.txt', '', ' ', '\n', 'a\nb\n\nc', '{"a": [1, 2, {"b": null}]}', '</parameter', '<parameter=x>', '</tool_call>',
          '<tool_call>', '</function>', '<|im_end|>', '"', '\\', '\\n', 'ünïcödé 漢字 🦆', '<think>', '</think>', '0', '-1', 'true',
          'null', '[', '```json\n{}\n```', 'def f():\n    return "<a href=\\"x\\">"\n', '&lt;', '\t', 'x' * 40, '%s %d {{ }} {% %}']
PIECES = ['<tool_call>', '</tool_call>', '<function=', '</function>', '<parameter=', '</parameter>', '>', '\n', 'write_file',
          'path', ' ', '{"name": "run", "arguments": {}}', '</think>', '<think>', 'text', '{', '}', '"', '\n\n']


def call(r):
    name = r.choice(['write_file', 'read_file', 'run', 'run', 'no_such_tool', ''])
    text = f'<tool_call>\n<function={name}>\n'
    for key in r.sample(['path', 'content', 'lines', 'deep', 'unknown', 'path'], r.randint(0, 4)):
        text += f'<parameter={key}>\n{r.choice(VALUES)}\n</parameter>\n'
    return text + '</function>\n</tool_call>'


def mutated(r, text):
    """White space that is missing or too much, ends that are cut, pieces that are lost."""
    for _ in range(r.choice([0, 0, 1, 1, 2, 4])):
        at = r.randint(0, len(text))
        how = r.randrange(6)
        if how == 0:
            text = text[:at]
        elif how == 1:
            text = text[:at] + r.choice(PIECES) + text[at:]
        elif how == 2:
            text = text.replace('\n', r.choice(['', '\n\n', ' \n', '\r\n']), r.randint(1, 3))
        elif how == 3:
            text = text[:at] + text[at + r.randint(1, 8):]
        elif how == 4:
            text = text.replace(r.choice(PIECES), '', 1)
        else:
            text = text + r.choice(['', '\n', ' behind it', '\n' + call(r)])
    return text


def corpus(n):
    r = random.Random(14)
    texts = []
    while len(texts) < n:
        kind = r.random()
        if kind < 0.7:
            text = r.choice(['', 'I will look.\n\n', 'text ', '</think>\n\n']) + call(r)
            text = mutated(r, text + ('\n' + call(r) if r.random() < 0.3 else ''))
        elif kind < 0.9:
            text = ''.join(r.choice(PIECES) for _ in range(r.randint(1, 20)))
        else:
            text = '<tool_call>\n' + json.dumps({'name': 'run', 'arguments': {'path': r.choice(VALUES)}}) + '\n</tool_call>'
        if text:
            texts.append(text)
    return texts


def said(parts, key):
    """Text, thoughts and calls of a message or of the pieces of a stream."""
    content = thoughts = ''
    calls, finish = {}, None
    for part in parts:
        for choice in part.get('choices', []):
            m = choice.get(key) or {}
            content += m.get('content') or ''
            thoughts += m.get('reasoning_content') or ''
            for i, c in enumerate(m.get('tool_calls') or []):
                one = calls.setdefault(c.get('index', i), ['', ''])
                one[0] += c['function'].get('name') or ''
                one[1] += c['function'].get('arguments') or ''
            finish = choice.get('finish_reason') or finish
    return content, thoughts, [calls[i] for i in sorted(calls)], finish


def calls(program, report, n=2000):
    scripted = os.path.join(os.path.dirname(program), 'gannet_scripted_server')
    if not os.path.exists(scripted):
        report.note('R14 calls', f'left out: {scripted} is not built')
        return
    texts = corpus(n)
    with tempfile.TemporaryDirectory(prefix='gannet-calls.') as folder:
        script = os.path.join(folder, 'script.json')
        with open(script, 'w') as f:
            json.dump([{'user': f'case {i}.', 'text': text} for i, text in enumerate(texts)], f)
        options = ['--script', script, '--chat-template-file', template(folder, False), '-np', '16', '--spec', 'off']
        failures, different, broken, n_calls, n_texts = [], [], [], [0], [0]
        with Server(scripted, options, command=()) as server:
            def client(k):
                c = server.connect()
                for i in range(k, n, 16):
                    body = {'messages': [{'role': 'user', 'content': f'case {i}.'}], 'tools': TOOLS, 'max_tokens': 2000}
                    status, data, _ = server.ask('POST', '/v1/chat/completions', body, connection=c)
                    streamed, events, _ = server.ask('POST', '/v1/chat/completions', {**body, 'stream': True}, connection=c)
                    if status != 200 or streamed != 200 or b'"error"' in events.split(b'data: [DONE]')[0][-300:]:
                        failures.append((texts[i], status, streamed, data[-200:], events[-200:]))
                        continue
                    whole = said([json.loads(data)], 'message')
                    parts = said([json.loads(e[6:]) for e in events.decode().split('\n\n')
                                  if e.startswith('data: {')], 'delta')
                    if whole != parts:
                        different.append((texts[i], whole, parts))
                    for _, arguments in whole[2]:
                        try:
                            if not isinstance(json.loads(arguments), dict):
                                raise ValueError
                        except ValueError:
                            broken.append((texts[i], arguments))
                    n_calls[0] += bool(whole[2])
                    n_texts[0] += not whole[2]
            in_threads(16, client)
        report.demand(f'R14 {n} answers with calls', 'call or text, stream as whole', f'{n_calls[0]} calls, {n_texts[0]} '
                      f'texts, {len(failures)} failures, {len(different)} differ when streamed, {len(broken)} with broken '
                      'arguments', not failures and not different and not broken)
        for what in (failures, different, broken):
            for one in what[:4]:
                report.say(repr(one))
