# SPDX-License-Identifier: MIT
"""This exercises: what the agent takes and leaves in a program's process: how deep recursion can go,
descriptors, references and memory, errno, warnings, interrupts."""

from behave import compiled, read
from harness import Failure, for_backends, parametrize


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
