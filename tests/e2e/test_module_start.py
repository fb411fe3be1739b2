# SPDX-License-Identifier: MIT
"""This exercises: BREADCRUMB_START=manual, recording for a while, files that cannot be made, and
that a forked child is as its parent was."""

from behave import Trace, check_as_plain, family, read, split_stderr
from harness import Failure, for_backends, parametrize, short
from module_tests import FUNCTIONS, MANUAL, answer, check_pauses, counts, marks, run, said


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


@for_backends()
@parametrize("state", list(FORKS), short=["recording", "not-begun"])
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


@parametrize("value", ["nonsense", "Manual", "1"], short=["nonsense"])
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
