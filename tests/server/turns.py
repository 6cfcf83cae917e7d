"""A conversation with tools of fifty turns, as five clients send it (R12): of each prompt nothing is read again but
what is new; the same after `kill -9`, and after the model was unloaded."""

import json
import os
import random
import re
import shutil
import tempfile
import time

from serving import Server

ROOM = 64  # tokens beside the new ones
SYSTEM = 'You are an agent that works with files. ' + 'Keep answers short and use the tools. ' * 12
ARGUMENTS = {'type': 'object', 'properties': {'path': {'type': 'string', 'enum': ['/a', '/b/c', '/d/e/f']},
                                              'lines': {'type': 'integer', 'enum': [1, 20, 300]}},
             'required': ['path', 'lines'], 'additionalProperties': False}
TOOLS = [('read_file', 'Reads a file'), ('list_files', 'Lists a folder')]


class Client:
    """Keeps the history as its kind does. turn(text): a user message, or the result of the last call."""

    user_every = 5
    thoughts = False

    def __init__(self):
        self.history, self.n, self.call = [], 0, None
        self.random = random.Random(5)

    def words(self, n):
        return ' '.join(self.random.choice('the sea stone of river house line and file value'.split()) for _ in range(n))

    def next(self, server):
        """One more turn; prompt tokens, cached tokens and the reason for the rest."""
        asks = self.call is None or self.n % self.user_every == 0
        if self.call is not None:
            self.add_result(self.words(12))
        if asks:
            self.add_user(f'{self.n}: ' + self.words(8))
        wants_call = (self.n + 1) % self.user_every != 0
        self.n += 1
        status, data, _ = server.post(self.path, self.body(wants_call))
        answer = json.loads(data)
        if status != 200:
            raise RuntimeError(f'{self.name}: {status} {data[:300]}')
        self.call = None
        self.take(answer, wants_call)
        return (*self.usage(answer), self.reason(answer), asks)

    def reason(self, answer):
        return (answer.get('usage') or answer).get('uncached_reason') or ''

    def invented(self):
        return f'call_{self.n}', 'read_file', {'path': '/b/c', 'lines': self.n}


class OpenAi(Client):
    name, path = 'OpenAI chat', '/v1/chat/completions'

    def body(self, wants_call):
        tools = [{'type': 'function', 'function': {'name': n, 'description': d, 'parameters': ARGUMENTS}}
                 for n, d in TOOLS]
        return {'messages': [{'role': 'system', 'content': SYSTEM}, *self.history], 'tools': tools, 'seed': self.n,
                'tool_choice': 'required' if wants_call else 'none', 'max_tokens': 100 if wants_call else 16,
                'chat_template_kwargs': {'enable_thinking': False}}

    def add_user(self, text):
        self.history.append({'role': 'user', 'content': text})

    def add_result(self, text):
        self.history.append({'role': 'tool', 'tool_call_id': self.call, 'content': text})

    def take(self, answer, wants_call):
        message = answer['choices'][0]['message']
        self.history.append(message)
        if message.get('tool_calls'):
            self.call = message['tool_calls'][0]['id']

    def usage(self, answer):
        u = answer['usage']
        return u['prompt_tokens'], u['prompt_tokens_details']['cached_tokens']


class Rewriter(OpenAi):
    """Throws thoughts away and tidies the white space of what was said."""

    name, thoughts = 'OpenAI chat, rewritten', True

    def body(self, wants_call):
        body = super().body(wants_call)
        del body['chat_template_kwargs']
        body['thinking_budget_tokens'] = 6
        body['max_tokens'] += 20
        return body

    def take(self, answer, wants_call):
        message = answer['choices'][0]['message']
        message.pop('reasoning_content', None)
        message['content'] = re.sub(r'\s+', ' ', (message.get('content') or '').strip()) + ' '
        super().take(answer, wants_call)


class Anthropic(Client):
    name, path = 'Anthropic messages', '/v1/messages'

    def body(self, wants_call):
        tools = [{'name': n, 'description': d, 'input_schema': ARGUMENTS} for n, d in TOOLS]
        # The first block changes all the time and means nothing; the mark for the cache moves.
        system = [{'type': 'text', 'text': f'x-anthropic-billing-header: cc_version=1; cch={self.n:05x};'},
                  {'type': 'text', 'text': SYSTEM}]
        system[self.n % 2]['cache_control'] = {'type': 'ephemeral'}
        messages = json.loads(json.dumps(self.history))
        messages[-1]['content'][-1]['cache_control'] = {'type': 'ephemeral'}
        return {'system': system, 'messages': messages, 'tools': tools, 'seed': self.n, 'thinking': {'type': 'disabled'},
                'tool_choice': {'type': 'any' if wants_call else 'none'}, 'max_tokens': 100 if wants_call else 16}

    def add_user(self, text):
        block = {'type': 'text', 'text': text}
        if self.history and self.history[-1]['role'] == 'user':
            self.history[-1]['content'].append(block)
        else:
            self.history.append({'role': 'user', 'content': [block]})

    def add_result(self, text):
        self.history.append({'role': 'user', 'content': [{'type': 'tool_result', 'tool_use_id': self.call, 'content':
                                                          [{'type': 'text', 'text': text}]}]})

    def take(self, answer, wants_call):
        self.history.append({'role': 'assistant', 'content': answer['content']})
        for block in answer['content']:
            if block['type'] == 'tool_use':
                self.call = block['id']

    def usage(self, answer):
        u = answer['usage']
        return u['input_tokens'] + u['cache_read_input_tokens'], u['cache_read_input_tokens']


class Responses(Client):
    name, path = 'Responses', '/v1/responses'

    def body(self, wants_call):
        tools = [{'type': 'function', 'name': n, 'description': d, 'parameters': ARGUMENTS} for n, d in TOOLS]
        return {'instructions': SYSTEM, 'input': self.history, 'tools': tools, 'seed': self.n, 'store': False,
                'tool_choice': 'required' if wants_call else 'none', 'max_output_tokens': 100 if wants_call else 16,
                'chat_template_kwargs': {'enable_thinking': False}}

    def add_user(self, text):
        self.history.append({'type': 'message', 'role': 'user', 'content': [{'type': 'input_text', 'text': text}]})

    def add_result(self, text):
        self.history.append({'type': 'function_call_output', 'call_id': self.call, 'output': text})

    def take(self, answer, wants_call):
        self.history += answer['output']  # items of the answer go back as they came
        for item in answer['output']:
            if item['type'] == 'function_call':
                self.call = item['call_id']

    def usage(self, answer):
        u = answer['usage']
        return u['input_tokens'], u['input_tokens_details']['cached_tokens']


class Ollama(Client):
    name, path = 'Ollama chat', '/api/chat'

    def body(self, wants_call):
        tools = [{'type': 'function', 'function': {'name': n, 'description': d, 'parameters': ARGUMENTS}}
                 for n, d in TOOLS]
        return {'messages': [{'role': 'system', 'content': SYSTEM}, *self.history], 'tools': tools, 'stream': False,
                'think': False, 'options': {'seed': self.n, 'num_predict': 16}}

    def add_user(self, text):
        self.history.append({'role': 'user', 'content': text})

    def add_result(self, text):
        self.history.append({'role': 'tool', 'tool_name': 'read_file', 'content': text})

    def take(self, answer, wants_call):
        message = answer['message']
        if wants_call and not message.get('tool_calls'):  # it cannot be asked for; the pocket model does not think of it
            _, name, arguments = self.invented()
            message['tool_calls'] = [{'function': {'name': name, 'arguments': arguments}}]
        self.history.append(message)
        self.call = 'read_file' if message.get('tool_calls') else None

    def usage(self, answer):
        return answer['prompt_eval_count'], answer['prompt_cached_count']


CLIENTS = [OpenAi, Anthropic, Responses, Ollama, Rewriter]


def template(folder, keeps):
    """Ours, with old thoughts (or the empty place for them) dropped behind a new question, or not."""
    with open(os.path.join(os.path.dirname(__file__), 'qwen.jinja')) as f:
        text = f.read()
    path = os.path.join(folder, f'{keeps}.jinja')
    with open(path, 'w') as f:
        f.write(text.replace('or preserve_thinking', 'or true') if keeps else text)
    return path


def converse(program, report, kind, keeps, n=50):
    folder = tempfile.mkdtemp(prefix='gannet-turns.')
    options = ['-c', '16384', '--cache-dir', os.path.join(folder, 'cache'), '--chat-template-file',
               template(folder, keeps)]
    client = kind()
    server = Server(program, options)
    before = over = worst = calls = 0
    worst_unplaced = 0
    after = {}
    bad = []
    try:
        for turn in range(n):
            event = {n // 3: 'kill -9', 2 * n // 3: 'unload'}.get(turn)
            if event == 'kill -9':
                time.sleep(3)  # a tool takes its time
                server.kill()
                server = Server(program, options)
            elif event == 'unload':
                server.post('/models/unload', {})
            prompt, cached, reason, asked = client.next(server)
            calls += client.call is not None
            new = prompt - before
            more = prompt - cached - new
            same = re.search(r'same up to token (\d+)', reason)
            unplaced = int(same[1]) - cached if same else 0
            if turn > 0:
                rewritten = asked and not keeps  # the template changes what it said before
                worst_unplaced = max(worst_unplaced, unplaced)
                if event:
                    after[event] = more
                if not rewritten:
                    worst = max(worst, more)
                    over += more > ROOM
                if more > ROOM and not rewritten or unplaced > ROOM:
                    bad.append(f'{client.name}, turn {turn} ({event or "-"}): prompt {prompt}, new {new}, cached {cached}: {reason}')
            before = prompt
    finally:
        server.stop()
        shutil.rmtree(folder)
    kept = 'thoughts stay' if keeps else 'thoughts go'
    report.demand(f'R12 {client.name}, {kept}', f'reads new + {ROOM}', f'at most new + {worst} in {n} turns ({calls} calls, '
                  f'{before} tokens); ' + ', '.join(f'after {e}: new + {m}' for e, m in after.items()) +
                  f'; {worst_unplaced} known tokens read again', not bad)
    for line in bad:
        report.say(line)


def turns(program, report):
    for keeps in (True, False):
        for kind in CLIENTS:
            converse(program, report, kind, keeps)
