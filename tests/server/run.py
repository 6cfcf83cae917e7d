#!/usr/bin/env python3
"""run.py PROGRAM [PART...]: drives `PROGRAM serve` and prints what was demanded beside what was measured."""

import os
import sys
import time

from calls import calls
from cancel import cancel
from exits import exits
from isolation import isolation, isolation_short, isolation_tsan
from load import load
from overhead import overhead
from same import same
from soak import soak
from stop import stop
from turns import turns
from serving import Report, raise_file_limit

PARTS = {
    'isolation': isolation,
    'load': load,
    'cancel': cancel,
    'calls': calls,
    'overhead': overhead,
    'same': same,
    'exits': exits,
    'stop': stop,
    'turns': turns,
    'soak': soak,
}


def main(arguments):
    program, names = os.path.abspath(arguments[0]), arguments[1:] or list(PARTS)
    parts = {**PARTS, 'isolation_short': isolation_short, 'isolation_tsan': isolation_tsan}
    unknown = [name for name in names if name not in parts]
    if unknown:
        sys.exit(f'there is no part {unknown[0]}; known: {", ".join(parts)}')
    raise_file_limit()
    report = Report()
    for name in names:
        began = time.monotonic()
        load = os.getloadavg()[0]
        parts[name](program, report)
        report.say(f'{name}: {time.monotonic() - began:.0f} s, load of the machine before it {load:.1f}')
    print(f'{report.failed} demands failed')
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
