#!/usr/bin/env python3
"""Where the time of a clean build goes: CPU seconds of the compiler by folder, and the slowest files.

scripts/build_time.py [PRESET [TARGET...]]   builds PRESET (default: release gannet) in a folder that it throws away

Seconds are user + system time of each compile, so other work on the machine disturbs them little; the wall time at
the end it disturbs a lot. A compiler cache is not used. The script is also the compiler launcher of its own build.
"""
import collections
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

LOG = "GANNET_BUILD_TIME_LOG"


def launch(command):
    """One compile: runs it and appends its seconds and its output file to the log."""
    code = subprocess.call(command)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = command[command.index("-o") + 1] if "-o" in command else "?"
    with open(os.environ[LOG], "a", encoding="utf-8") as log:
        log.write(f"{used.ru_utime + used.ru_stime:.3f} {output}\n")
    return code


def group(path):
    """src/ops/CMakeFiles/kernels_avx2.dir/rope/cpu.cpp.o -> src/ops kernels_avx2"""
    folder, target = re.match(r"(?:(.*)/)?CMakeFiles/([^/]*)\.dir/", path).groups()
    return f"{folder or ''} {target}".strip()


def main(preset="release", *targets):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with tempfile.TemporaryDirectory() as build:
        log = os.path.join(build, "times")
        subprocess.check_call(["cmake", "--preset", preset, "-B", build,
                               f"-DCMAKE_CXX_COMPILER_LAUNCHER={sys.executable};{os.path.abspath(__file__)}"],
                              cwd=root, stdout=subprocess.DEVNULL)
        start = time.monotonic()
        subprocess.check_call(["ninja", "-C", build, "-j", str(os.cpu_count()),
                               *(targets or (["gannet"] if preset == "release" else []))],
                              env={**os.environ, LOG: log}, stdout=subprocess.DEVNULL)
        wall = time.monotonic() - start
        files = [(float(s), path) for s, path in (line.split() for line in open(log, encoding="utf-8"))]
    sums, counts = collections.Counter(), collections.Counter()
    for seconds, path in files:
        sums[group(path)] += seconds
        counts[group(path)] += 1
    for name, seconds in sums.most_common():
        print(f"{seconds:7.1f} s  {counts[name]:4} files  {name}")
    print(f"{sum(sums.values()):7.1f} s  {len(files):4} files  all; {wall:.0f} s of wall time on {os.cpu_count()} cores")
    for seconds, path in sorted(files, reverse=True)[:10]:
        print(f"{seconds:7.1f} s  {path}")


if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]) if LOG in os.environ else main(*sys.argv[1:]))
