# SPDX-License-Identifier: MIT
"""This exercises: the stack traces of `dump --json`, which are those that the program itself sees."""

import json

from harness import for_backends

PROGRAM = """\
import functools, json, traceback

def divide(n):
    return 1 // n

def numbers():
    yield divide(1)
    yield divide(0)

def add():
    total = 0
    for number in numbers():
        total += number

def tidy():
    try:
        divide(0)
    except ZeroDivisionError:
        pass

def cleaned():
    try:
        add()
    finally:
        tidy()

def instead():
    try:
        cleaned()
    except ZeroDivisionError as error:
        raise ValueError('not a number') from error

def deep(n):
    if n:
        deep(n - 1)
    else:
        sorted([2, 1], key=lambda n: divide(n - 1))

def again():
    try:
        deep(3)
    except ZeroDivisionError:
        tidy()
        raise

def attempt(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        print(json.dumps(['File "%s", line %d, in %s' % frame[:3] for frame in frames]))

attempt(divide, 0)
attempt(add)
attempt(lambda: instead())
attempt(deep, 9)
attempt(lambda: again())
attempt(lambda: cleaned())
attempt(lambda: functools.reduce(lambda a, b: divide(a - b), [1, 1]))
"""


def by_name(entry):
    """With the name of the function, which is what tracebacks have, instead of the qualified one."""
    place, _, name = entry.rpartition(" in ")
    return "%s in %s" % (place, name.rpartition(".")[2])


@for_backends()
def test_stack_trace_is_what_the_program_sees(ctx):
    result = ctx.run(PROGRAM, env={"BREADCRUMB_INCLUDE": "__main__"}).check(0)
    # What attempt() called: the last frame that each of these exceptions left.
    events = ctx.events(result.traces, event_type="exception", depth=2)
    got = [[by_name(entry) for entry in e["exception"]["stack_trace"]] for e in events]
    ctx.equal(got, [json.loads(line) for line in result.stdout.splitlines()])
