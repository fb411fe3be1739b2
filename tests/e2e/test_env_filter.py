# SPDX-License-Identifier: MIT
"""This exercises: BREADCRUMB_INCLUDE and BREADCRUMB_EXCLUDE, the modules that are recorded."""

from behave import read
from harness import for_backends, parametrize

MODULES = {
    "myapp/__init__.py": "def f():\n    pass\n",
    "myapp/core.py": "def f():\n    pass\n",
    "myapp/deep/__init__.py": "",
    "myapp/deep/er.py": "def f():\n    pass\n",
    "myapplication.py": "def f():\n    pass\n",
    "lib1.py": "def f():\n    pass\n",
    "lib22.py": "def f():\n    pass\n",
}

USES_MODULES = """\
import sys
import myapp, myapp.core, myapp.deep.er, myapplication, lib1, lib22

def f():
    pass

for module in (sys.modules[__name__], myapp, myapp.core, myapp.deep.er, myapplication, lib1, lib22):
    for i in range(3):
        module.f()
print('done')
"""

ALL = ["__main__", "myapp", "myapp.core", "myapp.deep.er", "myapplication", "lib1", "lib22"]

# name: (include, exclude, modules whose f is recorded)
FILTERS = {
    "nothing": (None, None, ALL),
    "empty": ("", "", ALL),
    "main-only": ("__main__", None, ["__main__"]),
    "package-and-below": ("myapp.*", None, ["myapp", "myapp.core", "myapp.deep.er"]),
    "package-itself": ("myapp", None, ["myapp"]),
    "one-module": ("myapp.core", None, ["myapp.core"]),
    "prefix": ("myapp*", None, ["myapp", "myapp.core", "myapp.deep.er", "myapplication"]),
    "one-character": ("lib?", None, ["lib1"]),
    "list": ("lib?,lib22,__main__", None, ["__main__", "lib1", "lib22"]),
    "list-with-spaces": (" lib1 , lib22 ,, ", None, ["lib1", "lib22"]),
    "set": ("lib[0-5]", None, ["lib1"]),
    "without-package": (None, "myapp.*", ["__main__", "myapplication", "lib1", "lib22"]),
    "without-main": (None, "__main__", [m for m in ALL if m != "__main__"]),
    "exclude-wins": ("myapp.*,lib1", "myapp.deep.*,lib1", ["myapp", "myapp.core"]),
    "exclude-all": ("__main__", "*", []),
    "no-such-module": ("nothing.like.it", None, []),
}


@parametrize("case", list(FILTERS), short=["package-and-below", "exclude-wins"])
def test_module_filter(ctx, case):
    include, exclude, wanted = FILTERS[case]
    for name, text in MODULES.items():
        ctx.write(name, text)
    env = {"BREADCRUMB_INCLUDE": include, "BREADCRUMB_EXCLUDE": exclude}
    result = ctx.run(USES_MODULES, env=env).check(0)
    ctx.equal([result.stdout, result.stderr], ["done\n", ""])
    if not wanted and not result.traces:
        return
    trace = read(ctx, result)
    ctx.equal([m for m in ALL if trace.count("f", module=m)], [m for m in ALL if m in wanted])
    ctx.equal(trace.count("f"), 3 * len(wanted), "calls of f")
    if case not in ("nothing", "empty", "without-package", "without-main"):
        others = {e["module"] for e in trace.events if e.get("module")} - set(wanted)
        below = {m for m in others if not m.startswith("myapp.deep")}
        ctx.equal(below, set(), "modules with events that were not asked for")
    ctx.equal(trace.info["include"] or "", include or "")
    ctx.equal(trace.info["exclude"] or "", exclude or "")


NOISY = """\
import threading

def raises():
    raise ValueError

def numbers():
    yield 1
    yield 2

class C:
    def method(self):
        return [n for n in numbers()]

def everything(callback):
    try:
        raises()
    except ValueError:
        pass
    C().method()
    t = threading.Thread(target=numbers)
    t.start()
    t.join()
    g = numbers()
    next(g)
    g.close()
    callback()
    try:
        callback(1)
    except KeyError:
        pass
"""


@for_backends()
def test_excluded_module_leaves_no_event_of_any_kind(ctx):
    ctx.write("noisy.py", NOISY)
    text = """\
import noisy

def callback(arg=0):
    if arg:
        raise KeyError
    return arg

noisy.everything(callback)
"""
    env = {"BREADCRUMB_EXCLUDE": "noisy", "BREADCRUMB_CAPTURE_LINES": "1"}
    trace = read(ctx, ctx.run(text, env=env).check(0))
    ctx.equal({e["event_type"] for e in trace.select(module="noisy")}, set())
    ctx.equal([trace.count("callback"), trace.count("callback", "return")], [2, 1])
    ctx.equal(trace.count("callback", "unwind"), 1)


def test_filter_goes_by_the_frames_name(ctx):
    text = """\
def work():
    pass

space = {'__name__': 'other.place', 'work': None}
exec('def work():\\n    pass\\nfor i in range(5): work()\\n', space)
work()
exec('def nameless():\\n    pass\\nnameless()\\n', {'__name__': 42})
exec('def nameless():\\n    pass\\nnameless()\\n', {'__builtins__': __builtins__})
print('done')
"""
    env = {"BREADCRUMB_INCLUDE": "other.*"}
    trace = read(ctx, ctx.run(text, env=env).check(0))
    ctx.equal({e["module"] for e in trace.select(event_type="call")}, {"other.place"})
    ctx.equal(trace.count("work"), 5)


LATE = {
    # What the program calls of the first module that is recorded -> its events.
    "raises": ("raises()", [("call", "raises"), ("exception", "raises"), ("unwind", "raises")]),
    "in-a-comprehension": ("listed()", [("exception", "listed"), ("unwind", "listed")]),
    "thrown-into": ("thrown_into().throw(KeyError)",
                    [("exception", "thrown_into"), ("unwind", "thrown_into")]),
}


@for_backends()
@parametrize("case", list(LATE), short=["raises"])
def test_first_recorded_code_may_raise_at_once(ctx, case):
    """Without code to record, exceptions are not even asked for (sys.monitoring)."""
    call, wanted = LATE[case]
    text = """\
import sys
audited = []
sys.addaudithook(lambda event, args: audited.append(event) if 'monitoring' in event else None)
space = {'__name__': 'late'}
exec('''
def raises(): raise KeyError
def listed(): return [1 // n for n in (0,)]
def thrown_into(): yield
''', {'__name__': 'early'}, space)
for name in 'raises', 'listed', 'thrown_into':
    space[name] = type(space[name])(space[name].__code__, {'__name__': 'late'})
for _ in range(3):
    try:
        [][0]
    except IndexError:
        pass
try:
    %s
except (KeyError, ZeroDivisionError):
    print('caught', audited)
""" % call.replace(call.split("(")[0], "space['%s']" % call.split("(")[0], 1)
    result = ctx.run(text, env={"BREADCRUMB_INCLUDE": "late"}).check(0)
    ctx.equal(result.stdout, "caught []\n")
    told = [(e["event_type"], e["function_name"]) for e in read(ctx, result).events]
    ctx.equal([each for each in told if each in wanted], wanted)
    ctx.equal({name for _, name in told} & {"<module>"}, set())


@for_backends()
@parametrize("short_of", range(3), short=[0])
def test_first_recorded_code_may_stand_at_the_end_of_a_recursion(ctx, short_of):
    """Where CPython itself can call no more C function, or only a few."""
    text = """\
import sys
if sys.version_info >= (3, 12):
    sys.setrecursionlimit(200000)
made, space = {}, {'__name__': 'late'}
exec('def late(): raise KeyError', made)
space['late'] = type(made['late'])(made['late'].__code__, space)

def nothing():
    pass

def call_late():
    try:
        space['late']()
    except KeyError:
        pass

def down(n):
    if n:
        list(map(down, [n - 1]))  # through C: its own limit is the first to be reached
    else:
        leaf()

def fits(n):
    try:
        down(n)
    except RecursionError:
        return False
    return True

leaf, low, high = nothing, 1, 1 << 20
while low < high:
    middle = (low + high + 1) // 2
    low, high = (middle, high) if fits(middle) else (low, middle - 1)
leaf = call_late
fits(low - %d)
for _ in range(3):
    call_late()
print('done')
""" % short_of
    result = ctx.run(text, env={"BREADCRUMB_INCLUDE": "late"}).check(0)
    ctx.equal([result.stdout, result.stderr], ["done\n", ""])
    told = [e["event_type"] for e in read(ctx, result).select(function_name="late")]
    ctx.equal(told[-9:], ["call", "exception", "unwind"] * 3)
