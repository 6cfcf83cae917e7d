#!/usr/bin/env python3
"""What remembering a prompt costs while it is read: requests with and without "cache_prompt" in turns, in one server.

    scripts/cache_cost.py -m MODEL.gguf [--gannet PROGRAM] [--pairs 16] [--words 1500] [-- SERVE-OPTIONS...]

Prints the ratio of each pair, their median and their mean. One server, since two have pages of different quality.
"""

import argparse
import http.client
import json
import statistics
import subprocess

from compare_servers import ask, free_port, prompt, wait_until_ready


def read_ms(port, text, cached):
    """Milliseconds for each token of the prompt."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=600)
    body = {'messages': [{'role': 'user', 'content': text}], 'max_tokens': 1, 'cache_prompt': cached}
    connection.request('POST', '/v1/chat/completions', json.dumps(body), {'Content-Type': 'application/json'})
    timings = json.load(connection.getresponse())['timings']
    return timings['prompt_ms'] / timings['prompt_n']


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('-m', '--model', required=True)
    parser.add_argument('--gannet', default='build/release/gannet')
    parser.add_argument('--pairs', type=int, default=16)
    parser.add_argument('--words', type=int, default=1500)
    parser.add_argument('options', nargs='*', help='of gannet serve, behind --')
    o = parser.parse_args()
    port = free_port()
    server = subprocess.Popen([o.gannet, 'serve', '-m', o.model, '--port', str(port), '-np', '1', *o.options],
                              stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(port, server, 60)
        ask(port, prompt('warm', 16), 8, {}, 60)
        ratios = []
        for i in range(o.pairs + 1):  # the first makes the plans
            took = {cached: read_ms(port, prompt(f'{i}{cached}', o.words), cached)
                    for cached in ((True, False) if i % 2 else (False, True))}
            if i > 0:
                ratios.append(took[True] / took[False])
    finally:
        server.terminate()
        server.wait()
    print(' '.join(f'{ratio:.4f}' for ratio in ratios))
    print(f'median {statistics.median(ratios):.4f}, mean {statistics.mean(ratios):.4f}')


if __name__ == '__main__':
    main()
