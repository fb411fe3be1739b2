# SPDX-License-Identifier: MIT
"""This exercises: what a program can see of its own process.  It prints that; with and without the
agent it must print the same."""

import os
import re

from behave import Trace, check_as_plain, compiled, read, split_stderr
from harness import Failure, for_backends, parametrize, short

# name: a program that prints what it sees
SEEN = {
    "trace-functions": """\
import sys, threading
print(sys.gettrace(), sys.getprofile())
def life():
    print(sys.gettrace(), sys.getprofile())
t = threading.Thread(target=life)
t.start()
t.join()
if hasattr(threading, 'gettrace'):
    print(threading.gettrace(), threading.getprofile())
""",
    "signal-handlers": """\
import signal
for number in sorted(signal.valid_signals()):
    print(number, signal.getsignal(number))
print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
""",
    "signal-state": """\
for line in open('/proc/self/status'):
    if line.startswith(('Sig', 'Shd', 'Threads', 'Seccomp', 'NoNew', 'Uid', 'Gid', 'Cap')):
        if not line.startswith(('SigQ', 'CapBnd')):
            print(line, end='')
""",
    "threads": """\
import os, threading, _thread
print(len(os.listdir('/proc/self/task')), threading.active_count(), _thread._count())
def life():
    print(len(os.listdir('/proc/self/task')), threading.active_count())
t = threading.Thread(target=life)
t.start()
t.join()
""",
    "locale": """\
import locale, sys
print(locale.setlocale(locale.LC_ALL), sys.getfilesystemencoding(), sys.stdout.encoding)
print(locale.localeconv()['decimal_point'], sys.flags)
""",
    "environment": """\
import os
print({k: v for k, v in os.environ.items() if not k.startswith(('LD_PRELOAD', 'BREADCRUMB', '_'))})
print(sorted(os.environ)[-3:], os.getcwd(), os.umask(0o22))
""",
    "limits": """\
import resource
for name in sorted(n for n in dir(resource) if n.startswith('RLIMIT')):
    print(name, resource.getrlimit(getattr(resource, name)))
""",
    "modules": """\
import sys
print(sorted(sys.modules))
print(sys.argv, sys.orig_argv[1:], sys.path[1:], sys.flags, sys.warnoptions, sys._xoptions)
""",
    "hooks": """\
import sys, threading
print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__)
print(sys.unraisablehook is sys.__unraisablehook__, threading.excepthook is threading.__excepthook__)
print(sys.getswitchinterval(), sys.getrecursionlimit(), sys.getdlopenflags())
print(sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth())
""",
    "exception-state": """\
import sys
def f():
    try:
        1 / 0
    except ZeroDivisionError as error:
        return sys.exc_info()[0], error.__context__, error.__traceback__.tb_lineno
print(f(), sys.exc_info())
def g():
    try:
        f()
        raise KeyError('a')
    except KeyError as error:
        print(repr(error.__context__), error.__suppress_context__)
        raise ValueError('b') from error
try:
    g()
except ValueError as error:
    import traceback
    traceback.print_exception(type(error), error, error.__traceback__, file=sys.stdout)
print(hasattr(sys, 'last_value'))
""",
    "refcounts": """\
import gc, sys
class C:
    pass
def f(x, y=2, *args, z=[], **kwargs):
    return sys.getrefcount(args), sys.getrefcount(kwargs)
c = C()
for i in range(200):
    f(c, i, i, z=c)
print(f(c, 1, 2, z=c, w=c), sys.getrefcount(c), sys.getrefcount(f), len(gc.get_referrers(c)))
def g():
    yield c
for i in range(200):
    list(g())
print(sys.getrefcount(c), gc.collect(), gc.garbage, gc.get_threshold(), gc.isenabled())
code = f.__code__
before = sys.getrefcount(code)
for i in range(100):
    f(c)
print(sys.getrefcount(code) - before)
""",
    "weak-references": """\
import gc, weakref
class C:
    pass
def f():
    c = C()
    return weakref.ref(c)
print([f()() for _ in range(5)])
def dead():
    exec('def short_lived(): return 1', space := {})
    space['short_lived']()
    return weakref.ref(space['short_lived']), weakref.ref(space['short_lived'].__code__)
a, b = dead()
gc.collect()
print(a(), b())
""",
    "code-churn": """\
def churn(n):
    space = {}
    exec(f'def f{n % 7}(x):\\n    return x + {n}\\n', space)
    return space[f'f{n % 7}'](1)
print(sum(churn(n) for n in range(1000)))
""",
    "code-attributes": """\
def f(x):
    y = x
    return y
f(1), f(2), f(3)
c = f.__code__
print(c.co_flags, c.co_stacksize, c.co_nlocals, c.co_consts, c.co_names, list(c.co_lines()))
print(c.co_code == (lambda: 0).__code__.co_code, c == c.replace(), hash(c) == hash(c.replace()))
import dis
for i in range(50):
    f(i)
dis.dis(f)
import marshal
print(marshal.loads(marshal.dumps(c)) == c)
""",
    "frames": """\
import inspect, sys, traceback
def outer():
    def inner():
        frame = sys._getframe()
        names = []
        while frame:
            names.append((frame.f_code.co_name, frame.f_lineno, frame.f_trace))
            frame = frame.f_back
        return names, sorted(frame.f_locals) if frame else None
    return inner()
print(outer())
print([f.function for f in inspect.stack()])
traceback.print_stack(file=sys.stdout)
def gen():
    yield sys._getframe().f_back.f_code.co_name
print(next(gen()))
""",
    "exit-order": """\
import atexit, threading, sys
class Late:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print('del', self.name, flush=True)
kept = Late('kept')
for n in range(3):
    atexit.register(print, 'atexit', n)
threading.Thread(target=lambda: print('thread')).start()
sys.exit('message')
""",
    "exceptions-in-del": """\
import sys
class Bad:
    def __del__(self):
        raise ValueError('in del')
def make():
    Bad()
    return 5
print(make())
sys.unraisablehook = lambda u: print('hook', u.exc_type, u.exc_value)
print(make())
""",
    "finalisation": """\
import sys
class Late:
    def __del__(self):
        try:
            def f():
                return 1
            print(f(), sys.is_finalizing() if sys else None)
        except Exception as error:
            print(type(error))
def g():
    try:
        yield 1
    finally:
        print('closed')
late = Late()
generator = g()
next(generator)
loop = [late, generator]
loop.append(loop)
""",
    "audit": """\
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event))
exec('1')
compile('2', 'x', 'eval')
open('/dev/null').close()
id(1)
sys._getframe()
import threading
t = threading.Thread(target=int)
t.start()
t.join()
for event in ('import', 'os.listdir'):
    sys.audit(event)
sys.settrace(None)
# PyEval_SetTrace tells of itself, and the settrace backend needs it in every thread.
print([event for event in seen if event != 'sys.settrace'])
""",
    "audit-that-refuses": """\
import sys, threading
def hook(event, args):
    if event in ('sys.settrace', 'sys.setprofile', 'sys.monitoring.register_callback'):
        raise RuntimeError('refused')
sys.addaudithook(hook)
def work():
    return 1
t = threading.Thread(target=work)
t.start()
t.join()
try:
    sys.settrace(None)
except RuntimeError as error:
    print(error)
print(work())
""",
    "errno": """\
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def work(n):
    return n
def values():
    yield from range(5)
ctypes.set_errno(77)
for i in range(3000):
    work(i)
    list(values())
print(ctypes.get_errno())
""",
    "import-time-names": """\
import sys
import json, email, decimal
print(len(sys.modules))
""",
    "coroutines": """\
import asyncio, sys
async def leaf(n):
    await asyncio.sleep(0)
    return n
async def agen():
    for i in range(3):
        yield await leaf(i)
async def main():
    print(await asyncio.gather(*(leaf(i) for i in range(5))))
    print([x async for x in agen()])
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.01)
    except asyncio.TimeoutError:
        print('timeout')
    task = asyncio.create_task(asyncio.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print('cancelled')
asyncio.run(main())
async def never():
    pass
never()
""",
    "descriptors-usual": """\
import os
print(sorted(int(n) for n in os.listdir('/proc/self/fd') if int(n) < 100))
r, w = os.pipe()
print(r, w, os.get_inheritable(r))
""",
    "time": """\
import time
a = time.monotonic()
time.sleep(0.05)
print(0.04 < time.monotonic() - a < 2)
""",
    "pickle-and-copy": """\
import copy, pickle
def f():
    return 1
print(pickle.loads(pickle.dumps(f)) is f, copy.deepcopy(f) is f)
""",
    "warnings": """\
import warnings
warnings.simplefilter('always')
open('/dev/null')
def f():
    warnings.warn('mine')
f()
print('end')
""",
    "tracemalloc": """\
import tracemalloc
tracemalloc.start(5)
def f():
    return bytearray(100000)
kept = f()
top = [s for s in tracemalloc.take_snapshot().statistics('lineno') if s.size >= 100000]
print([(s.traceback[0].lineno, s.count) for s in top])
""",
    "profile": """\
import cProfile, pstats, io
def work(n):
    return n
def main():
    for i in range(100):
        work(i)
p = cProfile.Profile()
p.runcall(main)
stats = pstats.Stats(p)
print({k[2]: v[:2] for k, v in stats.stats.items() if k[2] in ('work', 'main')})
""",
}


@parametrize("what", list(SEEN), short=["trace-functions", "signal-handlers", "frames"])
@for_backends()
def test_program_sees_the_same(ctx, what):
    options = ["-X", "importtime"] if what == "import-time-names" else []
    if what == "audit-that-refuses" and ctx.backend == "settrace":
        return  # PyEval_SetTrace itself prints what the hook raises
    ctx.write("program.py", SEEN[what])
    command = [ctx.python, *options, "program.py"]
    plain, traced = ctx.plain(command), ctx.run(command)
    ctx.equal(traced.stdout, plain.stdout, "stdout with the agent")
    ctx.equal(without_numbers(traced.stderr), without_numbers(plain.stderr), "stderr with the agent")
    ctx.equal(traced.returncode, plain.returncode, "status with the agent")
    trace = read(ctx, traced)
    if not trace.select(function_name="<module>", filename=str(ctx.tmp / "program.py")):
        raise Failure("the program is not in its trace")


def without_numbers(text):
    """-X importtime prints how long each import took."""
    text = re.sub(r"(import time:) +\d+ \| +\d+ \|", r"\1", text)
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", text)


@for_backends()
@parametrize("limit", [50, 1000, 3000])
def test_recursion_ends_at_the_same_depth(ctx, limit):
    # On 3.10 and 3.11 any trace function, sys.settrace's too, halves what a slot method has.
    slots = ctx.backend != "settrace" or ctx.version >= (3, 12)
    text = f"""\
import sys
sys.setrecursionlimit({limit})

def deep(n):
    global reached
    reached = n
    deep(n + 1)

class C:
    def __getattr__(self, name):
        global reached
        reached += 1
        return getattr(self, name)

try:
    deep(0)
except RecursionError as error:
    print(reached, error)
if {slots}:
    reached = 0
    try:
        C().x
    except RecursionError as error:
        print(reached, error)
try:
    sorted([3, 1, 2], key=lambda n: deep(n))
except RecursionError as error:
    print(reached, error)
print(eval('deep.__name__'))
"""
    trace = read(ctx, ctx.same_behaviour(text))
    if trace.count("deep") < limit - 20:
        raise Failure(f"{trace.count('deep')} calls of deep")


@for_backends()
def test_recursion_into_a_small_thread_stack_is_safe(ctx):
    text = """\
import sys, threading
sys.setrecursionlimit(100000)

def deep(n):
    return n and 1 + deep(n - 1)

def life():
    print(deep(150))

threading.stack_size(256 << 10)
t = threading.Thread(target=life)
t.start()
t.join()
"""
    ctx.same_behaviour(text)


# ---- the program's own tracing -------------------------------------------------------------

OWN_TRACER = """\
import sys, threading

def work(n):
    total = 0
    for i in range(n):
        total += i
    return total

def raises():
    raise ValueError('x')

def numbers():
    yield 1
    yield 2

def program():
    work(3)
    try:
        raises()
    except ValueError:
        pass
    list(numbers())
    g = numbers()
    next(g)
    g.close()

seen = []

def note(frame, event, arg):
    if frame.f_code.co_filename == __file__:
        seen.append((event, frame.f_code.co_name, frame.f_lineno))
    return note

program()
"""


@for_backends()
@parametrize("way", ["settrace", "setprofile", "threading", "sys-settrace-in-thread", "opcodes", "twice"])
def test_own_trace_function_records_the_same(ctx, way):
    text = OWN_TRACER + {
        "settrace": """
sys.settrace(note)
program()
print(sys.gettrace() is note)
sys.settrace(None)
print(sys.gettrace())
""",
        "setprofile": """
sys.setprofile(note)
program()
print(sys.getprofile() is note)
sys.setprofile(None)
""",
        "threading": """
threading.settrace(note)
t = threading.Thread(target=program)
t.start()
t.join()
threading.settrace(None)
t = threading.Thread(target=program)
t.start()
t.join()
""",
        "sys-settrace-in-thread": """
def life():
    sys.settrace(note)
    program()
    sys.settrace(None)
t = threading.Thread(target=life)
t.start()
t.join()
print(sys.gettrace())
""",
        "opcodes": """
def opcodes(frame, event, arg):
    if frame.f_code.co_name == 'work':
        frame.f_trace_opcodes = True
        seen.append((event, frame.f_lasti))
        return opcodes
sys.settrace(opcodes)
program()
sys.settrace(None)
""",
        "twice": """
for i in range(3):
    sys.settrace(note)
    program()
    sys.settrace(None)
    seen.append('off')
    program()
""",
    }[way] + "\nprogram()\nprint(len(seen))\nprint(*seen, sep='\\n')\n"
    trace = read(ctx, ctx.same_behaviour(text))
    if trace.count("work") < 1:
        raise Failure("nothing was recorded before the program set its own function")


def test_taking_over_is_said_in_the_file(ctx):
    """Where there is only one trace function, the program's wins; the file says so."""
    text = OWN_TRACER + "sys.settrace(note)\nprogram()\nsys.settrace(None)\nprogram()\n"
    for backend in ctx.backends:
        trace = read(ctx, ctx.run(text, env={"BREADCRUMB_BACKEND": backend}).check(0))
        told = trace.lost or trace.info["notes"] or trace.select(event_type="lost")
        if trace.count("work") < 3 and not told:
            raise Failure(f"{backend}: {trace.count('work')} calls of 3, and nobody is told")
        if backend == "settrace" and not told:
            raise Failure("the program's trace function took over, and nobody is told")


def test_own_monitoring_tool_records_the_same(ctx):
    if ctx.version < (3, 12):
        ctx.skip("sys.monitoring is new in 3.12")
    text = OWN_TRACER + """
m = sys.monitoring
E = m.events
print([m.get_tool(i) for i in (m.DEBUGGER_ID, m.COVERAGE_ID, m.PROFILER_ID, m.OPTIMIZER_ID)])
for tool in (m.DEBUGGER_ID, m.COVERAGE_ID, m.PROFILER_ID, m.OPTIMIZER_ID):
    m.use_tool_id(tool, 'mine')
    for name in ('PY_START', 'PY_RETURN', 'PY_YIELD', 'PY_RESUME', 'LINE', 'PY_UNWIND', 'RAISE'):
        def callback(code, *args, name=name, tool=tool):
            if code.co_filename == __file__ and code.co_name != 'callback':
                seen.append((tool, name, code.co_name))
        m.register_callback(tool, getattr(E, name), callback)
    m.set_events(tool, E.PY_START | E.PY_RETURN | E.PY_YIELD | E.PY_RESUME | E.LINE | E.PY_UNWIND | E.RAISE)
    program()
    m.set_events(tool, 0)
    m.restart_events()
    m.free_tool_id(tool)
program()
print(len(seen))
print(*seen, sep='\\n')
"""
    trace = read(ctx, ctx.same_behaviour(text))
    ctx.equal(trace.count("program"), 6, "calls of program")


def test_own_local_monitoring_records_the_same(ctx):
    if ctx.version < (3, 12):
        ctx.skip("sys.monitoring is new in 3.12")
    text = OWN_TRACER + """
m = sys.monitoring
tool = m.COVERAGE_ID
m.use_tool_id(tool, 'coverage')
lines = []
def line(code, number):
    lines.append(number)
    return m.DISABLE
m.register_callback(tool, m.events.LINE, line)
m.set_local_events(tool, work.__code__, m.events.LINE)
for i in range(5):
    work(3)
print(lines)
m.restart_events()
work(3)
print(lines)
"""
    for env in ({}, {"BREADCRUMB_CAPTURE_LINES": "1"}):
        trace = read(ctx, ctx.same_behaviour(text, env=env))
        ctx.equal(trace.count("work"), 7, "calls of work")


def test_every_tool_id_taken_is_one_line(ctx):
    """sitecustomize runs before the program, and takes all that there are."""
    if ctx.version < (3, 12):
        ctx.skip("sys.monitoring is new in 3.12")
    ctx.write("site/sitecustomize.py", """\
import sys
for tool in range(6):
    sys.monitoring.use_tool_id(tool, f'mine {tool}')
""")
    text = "import sys\nprint([sys.monitoring.get_tool(i) for i in range(6)])\n"
    env = {"PYTHONPATH": ctx.tmp / "site", "BREADCRUMB_BACKEND": "monitoring"}
    plain = ctx.plain(text, env=env)
    traced = ctx.run(text, env=env)
    check_as_plain(ctx, plain, traced, 1)


COVERAGE_LIKE = """\
import collections, sys, threading

class Coverage:
    def __init__(self):
        self.lines = collections.defaultdict(set)
        self.arcs = collections.defaultdict(set)
        self.last = {}

    def trace(self, frame, event, arg):
        if frame.f_code.co_filename != __file__:
            return None
        previous = self.last.get(frame, -1)
        self.lines[frame.f_code.co_name].add(frame.f_lineno)
        self.arcs[frame.f_code.co_name].add((previous, frame.f_lineno))
        self.last[frame] = frame.f_lineno
        if event == 'return':
            del self.last[frame]
        return self.trace

    def start(self):
        sys.settrace(self.trace)
        threading.settrace(self.trace)

    def stop(self):
        sys.settrace(None)
        threading.settrace(None)

def branch(n):
    if n % 2:
        return 'odd'
    else:
        return 'even'

def life():
    return [branch(n) for n in range(5)]

c = Coverage()
c.start()
branch(1)
t = threading.Thread(target=life)
t.start()
t.join()
c.stop()
for name in sorted(c.lines):
    print(name, sorted(c.lines[name]), sorted(c.arcs[name]))
branch(2)
"""


@for_backends()
def test_coverage_measured_is_the_same(ctx):
    for lines in ("0", "1") if ctx.backend != "frame" else "0":
        trace = read(ctx, ctx.same_behaviour(COVERAGE_LIKE, env={"BREADCRUMB_CAPTURE_LINES": lines}))
        ctx.equal(trace.ended, "clean")


@for_backends()
def test_debugger_session_is_the_same(ctx):
    text = """\
import pdb

def inner(n):
    m = n * 2
    return m

def main():
    pdb.set_trace()
    x = inner(3)
    y = inner(x)
    return y

print(main())
"""
    session = "b inner\nc\np n\nw\nn\nu\np 'y' in dir()\nc\nr\ncl 1\nc\n"
    plain = ctx.plain(text, stdin=session)
    traced = ctx.run(text, stdin=session)
    # 3.13 stops one line later in set_trace() when any other tool is monitoring.
    ctx.equal(traced.stdout.splitlines()[2:], plain.stdout.splitlines()[2:], "the session")
    ctx.equal([traced.stderr, traced.returncode], [plain.stderr, plain.returncode])


# ---- warnings, descriptors, memory ---------------------------------------------------------


@parametrize("options", ["-X dev -W error", "-X dev", "-W error", "-bb -W error"])
def test_strict_interpreter_has_nothing_to_say(ctx, options):
    text = """\
import os, threading

def work(n):
    return n

t = threading.Thread(target=work, args=(1,))
t.start()
t.join()
while len(os.listdir('/proc/self/task')) > 1:
    pass
pid = os.fork()
if pid == 0:
    work(2)
    os._exit(0)
os.waitpid(pid, 0)
print('done')
"""
    ctx.write("program.py", text)
    result = ctx.same_behaviour([ctx.python, *options.split(), "program.py"])
    ctx.equal(result.stderr, "")
    read(ctx, result, 2)


@for_backends()
def test_one_descriptor_more_high_and_not_inherited(ctx):
    """What a program sees in /proc/self/fd with the agent: at most one number more, above those
    that it gets itself, close-on-exec."""
    text = """\
import fcntl, os, subprocess
def work():
    pass
work()
own = {}
for n in os.listdir('/proc/self/fd'):
    try:
        own[int(n)] = os.readlink(f'/proc/self/fd/{n}'), fcntl.fcntl(int(n), fcntl.F_GETFD) & 1
    except OSError:
        pass
for n, (link, cloexec) in sorted(own.items()):
    if '/traces/' in link:
        print('trace', n, cloexec)
    elif n < 3:
        print('own', n)
    else:
        print('other', n, link)
print(subprocess.run(['ls', '/proc/self/fd'], close_fds=False, capture_output=True, text=True).stdout)
"""
    plain = ctx.plain(text).check(0)
    traced = ctx.run(text).check(0)
    ours = [line for line in traced.stdout.splitlines() if line.startswith("trace")]
    rest = [line for line in traced.stdout.splitlines() if not line.startswith("trace")]
    ctx.equal(rest, plain.stdout.splitlines(), "all but the agent's descriptor")
    if len(ours) > 1:
        raise Failure(f"more than one descriptor: {ours}")
    for line in ours:
        _, number, cloexec = line.split()
        if int(number) < 100 or cloexec != "1":
            raise Failure(f"the agent's descriptor: {line}")


@for_backends()
def test_error_number_of_c_code_is_kept(ctx):
    """C code that calls back into Python finds errno as Python left it."""
    library = compiled(
        ctx,
        "errno.so",
        [],
        ["-shared", "-fPIC"],
        text="""
#include <errno.h>
int check(int (*callback)(int), int rounds);
int check(int (*callback)(int), int rounds)
{
        int changed = 0;
        for (int i = 0; i < rounds; i++) {
                errno = 4242;
                callback(i);
                changed += errno != 4242;
        }
        return changed;
}
""",
    )
    text = """\
import ctypes, sys

def work(n):
    return n

def callback(n):
    if n % 1000 == 0:
        exec(f'def fresh{n}(): pass\\nfresh{n}()', {})
    return work(n)

library = ctypes.PyDLL(sys.argv[1])
routine = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)(callback)
print(library.check(routine, 10000))
"""
    plain = ctx.plain(text, [library]).check(0)
    traced = ctx.run(text, [library]).check(0)
    ctx.equal([traced.stdout, traced.stderr], [plain.stdout, plain.stderr])
    ctx.equal(read(ctx, traced).count("work"), 10000)


def test_debug_build_counts_the_same_references(ctx):
    if not ctx.debug:
        ctx.skip("no debug build")
    text = """\
import gc, sys

def work(n):
    return [n]

def numbers():
    yield from range(3)

def rounds(count):
    for i in range(count):
        work(i)
        list(numbers())
        try:
            raise KeyError(i)
        except KeyError:
            pass

rounds(100)
gc.collect()
before = sys.gettotalrefcount()
rounds(2000)
gc.collect()
print(abs(sys.gettotalrefcount() - before) < 50)
"""
    ctx.same_behaviour(text)


def test_memory_does_not_grow_with_events(ctx):
    text = """\
def work(n):
    return n

def rss():
    return int(open('/proc/self/statm').read().split()[1]) * 4096

def repeat(count):
    for i in range(count):
        work(i)

repeat(50000)
before = rss()
repeat(400000)
print(rss() - before)
"""
    for backend in ctx.backends:
        result = ctx.run(text, env={"BREADCRUMB_BACKEND": backend}).check(0)
        if int(result.stdout) > 1 << 20:
            raise Failure(f"{backend}: {result.stdout.strip()} bytes more after 800,000 events")


def test_memory_does_not_grow_with_dead_code(ctx):
    """Ids are for ever, but what a dead code object held is given back."""
    text = """\
import gc

def churn(count):
    for n in range(count):
        space = {}
        exec('def f(x):\\n    return x\\n', space)
        space['f'](n)

def rss():
    return int(open('/proc/self/statm').read().split()[1]) * 4096

churn(2000)
gc.collect()
before = rss()
churn(20000)
gc.collect()
print(rss() - before)
"""
    result = ctx.run(text).check(0)
    if int(result.stdout) > 6 << 20:
        raise Failure(f"{result.stdout.strip()} bytes more after 20,000 dead functions")


def test_agent_is_not_an_own_module_of_the_program(ctx):
    text = "import sys\nprint([m for m in sys.modules if 'crumb' in m.lower()])\n"
    ctx.equal(ctx.run(text).check(0).stdout, "[]\n")


@for_backends()
def test_interrupts_work_as_before(ctx):
    text = """\
import signal, sys, time
def handler(number, frame):
    raise TimeoutError('alarm')
signal.signal(signal.SIGALRM, handler)
def work():
    n = 0
    while True:
        n += 1
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    work()
except TimeoutError as error:
    print(error)
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.001)
hits = 0
def count(number, frame):
    global hits
    hits += 1
signal.signal(signal.SIGALRM, count)
def small(n):
    return n
end = time.monotonic() + 0.5
while time.monotonic() < end:
    small(1)
    time.sleep(0.0001)
signal.setitimer(signal.ITIMER_REAL, 0)
print(hits > 20)
"""
    trace = read(ctx, ctx.same_behaviour(text))
    if not trace.count("count"):
        raise Failure("the handler's calls are missing")


def test_asynchronous_exception_reaches_its_thread(ctx):
    text = """\
import ctypes, threading, time

class Stop(Exception):
    pass

def small(n):
    return n

def life():
    ready.set()
    try:
        while True:
            small(1)
            time.sleep(0.0001)
    except Stop:
        print('stopped')

ready = threading.Event()
t = threading.Thread(target=life)
t.start()
ready.wait()
ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(t.ident), ctypes.py_object(Stop))
t.join()
"""
    # It may hit a function at its very first instruction, which is then left without a call.
    read(ctx, ctx.same_behaviour(text), strays=True)
