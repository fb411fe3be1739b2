# SPDX-License-Identifier: MIT
"""This exercises: starting and stopping the backends of breadcrumb_agent, their callback, whose
events one gets, which modules are told of, and that they leave nothing behind."""

from harness import Failure, for_backends, parametrize, short, timeout
from module_tests import KINDS, answer, run, said

PAIR = ["call f", "return f"]


@short()
@for_backends()
def test_starting_and_stopping_twice_is_once(ctx):
    got = answer(ctx, """
def f():
    return 1
back = Kind(**MAIN)
seen = [back.running]
back.stop()
seen.append(back.running)
back.start()
back.start()
seen.append(back.running)
f()
back.stop()
back.stop()
seen.append(back.running)
f()
first = names(back.get_events())
back.start()
f()
back.stop()
say([seen, first, names(back.get_events())])
""")
    ctx.equal(got, [[False, False, True, False], PAIR, PAIR * 2])


@for_backends()
def test_with_starts_and_stops(ctx):
    got = answer(ctx, """
def f():
    return 1
back = Kind(**MAIN)
seen = []
try:
    with back:
        seen.append(back.running)
        f()
        raise KeyError('out')
except KeyError as error:
    seen.append(str(error))
seen.append(back.running)
f()
with back:
    f()
say([seen, names(back.get_events())])
""")
    ctx.equal(got, [[True, "'out'", False], PAIR * 2])


@short()
@for_backends()
def test_frames_that_run_at_the_start_are_not_told(ctx):
    lines = ctx.backend != "frame"
    got = answer(ctx, f"""
LINES = {lines}
""" + """
back = Kind(capture_lines=LINES, **MAIN)
def inner(): return 1
def fails(): raise ValueError
def outer():
    back.start()
    inner()
    try:
        fails()
    except ValueError:
        pass
    try:
        [][1]
    except IndexError:
        pass
    return 1
def numbers():
    back.start()
    yield 1
    yield 2
def dropped():
    back.start()
    fails()
def told(function, *args):
    try:
        function(*args)
    except ValueError:
        pass
    back.stop()
    return kept()
def kept():
    events = [n for n in names(back.get_events()) if not n.startswith('line')]
    lines = {e.function_name for e in back.get_events() if e.event_type == 'line'}
    back.clear_events()
    return events, sorted(lines)
begun = numbers()
def whole():
    outer()
    inner()
seen = [told(outer), told(whole), told(dropped), told(next, begun)]
back.start()
list(begun)
back.stop()
seen.append(kept())
say([*seen, told(list, numbers())])
""")
    failing = ["call fails", "exception fails", "unwind fails"]
    inner = ["call inner", "return inner"]

    def lines_of(*names):
        return list(names) if lines else []

    ctx.equal(got, [
        [[*inner, *failing], lines_of("fails", "inner")],
        [[*inner, *failing, *inner], lines_of("fails", "inner")],
        [failing, lines_of("fails")],
        [[], []],
        [["resume numbers", "yield numbers", "resume numbers", "return numbers"],
         lines_of("numbers")],
        [["resume numbers", "yield numbers", "resume numbers", "return numbers"],
         lines_of("numbers")],
    ])


@for_backends()
def test_nothing_is_told_after_the_stop(ctx):
    got = answer(ctx, """
back = Kind(callback=lambda event: after.append(stopped), **MAIN)
after, stopped = [], False
def f():
    return 1
def ends():
    back.stop()
    f()
    return 2
def again():
    back.stop()
    back.start()
    f()
    return 3
back.start()
ends()
first = names(back.get_events())
back.clear_events()
back.start()
again()
f()
back.stop()
say([first, names(back.get_events())])
""")
    ctx.equal(got, [["call ends"], ["call again", *PAIR, *PAIR]])


@for_backends()
def test_nothing_is_told_of_busy_threads_after_the_stop(ctx):
    got = answer(ctx, """
def f(n):
    return n
go_on = True
rounds = [0] * 4
def life(number):
    while go_on:
        f(1)
        list(map(f, range(5)))
        rounds[number] += 1
def wait():
    # Until each thread has begun and ended a round.
    before = rounds[:]
    while any(a - b < 2 for a, b in zip(rounds, before)):
        time.sleep(0.001)
threads = [threading.Thread(target=life, args=(n,)) for n in range(4)]
[t.start() for t in threads]
told = []
back = Kind(callback=told.append, **MAIN)
grown, late, seen = 0, 0, 0
for n in range(40):
    back.start()
    time.sleep(0.001)
    back.stop()
    before = len(back.get_events(True)), len(told)
    wait()  # an event that a thread is at is told to its end
    count = len(back.get_events(True)), len(told)
    late = max(late, count[0] - before[0], count[1] - before[1])
    wait()
    grown += len(back.get_events(True)) - count[0] + len(told) - count[1]
    seen += count[0]
    back.clear_events(True)
    grown += len(back.get_events(True))
    del told[:]
go_on = False
[t.join() for t in threads]
say([grown, late, seen])
""")
    grown, late, seen = got
    if grown or late > 4 or seen < 100:
        raise Failure(f"after the stop: {grown} events, {late} at once; before: {seen}")


@short()
@for_backends()
def test_each_thread_has_its_own_events(ctx):
    got = answer(ctx, """
def f(n):
    return n
def life(n):
    f(n)
    own.append(names(back.get_events()))
def other():
    own.append(names(back.get_events()))
    back.clear_events()
own = []
back = Kind(**MAIN)
back.start()
f(0)
in_thread(life, 1)
in_thread(other)
f(2)
back.stop()
main = back.get_events()
every = back.get_events(all_threads=True)
ordered = [e.timestamp for e in every]
back.get_events().clear()
sizes = [len(back.get_events()), len(back.get_events(True))]
back.clear_events()
left = [len(back.get_events()), len(back.get_events(all_threads=True))]
back.clear_events(all_threads=True)
left += [len(back.get_events()), len(back.get_events(all_threads=True))]
say([own, names(main), {e.thread_id == threading.get_ident() for e in main} == {True},
     ordered == sorted(ordered), [e for e in every if e in main] == main,
     sorted({n for n in names(every)}), sizes[0], sizes[1] == len(every), left[0],
     left[1] == len(every) - 4, left[2:]])
""")
    # The second thread may have the identity of the first, and has its own events all the same.
    own = [["call life", *PAIR], ["call other"]]
    events = sorted({*PAIR, "call life", "return life", "return other"})
    ctx.equal(got, [own, PAIR * 2, True, True, True, events, 4, True, 0, True, [0, 0]])


@for_backends()
def test_events_of_ended_threads_stay(ctx):
    got = answer(ctx, """
def f(n):
    return n
back = Kind(**MAIN)
back.start()
for n in range(20):
    in_thread(f, n)
back.stop()
events = back.get_events(all_threads=True)
say([len(back.get_events()), [e.return_value for e in events if e.event_type == 'return']])
""")
    ctx.equal(got, [0, list(range(20))])


@for_backends()
def test_backend_can_be_stopped_by_another_thread(ctx):
    got = answer(ctx, """
def f(n):
    return n
def mine(frame, event, arg):
    return None
back = Kind(**MAIN)
def begin():
    back.start()
    f(1)
def end():
    f(3)
    back.stop()
    f(4)
if Kind is b.SettraceBackend:
    sys.settrace(mine)
before = sys.gettrace()
in_thread(begin)
f(2)
in_thread(end)
f(5)
told = [e.return_value for e in back.get_events(True) if e.function_name == 'f' and e.return_value]
say([told, back.running])
""")
    ctx.equal(got, [[1, 2, 3], False])


@short()
@for_backends()
def test_callback_is_called_in_the_thread_while_the_program_waits(ctx):
    got = answer(ctx, """
def f(n):
    order.append('f')
    return n
order, told = [], []
def callback(event):
    order.append(event.event_type)
    told.append((threading.get_ident(), event))
back = Kind(callback, **MAIN)
back.start()
f(1)
in_thread(f, 2)
back.stop()
say([order, all(ident == e.thread_id for ident, e in told), len({i for i, _ in told}),
     [e for _, e in told] == back.get_events(all_threads=True), back.callback_errors])
""")
    ctx.equal(got, [["call", "f", "return"] * 2, True, 2, True, 0])


@short()
@for_backends()
def test_what_the_callback_calls_is_not_told(ctx):
    got = answer(ctx, """
import contextlib
def f(n):
    return n
def numbers():
    yield 1
    yield 2
class Helper:
    def __init__(self):
        self.n = sum(numbers())
    def fails(self):
        try:
            raise ValueError(self.n)
        except ValueError:
            return sorted([3, 1], key=lambda n: f(n))
shared = numbers()
def callback(event):
    f(7)
    Helper().fails()
    exec('def g(): return 1\\ng()', {'__name__': '__main__'})
    with contextlib.suppress(StopIteration):
        next(shared)
    try:
        os.stat('/no/such/file')
    except OSError:
        pass
back = Kind(callback, capture_lines=Kind is not b.FrameBackend, **MAIN)
back.start()
f(1)
f(2)
back.stop()
say([[n for n in names(back.get_events(True)) if 'line' not in n], back.callback_errors])
""")
    ctx.equal(got, [PAIR * 2, 0])


@for_backends()
def test_callback_can_use_its_backend(ctx):
    got = answer(ctx, """
def f(n):
    return n
counts = []
def callback(event):
    counts.append(len(back.get_events()) <= 20)
    back.start()
    if len(counts) == 5:
        back.clear_events(all_threads=True)
    if len(counts) == 11:
        back.stop()
back = Kind(callback, **MAIN)
back.start()
for n in range(20):
    f(n)
first = [len(counts), all(counts), back.running, back.callback_errors]
back.start()
f(0)
back.stop()
say([first, len(counts), len(back.get_events()) in (8, 9)])
""")
    ctx.equal(got, [[11, True, False, 0], 13, True])


# name: what the callback raises
RAISED = {"error": "ValueError('mine')", "exit": "SystemExit('mine')", "own": "Own('mine')"}


@short()
@for_backends()
@parametrize("kind", list(RAISED))
def test_exception_in_the_callback_is_reported_once(ctx, kind):
    got = answer(ctx, """
class Own(BaseException):
    pass
def f(n):
    return n
def g():
    try:
        f(0)
        raise KeyError('the program')
    except KeyError as error:
        return [repr(error), repr(error.__context__), repr(sys.exc_info()[1])]
def callback(event):
    raise RAISED
seen = []
def hook(told):
    seen.append([told.exc_type.__name__, str(told.exc_value), told.object is callback])
sys.unraisablehook = hook
back = Kind(callback, **MAIN)
back.start()
f(1)
result = g()
in_thread(f, 2)
back.stop()
first = [len(seen), back.callback_errors]
events = len(back.get_events(all_threads=True))
back.start()
f(3)
back.stop()
say([first, events, result, seen, back.callback_errors in (2, first[1] + 2), repr(sys.exc_info()[1])])
""".replace("RAISED", RAISED[kind]))
    name = RAISED[kind].partition("(")[0]
    # In g() the KeyError is an event where it is seen: not where frames are only left.
    events = 8 if ctx.backend == "frame" else 9
    ctx.equal(got, [
        [1, events], events,
        ["KeyError('the program')", "None", "KeyError('the program')"],
        [[name, "mine", True]] * 2, True, "None",
    ])


@for_backends()
def test_exception_in_the_callback_is_reported_on_stderr(ctx):
    result = run(ctx, """
def f(n):
    return n
def callback_of_mine(event):
    raise ValueError('from the callback')
back = Kind(callback_of_mine, **MAIN)
with back:
    for n in range(50):
        f(n)
say(back.callback_errors)
""")
    ctx.equal(said(result), 100)
    ctx.equal(result.stderr.count("ValueError: from the callback"), 1)
    if "callback_of_mine" not in result.stderr:
        raise Failure(f"the callback is not named: {result.stderr}")


# What modules there are, and of which there is an event: (include, exclude, modules).
MODULES = ["app", "app.a", "app.a.b", "apple", "lib1", "lib2", "libx", "", "threading", "queue",
           "_thread", "contextlib", "importlib", "importlib.own", "sys", "os", "posixpath",
           "genericpath", "os.path", "sysconfig"]
LEFT_OUT = ["threading", "queue", "_thread", "contextlib", "importlib", "importlib.own", "sys",
            "os", "posixpath", "genericpath"]
PATTERNS = [
    (["app.*"], [], ["app", "app.a", "app.a.b"]),
    (["app"], [], ["app"]),
    (["app*"], [], ["app", "app.a", "app.a.b", "apple"]),
    (["lib?"], [], ["lib1", "lib2", "libx"]),
    (["lib[12]"], [], ["lib1", "lib2"]),
    (["app.*", "lib1"], ["app.a.*"], ["app", "lib1"]),
    (("lib1", "lib2"), ("lib2",), ["lib1"]),
    (["app"], ["app"], []),
    (["*"], ["*"], []),
    (["threading", "lib1"], None, ["lib1"]),
    (["threading", "lib1"], [], ["lib1", "threading"]),
    (None, None, [m for m in MODULES if m not in LEFT_OUT]),
    ([], None, [m for m in MODULES if m not in LEFT_OUT]),
    (None, [], MODULES),
    ([], (), MODULES),
    (None, ["lib?", "app.*"], [m for m in MODULES if not m.startswith(("lib", "app.", "app"))
                               or m == "apple"]),
    (["none.such"], None, []),
]


@short()
@for_backends()
def test_modules_are_chosen_by_patterns(ctx):
    got = answer(ctx, f"MODULES, PATTERNS = {MODULES!r}, {[p[:2] for p in PATTERNS]!r}" + """
functions = []
for module in MODULES:
    space = {'__name__': module} if module else {}
    exec('def chosen(): return 1', space)
    functions.append(space['chosen'])
told = []
for include, exclude in PATTERNS:
    back = Kind(include_patterns=include, exclude_patterns=exclude)
    with back:
        for function in functions:
            function()
    told.append([e.module for e in back.get_events()
                 if e.function_name == 'chosen' and e.event_type == 'call'])
say(told)
""")
    for pattern, modules in zip(PATTERNS, got):
        ctx.equal(modules, pattern[2], f"include {pattern[0]}, exclude {pattern[1]}")


@for_backends()
def test_standard_modules_are_left_out_by_default(ctx):
    got = answer(ctx, """
import contextlib
def f():
    with contextlib.suppress(ValueError):
        return os.path.join('a', 'b')
def told(**options):
    back = Kind(**options)
    with back:
        in_thread(f)
        with b.recording('within'):
            f()
    return sorted({e.module for e in back.get_events(True)})
say([told(), told(exclude_patterns=[])])
""")
    # Weak sets have Python code of their own.
    ctx.equal([m for m in got[0] if m != "_weakrefset"], ["__main__", "helpers"])
    ctx.equal("breadcrumb_agent" in got[0] + got[1], False, "the module is told of")
    for module in ("threading", "contextlib", "posixpath"):
        if module not in got[1]:
            raise Failure(f"no {module} in {got[1]}")


@short()
@for_backends()
def test_second_backend_that_cannot_run_says_so(ctx):
    if ctx.backend == "monitoring":
        ctx.skip("there is room for several")
    got = answer(ctx, """
def f():
    return 1
one, two = Kind(**MAIN), Kind(**MAIN)
one.start()
seen = []
for n in range(2):
    try:
        two.start()
    except RuntimeError as error:
        seen.append(bool(str(error)))
f()
seen.append([one.running, two.running])
one.stop()
two.start()
f()
two.stop()
in_thread(two.start)
try:
    one.start()
except RuntimeError:
    seen.append('the other thread has it')
two.stop()
say([seen, names(one.get_events()), names(two.get_events())])
""")
    ctx.equal(got, [[True, True, [True, False], "the other thread has it"], PAIR, PAIR])


@short()
@for_backends("monitoring")
def test_backend_without_a_tool_id_says_so(ctx):
    got = answer(ctx, """
def f():
    return 1
tools = sys.monitoring
free = [n for n in range(6) if tools.get_tool(n) is None]
backs = [Kind(**MAIN) for _ in free]
[back.start() for back in backs]
f()
one_more = Kind(**MAIN)
seen = []
for n in range(2):
    try:
        one_more.start()
    except RuntimeError as error:
        seen.append([bool(str(error)), one_more.running])
backs[0].stop()
one_more.start()
f()
one_more.stop()
[back.stop() for back in backs]
say([seen, [names(back.get_events()) for back in backs] == [['call f', 'return f']] +
     [['call f', 'return f'] * 2] * (len(free) - 1), names(one_more.get_events()),
     [n for n in range(6) if tools.get_tool(n) is None] == free])
""")
    ctx.equal(got, [[[True, False]] * 2, True, PAIR, True])


@for_backends()
def test_backends_of_different_kinds_run_at_once(ctx):
    others = [KINDS[name] for name in ctx.backends if name != ctx.backend]
    got = answer(ctx, f"OTHER = b.{others[0]}" + """
def f(n):
    return n
one, two = Kind(**MAIN), OTHER(**MAIN)
with one:
    f(1)
    two.start()
    f(2)
    in_thread(f, 3)
f(4)
two.stop()
say([[e.return_value for e in back.get_events(True) if e.return_value] for back in (one, two)])
""")
    ctx.equal(got, [[1, 2, 3], [2, 3, 4]])


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
for n in range(10):
    cycle()
gc.collect()
objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
for n in range(200):
    cycle()
gc.collect()
tools = getattr(sys, 'monitoring', None)
say([len(gc.get_objects()) - objects, sys.getallocatedblocks() - blocks,
     [tools.get_tool(n) for n in range(6)] == TOOLS if tools else True])
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


@short()
@timeout(120)
@for_backends()
@parametrize("what", list(CYCLES))
def test_nothing_leaks(ctx, what):
    text = """
TOOLS = [sys.monitoring.get_tool(n) for n in range(6)] if hasattr(sys, 'monitoring') else []
""" + cycles(CYCLES[what])
    objects, blocks, tools = answer(ctx, text, timeout=60)
    if abs(objects) > 20 or abs(blocks) > 400 or not tools:
        raise Failure(f"after 200 cycles: {objects} objects and {blocks} blocks more, "
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
say([same, gone() is None, dead() is None, len(back.get_events())])
""")
    ctx.equal(got, [True, True, True, 2])


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
    "circle": "import gc\nlate = Late(); late.me = late; del late; gc.collect()\nlate = Late()\n"
              "late.me = late",
    "killed": "import os, signal\nprint('killed', flush=True)\nos.kill(os.getpid(), signal.SIGTERM)",
    "recursion": "def deep(n):\n    return deep(n + 1)\ntry:\n    deep(0)\n"
                 "except RecursionError:\n    print('deep')\nf(3)",
    "generators": "def numbers():\n    try:\n        yield 1\n    finally:\n        print('closed')\n"
                  "g = numbers(); next(g)",
}


@short()
@for_backends()
@parametrize("end", list(ENDS))
def test_program_ends_as_ever_while_a_backend_runs(ctx, end):
    late = end in ("end", "status", "circle", "generators")
    for callback in "0" if late else "01":
        ctx.same_behaviour(OPEN_END + ENDS[end] + "\n", [KINDS[ctx.backend], callback])
