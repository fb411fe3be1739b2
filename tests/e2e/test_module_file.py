# SPDX-License-Identifier: MIT
"""This exercises: the program's control of its own trace file by breadcrumb_agent: pausing, marks,
snapshots, what it tells of itself, and BREADCRUMB_START=manual."""

import os

from behave import Trace, check_as_plain, family, read, split_stderr, without_override
from harness import Failure, for_backends, parametrize, short
from module_tests import MANUAL, START, answer, run, said
from test_embed import SUB

PAUSED = "paused by the program"

# Functions whose calls are counted.
FUNCTIONS = """
def before(n=0): return n
def between(n=0): return n
def after(n=0): return n
def repeat(function, count):
    for n in range(count):
        function(n)
"""
NAMES = ("before", "between", "after")


def counts(trace):
    return [trace.count(name) for name in NAMES]


def pauses(trace):
    return [e for e in trace.events
            if e["event_type"] == "lost" and PAUSED in e["lost"]["cause"]]


def marks(trace):
    return [e["text"] for e in trace.events if e["event_type"] == "mark"]


def check_pauses(ctx, trace, count):
    """So many stretches in the events and in the sum, and no other loss."""
    ctx.equal(len(pauses(trace)), count, "events that tell of a pause")
    lost = trace.lost
    ctx.equal([PAUSED in cause for cause in lost], [True] if count else [], f"losses: {lost}")
    ctx.equal(sum(lost.values()), count, "stretches")


@short()
@for_backends()
def test_nothing_is_recorded_while_paused(ctx):
    result = run(ctx, FUNCTIONS + """
seen = []
before()
seen.append(b.stats()['recording'])
seen += [b.pause(), b.pause()]
seen.append(b.stats()['recording'])
repeat(between, 5)
seen += [b.resume(), b.resume()]
seen.append(b.stats()['recording'])
repeat(after, 3)
say(seen)
""")
    ctx.equal(said(result), [True, True, False, False, True, False, True])
    ctx.equal(result.stderr, "")
    trace = read(ctx, result)
    ctx.equal(counts(trace), [1, 0, 3])
    check_pauses(ctx, trace, 1)
    ctx.equal(trace.ended, "clean")
    order = [e["event_type"] if e["event_type"] == "lost" else e["function_name"]
             for e in trace.events if e["event_type"] in ("call", "lost")]
    order = [name for name in order if name in (*NAMES, "lost")]
    ctx.equal(order, ["before", "lost", "after", "after", "after"])
    [pause] = pauses(trace)
    ctx.equal(pause["native_id"], trace.info["pid"], "the thread of the pause")
    tree = ctx.command("tree", trace.path).check(0).stdout
    if "paused" not in tree:
        raise Failure(f"the tree does not tell of the pause:\n{tree[-1000:]}")


@for_backends()
def test_pause_is_of_every_thread(ctx):
    result = run(ctx, FUNCTIONS + """
turn = [threading.Event() for _ in range(6)]
def life():
    before()
    turn[0].set(), turn[1].wait()
    repeat(between, 10)
    turn[2].set(), turn[3].wait()
    repeat(after, 10)
thread = threading.Thread(target=life)
thread.start()
turn[0].wait()
b.pause()
turn[1].set(), turn[2].wait()
in_thread(between)
b.resume()
turn[3].set()
thread.join()
in_thread(after)
say(True)
""")
    trace = Trace(ctx, result.traces[0])
    ctx.equal([counts(trace), len(result.traces)], [[1, 0, 11], 1])
    check_pauses(ctx, trace, 1)


@for_backends()
def test_pause_in_one_thread_can_be_ended_by_another(ctx):
    result = run(ctx, FUNCTIONS + """
seen = []
in_thread(lambda: seen.append(b.pause()))
between()
in_thread(lambda: seen.append(b.resume()))
after()
say(seen)
""")
    ctx.equal(said(result), [True, True])
    trace = Trace(ctx, result.traces[0])
    ctx.equal(counts(trace), [0, 0, 1])
    [pause] = pauses(trace)
    if pause["native_id"] == trace.info["pid"]:
        raise Failure("the pause is told in the main thread, not in the one that called")


@short()
@for_backends()
def test_frames_left_while_paused_confuse_nothing(ctx):
    result = run(ctx, FUNCTIONS + """
def outer():
    before()
    middle()
    after()
def middle():
    inner()
    between()
def inner():
    b.pause()
    between()
def numbers():
    yield 1
    between()
    yield 2
    after()
    yield 3
def starts():
    b.resume()
    after()
    return 1
generator = numbers()
next(generator)
outer()
next(generator)
b.resume()
next(generator)
b.pause()
starts()
after()
say(True)
""")
    trace = Trace(ctx, result.traces[0])
    # after() in outer() runs while paused, that in the generator, in starts() and the last do not.
    ctx.equal(counts(trace), [1, 0, 3])
    ctx.equal([trace.count(n) for n in ("outer", "middle", "inner", "starts")], [1, 1, 1, 0])
    check_pauses(ctx, trace, 2)
    kinds = [e["event_type"] for e in trace.select(function_name="numbers")]
    ctx.equal(kinds[:4], ["call", "yield", "resume", "yield"])  # then it is closed at the end
    for view in ("tree", "report", "dump"):
        ctx.equal(ctx.command(view, trace.path).check(0).stderr, "", view)


@for_backends()
def test_many_pauses_beside_busy_threads_lose_nothing_else(ctx):
    result = run(ctx, FUNCTIONS + """
go_on = True
def life():
    while go_on:
        repeat(before, 3)
        time.sleep(0)
threads = [threading.Thread(target=life) for _ in range(3)]
[t.start() for t in threads]
for n in range(150):
    b.pause()
    between(n)
    b.resume()
    after(n)
go_on = False
[t.join() for t in threads]
say(b.stats()['recording'])
""")
    ctx.equal(said(result), True)
    trace = Trace(ctx, result.traces[0])
    ctx.equal(counts(trace)[1:], [0, 150])
    ctx.equal(len(pauses(trace)), 150)
    ctx.equal([trace.ended, len(trace.lost)], ["clean", 1])


@for_backends()
def test_pause_of_one_interpreter_is_not_that_of_another(ctx):
    result = run(ctx, SUB + FUNCTIONS + """
sub = interpreters.create()
run(sub, 'def after(): pass\\ndef between(): pass')
b.pause()
between()
run(sub, 'after()')
b.resume()
run(sub, 'import breadcrumb_agent as b; b.pause(); between()')
after()
run(sub, 'b.resume(); after()')
interpreters.destroy(sub)
say(True)
""")
    trace = Trace(ctx, result.traces[0])
    ctx.equal(counts(trace), [0, 0, 3])


@for_backends("monitoring")
def test_hooks_are_taken_out_by_a_pause(ctx):
    got = answer(ctx, """
m = sys.monitoring
def busy():
    return [n for n in range(6) if m.get_tool(n) and m.get_events(n)]
seen = [len(busy())]
b.pause()
seen.append(len(busy()))
b.resume()
seen.append(len(busy()))
say(seen)
""")
    ctx.equal(got, [1, 0, 1])


TEXTS = {
    "plain": "request 17",
    "empty": "",
    "unicode": "größer als 7 €, \U0001f600",
    "lines": "one\ntwo\tthree\x1b[31m",
    "quotes": "'\"\\ {}",
    "longest": "x" * 4096,
}


@short()
@for_backends()
def test_marks_are_in_the_file(ctx):
    result = run(ctx, FUNCTIONS + f"TEXTS = {list(TEXTS.values())!r}" + """
before()
seen = [b.mark(text) for text in TEXTS]
b.pause()
seen.append(b.mark('while paused'))
b.resume()
def marks():
    return b.mark('in a function')
seen.append(marks())
in_thread(lambda: seen.append(b.mark('in a thread')))
after()
say(seen)
""")
    ctx.equal(said(result), [True] * 9)
    trace = read(ctx, result)
    texts = [*TEXTS.values(), "while paused", "in a function", "in a thread"]
    ctx.equal(marks(trace), texts)
    ctx.equal(counts(trace), [1, 0, 1])
    check_pauses(ctx, trace, 1)
    events = trace.select(event_type="mark")
    natives = [e["native_id"] == trace.info["pid"] for e in events]
    ctx.equal(natives, [True] * 8 + [False], "marks in the main thread")
    order = [e.get("text") or e["event_type"] for e in trace.events
             if e["event_type"] in ("mark", "lost")]
    ctx.equal(order[5:8], ["x" * 4096, "lost", "while paused"])
    inside = [e["event_type"] for e in trace.events
              if e.get("function_name") == "marks" or e.get("text") == "in a function"]
    ctx.equal(inside, ["call", "mark", "return"])
    for view in ("dump", "tree"):
        shown = ctx.command(view, trace.path).check(0).stdout
        for text in ("request 17", "größer als 7 €", "while paused", "in a function"):
            if text not in shown:
                raise Failure(f"{view} does not show {text!r}")
        if "\x1b[31m" in shown:
            raise Failure(f"{view} passes on an escape sequence")
    ctx.equal(trace.info["events_by_kind"]["mark"], 9)


def test_long_marks_are_cut(ctx):
    result = run(ctx, """
for text in ('x' * 4097, 'y' * 100000, 'é' * 2048, 'é' * 2049, '€' * 3000,
             'z' + '\\U0001f600' * 2000):
    assert b.mark(text)
say(True)
""")
    got = marks(read(ctx, result))
    ctx.equal(got[2], "é" * 2048, "one that is as long as it may be")
    for text, letter in zip(got[:2] + got[3:], "xyé€z"):
        if len(text.encode()) > 4096 or len(text.encode()) < 4080 or not text.endswith("…"):
            raise Failure(f"{len(text.encode())} bytes, {text[:3]!r} to {text[-3:]!r}")
        rest = text[:-1].strip("\U0001f600" if letter == "z" else letter)
        ctx.equal(rest, "z" if letter == "z" else "", f"of {letter!r}")


def test_odd_characters_in_marks_are_no_harm(ctx):
    result = run(ctx, """
class Text(str):
    def __str__(self): print('called'); return 'no'
    __repr__ = encode = __str__
say([b.mark(text) for text in ('a\\ud800b', '\\udcff', 'nul\\x00inside', Text('mine'), '\\x7f')])
""")
    ctx.equal(said(result), [True] * 5)
    got = marks(read(ctx, result))
    ctx.equal([len(got), got[0][0], got[0][-1], got[2][:3], got[3:]],
              [5, "a", "b", "nul", ["mine", "\x7f"]])


@short()
@for_backends()
def test_snapshot_is_a_trace_up_to_here(ctx):
    result = run(ctx, FUNCTIONS + """
repeat(before, 100)
paths = [b.snapshot()]
repeat(after, 50)
paths.append(b.snapshot())
b.pause()
paths.append(b.snapshot())
say([b.output_path(), paths])
""")
    output, paths = said(result)
    ctx.equal(result.stderr, "")
    ctx.equal(len(set(paths)), 3, "names")
    whole = Trace(ctx, output)
    for path, expected in zip(paths, ([100, 0, 0], [100, 0, 50], [100, 0, 50])):
        if not os.path.isabs(path):
            raise Failure(f"{path} is not absolute")
        snapshot = Trace(ctx, path).check_order()
        ctx.equal(counts(snapshot), expected, path)
        ctx.equal(snapshot.info["trace_id"], whole.info["trace_id"])
    ctx.equal(counts(whole), [100, 0, 50])


def test_snapshot_that_cannot_be_made_is_none(ctx):
    got = answer(ctx, "say([b.snapshot(), b.output_path()])\n", env=MANUAL)
    ctx.equal(got, [None, None])
    folder = ctx.tmp / "folder"
    folder.mkdir()
    text = START + """
os.chmod(sys.argv[1], 0o500)
say([b.snapshot(), bool(b.output_path())])
os.chmod(sys.argv[1], 0o700)
"""
    command = without_override(ctx, [ctx.python, str(ctx.write("program.py", text)), str(folder)])
    # The class is the first argument otherwise.
    text = text.replace("getattr(b, sys.argv[1]) if len(sys.argv) > 1 else None", "None")
    ctx.write("program.py", text)
    result = ctx.run(command, env={"BREADCRUMB_OUTPUT": folder / "x.crumb"}).check(0)
    ctx.equal(said(result), [None, True])
    ctx.equal(split_stderr(result.stderr)[0], "")


@parametrize("where", ["folder", "relative", "pattern"])
def test_path_is_that_of_the_file(ctx, where):
    output = {"folder": ctx.tmp, "relative": "a.crumb", "pattern": "b-%p-%%.crumb"}[where]
    result = run(ctx, """
first = b.output_path()
os.mkdir('elsewhere')
os.chdir('elsewhere')
say([first, b.output_path(), b.stats()['path'], os.getpid()])
""", env={"BREADCRUMB_OUTPUT": output})
    *paths, pid = said(result)
    ctx.equal([os.path.normpath(path) for path in paths], [os.path.normpath(result.traces[0])] * 3)
    ctx.equal([os.path.isabs(path) for path in paths], [True] * 3)
    ctx.equal(Trace(ctx, paths[0]).info["pid"], pid)


@short()
@for_backends()
def test_numbers_are_those_of_the_file(ctx):
    result = run(ctx, FUNCTIONS + """
repeat(before, 500)
for n in range(4):
    in_thread(before)
class Shop:
    def buy(self): return (lambda: 1)()
Shop().buy()
exec('def made(): pass\\nmade()')
stats = b.stats()
size = os.stat(b.output_path()).st_size
b.mark('counted')
again = b.stats()
same = [b.pause(), b.stats()['recording'], b.stats()['lost'], b.resume()]
say([stats, size, again['codes'], same])
""")
    stats, size, codes, (was, recording, lost, resumed) = said(result)
    trace = read(ctx, result)
    ctx.equal(sorted(stats), sorted(["recording", "path", "backend", "bytes", "threads", "codes",
                                     "lost"]))
    ctx.equal([stats["recording"], stats["backend"], stats["lost"], stats["threads"], codes],
              [True, ctx.backend, {}, 5, stats["codes"]])
    ctx.equal(stats["bytes"], size)
    ctx.equal([was, recording, resumed, sum(lost.values())], [True, False, True, 1])
    ctx.equal(len(trace.info["threads"]), 5, "threads in the file")
    here = [e["event_type"] == "mark" for e in trace.events].index(True)
    calls = trace.select(event_type="call")
    seen = {(e["filename"], e["qualname"], e["module"], e["line_number"])
            for e in trace.events[:here] if e in calls}
    # Two may be of one name and line.
    if not len(seen) <= stats["codes"] <= len(seen) + 10:
        raise Failure(f"{stats['codes']} codes, {len(seen)} are in the file")


def test_numbers_without_a_file_are_zero(ctx):
    backend = "monitoring" if ctx.version >= (3, 12) else "frame"
    got = answer(ctx, "say([b.stats(), b.mark('x'), b.pause(), b.snapshot(), b.output_path()])\n",
                 env=MANUAL)
    none = {"recording": False, "path": None, "backend": backend, "bytes": 0, "threads": 0,
            "codes": 0, "lost": {}}
    ctx.equal(got, [none, False, False, None, None])


@for_backends()
@parametrize("used", ["nothing", "imported", "asked", "backend", "stopped"])
def test_manual_start_that_is_not_used_leaves_nothing(ctx, used):
    text = {
        "nothing": "",
        "imported": "import breadcrumb_agent",
        "asked": "import breadcrumb_agent as b\nb.stats(), b.mark('x'), b.pause(), b.snapshot()",
        "backend": "import breadcrumb_agent as b\nwith b.create_backend(): print(1)",
        "stopped": "import breadcrumb_agent as b\nb.recording('x')",
    }[used]
    text += "\nimport threading\nt = threading.Thread(target=print)\nt.start(); t.join()\n"
    result = ctx.run(text, env=MANUAL).check(0)
    ctx.equal([result.stderr, result.traces], ["", []])
    ctx.equal([str(p) for p in (ctx.tmp / "traces").iterdir()], [])


@short()
@for_backends()
def test_manual_start_records_from_resume_on(ctx):
    result = run(ctx, FUNCTIONS + """
class Door:
    def __enter__(self): return between()
    def __exit__(self, *exc): after()
def numbers():
    yield 1
    yield 2
waiting, go = threading.Event(), threading.Event()
def life():
    waiting.set()
    go.wait()
    after()
def outer():
    seen.append(b.resume())
    after()
thread = threading.Thread(target=life)
thread.start()
waiting.wait()
generator = numbers()
next(generator)
between()
seen = [b.output_path(), b.pause()]
outer()
seen += [bool(b.output_path()), b.resume(), b.stats()['recording']]
next(generator)
go.set()
thread.join()
seen += [b.mark('x'), b.pause(), b.resume()]
after()
say(seen)
""", env=MANUAL)
    ctx.equal(said(result), [None, False, True, True, False, True, True, True, True])
    ctx.equal(result.stderr, "")
    trace = Trace(ctx, result.traces[0])
    ctx.equal([len(result.traces), counts(trace)], [1, [0, 0, 3]])
    ctx.equal([trace.count("outer"), trace.ended, marks(trace)], [0, "clean", ["x"]])
    kinds = [e["event_type"] for e in trace.select(function_name="numbers")]
    ctx.equal(kinds[:2], ["resume", "yield"])
    check_pauses(ctx, trace, 1)


@short()
@for_backends()
def test_recording_is_for_a_while(ctx):
    result = run(ctx, FUNCTIONS + """
seen = []
def now():
    seen.append(b.stats()['recording'])
between(), now()
with b.recording('request 17'):
    before(), now()
between(), now()
try:
    with b.recording():
        now()
        raise KeyError('mine')
except KeyError as error:
    seen.append(str(error))
between(), now()
with b.recording('outer'):
    with b.recording('inner'):
        with b.recording():
            before(), now()
        before(), now()
    before(), now()
between(), now()
for n in range(20):
    with b.recording(f'number {n}'):
        after()
    between()
def generator():
    with b.recording('generator'):
        yield 1
        after()
    yield 2
steps = generator()
next(steps), now(), next(steps), now()
say(seen)
""", env=MANUAL)
    ctx.equal(said(result), [False, True, False, True, "'mine'", False, True, True, True, False,
                             True, False])
    trace = Trace(ctx, result.traces[0])
    ctx.equal(counts(trace), [4, 0, 21])
    ctx.equal(marks(trace), ["request 17", "outer", "inner", *(f"number {n}" for n in range(20)),
                             "generator"])
    ctx.equal(ctx.command("tree", trace.path).check(0).stderr, "")


@for_backends()
def test_recording_in_several_threads_is_counted(ctx):
    result = run(ctx, FUNCTIONS + """
turn = [threading.Event() for _ in range(4)]
seen = []
def one():
    with b.recording('one'):
        turn[0].set(), turn[1].wait()
    seen.append(b.stats()['recording'])
    turn[2].set()
def two():
    turn[0].wait()
    with b.recording('two'):
        turn[1].set(), turn[2].wait()
        after()
threads = [threading.Thread(target=f) for f in (one, two)]
[t.start() for t in threads]
[t.join() for t in threads]
seen.append(b.stats()['recording'])
between()
def life(n):
    for i in range(50):
        with b.recording():
            before()
threads = [threading.Thread(target=life, args=(n,)) for n in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
between()
seen.append(b.stats()['recording'])
say(seen)
""", env=MANUAL)
    ctx.equal(said(result), [True, False, False])
    trace = Trace(ctx, result.traces[0])
    ctx.equal([counts(trace), marks(trace)], [[200, 0, 1], ["one", "two"]])


@for_backends()
def test_recording_goes_back_to_what_was(ctx):
    result = run(ctx, FUNCTIONS + """
seen = []
def now():
    seen.append(b.stats()['recording'])
with b.recording('while it records'):
    before(), now()
before(), now()
b.pause()
with b.recording('while it is paused'):
    after(), now()
between(), now()
b.resume()
after(), now()
say(seen)
""")
    ctx.equal(said(result), [True, True, True, False, True])
    trace = read(ctx, result)
    ctx.equal([counts(trace), marks(trace)],
              [[2, 0, 2], ["while it records", "while it is paused"]])


@short()
@for_backends()
def test_file_that_cannot_be_made_is_an_oserror(ctx):
    env = {**MANUAL, "BREADCRUMB_OUTPUT": ctx.tmp / "no" / "such" / "x.crumb"}
    result = run(ctx, FUNCTIONS + """
seen = []
def attempt(function):
    try:
        seen.append(function())
    except OSError as error:
        seen.append('OSError')
def enter():
    with b.recording('x'):
        seen.append('entered')
attempt(b.resume)
attempt(enter)
attempt(b.resume)
after()
seen += [b.stats()['recording'], b.output_path(), b.mark('x'), b.snapshot(), b.pause()]
say(seen)
""", env=env)
    ctx.equal(said(result), ["OSError"] * 3 + [False, None, False, None, False])
    own, agent = split_stderr(result.stderr)
    ctx.equal([own, result.traces], ["", []])
    if not agent or str(env["BREADCRUMB_OUTPUT"]) not in agent[0]:
        raise Failure(f"the agent does not say why: {agent}")


# state: (environment, before the fork, in the child, calls of before, between and after in the
# parent's file, in the child's: None is no file)
FORKS = {
    "recording": ({}, "before()", "after()", [1, 0, 0], [0, 0, 1]),
    "paused": ({}, "b.pause()", "between()", [0, 0, 0], None),
    "paused-resumed": ({}, "b.pause()", "between(); b.resume(); after()", [0, 0, 0], [0, 0, 1]),
    "resumed": ({}, "b.pause(); b.resume()", "after()", [0, 0, 0], [0, 0, 1]),
    "not-begun": (MANUAL, "between()", "between()", None, None),
    "not-begun-resumed": (MANUAL, "between()", "between(); b.resume(); after()", None, [0, 0, 1]),
    "begun": (MANUAL, "b.resume(); before()", "after()", [1, 0, 0], [0, 0, 1]),
    "begun-paused": (MANUAL, "b.resume(); b.pause()", "between()", [0, 0, 0], None),
    "within": (MANUAL, "r = b.recording(); r.__enter__(); before()",
               "after(); r.__exit__(None, None, None); between()", [1, 0, 0], [0, 0, 1]),
}


@short()
@for_backends()
@parametrize("state", list(FORKS))
def test_child_is_as_its_parent_was(ctx, state):
    env, first, then, parent_counts, child_counts = FORKS[state]
    result = run(ctx, FUNCTIONS + f"""
{first}
pid = os.fork()
if pid == 0:
    {then}
    print(json.dumps(b.output_path()), flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
say([pid, b.output_path()])
""", env=env)
    ctx.equal(result.stderr, "")
    pid, path = said(result)
    found = {Trace(ctx, p).info["pid"]: Trace(ctx, p) for p in result.traces}
    child = found.pop(pid, None)
    # A child that was paused may have a file, with nothing in it.
    ctx.equal(counts(child) if child else [0, 0, 0], child_counts or [0, 0, 0], "the child's file")
    parent = [counts(trace) for trace in found.values()]
    ctx.equal(parent, [parent_counts] if parent_counts else [], "the parent's file")
    ctx.equal(path is None, parent_counts is None)
    if "begun" in state and child_counts is None and "resume" not in first:
        ctx.equal(result.traces, [])
    if parent_counts and child_counts:
        family(ctx, result, 2)


@short()
@parametrize("value", ["nonsense", "Manual", "1"])
def test_start_that_is_not_understood_is_one_line(ctx, value):
    text = "def f(): pass\nf()\nprint('done')\n"
    plain = ctx.plain(text)
    traced = ctx.run(text, env={"BREADCRUMB_START": value})
    check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_START", value, "manual"])
    ctx.equal(read(ctx, traced).count("f"), 1)


def test_start_auto_is_the_default(ctx):
    text = "def f(): pass\nf()\n"
    for value in (None, "auto"):
        result = ctx.run(text, env={"BREADCRUMB_START": value}).check(0)
        ctx.equal([read(ctx, result).count("f"), result.stderr], [1, ""])


@for_backends()
def test_manual_start_is_no_difference_to_the_program(ctx):
    text = """\
import sys, threading
print(sys.gettrace(), sys.getprofile())
m = getattr(sys, 'monitoring', None)
print([m.get_events(n) for n in range(6) if m.get_tool(n)] if m else [])
t = threading.Thread(target=lambda: print(sys.gettrace()))
t.start(); t.join()
sys.exit(3)
"""
    result = ctx.same_behaviour(text, env=MANUAL)
    ctx.equal([result.traces, result.returncode], [[], 3])
