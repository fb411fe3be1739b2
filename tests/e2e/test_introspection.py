# SPDX-License-Identifier: MIT
"""This exercises: what a program can see of its own process.  It prints that; with and without the
agent it must print the same."""

import re

from behave import read
from harness import Failure, for_backends, parametrize

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
print(sorted((k[2], v[:2]) for k, v in stats.stats.items() if k[2] in ('work', 'main')))
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


def test_agent_is_not_an_own_module_of_the_program(ctx):
    text = "import sys\nprint([m for m in sys.modules if 'crumb' in m.lower()])\n"
    ctx.equal(ctx.run(text).check(0).stdout, "[]\n")
