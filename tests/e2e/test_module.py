# SPDX-License-Identifier: MIT
"""This exercises: the module breadcrumb_agent is there where the agent is, and nowhere else; what
is in it, and what it says to wrong arguments.  test_module_*.py have the rest."""

import ast
import json
import pathlib
import re

from behave import read
from harness import Failure, for_backends, parametrize, short
from module_tests import KINDS, answer, run, said
from test_embed import SUB

TOP = pathlib.Path(__file__).resolve().parents[2]

MISSING = """\
import importlib, importlib.util, sys
for name in ('breadcrumb_agent', 'breadcrumb_agenx'):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(str(error).replace(name, 'NAME'), error.name == name, error.path)
    print(importlib.util.find_spec(name), name in sys.modules)
try:
    import breadcrumb_agent
except ImportError as error:
    print(type(error).__name__, error)
"""


@parametrize("way", ["absent", "disabled", "disabled-manual"], short=["absent"])
def test_module_is_missing_without_the_agent(ctx, way):
    env = {"BREADCRUMB_DISABLE": "1"}
    if way == "disabled-manual":
        env["BREADCRUMB_START"] = "manual"
    result = ctx.plain(MISSING) if way == "absent" else ctx.run(MISSING, env=env)
    ctx.equal(result.check(0).stderr, "")
    ctx.equal(result.stdout.splitlines(), [
        *["No module named 'NAME' True None", "None False"] * 2,
        "ModuleNotFoundError No module named 'breadcrumb_agent'",
    ])
    ctx.equal(result.traces, [])


CONTENTS = """
say({
    'version': b.__version__,
    'doc': bool(b.__doc__),
    'name': b.__name__,
    'supported': b.is_supported(),
    'kinds': {n: getattr(b, n).is_supported()
              for n in ('MonitoringBackend', 'SettraceBackend', 'FrameBackend')},
    'bases': [issubclass(getattr(b, n), b.Backend)
              for n in ('MonitoringBackend', 'SettraceBackend', 'FrameBackend')],
    'created': type(b.create_backend()).__name__,
    'again': __import__('breadcrumb_agent') is b is sys.modules['breadcrumb_agent'],
    'fields': b.TraceEvent._fields,
    'default': b.Backend.DEFAULT_EXCLUDE,
    'exclude-type': type(b.Backend.DEFAULT_EXCLUDE) is tuple,
    'missing': [n for n in ('pause', 'resume', 'mark', 'snapshot', 'output_path', 'stats',
                            'recording', 'is_supported', 'create_backend')
                if not callable(getattr(b, n, None))],
    'undocumented': [n for n in dir(b) if n[0] != '_' and not getattr(b, n).__doc__],
})
"""


# name: the interpreter's options
OPTIONS = {"plain": [], "isolated": ["-I"], "no-site": ["-S"], "development": ["-X", "dev"]}


@parametrize("options", list(OPTIONS), short=["plain"])
def test_module_has_what_the_manual_says(ctx, options):
    ctx.write("program.py", START_OF + CONTENTS)
    command = [ctx.python, *OPTIONS[options], "program.py"]
    got = said(ctx.run(command).check(0))
    new = ctx.version >= (3, 12)
    version = ctx.command("--version").stdout.split()
    if got["version"] not in version:
        raise Failure(f"version {got['version']!r}, the command's is {version}")
    del got["version"]
    ctx.equal(got, {
        "doc": True,
        "name": "breadcrumb_agent",
        "supported": True,
        "kinds": {"MonitoringBackend": new, "SettraceBackend": True, "FrameBackend": not new},
        "bases": [True] * 3,
        "created": "MonitoringBackend" if new else "SettraceBackend",
        "again": True,
        "fields": ["event_type", "timestamp", "thread_id", "function_name", "module", "filename",
                   "line_number", "locals", "return_value", "exception"],
        "default": ["threading", "queue", "_thread", "contextlib", "importlib.*", "sys", "os",
                    "posixpath", "genericpath"],
        "exclude-type": True,
        "missing": [],
        "undocumented": [],
    })


START_OF = "import json, sys\nimport breadcrumb_agent as b\ndef say(x): print(json.dumps(x))\n"


IN_SUB = """
CODE = '''
import breadcrumb_agent as b, json, threading
def inside(x):
    return x + 1
def life():
    inside(5)
back = b.KIND(include_patterns=["__main__"])
back.start()
inside(1)
if THREADS:
    thread = threading.Thread(target=life)
    thread.start()
    thread.join()
else:
    life()
back.stop()
inside(2)
told = [[e.event_type, e.function_name, e.return_value] for e in back.get_events(True)]
print(json.dumps(told), flush=True)
'''.replace('KIND', sys.argv[1]).replace('THREADS', THREADS)
sub = interpreters.CREATE
back = Kind(**MAIN)
back.start()
run(sub, CODE)
back.stop()
interpreters.destroy(sub)
say(names(back.get_events(True)))
"""


@for_backends()
@parametrize("level", ["default", "legacy"], short=["default"])
def test_module_works_in_a_sub_interpreter(ctx, level):
    """Each interpreter has the events of its own threads."""
    create = "create()"
    if level == "legacy":
        create = "create('legacy')" if ctx.version >= (3, 13) else "create(isolated=False)"
    # Before 3.12 an isolated one has no threads.
    threads = level == "legacy" or ctx.version >= (3, 12)
    text = f"THREADS = '{threads}'\n" + SUB + IN_SUB.replace("CREATE", create)
    result = run(ctx, text)
    ctx.equal(result.stderr, "")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    call, back = ["call", "inside", None], "return"
    ctx.equal(lines[:-1], [[call, [back, "inside", 2], ["call", "life", None], call,
                            [back, "inside", 6], [back, "life", None]]])
    ctx.equal(lines[-1], [], "what the main interpreter was told")


@for_backends()
@parametrize("imported", ["before", "after"])
def test_module_works_in_a_forked_child(ctx, imported):
    text = """\
import json, os, sys
if IMPORTED == 'before':
    import breadcrumb_agent
def f(x):
    return x + 1
pid = os.fork()
if pid == 0:
    import breadcrumb_agent as b
    back = getattr(b, sys.argv[1])(include_patterns=['__main__'])
    with back:
        f(1)
    print(json.dumps([[e.event_type, e.return_value] for e in back.get_events()]), flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
""".replace("IMPORTED", repr(imported))
    result = ctx.run(text, [KINDS[ctx.backend]]).check(0)
    ctx.equal(said(result), [["call", None], ["return", 2]])


@for_backends()
def test_fork_while_a_backend_runs_is_no_harm(ctx):
    text = """
def f(x):
    return x
back = Kind(callback=lambda event: None, **MAIN)
back.start()
pid = os.fork()
f(1)
back.stop()
if pid == 0:
    f(2)
    back.get_events(all_threads=True)
    back.clear_events(all_threads=True)
    back.start()
    f(3)
    back.stop()
    os._exit(0 if names(back.get_events()) == ['call f', 'return f'] else 7)
say([os.waitpid(pid, 0)[1], names(back.get_events(all_threads=True))])
"""
    ctx.equal(answer(ctx, text), [0, ["call f", "return f"]])


@short()
@for_backends()
def test_module_is_not_in_the_trace(ctx):
    text = """
def f(x):
    return x
with b.recording('here'):
    f(1)
b.mark('there')
back = Kind(callback=print, include_patterns=['nothing'])
with back:
    f(2)
say([b.stats()['recording'], back.get_events()])
"""
    trace = read(ctx, run(ctx, text), strays=True)
    for event in trace.events:
        if "breadcrumb_agent" in f"{event['module']} {event['filename']} {event['function_name']}":
            raise Failure(f"the module is in its own trace: {event}")
    if ctx.backend != "settrace":
        ctx.equal(trace.count("f"), 2)


def test_program_runs_with_and_without_the_agent(ctx):
    """The example of the manual."""
    text = """\
import contextlib
try:
    from breadcrumb_agent import recording
except ImportError:
    def recording(text=None):
        return contextlib.nullcontext()
def main():
    print('main')
with recording("nightly job"):
    main()
"""
    ctx.same_behaviour(text)
    trace = read(ctx, ctx.same_behaviour(text, env={"BREADCRUMB_START": "manual"}))
    ctx.equal(trace.count("main"), 1)


EXAMPLES = re.compile(r"^\.Bd -literal\n(.*?)^\.Ed", re.MULTILINE | re.DOTALL)


@short()
def test_examples_of_the_manual_run(ctx):
    page = (TOP / "man" / "breadcrumb_agent.3").read_text(encoding="utf-8")
    example = EXAMPLES.findall(page.partition(".Sh EXAMPLES")[2])[0].replace("\\e", "\\")
    ctx.write("myapp/__init__.py", """\
from myapp.vendor import helper
def main(argument=3):
    try:
        helper(fails)
    except ValueError:
        return 'handled'
def fails(password='x'):
    raise ValueError('mine')
""")
    ctx.write("myapp/vendor/__init__.py", "def helper(function):\n    function()\n")
    lines = ctx.run(example).check(0).stdout.splitlines()
    ctx.equal(lines[:5], [
        "myapp.main {'argument': 3}", "myapp.fails {'password': '[redacted]'}",
        "myapp.fails ValueError mine", "myapp.main ValueError mine", "myapp.main gave handled",
    ])
    ctx.equal([line.split()[-1] for line in lines[5:]],
              ["call", "call", "exception", "unwind", "exception", "return"])


def test_stubs_name_what_there_is(ctx):
    """Type checkers are told of all that is in the module, and of nothing else."""
    tree = ast.parse((TOP / "agent" / "breadcrumb_agent.pyi").read_text(encoding="utf-8"))
    names, members = [], {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            members[node.name] = [n.name for n in node.body if isinstance(n, ast.FunctionDef)]
            members[node.name] += [n.target.id for n in node.body if isinstance(n, ast.AnnAssign)]
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name[0] != "_":
            names.append(node.name)
    got = answer(ctx, f"MEMBERS = {members!r}" + """
back = b.create_backend()
say([sorted(n for n in dir(b) if n[0] != '_'),
     [n for n in MEMBERS['Backend'] if not hasattr(back, n)],
     [n for n in MEMBERS['TraceEvent'] if n not in b.TraceEvent._fields],
     [n for n in MEMBERS['_Stats'] if n not in b.stats()], len(b.stats())])
""")
    ctx.equal(got, [sorted(names), [], [], [], len(members["_Stats"])])


# expression: (type of the exception, a word of its message)
WRONG = {
    "Kind(callback=3)": ("TypeError", "callback"),
    "Kind('f')": ("TypeError", "callback"),
    "Kind(include_patterns='myapp.*')": ("TypeError", "include_patterns"),
    "Kind(None, 'myapp.*')": ("TypeError", "include_patterns"),
    "Kind(include_patterns=3)": ("TypeError", "include_patterns"),
    "Kind(include_patterns=b'x')": ("TypeError", "include_patterns"),
    "Kind(include_patterns=[1])": ("TypeError", "include_patterns"),
    "Kind(include_patterns=['a', None])": ("TypeError", "include_patterns"),
    "Kind(include_patterns=('a', b'b'))": ("TypeError", "include_patterns"),
    "Kind(exclude_patterns='')": ("TypeError", "exclude_patterns"),
    "Kind(exclude_patterns=3.5)": ("TypeError", "exclude_patterns"),
    "Kind(exclude_patterns=['a', 1])": ("TypeError", "exclude_patterns"),
    "Kind(nonsense=1)": ("TypeError", "nonsense"),
    "Kind(None, None, None, True, False, 6)": ("TypeError", ""),
    "Kind(None, callback=None)": ("TypeError", "callback"),
    "b.create_backend(callback=3)": ("TypeError", "callback"),
    "b.create_backend(include_patterns='a')": ("TypeError", "include_patterns"),
    "b.create_backend(exclude_patterns=[1])": ("TypeError", "exclude_patterns"),
    "b.create_backend(nonsense=1)": ("TypeError", "nonsense"),
    "Kind().get_events(nonsense=1)": ("TypeError", ""),
    "Kind().get_events(True, 2)": ("TypeError", ""),
    "Kind().clear_events(True, 2)": ("TypeError", ""),
    "Kind().start(1)": ("TypeError", ""),
    "Kind().stop(1)": ("TypeError", ""),
    "b.mark()": ("TypeError", ""),
    "b.mark(3)": ("TypeError", "text"),
    "b.mark(None)": ("TypeError", "text"),
    "b.mark(b'x')": ("TypeError", "text"),
    "b.recording(3)": ("TypeError", "text"),
    "b.recording(b'x')": ("TypeError", "text"),
    "b.recording(nonsense=3)": ("TypeError", "nonsense"),
    "b.pause(1)": ("TypeError", ""),
    "b.resume(1)": ("TypeError", ""),
    "b.snapshot(1)": ("TypeError", ""),
    "b.output_path(1)": ("TypeError", ""),
    "b.stats(1)": ("TypeError", ""),
    "b.is_supported(1)": ("TypeError", ""),
    "Kind.is_supported(1)": ("TypeError", ""),
    "b.FrameBackend(capture_lines=True)": ("ValueError", "capture_lines"),
    "b.FrameBackend(None, None, None, True, True)": ("ValueError", "capture_lines"),
    "b.FrameBackend()": ("RuntimeError", "FrameBackend"),
    "b.MonitoringBackend()": ("RuntimeError", "MonitoringBackend"),
}


@short()
@for_backends()
def test_wrong_arguments_are_told(ctx):
    supported = [KINDS[backend] for backend in ctx.backends]
    cases = {}
    for text, expected in WRONG.items():
        name = text[2:].partition("(")[0]
        if expected[0] == "RuntimeError" and name in supported:
            continue
        if expected[0] == "ValueError" and name not in supported:
            continue
        cases[text] = expected
    got = answer(ctx, f"CASES = {list(cases)!r}" + """
class Bad(Exception):
    pass
told = {}
for text in CASES:
    try:
        eval(text)
    except BaseException as error:
        told[text] = [type(error).__name__, str(error)]
    else:
        told[text] = ['nothing', '']
say(told)
""")
    for text, (kind, word) in cases.items():
        if got[text][0] != kind or word not in got[text][1] or not got[text][1]:
            raise Failure(f"{text}: {got[text]}, not {kind} with {word!r}")


def test_common_base_is_not_for_use(ctx):
    got = answer(ctx, """
try:
    b.Backend()
except (TypeError, RuntimeError) as error:
    say(bool(str(error)))
""")
    ctx.equal(got, True)


def test_failure_within_an_argument_is_passed_on(ctx):
    got = answer(ctx, """
class Bad:
    def __len__(self): return 3
    def __getitem__(self, i): raise KeyError('mine')
told = []
for name in ('include_patterns', 'exclude_patterns'):
    try:
        b.create_backend(**{name: Bad()})
    except (KeyError, TypeError) as error:
        told.append(True)
say(told)
""")
    ctx.equal(got, [True, True])


@for_backends()
def test_attributes_are_what_was_given(ctx):
    got = answer(ctx, """
NAMES = ('include_patterns', 'exclude_patterns', 'capture_locals', 'capture_lines',
         'callback_errors', 'running')
def shown(back):
    return {n: getattr(back, n) for n in NAMES}
told = []
def other(event): pass
given = ['a.*', 'b']
full = Kind(other, given, ('c',), False)
given.append('later')
say([shown(Kind()), Kind().callback, shown(full), full.callback is other,
     shown(Kind(include_patterns=[], exclude_patterns=[]))['exclude_patterns']])
""")
    default = ["threading", "queue", "_thread", "contextlib", "importlib.*", "sys", "os",
               "posixpath", "genericpath"]
    common = {"capture_lines": False, "callback_errors": 0, "running": False}
    ctx.equal(got, [
        {"include_patterns": [], "exclude_patterns": default, "capture_locals": True, **common},
        None,
        {"include_patterns": ["a.*", "b"], "exclude_patterns": ["c"], "capture_locals": False,
         **common},
        True,
        [],
    ])
