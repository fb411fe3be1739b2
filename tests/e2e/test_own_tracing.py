# SPDX-License-Identifier: MIT
"""This exercises: programs that trace, profile, measure or debug themselves.  They see what they see
without the agent."""

from behave import check_as_plain, read
from harness import Failure, for_backends, parametrize

OWN_TRACER = """\
import sys, threading

def work(n):
    total = 0
    for i in range(n):
        total += i
    return total

def raises():
    raise ValueError('x')

def numbers():
    yield 1
    yield 2

def program():
    work(3)
    try:
        raises()
    except ValueError:
        pass
    list(numbers())
    g = numbers()
    next(g)
    g.close()

seen = []

def note(frame, event, arg):
    if frame.f_code.co_filename == __file__:
        seen.append((event, frame.f_code.co_name, frame.f_lineno))
    return note

program()
"""

# name: what a program adds to that
OWN_WAYS = {
    "settrace": """
sys.settrace(note)
program()
print(sys.gettrace() is note)
sys.settrace(None)
print(sys.gettrace())
""",
    "setprofile": """
sys.setprofile(note)
program()
print(sys.getprofile() is note)
sys.setprofile(None)
""",
    "threading": """
threading.settrace(note)
t = threading.Thread(target=program)
t.start()
t.join()
threading.settrace(None)
t = threading.Thread(target=program)
t.start()
t.join()
""",
    "sys-settrace-in-thread": """
def life():
    sys.settrace(note)
    program()
    sys.settrace(None)
t = threading.Thread(target=life)
t.start()
t.join()
print(sys.gettrace())
""",
    "opcodes": """
def opcodes(frame, event, arg):
    if frame.f_code.co_name == 'work':
        frame.f_trace_opcodes = True
        seen.append((event, frame.f_lasti))
        return opcodes
sys.settrace(opcodes)
program()
sys.settrace(None)
""",
    "twice": """
for i in range(3):
    sys.settrace(note)
    program()
    sys.settrace(None)
    seen.append('off')
    program()
""",
}


@for_backends()
@parametrize("way", list(OWN_WAYS))
def test_own_trace_function_records_the_same(ctx, way):
    text = OWN_TRACER + OWN_WAYS[way] + "\nprogram()\nprint(len(seen))\nprint(*seen, sep='\\n')\n"
    trace = read(ctx, ctx.same_behaviour(text))
    if trace.count("work") < 1:
        raise Failure("nothing was recorded before the program set its own function")


def test_taking_over_is_said_in_the_file(ctx):
    """Where there is only one trace function, the program's wins; the file says so."""
    text = OWN_TRACER + "sys.settrace(note)\nprogram()\nsys.settrace(None)\nprogram()\n"
    for backend in ctx.backends:
        trace = read(ctx, ctx.run(text, env={"BREADCRUMB_BACKEND": backend}).check(0))
        told = trace.lost or trace.info["notes"] or trace.select(event_type="lost")
        if trace.count("work") < 3 and not told:
            raise Failure(f"{backend}: {trace.count('work')} calls of 3, and nobody is told")
        if backend == "settrace" and not told:
            raise Failure("the program's trace function took over, and nobody is told")


def test_own_monitoring_tool_records_the_same(ctx):
    if ctx.version < (3, 12):
        ctx.skip("sys.monitoring is new in 3.12")
    text = OWN_TRACER + """
m = sys.monitoring
E = m.events
print([m.get_tool(i) for i in (m.DEBUGGER_ID, m.COVERAGE_ID, m.PROFILER_ID, m.OPTIMIZER_ID)])
for tool in (m.DEBUGGER_ID, m.COVERAGE_ID, m.PROFILER_ID, m.OPTIMIZER_ID):
    m.use_tool_id(tool, 'mine')
    for name in ('PY_START', 'PY_RETURN', 'PY_YIELD', 'PY_RESUME', 'LINE', 'PY_UNWIND', 'RAISE'):
        def callback(code, *args, name=name, tool=tool):
            if code.co_filename == __file__ and code.co_name != 'callback':
                seen.append((tool, name, code.co_name))
        m.register_callback(tool, getattr(E, name), callback)
    m.set_events(tool, E.PY_START | E.PY_RETURN | E.PY_YIELD | E.PY_RESUME | E.LINE | E.PY_UNWIND | E.RAISE)
    program()
    m.set_events(tool, 0)
    m.restart_events()
    m.free_tool_id(tool)
program()
print(len(seen))
print(*seen, sep='\\n')
"""
    trace = read(ctx, ctx.same_behaviour(text))
    ctx.equal(trace.count("program"), 6, "calls of program")


def test_own_local_monitoring_records_the_same(ctx):
    if ctx.version < (3, 12):
        ctx.skip("sys.monitoring is new in 3.12")
    text = OWN_TRACER + """
m = sys.monitoring
tool = m.COVERAGE_ID
m.use_tool_id(tool, 'coverage')
lines = []
def line(code, number):
    lines.append(number)
    return m.DISABLE
m.register_callback(tool, m.events.LINE, line)
m.set_local_events(tool, work.__code__, m.events.LINE)
for i in range(5):
    work(3)
print(lines)
m.restart_events()
work(3)
print(lines)
"""
    for env in ({}, {"BREADCRUMB_CAPTURE_LINES": "1"}):
        trace = read(ctx, ctx.same_behaviour(text, env=env))
        ctx.equal(trace.count("work"), 7, "calls of work")


def test_every_tool_id_taken_is_one_line(ctx):
    """sitecustomize runs before the program, and takes all that there are."""
    if ctx.version < (3, 12):
        ctx.skip("sys.monitoring is new in 3.12")
    ctx.write("site/sitecustomize.py", """\
import sys
for tool in range(6):
    sys.monitoring.use_tool_id(tool, f'mine {tool}')
""")
    text = "import sys\nprint([sys.monitoring.get_tool(i) for i in range(6)])\n"
    env = {"PYTHONPATH": ctx.tmp / "site", "BREADCRUMB_BACKEND": "monitoring"}
    plain = ctx.plain(text, env=env)
    traced = ctx.run(text, env=env)
    check_as_plain(ctx, plain, traced, 1)


COVERAGE_LIKE = """\
import collections, sys, threading

class Coverage:
    def __init__(self):
        self.lines = collections.defaultdict(set)
        self.arcs = collections.defaultdict(set)
        self.last = {}

    def trace(self, frame, event, arg):
        if frame.f_code.co_filename != __file__:
            return None
        previous = self.last.get(frame, -1)
        self.lines[frame.f_code.co_name].add(frame.f_lineno)
        self.arcs[frame.f_code.co_name].add((previous, frame.f_lineno))
        self.last[frame] = frame.f_lineno
        if event == 'return':
            del self.last[frame]
        return self.trace

    def start(self):
        sys.settrace(self.trace)
        threading.settrace(self.trace)

    def stop(self):
        sys.settrace(None)
        threading.settrace(None)

def branch(n):
    if n % 2:
        return 'odd'
    else:
        return 'even'

def life():
    return [branch(n) for n in range(5)]

c = Coverage()
c.start()
branch(1)
t = threading.Thread(target=life)
t.start()
t.join()
c.stop()
for name in sorted(c.lines):
    print(name, sorted(c.lines[name]), sorted(c.arcs[name]))
branch(2)
"""


@for_backends()
def test_coverage_measured_is_the_same(ctx):
    for lines in ("0", "1") if ctx.backend != "frame" else "0":
        trace = read(ctx, ctx.same_behaviour(COVERAGE_LIKE, env={"BREADCRUMB_CAPTURE_LINES": lines}))
        ctx.equal(trace.ended, "clean")


@for_backends()
def test_debugger_session_is_the_same(ctx):
    text = """\
import pdb

def inner(n):
    m = n * 2
    return m

def main():
    pdb.set_trace()
    x = inner(3)
    y = inner(x)
    return y

print(main())
"""
    session = "b inner\nc\np n\nw\nn\nu\np 'y' in dir()\nc\nr\ncl 1\nc\n"
    plain = ctx.plain(text, stdin=session)
    traced = ctx.run(text, stdin=session)
    # 3.13 stops one line later in set_trace() when any other tool is monitoring.
    ctx.equal(traced.stdout.splitlines()[2:], plain.stdout.splitlines()[2:], "the session")
    ctx.equal([traced.stderr, traced.returncode], [plain.stderr, plain.returncode])
