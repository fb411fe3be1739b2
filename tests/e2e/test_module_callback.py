# SPDX-License-Identifier: MIT
"""This exercises: the callback of the backends of breadcrumb_agent: when it is called, that what it
calls is not told, and what becomes of its exceptions."""

from harness import Failure, for_backends, parametrize, short
from module_tests import PAIR, answer, run, said


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


@for_backends()
@parametrize("kind", list(RAISED), short=["error"])
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
say([first, events, result, seen, back.callback_errors, repr(sys.exc_info()[1])])
""".replace("RAISED", RAISED[kind]))
    name = RAISED[kind].partition("(")[0]
    # In g() the KeyError is an event where it is seen: not where frames are only left.
    events = 8 if ctx.backend == "frame" else 9
    ctx.equal(got, [
        [1, events], events,
        ["KeyError('the program')", "None", "KeyError('the program')"],
        [[name, "mine", True]] * 2, 2, "None",
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


@for_backends()
def test_interrupt_in_the_callback_is_for_the_program(ctx):
    got = answer(ctx, """
def f(n):
    return n
calls = []
def callback(event):
    calls.append(event.event_type)
    if len(calls) == 3:
        raise KeyboardInterrupt
seen = []
sys.unraisablehook = lambda told: seen.append(str(told.exc_value))
back = Kind(callback, **MAIN)
with back:
    try:
        f(1)
        f(2)
    except KeyboardInterrupt as error:
        seen.append(['program', str(error)])
    f(3)
say([seen, back.callback_errors, names(back.get_events())[-2:]])
""")
    ctx.equal(got, [[["program", ""]], 0, PAIR])


@for_backends()
@parametrize("lines", ["0", "1"])
def test_recursion_at_its_limit_does_not_end_the_telling(ctx, lines):
    if lines == "1" and ctx.backend == "frame":
        return
    got = answer(ctx, f"LINES = {lines == '1'}" + """
def f(n):
    return n
def deep(n):
    return deep(n + 1)
def catches():
    try:
        deep(0)
    except RecursionError:
        return 'caught'
back = Kind(callback=lambda event: None, capture_lines=LINES, **MAIN)
seen = [back.lost]
with back:
    for n in range(3):
        seen.append(catches())
        f(1)
        in_thread(f, 2)
    in_thread(catches)
seen.append(back.lost < 500)
told = [e.return_value for e in back.get_events(True)
        if e.event_type == 'return' and e.function_name == 'f']
say([seen, told, names(back.get_events()).count('call deep') > 1000])
""")
    ctx.equal(got, [[0, *["caught"] * 3, True], [1, 2] * 3, True])
