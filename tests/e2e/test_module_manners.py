# SPDX-License-Identifier: MIT
"""This exercises: backends of the module leave the program its stack, its variables, its signals
and its hooks, whatever else uses them at the same time."""

from behave import read
from harness import for_backends, parametrize, short
from module_tests import FUNCTIONS, MANUAL, PAIR, answer, counts, run, said


@for_backends()
@parametrize("wanted", ["nothing", "__main__"])
def test_deep_recursion_goes_as_deep(ctx, wanted):
    """In 8 MiB of stack, and in the little one of a thread."""
    if ctx.version >= (3, 12):
        return
    deep = 19500 if ctx.version < (3, 11) else 50000
    got = answer(ctx, f"DEEP, WANTED = {deep}, '{wanted}'" + """
sys.setrecursionlimit(DEEP + 50)
def f(n):
    return n and f(n - 1) + 1
back = Kind(include_patterns=[WANTED], capture_locals=False)
with back:
    told = [f(DEEP)]
    threading.stack_size(512 * 1024)
    in_thread(lambda: told.append(f(900)))
    f(1)
say([told, len(back.get_events(True)) > 500])
""", timeout=100, env=MANUAL)
    ctx.equal(got, [[deep, 900], wanted == "__main__"])


@short()
@for_backends()
def test_variables_of_threads_keep_what_is_stored(ctx):
    got = answer(ctx, """
import _thread
def counter():
    n, lock = 0, _thread.allocate_lock()
    def more():
        nonlocal n
        with lock:
            n += 1
    def many():
        for _ in range(500):
            more()
    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return n
sys.setswitchinterval(1e-5)
with Kind(**MAIN):
    got = counter()
say(got)
""", timeout=60)
    ctx.equal(got, 2000)


@short()
@for_backends()
def test_what_a_signal_handler_raises_is_the_programs(ctx):
    got = answer(ctx, """
import signal
class Timeout(Exception):
    pass
raised = seen = 0
def handler(number, frame):
    global raised
    raised += 1
    raise Timeout
def f(n):
    return n
signal.signal(signal.SIGALRM, handler)
back = Kind(**MAIN)
back.start()
while seen < 20:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.003)
        while True:
            f(1)
    except Timeout:
        seen += 1
    back.clear_events()
back.stop()
say([raised - seen, back.lost])
""", timeout=60)
    ctx.equal(got, [0, 0])


@for_backends("frame")
def test_pause_takes_effect_below_a_backend(ctx):
    result = run(ctx, FUNCTIONS + """
back = Kind(**MAIN)
with back:
    before()
    paused = b.pause()
    between()
    resumed = b.resume()
    after()
b.pause()
back.start()
between()
b.resume()
after()
back.stop()
after()
say([paused, resumed])
""")
    ctx.equal(said(result), [True, True])
    ctx.equal(counts(read(ctx, result)), [1, 0, 3])


@for_backends("frame")
def test_recording_begins_below_a_backend(ctx):
    result = run(ctx, FUNCTIONS + """
back = Kind(**MAIN)
back.start()
between()
began = b.resume()
after()
back.stop()
after()
say([began, b.stats()['lost']])
""", env=MANUAL)
    ctx.equal(said(result), [True, {}])
    ctx.equal(counts(read(ctx, result)), [0, 0, 2])


INTERPRETERS = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
"""


@for_backends()
def test_interpreters_that_end_leave_room_for_others(ctx):
    if ctx.version[:2] == (3, 12):
        ctx.skip("3.12.1 itself aborts when sub-interpreters that end have imported datetime")
    got = answer(ctx, INTERPRETERS + '''
code = """
import breadcrumb_agent as b
def f(): pass
back = b.%s()
back.start()
f()
assert len(back.get_events()) == 2
""" % sys.argv[1]
for n in range(20):
    each = interpreters.create()
    failed = getattr(interpreters, 'exec', interpreters.run_string)(each, code)
    if failed:
        print(failed, file=sys.stderr)
    interpreters.destroy(each)
def f(): pass
with Kind(**MAIN) as back:
    f()
say(names(back.get_events()))
''', timeout=60)
    ctx.equal(got, PAIR)


@short()
@for_backends("settrace")
def test_suspended_after_a_handled_exception_is_no_unwind(ctx):
    got = answer(ctx, """
def g():
    try:
        raise ValueError
    except ValueError:
        pass
    yield
    yield 2
with Kind(**MAIN) as back:
    list(g())
say(names(back.get_events()))
""")
    ctx.equal(got, ["call g", "exception g", "yield g", "resume g", "yield g", "resume g",
                    "return g"])


@short()
@for_backends("settrace")
def test_frames_are_left_as_they_were(ctx):
    got = answer(ctx, """
def g():
    yield 1
    yield 2
with Kind(**MAIN):
    each = g()
    next(each)
say([each.gi_frame.f_trace is None, each.gi_frame.f_trace_lines])
""")
    ctx.equal(got, [True, True])


@for_backends()
@parametrize("own", ["True", "False"])
def test_starts_and_stops_of_many_threads_leave_nothing(ctx, own):
    """A class of which there is one at a time refuses the others."""
    got = answer(ctx, f"OWN = {own}" + """
sys.setswitchinterval(1e-5)
tools = getattr(sys, 'monitoring', None)
before = [tools.get_tool(n) for n in range(6)] if tools else None
shared, wrong = Kind(**MAIN), []
def f(n):
    return n
def work():
    back = Kind(**MAIN) if OWN else shared
    for _ in range(40):
        try:
            back.start()
            f(1)
            back.stop()
            back.clear_events(True)
        except RuntimeError:
            pass
        except BaseException as error:
            wrong.append(repr(error))
def plain():
    for _ in range(2000):
        try:
            f(2)
        except BaseException as error:
            wrong.append(repr(error))
threads = [threading.Thread(target=t) for t in (work, plain) * 3]
for t in threads:
    t.start()
for t in threads:
    t.join()
f(1)
after = [tools.get_tool(n) for n in range(6)] if tools else None
say([wrong[:3], before == after, sys.gettrace() is None])
""", timeout=100)
    ctx.equal(got, [[], True, True])


@short()
@for_backends()
def test_recording_begins_once(ctx):
    """However many threads ask for it at once."""
    result = run(ctx, FUNCTIONS + """
ready, began = threading.Barrier(6), []
def asks():
    ready.wait()
    began.append(b.resume())
threads = [threading.Thread(target=asks) for _ in range(6)]
for t in threads:
    t.start()
for t in threads:
    t.join()
after()
say(sorted(began))
""", env=MANUAL)
    ctx.equal(said(result), [False] * 5 + [True])
    ctx.equal(counts(read(ctx, result)), [0, 0, 1])


@short()
@for_backends()
def test_recording_is_for_signal_handlers_too(ctx):
    got = answer(ctx, """
import signal
handled = 0
def handler(number, frame):
    global handled
    with b.recording():
        handled += 1
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
while handled < 50:
    with b.recording('x'):
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
one = b.recording()
in_thread(one.__enter__)
one.__exit__(None, None, None)
say(b.stats()['recording'])
""", env=MANUAL, timeout=60)
    ctx.equal(got, False)


@for_backends()
def test_finalizers_at_the_end_still_run(ctx):
    result = run(ctx, """
class Last:
    def __init__(self, name):
        self.name = name
    def __del__(self, write=os.write):
        write(1, self.name.encode() + b' ')
sys.last_of_sys = Last('sys')
threading.last_of_threading = Last('threading')
Kind(exclude_patterns=[]).start()
""")
    ctx.equal([sorted(result.stdout.split()), result.stderr], [["sys", "threading"], ""])
