# SPDX-License-Identifier: MIT
"""This exercises: the BREADCRUMB_* variables without a file of their own (test_env_*.py), what each
does, and what a wrong value of any does."""

import os

from behave import PROGRAM, Trace, check_as_plain, read, split_stderr
from harness import Failure, for_backends, once, parametrize, short


@for_backends()
def test_backend_asked_for_is_used(ctx):
    trace = read(ctx, ctx.same_behaviour(PROGRAM))
    ctx.equal([trace.info["backend"], trace.count("work")], [ctx.backend, 100])


@short()
def test_backend_chosen_is_that_of_the_manual(ctx):
    new = ctx.version >= (3, 12)
    for lines, backend in (("0", "monitoring" if new else "frame"),
                           ("1", "monitoring" if new else "settrace")):
        for value in (None, "auto"):
            env = {"BREADCRUMB_BACKEND": value, "BREADCRUMB_CAPTURE_LINES": lines}
            trace = read(ctx, ctx.run(PROGRAM, env=env).check(0))
            ctx.equal(trace.info["backend"], backend, f"backend with lines={lines}")


@parametrize("backend", ["monitoring", "sampling", "frame"])
def test_backend_that_is_missing_is_one_line(ctx, backend):
    if backend in ctx.backends:
        ctx.skip("this version has that backend")
    plain = ctx.plain(PROGRAM)
    traced = ctx.run(PROGRAM, env={"BREADCRUMB_BACKEND": backend})
    check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_BACKEND", backend])
    trace = read(ctx, traced)
    ctx.equal(trace.count("work"), 100)
    ctx.equal(trace.info["backend"], "monitoring" if ctx.version >= (3, 12) else "frame")


def test_lines_are_recorded_when_asked_for(ctx):
    text = "def f(n):\n    a = n\n    b = a\n    return b\n\nf(1)\nf(2)\n"
    without = read(ctx, ctx.run(text).check(0))
    ctx.equal([without.select(event_type="line"), without.info["lines"]], [[], False])
    env = {"BREADCRUMB_CAPTURE_LINES": "1"}
    trace = read(ctx, ctx.run(text, env=env).check(0))
    lines = [e["line_number"] for e in trace.select(event_type="line", function_name="f")]
    ctx.equal([lines, trace.info["lines"]], [[2, 3, 4, 2, 3, 4], True])


@for_backends()
@parametrize("size", ["200000", "200k"])
def test_size_limit_stops_the_recording(ctx, size):
    limit = {"200000": 200000, "200k": 200 << 10}[size]
    plain = ctx.plain(PROGRAM, [40000])
    traced = ctx.run(PROGRAM, [40000], env={"BREADCRUMB_MAX_SIZE": size})
    check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_MAX_SIZE"])
    trace = read(ctx, traced)
    written = os.path.getsize(trace.path)
    if not limit - 140000 <= written <= limit:
        raise Failure(f"the file has {written} bytes, the limit is {limit}")
    recorded = trace.count("work") + trace.count("work", "return")
    [(cause, lost)] = trace.lost.items()
    ctx.equal(cause, "BREADCRUMB_MAX_SIZE reached")
    if not 80000 <= recorded + lost <= 81000:
        raise Failure(f"{recorded} recorded and {lost} lost of 80000 events of work")


def test_size_limit_is_kept_by_many_threads(ctx):
    text = """\
import threading

def work(n):
    return n

def life():
    for i in range(4000):
        work(i)

threads = [threading.Thread(target=life) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print('done')
"""
    plain = ctx.plain(text)
    traced = ctx.run(text, env={"BREADCRUMB_MAX_SIZE": "300k"})
    check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_MAX_SIZE"])
    trace = read(ctx, traced)
    if os.path.getsize(trace.path) > 300 << 10:
        raise Failure(f"the file has {os.path.getsize(trace.path)} bytes")
    recorded = trace.count("work") + trace.count("work", "return")
    if not 64000 <= recorded + sum(trace.lost.values()) <= 66000:
        raise Failure(f"{recorded} recorded and {trace.lost} lost of 64000 events of work")


@parametrize("size", ["1", "4096", "17000"])
def test_size_limit_too_small_for_anything_is_one_line(ctx, size):
    plain = ctx.plain(PROGRAM)
    traced = ctx.run(PROGRAM, env={"BREADCRUMB_MAX_SIZE": size})
    check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_MAX_SIZE"])
    for path in traced.traces:
        trace = Trace(ctx, path)
        if os.path.getsize(path) > int(size):
            raise Failure(f"the file has {os.path.getsize(path)} bytes")
        if not trace.lost:
            raise Failure("nothing is counted as lost")


def test_free_space_wanted_stops_the_recording(ctx):
    plain = ctx.plain(PROGRAM, [10000])
    traced = ctx.run(PROGRAM, [10000], env={"BREADCRUMB_KEEP_FREE": "1000000T"})
    check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_KEEP_FREE"])
    for path in traced.traces:
        trace = Trace(ctx, path)
        ctx.equal(list(trace.lost), ["less than BREADCRUMB_KEEP_FREE left on the disk"])


def test_no_free_space_wanted_records_all(ctx):
    result = ctx.run(PROGRAM, env={"BREADCRUMB_KEEP_FREE": "0"}).check(0)
    ctx.equal(read(ctx, result).count("work"), 100)


@parametrize("level", ["error", "warn", "info", "debug"])
def test_log_level_only_adds_lines_of_its_own(ctx, level):
    plain = ctx.plain(PROGRAM)
    traced = ctx.run(PROGRAM, env={"BREADCRUMB_LOG": level}).check(0)
    own, agent = split_stderr(traced.stderr)
    ctx.equal([traced.stdout, own], [plain.stdout, plain.stderr])
    if level in ("error", "warn"):
        ctx.equal(agent, [], "lines of the agent where nothing is wrong")
    elif not agent:
        raise Failure(f"BREADCRUMB_LOG={level} says nothing")
    ctx.equal(read(ctx, traced).count("work"), 100)


@short()
@parametrize("value", ["1", "yes"])
def test_disabled_agent_leaves_nothing(ctx, value):
    result = ctx.run(PROGRAM, env={"BREADCRUMB_DISABLE": value, "BREADCRUMB_LOG": "debug"})
    result.check(0)
    ctx.equal([result.stdout, result.stderr, result.traces], ["worked 100\n", "", []])


def test_disable_zero_records(ctx):
    result = ctx.run(PROGRAM, env={"BREADCRUMB_DISABLE": "0"}).check(0)
    ctx.equal(read(ctx, result).count("work"), 100)


# case: (variable, value, a word of what is accepted)
WRONG = {
    "backend": ("BREADCRUMB_BACKEND", "turbo", "monitoring"),
    "backend-case": ("BREADCRUMB_BACKEND", "auto,frame", "settrace"),
    "lines": ("BREADCRUMB_CAPTURE_LINES", "2", "1"),
    "lines-word": ("BREADCRUMB_CAPTURE_LINES", "perhaps", "0"),
    "max-size": ("BREADCRUMB_MAX_SIZE", "12Q", "M"),
    "max-size-negative": ("BREADCRUMB_MAX_SIZE", "-1", "M"),
    "max-size-too-large": ("BREADCRUMB_MAX_SIZE", "99999999999999999999", "M"),
    "max-size-shift-too-large": ("BREADCRUMB_MAX_SIZE", "99999999999T", "M"),
    "max-size-fraction": ("BREADCRUMB_MAX_SIZE", "1.5M", "M"),
    "keep-free": ("BREADCRUMB_KEEP_FREE", "lots", "M"),
    "signal": ("BREADCRUMB_SIGNAL", "USR9", "USR2"),
    "signal-kill": ("BREADCRUMB_SIGNAL", "KILL", "USR2"),
    "signal-stop": ("BREADCRUMB_SIGNAL", "19", "USR2"),
    "signal-zero": ("BREADCRUMB_SIGNAL", "0", "USR2"),
    "signal-large": ("BREADCRUMB_SIGNAL", "4711", "USR2"),
    "log": ("BREADCRUMB_LOG", "loud", "debug"),
    "disable": ("BREADCRUMB_DISABLE", "maybe", "1"),
    "output-empty": ("BREADCRUMB_OUTPUT", "", "file"),
    "locals": ("BREADCRUMB_CAPTURE_LOCALS", "some", "1"),
    "returns": ("BREADCRUMB_CAPTURE_RETURNS", "all", "1"),
    "value-length": ("BREADCRUMB_VALUE_LENGTH", "0", "10000"),
    "value-items": ("BREADCRUMB_VALUE_ITEMS", "many", "1000"),
    "value-depth": ("BREADCRUMB_VALUE_DEPTH", "17", "16"),
    "event-bytes": ("BREADCRUMB_EVENT_BYTES", "1M", "32768"),
    "ring": ("BREADCRUMB_RING", "64M", "0"),
}


@parametrize("case", list(WRONG), short=["backend", "max-size", "locals"])
def test_value_not_understood_is_one_line(ctx, case):
    variable, value, accepted = WRONG[case]
    plain = ctx.plain(PROGRAM)
    traced = ctx.run(PROGRAM, env={variable: value})
    check_as_plain(ctx, plain, traced, 1, [variable, value, accepted])
    trace = read(ctx, traced)
    ctx.equal([trace.count("work"), trace.lost], [100, {}])
    ctx.equal([trace.info["lines"], trace.ended], [False, "clean"])
    for event in trace.events:
        if "locals" in event or "return_value" in event:
            raise Failure(f"values were captured: {event}")
    if case == "output-empty":
        ctx.equal(trace.path, f"{ctx.tmp}/breadcrumb-{trace.info['pid']}.crumb")


@once()
def test_two_values_not_understood_are_two_lines(ctx):
    plain = ctx.plain(PROGRAM)
    env = {"BREADCRUMB_MAX_SIZE": "big", "BREADCRUMB_LOG": "loud"}
    check_as_plain(ctx, plain, ctx.run(PROGRAM, env=env), 2)


@once()
def test_value_with_control_characters_stays_one_line(ctx):
    plain = ctx.plain(PROGRAM)
    env = {"BREADCRUMB_MAX_SIZE": "1\n2\x1b[31m" + "x" * 3000}
    traced = ctx.run(PROGRAM, env=env)
    lines = traced.stderr.splitlines()
    ctx.equal([len(lines), traced.stdout], [1, plain.stdout])
    if "\x1b" in traced.stderr:
        raise Failure(f"the value's escape sequence reaches the terminal: {traced.stderr!r}")


def test_wrong_value_is_not_told_by_other_programs(ctx):
    result = ctx.run(["/bin/sh", "-c", "true; ls /"], env={"BREADCRUMB_BACKEND": "turbo"})
    ctx.equal(result.stderr, "")
