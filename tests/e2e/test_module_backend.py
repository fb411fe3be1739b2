# SPDX-License-Identifier: MIT
"""This exercises: starting and stopping the backends of breadcrumb_agent, which frames and threads
they tell of, which modules, and who may run at once."""

from harness import Failure, for_backends, parametrize, short
from module_tests import KINDS, PAIR, answer


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
@parametrize("own", ["none", "main"])
def test_backend_can_be_stopped_by_another_thread(ctx, own):
    """A thread that has a trace function of its own keeps it, and is not told by sys.settrace."""
    got = answer(ctx, f"OWN = {own!r}" + """
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
if OWN == 'main':
    sys.settrace(mine)
before = sys.gettrace()
in_thread(begin)
f(2)
in_thread(end)
f(5)
told = [e.return_value for e in back.get_events(True) if e.event_type == 'return']
say([list(filter(None, told)), back.running, sys.gettrace() is before])
""")
    gives_way = ctx.backend == "settrace" and own == "main"
    ctx.equal(got, [[1, 3] if gives_way else [1, 2, 3], False, True])


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
    (None, ["lib?", "app.*"], [m for m in MODULES if m[:3] not in ("app", "lib") or m == "apple"]),
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


@for_backends("settrace", "frame")
def test_second_backend_that_cannot_run_says_so(ctx):
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
    """But not the two of 3.10 and 3.11."""
    others = [KINDS[name] for name in ctx.backends if name != ctx.backend]
    got = answer(ctx, f"OTHER = b.{others[0]}" + """
def f(n):
    return n
one, two = Kind(**MAIN), OTHER(**MAIN)
with one:
    f(1)
    try:
        two.start()
    except RuntimeError as error:
        say(bool(str(error)))
        sys.exit()
    f(2)
    in_thread(f, 3)
f(4)
two.stop()
say([[e.return_value for e in back.get_events(True) if e.return_value] for back in (one, two)])
""")
    ctx.equal(got, [[1, 2, 3], [2, 3, 4]] if ctx.version >= (3, 12) else True)
