# SPDX-License-Identifier: MIT
"""This exercises: every way for a process to end.  What was recorded before is in the file, and
the program's status is its own."""

import os
import re
import signal

from behave import Trace, read
from harness import Failure, parametrize

CALLS = 6000

# One window is filled and a second is begun before the end comes.
PROGRAM = """\
import ctypes, faulthandler, os, signal, sys, threading

def work(n):
    return n

def main():
    for i in range(%d):
        work(i)
    {ending}

main()
""" % CALLS

# name: (the program's last statement, status, how `info` says it ended, its exit status there)
ENDINGS = {
    "normal-end": ("pass", 0, "clean", 0),
    "sys-exit": ("sys.exit(3)", 3, "clean", 3),
    "sys-exit-text": ("sys.exit('so long')", 1, "clean", 1),
    "uncaught-exception": ("raise ValueError('oh')", 1, "clean", 1),
    "os-exit": ("os._exit(5)", 5, "clean", 5),
    "c-exit": ("ctypes.CDLL(None).exit(6)", 6, "clean", 6),
    "c-_exit": ("ctypes.CDLL(None)._exit(7)", 7, "clean", 7),
    "c-_Exit": ("ctypes.CDLL(None)._Exit(8)", 8, "clean", 8),
    "abort": ("os.abort()", -signal.SIGABRT, "fatal", None),
    "python-fatal-error": (
        "ctypes.pythonapi.Py_FatalError(b'enough')",
        -signal.SIGABRT,
        "fatal",
        None,
    ),
    "sigabrt": ("os.kill(os.getpid(), signal.SIGABRT)", -signal.SIGABRT, "unknown", None),
    "sigterm": ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "unknown", None),
    "sigint": ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, None, None),
    "sigquit": ("os.kill(os.getpid(), signal.SIGQUIT)", -signal.SIGQUIT, "unknown", None),
    "sigkill": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "unknown", None),
    "sigalrm": ("signal.alarm(1); signal.pause()", -signal.SIGALRM, "unknown", None),
    "sigsegv": ("ctypes.string_at(0)", -signal.SIGSEGV, "unknown", None),
    "sigsegv-faulthandler": (
        "faulthandler.enable(); faulthandler._sigsegv()",
        -signal.SIGSEGV,
        "unknown",
        None,
    ),
    "sigbus": ("os.kill(os.getpid(), signal.SIGBUS)", -signal.SIGBUS, "unknown", None),
    "exec": ("os.execv('/bin/sh', ['sh', '-c', 'exit 9'])", 9, "exec", None),
    "execvp": ("os.execlp('sh', 'sh', '-c', 'exit 9')", 9, "exec", None),
    "exec-in-thread": (
        "threading.Thread(target=os.execv, args=('/bin/sh', ['sh', '-c', 'exit 9'])).start(); "
        "signal.pause()",
        9,
        "exec",
        None,
    ),
}


def normalised(stderr):
    """faulthandler and fatal errors print thread ids, which differ between runs."""
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", stderr)


@parametrize(
    "ending", list(ENDINGS), short=["normal-end", "os-exit", "sigkill", "uncaught-exception"]
)
def test_nothing_is_lost_by(ctx, ending):
    statement, status, ended, exit_status = ENDINGS[ending]
    text = PROGRAM.replace("{ending}", statement)
    plain = ctx.plain(text).check(status)
    result = ctx.run(text)
    ctx.equal(result.stdout, plain.stdout, "stdout with the agent")
    ctx.equal(normalised(result.stderr), normalised(plain.stderr), "stderr with the agent")
    ctx.equal(result.returncode, status, "status with the agent")
    trace = read(ctx, result)
    ctx.equal(trace.count("work"), CALLS, "calls of work")
    ctx.equal(trace.count("work", "return"), CALLS, "returns of work")
    ctx.equal(trace.count("main"), 1, "calls of main")
    ctx.equal(trace.lost, {}, "losses")
    if ended is not None:
        ctx.equal(trace.ended, ended, "how it ended")
    if exit_status is not None:
        ctx.equal(trace.info["exit_status"], exit_status, "exit status in the file")


def test_exec_is_an_event(ctx):
    trace = read(ctx, ctx.run("import os\nos.execv('/bin/true', ['true'])\n").check(0))
    ctx.equal(trace.events[-1]["event_type"], "exec", "the last event")


def test_exec_of_python_starts_a_second_file(ctx):
    ctx.write("second.py", "def after():\n    pass\nfor i in range(50):\n    after()\n")
    text = (
        "import os, sys\ndef before():\n    pass\nfor i in range(40):\n    before()\n"
        "os.execv(sys.executable, [sys.executable, 'second.py'])\n"
    )
    result = ctx.same_behaviour(text)
    first, second = sorted(read(ctx, result, 2), key=lambda t: -t.count("before"))
    ctx.equal([first.count("before"), first.count("after")], [40, 0], "the first file's calls")
    ctx.equal([second.count("before"), second.count("after")], [0, 50], "the second file's calls")
    ctx.equal([first.ended, second.ended], ["exec", "clean"])
    ctx.equal(first.info["pid"], second.info["pid"], "the process")


def test_failed_exec_goes_on(ctx):
    text = PROGRAM.replace(
        "{ending}",
        """
    for attempt in range(3):
        try:
            os.execv('/nowhere/at-all', ['x'])
        except FileNotFoundError as error:
            print(error)
    for i in range(5000):
        work(i)""",
    )
    trace = read(ctx, ctx.same_behaviour(text))
    ctx.equal(trace.count("work"), CALLS + 5000, "calls of work")
    ctx.equal([trace.ended, trace.lost], ["clean", {}])


def test_exec_in_thread_that_fails_goes_on(ctx):
    text = PROGRAM.replace(
        "{ending}",
        """
    def attempt():
        try:
            os.execv('/nowhere/at-all', ['x'])
        except FileNotFoundError as error:
            work(error)
    for i in range(10):
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    work(0)""",
    )
    trace = read(ctx, ctx.same_behaviour(text))
    ctx.equal(trace.count("work"), CALLS + 11, "calls of work")
    ctx.equal([trace.ended, trace.lost], ["clean", {}])


# Tells on stdout how many calls it has finished; each write comes after its call.
TELLING = """\
import os

def work(n):
    return n

def main():
    for i in range(10_000_000):
        work(i)
        os.write(1, b'.')

main()
"""


@parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGSEGV"])
def test_every_finished_call_survives(ctx, name):
    number = getattr(signal, name)
    process = ctx.spawn(TELLING)
    told = 0
    while told < 4000:
        told += len(os.read(process.popen.stdout.fileno(), 1000))
    process.signal(number)
    result = process.finish()
    told += len(result.stdout)
    ctx.equal(result.returncode, -number)
    # KeyboardInterrupt may hit a function at its very first instruction: it is left without a call.
    calls = read(ctx, result, strays=name == "SIGINT").count("work")
    if not told <= calls <= told + 1:
        raise Failure(f"the program told {told} calls, the file has {calls}")


@parametrize("name", ["SIGKILL"])
def test_events_of_every_thread_survive(ctx, name):
    text = """\
import os, threading, time

def work(n):
    return n

def loop(mark):
    for i in range(1000):
        work(i)
    os.write(1, mark)
    time.sleep(60)

for mark in (b'a', b'b', b'c', b'd'):
    threading.Thread(target=loop, args=(mark,)).start()
"""
    process = ctx.spawn(text)
    told = b""
    while len(told) < 4:
        told += os.read(process.popen.stdout.fileno(), 10)
    process.signal(getattr(signal, name))
    trace = read(ctx, process.finish())
    ctx.equal(trace.count("work"), 4000, "calls of work in four threads")
    ctx.equal(trace.ended, "unknown")


def test_running_process_can_be_read(ctx):
    text = (
        "def work(n):\n    return n\nfor i in range(5000):\n    work(i)\n"
        "print('ready', flush=True)\ninput()\nfor i in range(5000):\n    work(i)\n"
    )
    process = ctx.spawn(text, stdin=-1)
    ctx.equal(process.stdout_line(), "ready")
    [path] = [str(p) for p in (ctx.tmp / "traces").iterdir()]
    early = Trace(ctx, path).check_order()
    ctx.equal(early.count("work"), 5000, "calls so far")
    ctx.equal(early.ended, "running", "how it ended")
    process.send("go on\n")
    late = read(ctx, process.finish().check(0))
    ctx.equal(late.count("work"), 10000, "calls in all")
    ctx.equal(late.ended, "clean")


def test_exit_handlers_are_traced(ctx):
    text = (
        "import atexit\ndef last():\n    print('last')\n"
        "atexit.register(last)\natexit.register(last)\n"
    )
    ctx.equal(read(ctx, ctx.same_behaviour(text)).count("last"), 2)


def test_finalizers_at_exit_are_harmless(ctx):
    text = """\
class Late:
    def __del__(self):
        print('late')

keep = Late()
loop = [Late()]
loop.append(loop)
"""
    ctx.equal(read(ctx, ctx.same_behaviour(text)).ended, "clean")


def test_record_passes_the_exit_status_on(ctx):
    for status in (0, 3, 255):
        program = ctx.write("program.py", f"import sys\nsys.exit({status})\n")
        result = ctx.command("record", "-o", str(ctx.tmp / "a.crumb"), "--", ctx.python, str(program))
        ctx.equal(result.returncode, status)


def test_record_passes_death_by_signal_on(ctx):
    program = ctx.write("program.py", "import os\nos.kill(os.getpid(), 15)\n")
    result = ctx.command("record", "-o", str(ctx.tmp / "a.crumb"), "--", ctx.python, str(program))
    if result.returncode not in (-signal.SIGTERM, 128 + signal.SIGTERM):
        raise Failure(f"status {result.returncode}")


@parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGQUIT"])
def test_record_passes_signals_on(ctx, name):
    program = ctx.write(
        "program.py",
        "import os, signal, sys, time\n"
        f"signal.signal(signal.{name}, lambda *a: (os.write(1, b'got it\\n'), os._exit(7)))\n"
        "print('ready', flush=True)\ntime.sleep(20)\n",
    )
    process = ctx.spawn(
        [ctx.breadcrumb, "record", "-o", str(ctx.tmp / "a.crumb"), "--", ctx.python, str(program)],
        trace=False,
    )
    ctx.equal(process.stdout_line(), "ready")
    process.signal(getattr(signal, name))
    result = process.finish()
    ctx.equal(result.stdout, "got it\n")
    ctx.equal(result.returncode, 7)
