#!/usr/bin/env python3
"""Where the time of a clean build goes: CPU seconds of the compiler by target, and the slowest files.

scripts/build_time.py [PRESET [TARGET...]]   builds PRESET (default: release gannet) in a folder that it throws away

Seconds are user + system time of each compile: other work on the machine disturbs them less than the wall time.
There is no compiler cache. The script is also the compiler launcher of its own build.
"""
import collections, os, re, resource, subprocess, sys, tempfile, time

LOG = "GANNET_BUILD_TIME_LOG"


def launch(command):
    code = subprocess.call(command)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = command[command.index("-o") + 1] if "-o" in command else "CMakeFiles/?.dir/?"
    with open(os.environ[LOG], "a", encoding="utf-8") as log:
        log.write(f"{used.ru_utime + used.ru_stime:.3f} {output}\n")
    return code


def run(command, **how):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **how)
    if done.returncode != 0:
        sys.exit(done.stdout[-4000:])


def target_of(path):  # src/ops/CMakeFiles/kernels_avx2.dir/rope/cpu.cpp.o
    return " ".join(re.match(r"(.*?)/?CMakeFiles/([^/]*)\.dir/", path).groups()).strip()


def main(preset="release", *targets):
    with tempfile.TemporaryDirectory() as build:
        log = os.path.join(build, "times")
        me = os.path.abspath(__file__)
        launcher = f"-DCMAKE_CXX_COMPILER_LAUNCHER={sys.executable};{me}"
        run(["cmake", "--preset", preset, "-B", build, launcher], cwd=os.path.dirname(os.path.dirname(me)))
        start = time.monotonic()
        targets = targets or (["gannet"] if preset == "release" else [])
        run(["ninja", "-C", build, "-j", str(os.cpu_count()), *targets], env={**os.environ, LOG: log})
        wall = time.monotonic() - start
        with open(log, encoding="utf-8") as lines:
            files = [(float(seconds), path) for seconds, path in map(str.split, lines)]
    sums, counts = collections.Counter(), collections.Counter()
    for seconds, path in files:
        sums[target_of(path)] += seconds
        counts[target_of(path)] += 1
    for name, seconds in sums.most_common():
        print(f"{seconds:7.1f} s  {counts[name]:4} files  {name}")
    print(f"{sum(sums.values()):7.1f} s  {len(files):4} files  all; {wall:.0f} s of wall time on {os.cpu_count()} cores")
    for seconds, path in sorted(files, reverse=True)[:10]:
        print(f"{seconds:7.1f} s  {path}")


if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]) if LOG in os.environ else main(*sys.argv[1:]))
