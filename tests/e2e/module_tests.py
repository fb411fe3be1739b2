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
