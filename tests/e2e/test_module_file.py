# SPDX-License-Identifier: MIT
"""This exercises: the program's control of its own trace file by breadcrumb_agent: pausing, marks,
snapshots, and what it tells of itself."""

import os

from behave import Trace, read, split_stderr, without_override
from harness import Failure, for_backends, parametrize, short
from module_tests import (FUNCTIONS, MANUAL, NAMES, START, answer, check_pauses, counts, marks,
                          pauses, run, said)
from test_embed import SUB


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
