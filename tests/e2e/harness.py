# SPDX-License-Identifier: MIT
"""What end-to-end tests are written with: decorators, and the `ctx` that every test is given.

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
"""

import difflib
import fcntl
import hashlib
import json
import os
import pathlib
import pprint
import shlex
import signal
import subprocess
import time

RUN_TIMEOUT = 30


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
        before = self._traces()
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
        return Process(self, argv, process, before)

    def run(self, what, args=(), env=None, trace=True, cwd=None, stdin="",
            timeout=RUN_TIMEOUT, **popen):
        text = stdin if isinstance(stdin, str) else None
        if text is not None:
            stdin = subprocess.PIPE
        return self.spawn(what, args, env, trace, cwd, stdin, **popen).finish(timeout, text)

    def plain(self, what, args=(), **keywords):
        return self.run(what, args, trace=False, **keywords)

    def same_behaviour(self, what, args=(), **keywords):
        plain = self.plain(what, args, **keywords)
        traced = self.run(what, args, **keywords)
        self.equal(traced.stdout, plain.stdout, "stdout with the agent")
        self.equal(traced.stderr, plain.stderr, "stderr with the agent")
        self.equal(traced.returncode, plain.returncode, "status with the agent")
        return traced

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
