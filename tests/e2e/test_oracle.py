# SPDX-License-Identifier: MIT
"""The agent's events are exactly what CPython itself tells of the same program.

Each program of programs/ runs untraced, under the recorder (recorder/sitecustomize.py), and
under every backend without and with lines.  oracle.py tells how the sides are compared.

What is compared with what:
    monitoring          the recorder on sys.monitoring
    settrace            the recorder on sys.settrace, whose line and exception events follow
                        rules of their own; on 3.12+ calls and their ends with sys.monitoring too
    frame               the recorder on sys.settrace, of the exceptions only those by which a
                        frame is left

A program may say at its top:
    # needs: 3.11        the version that its syntax needs
    # oracle: says       no recorder can follow it; it prints "calls NAME COUNT" itself
    # stack: deep        a backend that uses C stack for each call may have to step aside
"""

import json
import re

import oracle
from harness import Failure, for_backends, once, parametrize

SHORT = ("generators", "exceptions_finally", "threads_basic", "async_basic", "imports")
EVERY_FRAME = ("callbacks", "contexts", "dataclasses_enum", "imports", "type_features")


def recorder_kinds(ctx):
    return ["settrace", "monitoring-calls", "monitoring"] if ctx.version >= (3, 12) else ["settrace"]


def need(ctx, program):
    if not oracle.can_run(program, ctx.version):
        ctx.skip(f"{program} needs {oracle.marks(program)['needs']}")


def behaviour(result):
    stderr = re.sub(r"0x[0-9a-f]+", "0x…", result.stderr)  # addresses of objects
    return {"stdout": result.stdout, "stderr": stderr, "status": result.returncode}


def plain(ctx, program):
    """How the program behaves untraced."""

    def run():
        (ctx.tmp / "plain").mkdir()
        path = oracle.PROGRAMS / f"{program}.py"
        return behaviour(ctx.plain(path, cwd=ctx.tmp / "plain"))

    return ctx.cached(["plain", program], run)


def recorded(ctx, program, kind, everything=False):
    """The oracle's threads; fails when the recorder changed what the program does."""

    def run():
        result, threads = oracle.run_oracle(ctx, program, kind, f"first-{kind}", everything)
        return {"threads": threads, "stdout": result.stdout, "status": result.returncode}

    answer = ctx.cached(["oracle", program, kind, everything], run)
    expected = plain(ctx, program)
    ctx.equal(answer["stdout"], expected["stdout"], f"stdout under the {kind} recorder")
    ctx.equal(answer["status"], expected["status"], f"status under the {kind} recorder")
    return answer["threads"]


def looked_at(cwd):
    """Tells of a line of the dump whether it is worth parsing: line events of the standard
    library are not, of which there are hundreds of thousands."""
    own = [f'"filename":"{start}' for start in (f"{oracle.PROGRAMS}/", f"{cwd}/", "<")]

    def worth(text):
        return not text.startswith('{"event_type":"line"') or any(o in text for o in own)

    return worth


def traced(ctx, program, lines, everything=False):
    """Runs a program with the agent, as untraced → (its events, its working directory)."""
    mode = "lines" if lines else "calls"
    cwd = ctx.tmp / mode
    cwd.mkdir()
    path = oracle.PROGRAMS / f"{program}.py"
    env = {"BREADCRUMB_CAPTURE_LINES": "1" if lines else "0"}
    result = ctx.run(path, env=env, cwd=cwd)
    expected = plain(ctx, program)
    for what, value in behaviour(result).items():
        ctx.equal(value, expected[what], f"{what} with the agent ({mode})")
    ctx.equal(len(result.traces), 1, f"number of trace files ({mode})")
    return ctx.events(result.traces, parse=None if everything else looked_at(cwd)), cwd


def fail_on(text, what):
    if text:
        raise Failure(f"{what}: {text}")


FOLLOWED = [p for p in oracle.program_names() if oracle.marks(p).get("oracle") != "says"]


@parametrize("program", FOLLOWED, short=SHORT)
def test_recorder_is_deterministic_and_unnoticed(ctx, program):
    need(ctx, program)
    record_twice(ctx, program)


@parametrize("program", EVERY_FRAME, short=EVERY_FRAME[:1])
def test_recorder_is_deterministic_in_every_frame(ctx, program):
    record_twice(ctx, program, everything=True)


def record_twice(ctx, program, everything=False):
    """Two runs are equal; and sys.settrace and sys.monitoring agree on calls and their ends."""
    calls = []
    for kind in recorder_kinds(ctx):
        first = recorded(ctx, program, kind, everything)
        calls.append(oracle.events_of(first, oracle.CALLS))
        if not any(len(thread) > 2 for thread in first):
            raise Failure(f"the {kind} recorder saw next to nothing")
    _, second = oracle.run_oracle(ctx, program, kind, f"second-{kind}", everything)
    text = oracle.difference(oracle.events_of(first), oracle.events_of(second))
    fail_on(text, f"two runs of the {kind} recorder")
    for other in calls[1:]:
        text = oracle.difference(other, calls[0])
        fail_on(text, "the settrace recorder against the monitoring recorder")


def expectations(ctx, program, lines, everything=False):
    """What the backend has to tell: (what it is, kinds compared, the threads) for each oracle."""
    kinds = oracle.KINDS if lines else tuple(k for k in oracle.KINDS if k != "line")
    if ctx.backend == "frame":
        threads = recorded(ctx, program, "settrace", everything)
        yield "the settrace recorder, frames left", kinds, [oracle.left_by_exception(t) for t in threads]
        return
    kind = "monitoring-calls" if ctx.backend == "monitoring" and not lines else ctx.backend
    threads = recorded(ctx, program, kind, everything)
    yield f"the {kind} recorder", kinds, oracle.events_of(threads, kinds)
    if ctx.backend == "settrace" and ctx.version >= (3, 12):
        threads = recorded(ctx, program, "monitoring", everything)
        yield "the monitoring recorder", oracle.CALLS, oracle.events_of(threads, oracle.CALLS)


def compare(ctx, program, lines, everything=False):
    mode = "lines" if lines else "calls"
    events, cwd = traced(ctx, program, lines, everything)
    fail_on("; ".join(oracle.inner_problems(events)), f"inside the trace ({mode})")
    if oracle.marks(program).get("oracle") == "says":
        compare_counts(ctx, program, events, mode)
        return
    got = oracle.agent_events(events, cwd, program, ctx.version >= (3, 11), everything)
    for what, kinds, expected in expectations(ctx, program, lines, everything):
        mine = [[e for e in thread if e.kind in kinds] for thread in got]
        differ = oracle.gap_difference if stepped_aside(ctx, program, events) else oracle.difference
        text = differ([t for t in expected if t], [t for t in mine if t])
        fail_on(text, f"{mode}, against {what}")


def stepped_aside(ctx, program, events):
    """Whether the file says that events are missing, where they may be: on 3.10 and 3.11 a hook
    takes C stack for each call, of which a program that recurses this deep leaves none."""
    deep = oracle.marks(program).get("stack") == "deep" and ctx.version < (3, 12)
    return deep and any(event["event_type"] == "lost" for event in events)


def compare_counts(ctx, program, events, mode):
    """Against what the program itself says about its calls.

    CPython asks a frame-evaluation hook before it looks at the recursion limit: the frame
    backend sees the one frame more that is refused.
    """
    refused = 1 if ctx.backend == "frame" else 0
    for line in plain(ctx, program)["stdout"].splitlines():
        if not line.startswith("calls "):
            continue
        _, name, count = line.split()
        mine = [e for e in events if e["function_name"] == name]
        kinds = {k: sum(e["event_type"] == k for e in mine) for k in oracle.CALLS}
        kinds = {k: n for k, n in kinds.items() if n}
        seen = int(count) + refused
        ctx.equal(kinds, {"call": seen, "unwind": seen}, f"events of {name} ({mode})")


@for_backends
@parametrize("program", oracle.program_names(), short=SHORT)
def test_agent_equals_recorder(ctx, program):
    need(ctx, program)
    compare(ctx, program, lines=False)
    if ctx.backend != "frame":  # it claims no lines
        compare(ctx, program, lines=True)


@for_backends
@parametrize("program", EVERY_FRAME, short=EVERY_FRAME[:1])
def test_agent_equals_recorder_in_every_frame(ctx, program):
    """The standard library's frames too, the import system's included."""
    compare(ctx, program, lines=ctx.backend != "frame", everything=True)


@for_backends
@parametrize("program", ("recursion", "generators", "yield_from", "exceptions_finally",
                         "threads_many", "coroutine_chain"), short=("generators",))
def test_report_adds_up_to_the_events(ctx, program):
    """Calls and times of `breadcrumb report` are those that the events' time-stamps give."""
    path = oracle.PROGRAMS / f"{program}.py"
    result = ctx.run(path, env={"BREADCRUMB_INCLUDE": "__main__"})
    events = ctx.events(result.traces)
    rows = ctx.command("report", "--json", *result.traces).check(0).stdout.splitlines()
    keys = ("calls", "activations", "total_ns", "self_ns", "min_ns", "max_ns")
    got = {}
    for row in map(json.loads, rows):
        name = (row["filename"], row["qualname"], row["line_number"])
        got[name] = {key: row[key] for key in keys}
        mean = row["total_ns"] / row["activations"]
        if not oracle.recurses(events, name):
            ctx.equal(abs(row["mean_ns"] - mean) <= 1, True, f"mean of {name}")
    ctx.equal(got, oracle.times(events), "calls and times by function")


def sample():
    """Two threads as the oracle might tell them."""

    def event(kind, name, line=None, exception=None):
        return oracle.Event(kind, "a.py", name, name, "__main__", line, exception)

    main = [
        event("call", "<module>", 1),
        event("call", "f", 3),
        event("line", "f", 4),
        event("yield", "f"),
        event("resume", "f"),
        event("exception", "f", 5, "ValueError"),
        event("unwind", "f"),
        event("exception", "<module>", 9, "ValueError"),
        event("return", "<module>"),
    ]
    other = [event("call", "g", 20), event("return", "g")]
    return [main, list(other), list(other)]


@once
def test_comparison_accepts_what_is_equal(ctx):
    ctx.equal(oracle.difference(sample(), sample()), None)
    one, two = sample(), sample()
    two[0:1], two[1:] = two[0:1], reversed(two[1:])
    ctx.equal(oracle.difference(one, two), None)


@once
def test_comparison_notices_every_event_that_is_missing_or_extra(ctx):
    for thread in range(3):
        for index in range(len(sample()[thread])):
            missing, extra = sample(), sample()
            del missing[thread][index]
            extra[thread].insert(index, sample()[0][3])
            for changed in (missing, extra):
                assert oracle.difference(sample(), changed), (thread, index)
                assert oracle.difference(changed, sample()), (thread, index)


@once
def test_comparison_notices_every_swap(ctx):
    events = sample()[0]
    for index in range(len(events) - 1):
        changed = sample()
        changed[0][index : index + 2] = reversed(changed[0][index : index + 2])
        text = oracle.difference(sample(), changed)
        assert f"first difference at event {index} of" in text, text


@once
def test_comparison_notices_every_changed_field(ctx):
    for index, event in enumerate(sample()[0]):
        for field in event._fields:
            changed = sample()
            changed[0][index] = event._replace(**{field: "other"})
            assert oracle.difference(sample(), changed), (index, field)


@once
def test_comparison_notices_threads_that_are_missing_or_extra(ctx):
    assert "missing" in oracle.difference(sample(), sample()[:2])
    assert "too many" in oracle.difference(sample()[:2], sample())
    assert oracle.difference(sample(), [])
    assert oracle.difference([], sample())


@once
def test_comparison_lets_one_stretch_be_missing_and_no_more(ctx):
    whole = sample()
    for start in range(len(whole[0])):
        for end in range(start, len(whole[0])):
            one = sample()
            del one[0][start:end]
            ctx.equal(oracle.gap_difference(whole, one), None, f"without {start} to {end}")
    two = sample()
    del two[0][5], two[0][1]
    assert oracle.gap_difference(whole, two)
    assert oracle.gap_difference(two, whole)
    assert oracle.gap_difference(whole, whole[:2])


@once
def test_frames_left_are_told_with_the_exception_that_leaves_them(ctx):
    def told(*events):
        return [[frame, origin, kind, "a.py", "f", "f", "m", line, exception]
                for frame, origin, kind, line, exception in events]

    thread = told(
        (1, None, "call", 1, None),
        (2, None, "call", 2, None),
        (2, None, "exception", 3, "ValueError"),
        (2, None, "line", 4, None),
        (2, None, "exception", 5, "ValueError"),  # handled in a finally, the first one goes on
        (2, None, "unwind", None, None),
        (1, [2, 3], "exception", 6, "ValueError"),  # handled
        (1, None, "return", None, None),
    )
    got = [(e.kind, e.line, e.exception) for e in oracle.left_by_exception(thread)]
    ctx.equal(got, [
        ("call", 1, None),
        ("call", 2, None),
        ("exception", 3, "ValueError"),
        ("unwind", None, None),
        ("return", None, None),
    ])


@once
def test_trace_that_contradicts_itself_is_noticed(ctx):
    def event(kind, name, depth, second):
        return {"event_type": kind, "qualname": name, "depth": depth, "filename": "a.py",
                "module": "m", "native_id": 1, "pid": 1, "timestamp": f"2026-01-01T00:00:{second:02}Z"}

    def good():
        return [event("call", "f", 0, 1), event("call", "g", 1, 2), event("line", "g", 1, 2),
                event("return", "g", 1, 3), event("unwind", "f", 0, 4)]

    ctx.equal(oracle.inner_problems(good()), [])
    for change in (dict(depth=7), dict(timestamp="2020-01-01T00:00:00Z"), dict(qualname="other")):
        changed = good()
        changed[3].update(change)
        assert oracle.inner_problems(changed), change
