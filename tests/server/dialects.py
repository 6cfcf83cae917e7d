"""The same question in several dialects, and the text of their answers."""

import json


def _sse(data):
    """Events of a stream: (name, JSON)."""
    for block in data.decode().split('\n\n'):
        name, lines = None, []
        for line in block.split('\n'):
            if line.startswith('event: '):
                name = line[7:]
            elif line.startswith('data: '):
                lines.append(line[6:])
        if lines and lines[0] != '[DONE]':
            yield name, json.loads('\n'.join(lines))


class Answer:
    """text: what was said; ended: it came to its end; prompt and cached: tokens; extra: numbers to compare."""

    def __init__(self):
        self.text, self.ended, self.prompt, self.cached, self.generated, self.extra = '', False, None, None, None, []
        self.error = None

    def usage(self, usage):
        if not usage:
            return
        self.prompt = usage.get('prompt_tokens', usage.get('input_tokens'))
        details = usage.get('prompt_tokens_details') or usage.get('input_tokens_details') or {}
        self.cached = details.get('cached_tokens')
        if 'cache_read_input_tokens' in usage:  # of Anthropic: input_tokens are the rest
            self.cached = usage['cache_read_input_tokens']
            self.prompt = usage['input_tokens'] + self.cached
        self.generated = usage.get('completion_tokens', usage.get('output_tokens'))


class Chat:
    path = '/v1/chat/completions'

    def body(self, messages, seed, n, stream, **more):
        body = {'messages': messages, 'seed': seed, 'max_tokens': n, 'stream': stream, **more}
        if stream:
            body['stream_options'] = {'include_usage': True}
        return body

    def read(self, data, stream):
        a = Answer()
        for part in [e for _, e in _sse(data)] if stream else [json.loads(data)]:
            a.error = a.error or part.get('error')
            for choice in part.get('choices', []):
                says = choice.get('delta') or choice.get('message') or {}
                a.text += says.get('content') or ''
                a.ended |= choice.get('finish_reason') is not None
                for token in (choice.get('logprobs') or {}).get('content') or []:
                    a.extra.append((token['token'], token['logprob']))
            a.usage(part.get('usage'))
        return a


class Completion:
    path = '/v1/completions'

    def body(self, prompt, seed, n, stream, **more):
        body = {'prompt': prompt, 'seed': seed, 'max_tokens': n, 'stream': stream, **more}
        if stream:
            body['stream_options'] = {'include_usage': True}
        return body

    def read(self, data, stream):
        a = Answer()
        for part in [e for _, e in _sse(data)] if stream else [json.loads(data)]:
            a.error = a.error or part.get('error')
            for choice in part.get('choices', []):
                a.text += choice['text']
                a.ended |= choice.get('finish_reason') is not None
            a.usage(part.get('usage'))
        return a


class Native:
    path = '/completion'

    def body(self, prompt, seed, n, stream, **more):
        return {'prompt': prompt, 'seed': seed, 'n_predict': n, 'stream': stream, **more}

    def read(self, data, stream):
        a = Answer()
        for part in [e for _, e in _sse(data)] if stream else [json.loads(data)]:
            a.error = a.error or part.get('error')
            a.text += part.get('content', '')
            a.ended |= bool(part.get('stop'))
            a.generated = part.get('tokens_predicted', a.generated)
            a.prompt = part.get('tokens_evaluated', a.prompt)
            a.cached = part.get('tokens_cached', a.cached)
        return a


class Responses:
    path = '/v1/responses'

    def body(self, messages, seed, n, stream, **more):
        return {'input': messages, 'seed': seed, 'max_output_tokens': n, 'stream': stream, **more}

    def read(self, data, stream):
        a = Answer()
        if not stream:
            whole = json.loads(data)
            a.error = whole.get('error')
            a.text = ''.join(c['text'] for o in whole.get('output', []) if o['type'] == 'message' for c in o['content'])
            a.ended = whole.get('status') in ('completed', 'incomplete')
            a.usage(whole.get('usage'))
            return a
        for _, e in _sse(data):
            if e['type'] == 'response.output_text.delta':
                a.text += e['delta']
            elif e['type'] in ('response.completed', 'response.incomplete'):
                a.ended = True
                a.usage(e['response']['usage'])
            elif e['type'] in ('error', 'response.failed'):
                a.error = e
        return a


class Messages:
    path = '/v1/messages'

    def body(self, messages, seed, n, stream, **more):
        body = {'messages': [m for m in messages if m['role'] != 'system'], 'seed': seed, 'max_tokens': n,
                'stream': stream, **more}
        system = [m['content'] for m in messages if m['role'] == 'system']
        if system:
            body['system'] = system[0]
        return body

    def read(self, data, stream):
        a = Answer()
        if not stream:
            whole = json.loads(data)
            a.error = whole.get('error')
            a.text = ''.join(c['text'] for c in whole.get('content', []) if c['type'] == 'text')
            a.ended = whole.get('stop_reason') is not None
            a.usage(whole.get('usage'))
            return a
        usage = {}
        for _, e in _sse(data):
            if e['type'] == 'content_block_delta' and e['delta']['type'] == 'text_delta':
                a.text += e['delta']['text']
            elif e['type'] == 'message_start':
                usage.update(e['message']['usage'])
            elif e['type'] == 'message_delta':
                usage.update(e.get('usage') or {})
            elif e['type'] == 'message_stop':
                a.ended = True
            elif e['type'] == 'error':
                a.error = e
        a.usage(usage)
        return a


class Ollama:
    path = '/api/chat'

    def body(self, messages, seed, n, stream, **more):
        options = {'seed': seed, 'num_predict': n}
        for key in ('temperature', 'stop'):
            if key in more:
                options[key] = more.pop(key)
        return {'messages': messages, 'stream': stream, 'options': options, **more}

    def read(self, data, stream):
        a = Answer()
        for line in data.decode().splitlines() if stream else [data.decode()]:
            if not line.strip():
                continue
            part = json.loads(line)
            a.error = a.error or part.get('error')
            a.text += (part.get('message') or {}).get('content', '')
            if part.get('done'):
                a.ended = True
                a.prompt, a.cached = part.get('prompt_eval_count'), part.get('prompt_cached_count')
                a.generated = part.get('eval_count')
        return a


CHAT = [Chat(), Responses(), Messages(), Ollama()]
RAW = [Completion(), Native()]
