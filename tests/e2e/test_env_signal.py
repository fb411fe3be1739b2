# SPDX-License-Identifier: MIT
"""This exercises: BREADCRUMB_SIGNAL, which leaves a snapshot of the trace so far."""

import os
import signal
import time

from behave import Trace, check_as_plain, read, wait_for
from harness import Failure, parametrize

STEPS = """\
import sys

def work(n):
    return n

def main():
    print('ready', flush=True)
    for line in sys.stdin:
        for i in range(int(line)):
            work(i)
        print('did', line.strip(), flush=True)

main()
"""


def snapshot(ctx, path, number):
    name = f"{path}.{number}"

    def whole():
        """It has its final size: the same twice."""
        try:
            size = os.path.getsize(name)
            time.sleep(0.03)
            return size > 4096 and size == os.path.getsize(name)
        except FileNotFoundError:
            return False

    wait_for(whole, name)
    return Trace(ctx, name).check_order()


@parametrize("value", ["USR2", "12", "SIGUSR1", "hup"])
def test_signal_leaves_a_snapshot_and_tracing_goes_on(ctx, value):
    number = {"USR2": signal.SIGUSR2, "12": 12, "SIGUSR1": signal.SIGUSR1, "hup": signal.SIGHUP}
    process = ctx.spawn(STEPS, env={"BREADCRUMB_SIGNAL": value}, stdin=-1)
    ctx.equal(process.stdout_line(), "ready")
    [path] = (ctx.tmp / "traces").glob("*.crumb")

    def step(count):
        process.send(f"{count}\n")
        ctx.equal(process.stdout_line(), f"did {count}")

    step(1000)
    process.signal(number[value])
    ctx.equal(snapshot(ctx, path, 1).count("work"), 1000, "calls in the first snapshot")
    step(9000)
    process.signal(number[value])
    ctx.equal(snapshot(ctx, path, 2).count("work"), 10000, "calls in the second snapshot")
    step(5)
    process.popen.stdin.close()
    process.popen.stdin = None
    result = process.finish().check(0)
    ctx.equal([result.stdout, result.stderr], ["", ""])
    trace = read(ctx, result)
    ctx.equal([trace.count("work"), trace.ended], [10005, "clean"])
    first = Trace(ctx, f"{path}.1")
    ctx.equal(first.count("work"), 1000, "calls in the first snapshot, later")
    ctx.equal(first.info["pid"], trace.info["pid"])


def test_snapshot_past_the_limit_on_file_sizes_is_one_line(ctx):
    text = """\
import os, resource, signal

def work():
    pass

for i in range(10000):
    work()
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
os.kill(os.getpid(), signal.SIGUSR2)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
work()
print('done')
"""
    result = ctx.run(text, env={"BREADCRUMB_SIGNAL": "USR2"}).check(0)
    ctx.equal(result.stdout, "done\n")
    if result.stderr.count("\n") != 1 or ": no snapshot: " not in result.stderr:
        raise Failure(f"standard error: {result.stderr!r}")
    trace = read(ctx, result)  # the only file
    ctx.equal([trace.count("work"), trace.lost], [10001, {}])


def test_program_keeps_its_own_handler_for_the_signal(ctx):
    text = """\
import os, signal
signal.signal(signal.SIGUSR2, lambda *a: print('mine'))
for i in range(3):
    os.kill(os.getpid(), signal.SIGUSR2)
print(signal.getsignal(signal.SIGUSR2) is not None)
"""
    result = ctx.run(text, env={"BREADCRUMB_SIGNAL": "USR2"}).check(0)
    ctx.equal([result.stdout, result.stderr], ["mine\n" * 3 + "True\n", ""])
    ctx.equal(read(ctx, result).ended, "clean")


def test_ignored_signal_stays_ignored(ctx):
    text = """\
import os, signal
print(signal.getsignal(signal.SIGUSR2))
os.kill(os.getpid(), signal.SIGUSR2)
print('alive')
"""
    command = ["/bin/sh", "-c", f"trap '' USR2; exec {ctx.python} program.py"]
    ctx.write("program.py", text)
    plain = ctx.plain(command)
    traced = ctx.run(command, env={"BREADCRUMB_SIGNAL": "USR2"})
    check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_SIGNAL", "12"])


def test_system_call_is_not_interrupted_by_the_signal(ctx):
    text = """\
import ctypes, os, signal, sys, threading, time

def later():
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGUSR2)
    time.sleep(0.3)
    os.write(w, b'x')

r, w = os.pipe()
libc = ctypes.CDLL(None, use_errno=True)
threading.Thread(target=later).start()
buffer = ctypes.create_string_buffer(1)
print(libc.read(r, buffer, 1), ctypes.get_errno())
"""
    result = ctx.run(text, env={"BREADCRUMB_SIGNAL": "USR2"}).check(0)
    ctx.equal(result.stdout, "1 0\n", "result and errno of a read(2) under the signal")


def test_storm_of_signals_is_harmless(ctx):
    text = """\
import os, signal

def work(n):
    return n

for i in range(3000):
    work(i)
    if i % 30 == 0:
        os.kill(os.getpid(), signal.SIGUSR2)
print('done')
"""
    result = ctx.run(text, env={"BREADCRUMB_SIGNAL": "USR2"}).check(0)
    ctx.equal([result.stdout, result.stderr], ["done\n", ""])
    trace = read(ctx, result)
    ctx.equal(trace.count("work"), 3000)
    snapshots = sorted((ctx.tmp / "traces").glob("*.crumb.*"), key=lambda p: int(p.suffix[1:]))
    counts = [Trace(ctx, p).count("work") for p in snapshots[::20]]
    if not counts or counts != sorted(counts):
        raise Failure(f"calls in the snapshots: {counts}")


def test_without_the_variable_the_signal_is_the_programs(ctx):
    text = "import os, signal\nos.kill(os.getpid(), signal.SIGUSR2)\n"
    ctx.equal(ctx.same_behaviour(text).returncode, -signal.SIGUSR2)
