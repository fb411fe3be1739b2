# SPDX-License-Identifier: MIT
"""This exercises: the events of the backends of breadcrumb_agent, one by one, against what
sys.settrace and sys.monitoring say of the same program.

The program is module/myapp, driven by module/drive.py; module/recorder.py is who asks the
interpreter itself."""

import json
import pathlib

from behave import read
from harness import Failure, for_backends, parametrize

MODULE = pathlib.Path(__file__).resolve().parent / "module"
KINDS = {"monitoring": "MonitoringBackend", "settrace": "SettraceBackend", "frame": "FrameBackend"}
RECORDERS = {"monitoring": "Monitoring", "settrace": "Settrace", "frame": "Leaving"}
PARTS = ("core", "streams", "tasks", "workers")


def watched(ctx, watcher, part, lines, env=None):
    """The rows of each thread, as drive.py prints them."""
    trace = watcher.endswith("Backend")
    result = ctx.run(MODULE / "drive.py", [watcher, part, lines], env=env, trace=trace).check(0)
    return json.loads(result.stdout), result


def plain_locals(expected, got):
    """Both without what cannot be compared: a text is one, whatever it says."""
    if expected is None:
        return None, None
    expected, got = dict(expected), dict(got)
    for name, value in list(expected.items()):
        if value == ["cell"]:
            expected.pop(name), got.pop(name, None)
        elif value == ["text"] and type(got.get(name)) is str:
            got[name] = ["text"]
    return expected, got


def comparable(expected, got):
    """Two rows as lines of text, equal where the events are the same."""
    expected, got = list(expected), list(got)
    expected[5], got[5] = plain_locals(expected[5], got[5])
    if expected[6] == ["text"] and type(got[6]) is str:
        got[6] = ["text"]
    return json.dumps(expected, sort_keys=True), json.dumps(got, sort_keys=True)


def thread_difference(ctx, title, expected, got):
    """Fails at the first event that differs."""
    for index, (a, b) in enumerate(zip(expected, got)):
        a, b = comparable(a, b)
        if a != b:
            before = [json.dumps(row) for row in expected[max(0, index - 3):index]]
            raise Failure("\n".join([f"{title}: event {index} of {len(expected)} differs:",
                                     *before, f"expected: {a}", f"     got: {b}"]))
    ctx.equal([row[:3] for row in got], [row[:3] for row in expected], title)


def compare(ctx, expected, got):
    ctx.equal(len(got), len(expected), "threads")
    key = json.dumps
    # Threads come in no order: texts that only one side has must not decide on it.
    others = sorted(got[1:], key=lambda rows: key([[*r[:5], r[5].get("name")] for r in rows]))
    wanted = sorted(expected[1:], key=lambda rows: key([[*r[:5], r[5].get("name")] for r in rows]))
    for number, (a, b) in enumerate(zip([expected[0], *wanted], [got[0], *others])):
        thread_difference(ctx, f"thread {number}", a, b)


@for_backends()
@parametrize("part", PARTS, short=["core"])
def test_events_are_those_that_the_interpreter_tells(ctx, part):
    expected, _ = watched(ctx, RECORDERS[ctx.backend], part, 0)
    got, _ = watched(ctx, KINDS[ctx.backend], part, 0)
    if len(expected[0]) < 10:
        raise Failure(f"the recorder saw next to nothing: {expected}")
    compare(ctx, expected, got)


@for_backends("monitoring", "settrace")
@parametrize("part", PARTS)
def test_lines_are_those_that_the_interpreter_tells(ctx, part):
    expected, _ = watched(ctx, RECORDERS[ctx.backend], part, 1)
    got, _ = watched(ctx, KINDS[ctx.backend], part, 1)
    compare(ctx, expected, got)


@for_backends()
@parametrize("part", PARTS)
def test_events_need_no_file_trace(ctx, part):
    expected, _ = watched(ctx, RECORDERS[ctx.backend], part, 0)
    env = {"BREADCRUMB_START": "manual"}
    got, result = watched(ctx, KINDS[ctx.backend], part, 0, env=env)
    ctx.equal(result.traces, [], "trace files")
    compare(ctx, expected, got)


@for_backends()
def test_file_trace_of_any_kind_goes_on_beside_a_backend(ctx):
    expected, _ = watched(ctx, RECORDERS[ctx.backend], "core", 0)
    for backend in ctx.backends:
        env = {"BREADCRUMB_BACKEND": backend, "BREADCRUMB_INCLUDE": "myapp.*"}
        got, result = watched(ctx, KINDS[ctx.backend], "core", 0, env=env)
        compare(ctx, expected, got)
        trace = read(ctx, result)
        if backend == ctx.backend == "settrace":
            ctx.equal(list(trace.lost), ["program set its own trace function"])
            continue
        # drive.py runs it twice, once while the backend is stopped.
        ctx.equal(trace.lost, {})
        ctx.equal(trace.count("factorial"), 24, f"calls in the file of {backend}")
