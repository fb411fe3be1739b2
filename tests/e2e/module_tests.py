# SPDX-License-Identifier: MIT
"""What the tests of the module breadcrumb_agent share: which class belongs to which backend, and
programs that answer in JSON."""

import json

from harness import Failure

KINDS = {"monitoring": "MonitoringBackend", "settrace": "SettraceBackend", "frame": "FrameBackend"}
MANUAL = {"BREADCRUMB_START": "manual"}
PAIR = ["call f", "return f"]

# A program is given the name of the class.  Its own functions are in the module __main__, what
# it is helped with is not.
START = """\
import json, os, sys, threading, time
import breadcrumb_agent as b

Kind = getattr(b, sys.argv[1]) if len(sys.argv) > 1 else None
MAIN = {'include_patterns': ['__main__']}
HELPERS = {'__name__': 'helpers', 'json': json, 'threading': threading}
exec('''
def names(events):
    return [f'{e.event_type} {e.function_name}' for e in events]

def say(value):
    print(json.dumps(value), flush=True)

def in_thread(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()
''', HELPERS)
names, say, in_thread = HELPERS['names'], HELPERS['say'], HELPERS['in_thread']

"""


def run(ctx, text, **keywords):
    """The Result of START and text, with the class that belongs to the backend under test."""
    arguments = [KINDS[ctx.backend]] if ctx.backend else []
    return ctx.run(START + text, arguments, **keywords).check(0)


def answer(ctx, text, stderr="", **keywords):
    """What the program said last."""
    result = run(ctx, text, **keywords)
    if stderr is not None:
        ctx.equal(result.stderr, stderr, "stderr")
    return said(result)


def said(result):
    lines = result.stdout.splitlines()
    if not lines:
        raise Failure(f"the program said nothing; stderr: {result.stderr}")
    return json.loads(lines[-1])


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
    """How often each was called."""
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
