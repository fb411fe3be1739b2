# SPDX-License-Identifier: MIT
"""This exercises: what a program notices of the backends of breadcrumb_agent: nothing is left behind
by them, and it runs and ends as ever."""

from harness import Failure, for_backends, parametrize, short, timeout
from module_tests import KINDS, MANUAL, answer
from oracle import PROGRAMS as ORACLE_PROGRAMS, can_run


@short()
@for_backends()
def test_state_of_the_interpreter_is_put_back(ctx):
    got = answer(ctx, """
seen = []
def mine(frame, event, arg):
    if frame.f_code.co_name == 'f':
        seen.append(event)
    return mine
def f():
    return 1
def state():
    tools = getattr(sys, 'monitoring', None)
    told = [tools.get_tool(n) for n in range(6)] if tools else []
    return [sys.gettrace() is mine, sys.getprofile(), told, threading._trace_hook,
            sys.getswitchinterval(), sys.getrecursionlimit()]
def cycle():
    back = Kind(capture_lines=Kind is not b.FrameBackend, **MAIN)
    back.start()
    f()
    back.stop()
    return len(back.get_events()) > 1
before = state()
cycle()
same = [state() == before]
sys.settrace(mine)
before = state()
told = cycle()
same.append(state() == before)
del seen[:]
f()
sys.settrace(None)
say([same, told, seen])
""")
    ctx.equal(got, [[True, True], True, ["call", "line", "return"]])


def cycles(body):
    return """
import gc, weakref
def f(n):
    return [n]
def g():
    yield 1
""" + body + """
for n in range(1000):  # until the allocator's free lists are full
    cycle()
# The interpreter's own pools fill up: what leaks goes on.
rounds = []
while len(rounds) < 6 and (not rounds or max(map(abs, rounds[-1])) > 100):
    gc.collect()
    objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
    for n in range(200):
        cycle()
    gc.collect()
    rounds.append([len(gc.get_objects()) - objects, sys.getallocatedblocks() - blocks])
tools = getattr(sys, 'monitoring', None)
say([rounds, [tools.get_tool(n) for n in range(6)] == TOOLS if tools else True])
"""


# name: what a cycle is
CYCLES = {
    "plain": """
def cycle():
    back = Kind(**MAIN)
    back.start()
    f(1), list(g())
    back.stop()
    back.get_events(all_threads=True)
""",
    "same": """
back = Kind(callback=lambda event: None, **MAIN)
def cycle():
    with back:
        f(1), list(g())
    back.clear_events(all_threads=True)
""",
    "circle": """
class Holder:
    def __init__(self):
        self.back = Kind(callback=self.told, **MAIN)
        self.back.events = None if hasattr(self.back, '__dict__') else 0
    def told(self, event):
        self.last = event
def cycle():
    holder = Holder.__new__(Holder)
    holder.back = Kind(callback=holder.told, **MAIN)
    with holder.back:
        f(1), list(g())
""",
    "threads": """
back = Kind(**MAIN)
def cycle():
    with back:
        in_thread(f, 1)
    back.clear_events(all_threads=True)
""",
    "failing": """
sys.unraisablehook = lambda told: None
def callback(event):
    raise ValueError(event)
def raises():
    raise KeyError('k')
def cycle():
    back = Kind(callback, **MAIN)
    with back:
        try:
            raises()
        except KeyError:
            f(1)
    try:
        b.create_backend(include_patterns=[1])
    except TypeError:
        pass
""",
    "file": """
def cycle():
    b.pause(), b.resume(), b.mark('m'), b.stats(), b.output_path()
    with b.recording('text'):
        f(1)
    try:
        b.mark(1)
    except TypeError:
        pass
""",
}


@timeout(120)
@for_backends()
@parametrize("what", list(CYCLES), short=["plain"])
def test_nothing_leaks(ctx, what):
    text = """
TOOLS = [sys.monitoring.get_tool(n) for n in range(6)] if hasattr(sys, 'monitoring') else []
""" + cycles(CYCLES[what])
    rounds, tools = answer(ctx, text, timeout=60)
    objects, blocks = map(abs, rounds[-1])
    # 3.13t itself loses blocks, of _thread._local for one.
    if objects > 100 or blocks > (400 if ctx.free_threaded else 100) or not tools:
        raise Failure(f"objects and blocks more after each 200 cycles: {rounds}, "
                      f"tool ids as before: {tools}")


@for_backends()
def test_references_to_the_program_are_dropped(ctx):
    got = answer(ctx, """
import gc, weakref
class C:
    pass
def f(x):
    y = x
    return y
c = C()
counts = sys.getrefcount(c)
back = Kind(callback=lambda event: None, **MAIN)
with back:
    f(c)
same = sys.getrefcount(c) == counts
gone = weakref.ref(c)
del c
holder = C()
holder.back = Kind(callback=lambda event, holder=holder: None, **MAIN)
with holder.back:
    f(1)
dead = weakref.ref(holder)
del holder
gc.collect()
gc.disable()
def uses(action):
    mine = C()
    action()
    return weakref.ref(mine)
kept = [name for name, action in {
    'get': lambda: back.get_events(all_threads=True),
    'clear': lambda: back.clear_events(),
    'clear all': lambda: back.clear_events(all_threads=True),
    'start': back.start,
    'running': lambda: f(1),
    'stop': back.stop,
    'stats': b.stats,
    'snapshot': b.snapshot,
    'pause': b.pause,
    'resume': b.resume,
    'recording': lambda: b.recording('x').__enter__(),
    'mark': lambda: b.mark('x'),
}.items() if uses(action)() is not None]
say([same, gone() is None, dead() is None, kept])
""")
    ctx.equal(got, [True, True, True, []])


# A program is the same with a backend that runs until its end.
OPEN_END = """\
import sys, threading
try:
    import breadcrumb_agent
except ImportError:
    pass
else:
    def callback(event):
        len(event.function_name)
    # A function that is called at the end keeps its module alive, whoever calls it.
    callback = callback if sys.argv[2] == '1' else None
    getattr(breadcrumb_agent, sys.argv[1])(callback, exclude_patterns=[]).start()
def f(n):
    return n if n < 2 else f(n - 1) + f(n - 2)
def life():
    while True:
        f(5)
class Late:
    def __del__(self):
        print('late', f(3), flush=True)
print(f(10))
"""
ENDS = {
    "end": "late = Late()",
    "status": "late = Late()\nsys.exit(3)",
    "uncaught": "def fails(n):\n    raise ValueError(n)\nfails(7)",
    "hard": "import os\nprint('hard', flush=True)\nos._exit(4)",
    "daemons": "for n in range(3):\n    threading.Thread(target=life, daemon=True).start()\nf(8)",
    "thread": "def fails():\n    raise SystemExit\nt = threading.Thread(target=fails)\n"
              "t.start(); t.join()\nimport atexit\natexit.register(f, 3)",
    "circle": "import gc\nlate = Late(); late.me = late; del late; gc.collect()\n"
              "late = Late()\nlate.me = late",
    "killed": "import os, signal\nprint('killed', flush=True)\n"
              "os.kill(os.getpid(), signal.SIGTERM)",
    "recursion": "def deep(n):\n    return deep(n + 1)\ntry:\n    deep(0)\n"
                 "except RecursionError:\n    print('deep')\nf(3)",
    "generators": "def numbers():\n    try:\n        yield 1\n    finally:\n"
                  "        print('closed')\ng = numbers(); next(g)",
}


@for_backends()
@parametrize("end", list(ENDS), short=["status"])
def test_program_ends_as_ever_while_a_backend_runs(ctx, end):
    if end == "daemons" and ctx.free_threaded:
        ctx.skip("3.13t itself sometimes hangs or crashes when such threads are left")
    if end == "daemons" and ctx.version < (3, 11):
        ctx.skip("3.10 itself sometimes crashes when such threads are left")
    late = end in ("end", "status", "circle", "generators")
    for callback in "0" if late else "01":
        ctx.same_behaviour(OPEN_END + ENDS[end] + "\n", [KINDS[ctx.backend], callback])


# A program runs as __main__ from its file, with a backend that was started before it.
BEFORE = """\
import os, sys
if 'MODULE_KIND' in os.environ:
    import breadcrumb_agent
    back = getattr(breadcrumb_agent, os.environ.pop('MODULE_KIND'))(
        lambda event: None, exclude_patterns=[])
    back.start()
    del sys.modules['breadcrumb_agent']
del sys.modules['sitecustomize'], os.environ['PYTHONPATH']
sys.path.remove(os.path.dirname(__file__))
sys.path_importer_cache.pop(os.path.dirname(__file__), None)
"""
PROGRAMS = ["async_programs", "async_generators", "async_cancel", "attributes", "classes",
            "contexts", "coroutine_chain", "exceptions_chain", "exceptions_finally",
            "exceptions_with", "exec_eval", "exit_status", "functools_all", "generator_errors",
            "generator_protocol", "generators", "imports", "metaclasses",
            "signals", "threads_basic", "threads_low", "throw_unstarted", "uncaught",
            "uncaught_chain", "yield_from"]


@timeout(120)
@for_backends()
@parametrize("program", PROGRAMS)
def test_programs_run_as_ever_below_a_backend(ctx, program):
    if not can_run(program, ctx.version):
        ctx.skip("for later versions")
    ctx.write("site/sitecustomize.py", BEFORE)
    env = {"PYTHONPATH": ctx.tmp / "site"}
    path = ORACLE_PROGRAMS / f"{program}.py"
    plain = ctx.plain(path, env=env)
    traced = ctx.run(path, env={**env, **MANUAL, "MODULE_KIND": KINDS[ctx.backend]})
    ctx.equal(traced.stdout, plain.stdout, "stdout with a backend")
    ctx.equal(traced.stderr, plain.stderr, "stderr with a backend")
    ctx.equal(traced.returncode, plain.returncode, "status with a backend")
