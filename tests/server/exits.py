"""How the server ends when it cannot serve (R24): the exit code says of what kind it is, one line says what and why."""

import os
import socket
import subprocess
import tempfile

USAGE, MODEL, NETWORK, OUTPUT = 2, 3, 6, 7


def ends(program, options):
    try:
        done = subprocess.run([program, 'serve', *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=10)
    except subprocess.TimeoutExpired as e:
        return 'runs on', (e.stderr or b'').decode()
    return done.returncode, done.stderr


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, 'wb') as f:
        f.write(data)
    return path


def certificate(folder, name):
    key, cert = os.path.join(folder, f'{name}.key'), os.path.join(folder, f'{name}.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'], check=True, capture_output=True)
    return key, cert


def exits(program, report):
    with tempfile.TemporaryDirectory(prefix='gannet-exits.') as folder, socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        key, cert = certificate(folder, 'a')
        other_key, _ = certificate(folder, 'b')
        junk, empty = write(folder, 'junk', b'junk ' * 100), write(folder, 'empty', b'')
        missing = os.path.join(folder, 'missing')
        long_socket = '/tmp/' + 'x' * 200
        free = ['--port', '0']
        cases = [
            ('unknown flag', ['--no-such-flag'], USAGE, '--no-such-flag'),
            ('word too many', ['word'], USAGE, 'word'),
            ('flag without a value', ['--port'], USAGE, '--port'),
            ('port is no number', ['--port', 'x'], USAGE, '--port'),
            ('port too high', ['--port', '65536'], USAGE, '--port'),
            ('no slots', ['-np', '0'], USAGE, '--parallel'),
            ('negative queue', ['--queue', '-1'], USAGE, '--queue'),
            ('negative drain', ['--drain-seconds', '-1'], USAGE, '--drain-seconds'),
            ('unknown choice', ['--spec', 'perhaps'], USAGE, '--spec'),
            ('unknown value of a source', free + ['--spec-type', 'ngram-simple:none=1'], USAGE, 'ngram-simple'),
            ('no disk for the cache', ['--cache-disk', '0'], USAGE, '--cache-disk'),
            ('model is missing', free + ['-m', missing], MODEL, missing),
            ('model is junk', free + ['-m', junk], MODEL, junk),
            ('model is empty', free + ['-m', empty], MODEL, empty),
            ('model is a folder', free + ['-m', folder], MODEL, folder),
            ('folder of models is missing', free + ['--models-dir', missing], None, missing),
            ('preset is missing', free + ['--models-preset', missing], None, missing),
            ('preset is junk', free + ['--models-preset', junk], USAGE, junk),
            ('port in use', ['--port', port], NETWORK, port),
            ('host is no host', ['--host', 'no.such.host.invalid', *free], NETWORK, 'no.such.host.invalid'),
            ('address of others', ['--host', '192.0.2.1', *free], NETWORK, '192.0.2.1'),
            ('socket path too long', ['--unix-socket', long_socket], None, 'xxxx'),
            ('socket in no folder', ['--unix-socket', missing + '/s'], NETWORK, missing),
            ('socket path is a file', ['--unix-socket', junk], NETWORK, junk),
            ('certificate without a key', free + ['--ssl-cert-file', cert], USAGE, '--ssl-key-file'),
            ('key without a certificate', free + ['--ssl-key-file', key], USAGE, '--ssl-cert-file'),
            ('certificate is missing', free + ['--ssl-cert-file', missing, '--ssl-key-file', key], None, missing),
            ('certificate is junk', free + ['--ssl-cert-file', junk, '--ssl-key-file', key], None, junk),
            ('key is junk', free + ['--ssl-cert-file', cert, '--ssl-key-file', junk], None, junk),
            ('key of another certificate', free + ['--ssl-cert-file', cert, '--ssl-key-file', other_key], None, other_key),
            ('file of keys is missing', free + ['--api-key-file', missing], None, '--api-key-file'),
            ('file of keys is empty', free + ['--api-key-file', empty], USAGE, '--api-key-file'),
            ('template is missing', free + ['--chat-template-file', missing], USAGE, missing),
            ('template is wrong', free + ['--chat-template', '{% if %}'], USAGE, 'chat template'),
            ('cache folder is a file', free + ['--cache-dir', junk], None, '--cache-dir'),
            ('slot folder is missing', free + ['--slot-save-path', missing], None, missing),
            ('slot folder is a file', free + ['--slot-save-path', junk], None, junk),
        ]
        wrong = []
        for name, options, code, says in cases:
            got, text = ends(program, options)
            lines = [line for line in text.splitlines() if 'error' in line]
            fine = got == code if code is not None else isinstance(got, int) and got in (2, 3, 4, 5, 6, 7)
            if not fine or not lines or says not in text or len(lines) > 1:
                wrong.append(f'{name}: {got} instead of {code if code is not None else "2 to 7"}: {text.strip()[-200:]!r}')
        report.demand('R24 failures of `serve`', 'code and one line', f'{len(cases) - len(wrong)} of {len(cases)} as '
                      'they should be', not wrong)
        for line in wrong:
            report.say(line)
