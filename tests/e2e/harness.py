# SPDX-License-Identifier: MIT
"""End-to-end tests: real interpreters, with and without the agent.

    tests/e2e/run [--python P] [--only GLOB] [--backend B] [-v] [-j N] [--short] [--list]

A test module is tests/e2e/test_*.py, a test is a function `test_<fact>(ctx)` in it:

    from harness import for_backends, once, parametrize, short, timeout

    @for_backends()                      # once for each backend that the version has
    def test_generator_is_resumed(ctx):
        r = ctx.run("def f():\\n    yield 1\\nprint(list(f()))\\n").check(0)
        kinds = [e["event_type"] for e in ctx.events(r.traces, function_name="f")]
        ctx.equal(kinds, ["call", "yield", "resume", "return"])

By default a test runs once for each interpreter found.  Decorators:
    @once()                 once in all, with the first interpreter found
    @for_backends(*names)   for each interpreter and each of its backends (those named);
                            ctx.backend is the name, and ctx.run() asks for it
    @parametrize(name, values, short=())   for each value, given as the keyword `name`;
                            `short`: the values that also belong to the short subset
    @short()                belongs to the short subset (--short, E2E_SHORT=1)
    @timeout(seconds)       instead of 60
The brackets may be left out where there are no arguments.

ctx, in every test:
    python      path of the interpreter          version     (3, 12, 1)
    shared      libpython is a shared object     free_threaded, debug   kind of build
    backends    backends that claim this version backend     the one under test, or None: auto
    tmp         a fresh empty directory (pathlib.Path), below $TMPDIR or /tmp: no path under
                /usr, /etc or /var, which launchers of other roots do not see
    breadcrumb, agent       the command; the shared object to preload (None: not found)
    interpreter             the struct behind these (class Interpreter)
    run(what, args=(), env={}, trace=True, cwd=tmp, stdin="", timeout=30, **popen) → Result
                what: a str is program text, written to <tmp>/program.py and run with
                ctx.python; a Path is a file to run with ctx.python; a list is a whole
                command.  args follow.  env: a value None removes the variable.  With
                trace the agent is preloaded and writes into a folder under tmp, unless env
                says otherwise.  stdin: text, or a file object or None (nothing: /dev/null).
                popen: more for subprocess.Popen (pass_fds, preexec_fn, umask, …).
    plain(…)    the same, untraced
    spawn(…)    the same as run, not waited for → Process
    same_behaviour(…)       runs untraced, then traced; asserts equal stdout, stderr and
                status → the traced Result (files that the program leaves are its business)
    command(*args, env={}, timeout=30, **as run) → Result of `$BREADCRUMB args…`, untraced
    events(path_or_paths, parse=None, **filters) → list of dicts, from `$BREADCRUMB dump
                --json`; a filter is field=value, field=(several, values) or field=function;
                parse(line of text) tells which lines are looked at at all (for long dumps)
    info(path)  → dict, from `$BREADCRUMB info --json`
    environ(trace, env) → the environment that run() would give
    write(name, text) → Path of a file under tmp
    equal(got, expected, what="")    asserts, with a readable difference
    skip(reason)            ends the test; counted, and the reason printed
    cached(key, function)   function()'s answer (JSON), once for the whole run whoever asks
    sysconfig(name)         a configuration variable of ctx.python

Result: .stdout .stderr (str, undecodable bytes as surrogate escapes) .returncode (negative:
by that signal) .traces (new *.crumb below tmp, as str, oldest first) .argv .seconds
.check(status) → itself, or fails with the output.
Process: .pid .popen .stdout_line() (the next line, waits) .send(text) .signal(number)
.finish(timeout=30) → Result.

Programs get a small environment of their own: no PYTHON* of the user, PYTHONHASHSEED=0,
PYTHONDONTWRITEBYTECODE=1, LC_ALL=C.UTF-8.

Interpreters: $BREADCRUMB_TEST_PYTHONS (colon-separated files, or folders of them),
~/.pyenv/versions/*/bin/python3, /usr/bin/python3.1[0-9], and the folder
$BREADCRUMB_PYTHONS_DIR (default ~/.cache/breadcrumb-pythons/bin).  BREADCRUMB and
BREADCRUMB_AGENT name the command and the agent; without them they are looked for in the build
tree (the working directory and those above it, then this checkout).

Ends with status 0 when nothing failed, 1 when something did, 77 without any interpreter.
"""

import argparse
import ctypes
import difflib
import fcntl
import fnmatch
import glob
import hashlib
import importlib
import json
import os
import pathlib
import pprint
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 10), (3, 15)
TEST_TIMEOUT = 60
RUN_TIMEOUT = 30

# Which backend claims which versions: name, first, last.
BACKENDS = (
    ("frame", (3, 10), (3, 11)),
    ("monitoring", (3, 12), (3, 15)),
    ("settrace", (3, 10), (3, 15)),
)

# Asked of every interpreter.  Debian's say Py_ENABLE_SHARED=1 though their executable has
# libpython inside: what is mapped tells the truth.
QUESTION = """
import json, sys, sysconfig
v = sysconfig.get_config_var
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": list(sys.version_info[:3]),
    "shared": bool(v("Py_ENABLE_SHARED")) and "/libpython" in open("/proc/self/maps").read(),
    "free_threaded": bool(v("Py_GIL_DISABLED")),
    "debug": bool(v("Py_DEBUG")),
}))
"""


# ---- interpreters ------------------------------------------------------------------------


class Interpreter:
    """One interpreter that tests run on."""

    def __init__(self, path, facts):
        self.path = path
        self.version = tuple(facts["version"])
        self.shared = facts["shared"]
        self.free_threaded = facts["free_threaded"]
        self.debug = facts["debug"]
        self.backends = [
            name for name, first, last in BACKENDS if first <= self.version[:2] <= last
        ]

    @property
    def version_text(self):
        return ".".join(map(str, self.version))

    @property
    def build(self):
        return ("free-threaded" if self.free_threaded else "gil") + (
            " debug" if self.debug else ""
        )

    @property
    def linkage(self):
        return "shared" if self.shared else "static"


def candidate_paths():
    """Every path where an interpreter may be, in the order of the docstring."""
    for entry in filter(None, os.environ.get("BREADCRUMB_TEST_PYTHONS", "").split(":")):
        yield from interpreters_at(os.path.expanduser(entry), told=True)
    yield from sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3")))
    yield from sorted(glob.glob("/usr/bin/python3.1[0-9]"))
    folder = os.environ.get("BREADCRUMB_PYTHONS_DIR") or "~/.cache/breadcrumb-pythons/bin"
    yield from interpreters_at(os.path.expanduser(folder), told=False)


def interpreters_at(entry, told):
    if os.path.isdir(entry):
        for name in sorted(os.listdir(entry)):
            if re.fullmatch(r"python3\.\d+[a-z]*(-[a-z0-9.]+)?", name):
                yield os.path.join(entry, name)
    elif os.path.exists(entry):
        yield entry
    elif told:
        print(f"left out: {entry}: no such file")


def identity(path):
    """What tells two paths to one interpreter apart from two interpreters.

    The launchers of get-pythons.sh are all links to one file, which looks at the name it is
    called by: those are followed no further.
    """
    path = os.path.abspath(path)
    if os.path.islink(path) and os.path.basename(os.readlink(path)) == ".inroot":
        return path
    return os.path.realpath(path)


def ask(path):
    """(facts, None) of the interpreter at path, or (None, why not)."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env.pop("LD_PRELOAD", None)
    try:
        done = subprocess.run(
            [path, "-c", QUESTION], capture_output=True, text=True, timeout=20, env=env
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"does not run: {error}"
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return None, f"does not run: status {done.returncode}: {last}"
    return json.loads(done.stdout), None


def find_interpreters():
    found, seen = [], set()
    for path in candidate_paths():
        if not os.access(path, os.X_OK) or identity(path) in seen:
            continue
        seen.add(identity(path))
        interpreter = usable(path)
        if interpreter:
            found.append(interpreter)
    found.sort(key=lambda i: (i.version, i.free_threaded, i.path))
    return found


def usable(path):
    facts, why = ask(path)
    if facts and facts["implementation"] != "cpython":
        why = f"{facts['implementation']} is not CPython"
    elif facts and not OLDEST <= tuple(facts["version"][:2]) <= NEWEST:
        side = "below 3.10" if tuple(facts["version"]) < OLDEST else "above 3.15"
        why = f"{'.'.join(map(str, facts['version']))} is {side}"
    if why:
        print(f"left out: {path}: {why}")
        return None
    return Interpreter(path, facts)


def choose_interpreters(wanted):
    """All found, or those that --python names: a path, or a version such as 3.12."""
    if not wanted:
        return find_interpreters()
    chosen, found = [], None
    for name in wanted:
        if os.sep in name:
            path = os.path.abspath(os.path.expanduser(name))
            chosen += filter(None, [usable(path)])
            continue
        found = find_interpreters() if found is None else found
        chosen += [
            i
            for i in found
            if i.version_text == name
            or i.version_text.startswith(name + ".")
            or os.path.basename(i.path) == name
        ]
    return chosen


# ---- decorators --------------------------------------------------------------------------


def _marker(attribute, make):
    """A decorator, usable with and without brackets, that sets an attribute."""

    def decorator(*arguments, **keywords):
        if len(arguments) == 1 and callable(arguments[0]) and not keywords:
            setattr(arguments[0], attribute, make())
            return arguments[0]

        def mark(function):
            setattr(function, attribute, make(*arguments, **keywords))
            return function

        return mark

    return decorator


once = _marker("e2e_once", lambda: True)
short = _marker("e2e_short", lambda: True)
for_backends = _marker("e2e_backends", lambda *names: names)
timeout = _marker("e2e_timeout", lambda seconds: seconds)


def parametrize(name, values, short=()):
    def mark(function):
        function.e2e_parameters = (name, list(values), set(short))
        return function

    return mark


# ---- running things ----------------------------------------------------------------------


class Failure(AssertionError):
    """A test failed for a reason that needs no traceback."""


class Skip(Exception):
    """Raised by ctx.skip()."""


class Result:
    """A process that ended."""

    def __init__(self, argv, stdout, stderr, returncode, traces, seconds):
        self.argv = argv
        self.stdout = stdout
        self.stderr = stderr
        self.returncode = returncode
        self.traces = traces
        self.seconds = seconds

    def check(self, status=0):
        if self.returncode != status:
            raise Failure(
                f"status {self.returncode}, not {status}: {shlex.join(self.argv)}\n"
                f"stdout: {_tail(self.stdout)}\nstderr: {_tail(self.stderr)}"
            )
        return self


class Process:
    """A process that runs."""

    def __init__(self, ctx, argv, popen, before):
        self.ctx = ctx
        self.argv = argv
        self.popen = popen
        self.pid = popen.pid
        self._before = before
        self._started = time.monotonic()

    def stdout_line(self):
        """The next line of stdout without its newline; fails when there is none."""
        line = bytearray()
        while not line.endswith(b"\n"):
            byte = os.read(self.popen.stdout.fileno(), 1)
            if not byte:
                raise Failure(f"stdout ended: {shlex.join(self.argv)}: {bytes(line)!r}")
            line += byte
        return line[:-1].decode("utf-8", "surrogateescape")

    def send(self, text):
        self.popen.stdin.write(text.encode("utf-8", "surrogateescape"))
        self.popen.stdin.flush()

    def signal(self, number):
        self.popen.send_signal(number)

    def finish(self, timeout=RUN_TIMEOUT, stdin=None):
        data = None if stdin is None else stdin.encode("utf-8", "surrogateescape")
        try:
            out, err = self.popen.communicate(data, timeout=timeout)
        except subprocess.TimeoutExpired:
            end_group(self.pid)
            self.popen.kill()
            out, err = self.popen.communicate()
            raise Failure(
                f"not done after {timeout} s: {shlex.join(self.argv)}\n"
                f"stdout: {_tail(_text(out))}\nstderr: {_tail(_text(err))}"
            ) from None
        return Result(
            self.argv,
            _text(out),
            _text(err),
            self.popen.returncode,
            self.ctx._new_traces(self._before),
            time.monotonic() - self._started,
        )


def _text(data):
    return (data or b"").decode("utf-8", "surrogateescape")


def _tail(text, size=2000):
    return text if len(text) <= size else "…" + text[-size:]


def end_group(pid):
    """Ends a process group that this run started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Context:
    """What a test is given; see the docstring at the top of this file."""

    def __init__(self, setup, job, tmp):
        interpreter = job.interpreter
        self.interpreter = interpreter
        self.python = interpreter.path
        self.version = interpreter.version
        self.shared = interpreter.shared
        self.free_threaded = interpreter.free_threaded
        self.debug = interpreter.debug
        self.backends = list(interpreter.backends)
        self.backend = job.backend
        self.tmp = tmp
        self.breadcrumb = setup.breadcrumb
        self.agent = setup.agent
        self.commands = []  # for the report of a failure
        self._cache = setup.cache

    # -- programs --

    def environ(self, trace, env=None):
        base = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("PYTHON", "BREADCRUMB", "LC_", "LD_"))
            and k not in ("LANG", "LANGUAGE", "MAKEFLAGS", "MFLAGS")
        }
        base.update(PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1", LC_ALL="C.UTF-8")
        if trace:
            if not self.agent:
                raise Failure("no agent: build it, or name it in BREADCRUMB_AGENT")
            base["LD_PRELOAD"] = self.agent
            base["BREADCRUMB_OUTPUT"] = str(self._output())
            if self.backend:
                base["BREADCRUMB_BACKEND"] = self.backend
        for name, value in (env or {}).items():
            if value is None:
                base.pop(name, None)
            else:
                base[name] = str(value)
        return base

    def _output(self):
        folder = self.tmp / "traces"
        folder.mkdir(exist_ok=True)
        return folder

    def _traces(self):
        return {str(p): p.stat().st_mtime_ns for p in self.tmp.rglob("*.crumb") if p.is_file()}

    def _new_traces(self, before):
        new = {p: t for p, t in self._traces().items() if p not in before}
        return sorted(new, key=lambda p: (new[p], p))

    def _argv(self, what, args):
        if isinstance(what, str):
            what = self.write("program.py", what)
        if isinstance(what, pathlib.Path):
            what = [self.python, str(what)]
        return [str(a) for a in (*what, *args)]

    def write(self, name, text):
        path = self.tmp / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def spawn(self, what, args=(), env=None, trace=True, cwd=None, stdin=None, **popen):
        argv = self._argv(what, args)
        environ = self.environ(trace, env)
        own = {k: environ[k] for k in ("LD_PRELOAD", *sorted(environ)) if k in environ}
        shown = [f"{k}={v}" for k, v in own.items() if k.startswith(("BREADCRUMB", "PYTHON", "LD_"))]
        self.commands.append(shlex.join(["env", *shown, *argv]))
        # A group of its own, so that a timeout ends all that it started.
        process = subprocess.Popen(
            argv,
            env=environ,
            cwd=cwd or self.tmp,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=popen.pop("stdout", subprocess.PIPE),
            stderr=popen.pop("stderr", subprocess.PIPE),
            start_new_session=popen.pop("start_new_session", True),
            **popen,
        )
        return Process(self, argv, process, self._traces())

    def run(self, what, args=(), env=None, trace=True, cwd=None, stdin="",
            timeout=RUN_TIMEOUT, **popen):
        text = stdin if isinstance(stdin, str) else None
        if text is not None:
            stdin = subprocess.PIPE
        before = self._traces()
        process = self.spawn(what, args, env, trace, cwd, stdin, **popen)
        process._before = before
        return process.finish(timeout, text)

    def plain(self, what, args=(), **keywords):
        return self.run(what, args, trace=False, **keywords)

    def same_behaviour(self, what, args=(), **keywords):
        plain = self.plain(what, args, **keywords)
        traced = self.run(what, args, **keywords)
        self.equal(traced.stdout, plain.stdout, "stdout with the agent")
        self.equal(traced.stderr, plain.stderr, "stderr with the agent")
        self.equal(traced.returncode, plain.returncode, "status with the agent")
        return traced

    # -- the command --

    def command(self, *args, **keywords):
        if not self.breadcrumb:
            raise Failure("no breadcrumb command: build it, or name it in BREADCRUMB")
        return self.run([self.breadcrumb, *args], trace=False, **keywords)

    def events(self, paths, parse=None, **filters):
        if isinstance(paths, (str, os.PathLike)):
            paths = [paths]
        if not paths:
            raise Failure("no trace file was written")
        done = self.command("dump", "--json", *map(str, paths)).check(0)
        lines = done.stdout.splitlines()
        if parse:
            lines = [line for line in lines if parse(line)]
        events = list(map(json.loads, lines))
        for field, wanted in filters.items():
            events = [e for e in events if _matches(e.get(field), wanted)]
        return events

    def info(self, path):
        done = self.command("info", "--json", str(path)).check(0)
        return json.loads(done.stdout)

    # -- saying things --

    def equal(self, got, expected, what=""):
        if got == expected:
            return
        if isinstance(got, str) and isinstance(expected, str):
            left, right = expected.splitlines(), got.splitlines()
        else:
            left = pprint.pformat(expected, width=100).splitlines()
            right = pprint.pformat(got, width=100).splitlines()
        lines = list(difflib.unified_diff(left, right, "expected", "got", lineterm="", n=2))
        if len(lines) > 60:
            lines[60:] = [f"… and {len(lines) - 60} lines more"]
        raise Failure("\n".join([f"{what or 'value'} differs:", *lines]))

    def skip(self, reason):
        raise Skip(reason)

    def cached(self, key, function):
        name = hashlib.sha256(json.dumps([self.python, key]).encode()).hexdigest()
        with open(self._cache / name, "a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            if not text:
                text = json.dumps(function())
                file.write(text)
                file.flush()
        return json.loads(text)

    def sysconfig(self, name):
        code = "import json, sys, sysconfig; print(json.dumps(sysconfig.get_config_var(sys.argv[1])))"
        return self.cached(
            ["sysconfig", name],
            lambda: json.loads(self.plain([self.python, "-c", code, name]).check(0).stdout),
        )


def _matches(value, wanted):
    if callable(wanted):
        return bool(wanted(value))
    if isinstance(wanted, (tuple, list, set, frozenset)):
        return value in wanted
    return value == wanted


# ---- jobs --------------------------------------------------------------------------------


class Job:
    """One test on one interpreter with one backend and one parameter."""

    def __init__(self, name, function, interpreter, backend, keywords, is_once):
        self.name = name
        self.function = function
        self.interpreter = interpreter
        self.backend = backend
        self.keywords = keywords
        self.once = is_once
        self.timeout = getattr(function, "e2e_timeout", TEST_TIMEOUT)

    def title(self):
        where = f"{self.interpreter.path} ({self.interpreter.version_text})"
        return f"{self.name}  {where}" + (f"  {self.backend}" if self.backend else "")

    def repeat(self, setup):
        parts = [f"{HERE}/run", "--python", self.interpreter.path, "--only", self.name]
        if self.backend:
            parts += ["--backend", self.backend]
        named = (("BREADCRUMB", setup.breadcrumb), ("BREADCRUMB_AGENT", setup.agent))
        return shlex.join([*(f"{k}={v}" for k, v in named if v), *parts])


def load_tests():
    """(name, function) of every test, in the order of files and lines."""
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, value in list(vars(module).items()):
            if name.startswith("test_") and callable(value) and value.__module__ == path.stem:
                yield f"{path.stem}.{name}", value


def variants(name, function, only_short):
    """(name, keywords) for each parameter of a test."""
    marked = getattr(function, "e2e_short", False)
    parameters = getattr(function, "e2e_parameters", None)
    if parameters is None:
        if marked or not only_short:
            yield name, {}
        return
    key, values, short_values = parameters
    for value in values:
        if only_short and not marked and value not in short_values:
            continue
        yield f"{name}:{value}", {key: value}


def plan(tests, interpreters, options):
    jobs = []
    wanted = [
        (name, function, keywords)
        for base, function in tests
        for name, keywords in variants(base, function, options.short)
        if selected(name, options.only)
    ]
    for index, interpreter in enumerate(interpreters):
        for name, function, keywords in wanted:
            is_once = getattr(function, "e2e_once", False)
            if is_once and index > 0:
                continue
            for backend in backends_of(function, interpreter, options.backend):
                jobs.append(Job(name, function, interpreter, backend, keywords, is_once))
    return jobs


def selected(name, globs):
    short_name = name.split(".", 1)[1]
    return not globs or any(
        fnmatch.fnmatchcase(name, g) or fnmatch.fnmatchcase(short_name, g) for g in globs
    )


def backends_of(function, interpreter, only):
    names = getattr(function, "e2e_backends", None)
    if names is None:
        return [None]
    return [
        b
        for b in interpreter.backends
        if (not names or b in names) and (not only or b in only)
    ]


def run_here(setup, job, pipe):
    """Runs one test in this process, which was forked for it, and tells the outcome."""
    os.setsid()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans stay findable
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="t", dir=setup.tmp))
    answer = {"outcome": "passed", "text": "", "tmp": str(tmp)}
    ctx = Context(setup, job, tmp)
    try:
        job.function(ctx, **job.keywords)
    except Skip as skip:
        answer.update(outcome="skipped", text=str(skip))
    except Failure as failure:
        answer.update(outcome="failed", text=str(failure) + "\n" + _where(failure))
    except BaseException:
        answer.update(outcome="failed", text=traceback.format_exc())
    if answer["outcome"] == "failed" and ctx.commands:
        answer["text"] += "\nlast commands:\n  " + "\n  ".join(ctx.commands[-3:])
    with open(pipe, "w", encoding="utf-8", errors="backslashreplace") as out:
        json.dump(answer, out)


def _where(failure):
    frames = [
        f for f in traceback.extract_tb(failure.__traceback__) if not f.filename.endswith("harness.py")
    ]
    return "".join(f"at {f.filename}:{f.lineno}: {f.line}\n" for f in frames[-1:])


def descendants(root):
    """Every process below root, from /proc."""
    children = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat, encoding="utf-8", errors="replace") as file:
                pid, rest = file.read().split(" (", 1)
        except (OSError, ValueError):
            continue
        parent = int(rest.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(pid))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def end_tree(pid):
    """Ends a test's process and all that it started, sessions of their own included."""
    for each in [pid, *descendants(pid)]:
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Worker:
    """A job in its own process."""

    def __init__(self, setup, job):
        self.job = job
        self.data = b""
        self.started = time.monotonic()
        self.pipe, write_end = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pipe)
            try:
                run_here(setup, job, write_end)
            finally:
                os._exit(0)
        os.close(write_end)

    def outcome(self):
        """After the pipe has closed: (outcome, text, seconds)."""
        end_leftovers(self.pid)
        os.waitpid(self.pid, 0)
        os.close(self.pipe)
        seconds = time.monotonic() - self.started
        if not self.data:
            return "failed", "the test's process died without an answer", seconds
        answer = json.loads(self.data)
        return answer["outcome"], answer["text"], seconds


def end_leftovers(pid):
    for each in descendants(pid):
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            pass


def run_jobs(setup, jobs, width, report):
    """Runs the jobs, `width` at a time, and reports each outcome."""
    selector = selectors.DefaultSelector()
    waiting, running = list(reversed(jobs)), set()
    while waiting or running:
        while waiting and len(running) < width:
            worker = Worker(setup, waiting.pop())
            running.add(worker)
            selector.register(worker.pipe, selectors.EVENT_READ, worker)
        for key, _ in selector.select(0.5):
            worker = key.data
            data = os.read(worker.pipe, 65536)
            if data:
                worker.data += data
                continue
            selector.unregister(worker.pipe)
            running.discard(worker)
            report(worker.job, *worker.outcome())
        for worker in [w for w in running if time.monotonic() - w.started > w.job.timeout]:
            end_tree(worker.pid)
            selector.unregister(worker.pipe)
            running.discard(worker)
            worker.data = b""
            seconds = worker.outcome()[2]
            report(worker.job, "failed", f"not done after {worker.job.timeout} s", seconds)


# ---- the whole ---------------------------------------------------------------------------


class Setup:
    """What all tests share."""

    def __init__(self, tmp):
        self.tmp = tmp
        self.cache = tmp / "cache"
        self.cache.mkdir()
        self.breadcrumb = find_built("BREADCRUMB", ["cli/breadcrumb", "breadcrumb"])
        self.agent = find_built(
            "BREADCRUMB_AGENT",
            ["agent/.libs/libbreadcrumb_agent.so", "agent/libbreadcrumb_agent.so"],
        )


def find_built(variable, names):
    told = os.environ.get(variable)
    if told:
        if os.sep not in told and shutil.which(told):
            return shutil.which(told)
        if not os.path.exists(told):
            sys.exit(f"tests/e2e: {variable}: {told}: no such file")
        return os.path.abspath(told)
    here = pathlib.Path.cwd()
    top = HERE.parent.parent
    for folder in [here, *here.parents, top, *sorted(top.glob("build*"))]:
        for name in names:
            path = folder / name
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    return None


class Report:
    """Counts outcomes, prints failures as they come and the table at the end."""

    def __init__(self, setup, verbose):
        self.setup = setup
        self.verbose = verbose
        self.rows = {}
        self.skips = {}
        self.failures = []

    def __call__(self, job, outcome, text, seconds):
        row = self.rows.setdefault(
            None if job.once else job.interpreter, dict(passed=0, failed=0, skipped=0)
        )
        row[outcome] += 1
        if outcome == "skipped":
            self.skips.setdefault((job.name.split(":")[0], text), []).append(job)
        if outcome == "failed":
            self.failures.append(job)
            indented = "\n".join("    " + line for line in text.rstrip().splitlines())
            print(f"FAIL {job.title()}\n{indented}\n    repeat: {job.repeat(self.setup)}")
        elif self.verbose:
            print(f"{'ok  ' if outcome == 'passed' else 'skip'} {job.title()}  {seconds:.2f} s")
        sys.stdout.flush()

    def total(self, outcome):
        return sum(row[outcome] for row in self.rows.values())

    def table(self):
        head = ("interpreter", "version", "linkage", "build", "run", "passed", "failed", "skipped")
        lines = [head]
        for interpreter, row in self.rows.items():
            counts = (row["passed"], row["failed"], row["skipped"])
            if interpreter is None:
                facts = ("(tests without a matrix)", "", "", "")
            else:
                i = interpreter
                facts = (i.path, i.version_text, i.linkage, i.build)
            lines.append((*facts, str(sum(counts)), *map(str, counts)))
        widths = [max(len(line[c]) for line in lines) for c in range(len(head))]
        for line in lines:
            cells = [
                text.rjust(width) if c > 3 else text.ljust(width)
                for c, (text, width) in enumerate(zip(line, widths))
            ]
            print("  ".join(cells).rstrip())

    def end(self):
        print()
        self.table()
        for (name, reason), jobs in sorted(self.skips.items()):
            where = sorted({j.interpreter.version_text for j in jobs})
            print(f"skipped {len(jobs)} × {name}: {reason} ({', '.join(where)})")
        for job in self.failures:
            print(f"failed: {job.title()}")
        print(
            f"{self.total('passed')} passed, {self.total('failed')} failed, "
            f"{self.total('skipped')} skipped"
        )
        return 1 if self.failures else 0


def options_of(argv):
    parser = argparse.ArgumentParser(prog="tests/e2e/run", description="End-to-end tests.")
    parser.add_argument("--python", action="append", default=[], metavar="P",
                        help="only this interpreter: a path, or a version such as 3.12")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB",
                        help="only tests whose name matches, e.g. 'test_oracle.*'")
    parser.add_argument("--backend", action="append", default=[], metavar="B",
                        help="only this backend (tests for backends)")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for every test")
    parser.add_argument("-j", "--jobs", type=int, default=2, metavar="N", help="at once (2)")
    parser.add_argument("--short", action="store_true",
                        default=os.environ.get("E2E_SHORT", "0") not in ("", "0"),
                        help="a small fixed subset (also E2E_SHORT=1)")
    parser.add_argument("--list", action="store_true", help="list the tests and end")
    return parser.parse_args(argv)


def main(argv=None):
    options = options_of(argv)
    # A job in the background is born with these ignored, and so would be all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    sys.path.insert(0, str(HERE))
    sys.setrecursionlimit(10000)
    tests = list(load_tests())
    if options.list:
        for base, function in tests:
            for name, _ in variants(base, function, options.short):
                if selected(name, options.only):
                    print(name)
        return 0
    interpreters = choose_interpreters(options.python)
    if not interpreters:
        print("tests/e2e: SKIP: no CPython 3.10 … 3.15 was found to test with")
        return 1 if options.python else 77
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="crumb-e2e-", dir=os.environ.get("TMPDIR", "/tmp")))
    try:
        setup = Setup(tmp)
        print(f"breadcrumb: {setup.breadcrumb or 'not found'}")
        print(f"agent: {setup.agent or 'not found'}", flush=True)
        jobs = plan(tests, interpreters, options)
        if not jobs:
            print("tests/e2e: no test is selected")
            return 1
        report = Report(setup, options.verbose)
        run_jobs(setup, jobs, max(1, options.jobs), report)
        return report.end()
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


if __name__ == "__main__":
    # Tests import this module by its name: there must be only one of it.
    import harness

    sys.exit(harness.main())
