# SPDX-License-Identifier: MIT
"""This exercises: every BREADCRUMB_* variable, what it does, and what a wrong value does."""

import os
import signal
import time

from behave import Trace, check_as_plain, read, split_stderr, wait_for
from harness import Failure, for_backends, once, parametrize, short

PROGRAM = """\
import os, sys

def work(n):
    return n

def main(count):
    for i in range(count):
        work(i)
    print('worked', count, flush=True)

main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
"""


# ---- BREADCRUMB_OUTPUT ---------------------------------------------------------------------


def test_output_pattern_is_filled_in(ctx):
    ctx.write("program.py", PROGRAM)
    before = int(time.time())
    result = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": ctx.tmp / "a-%p-%e-%h-%t-%%-b.crumb"})
    trace = read(ctx, result.check(0))
    name = os.path.basename(trace.path)
    start = name.split("-")[-3]
    if not before <= int(start) <= int(time.time()):
        raise Failure(f"%t of {name!r} is not this moment")
    program = trace.info["arguments"][0].rpartition("/")[2]
    host = os.uname().nodename
    ctx.equal(name, f"a-{trace.info['pid']}-{program}-{host}-{start}-%-b.crumb")


def test_output_folder_gets_the_default_name(ctx):
    folder = ctx.tmp / "folder"
    folder.mkdir()
    for value in (str(folder), str(folder) + "/"):
        trace = read(ctx, ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": value}).check(0))
        ctx.equal(trace.path, f"{folder}/breadcrumb-{trace.info['pid']}.crumb")


def test_without_output_the_file_is_in_the_working_folder(ctx):
    folder = ctx.tmp / "folder"
    folder.mkdir()
    result = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": None}, cwd=folder).check(0)
    trace = read(ctx, result)
    ctx.equal(trace.path, f"{folder}/breadcrumb-{trace.info['pid']}.crumb")
    ctx.equal(trace.info["directory"], str(folder))


def test_relative_output_is_not_moved_by_chdir(ctx):
    text = """\
import os, sys
os.mkdir('elsewhere')
os.chdir('elsewhere')

def work(n):
    return n

def repeat(count):
    for i in range(count):
        work(i)

repeat(5000)
os.closerange(3, 70000)  # the file must be found again from here
repeat(5000)
pid = os.fork()
if pid == 0:
    repeat(7)
    os._exit(0)
os.waitpid(pid, 0)
"""
    result = ctx.run(text, env={"BREADCRUMB_OUTPUT": "here-%p.crumb"}).check(0)
    traces = read(ctx, result, 2)
    ctx.equal({os.path.dirname(t.path) for t in traces}, {str(ctx.tmp)}, "folders of the files")
    ctx.equal(sorted(t.count("work") for t in traces), [7, 10000])
    ctx.equal([t.lost for t in traces], [{}, {}])


def test_taken_name_is_left_alone(ctx):
    taken = ctx.write("taken.crumb", "somebody's own\n")
    for run in range(3):
        result = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": taken}).check(0)
        ctx.equal(result.stderr, "")
        trace = read(ctx, result)
        ctx.equal(trace.count("work"), 100)
    ctx.equal(taken.read_text(), "somebody's own\n", "the file that was there")
    ctx.equal(len(list(ctx.tmp.glob("*.crumb"))), 4, "files after three runs")


def test_output_of_a_new_process_never_overwrites(ctx):
    """The same fixed name for parent and children."""
    text = PROGRAM + """\
for n in range(3):
    pid = os.fork()
    if pid == 0:
        main(n + 1)
        os._exit(0)
    os.waitpid(pid, 0)
"""
    result = ctx.run(text, env={"BREADCRUMB_OUTPUT": ctx.tmp / "same.crumb"}).check(0)
    counts = sorted(t.count("work") for t in read(ctx, result, 4))
    ctx.equal(counts, [1, 2, 3, 100], "calls of work in each file")


def test_link_at_the_output_name_is_not_followed(ctx):
    target = ctx.write("target", "precious\n")
    link = ctx.tmp / "link.crumb"
    link.symlink_to(target)
    dangling = ctx.tmp / "dangling.crumb"
    dangling.symlink_to(ctx.tmp / "nothing-here")
    for name in (link, dangling):
        result = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": name}).check(0)
        ctx.equal(result.stdout, "worked 100\n")
        if name.is_symlink() is False:
            raise Failure(f"{name} is no link any more")
        ctx.equal(read(ctx, result).count("work"), 100)
    ctx.equal(target.read_text(), "precious\n")
    ctx.equal((ctx.tmp / "nothing-here").exists(), False, "the dangling link's target exists")


@parametrize("mask", ["0", "0o22", "0o777"])
def test_file_is_for_its_owner_only(ctx, mask):
    result = ctx.run(PROGRAM, umask=int(mask, 0)).check(0)
    [path] = result.traces
    ctx.equal(oct(os.stat(path).st_mode & 0o7777 | 0o600), oct(0o600))
    if mask != "0o777":
        ctx.equal(oct(os.stat(path).st_mode & 0o7777), oct(0o600))


@once()
def test_output_may_be_a_long_path(ctx):
    folder = ctx.tmp / ("x" * 200) / ("y" * 200)
    folder.mkdir(parents=True)
    read(ctx, ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": folder / "f.crumb"}).check(0))


@once()
def test_output_too_long_is_one_line(ctx):
    plain = ctx.plain(PROGRAM)
    traced = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": "/tmp/" + "z" * 5000})
    check_as_plain(ctx, plain, traced, 1)
    ctx.equal(traced.traces, [])


# ---- BREADCRUMB_INCLUDE, BREADCRUMB_EXCLUDE ------------------------------------------------

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


@for_backends()
def test_excluded_module_leaves_no_event_of_any_kind(ctx):
    ctx.write(
        "noisy.py",
        """\
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
""",
    )
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


# ---- BREADCRUMB_BACKEND --------------------------------------------------------------------


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


# ---- BREADCRUMB_CAPTURE_LINES --------------------------------------------------------------


def test_lines_are_recorded_when_asked_for(ctx):
    text = "def f(n):\n    a = n\n    b = a\n    return b\n\nf(1)\nf(2)\n"
    without = read(ctx, ctx.run(text).check(0))
    ctx.equal([without.select(event_type="line"), without.info["lines"]], [[], False])
    env = {"BREADCRUMB_CAPTURE_LINES": "1"}
    trace = read(ctx, ctx.run(text, env=env).check(0))
    lines = [e["line_number"] for e in trace.select(event_type="line", function_name="f")]
    ctx.equal([lines, trace.info["lines"]], [[2, 3, 4, 2, 3, 4], True])


# ---- BREADCRUMB_MAX_SIZE, BREADCRUMB_KEEP_FREE ---------------------------------------------


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


# ---- BREADCRUMB_LOG, BREADCRUMB_DISABLE ----------------------------------------------------


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


# ---- wrong values --------------------------------------------------------------------------

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
    "locals": ("BREADCRUMB_CAPTURE_LOCALS", "1", "0"),
    "returns": ("BREADCRUMB_CAPTURE_RETURNS", "1", "0"),
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


# ---- BREADCRUMB_SIGNAL ---------------------------------------------------------------------

STEPS = """\
import sys

def work(n):
    return n

def main():
    print('ready', flush=True)
    for line in sys.stdin:
        for i in range(int(line)):
            work(i)
        print('did', line.strip(), flush=True)

main()
"""


def snapshot(ctx, path, number):
    name = f"{path}.{number}"

    def whole():
        """It has its final size: the same twice."""
        try:
            size = os.path.getsize(name)
            time.sleep(0.03)
            return size > 4096 and size == os.path.getsize(name)
        except FileNotFoundError:
            return False

    wait_for(whole, name)
    return Trace(ctx, name).check_order()


@parametrize("value", ["USR2", "12", "SIGUSR1", "hup"])
def test_signal_leaves_a_snapshot_and_tracing_goes_on(ctx, value):
    number = {"USR2": signal.SIGUSR2, "12": 12, "SIGUSR1": signal.SIGUSR1, "hup": signal.SIGHUP}
    process = ctx.spawn(STEPS, env={"BREADCRUMB_SIGNAL": value}, stdin=-1)
    ctx.equal(process.stdout_line(), "ready")
    [path] = (ctx.tmp / "traces").glob("*.crumb")

    def step(count):
        process.send(f"{count}\n")
        ctx.equal(process.stdout_line(), f"did {count}")

    step(1000)
    process.signal(number[value])
    ctx.equal(snapshot(ctx, path, 1).count("work"), 1000, "calls in the first snapshot")
    step(9000)
    process.signal(number[value])
    ctx.equal(snapshot(ctx, path, 2).count("work"), 10000, "calls in the second snapshot")
    step(5)
    process.popen.stdin.close()
    process.popen.stdin = None
    result = process.finish().check(0)
    ctx.equal([result.stdout, result.stderr], ["", ""])
    trace = read(ctx, result)
    ctx.equal([trace.count("work"), trace.ended], [10005, "clean"])
    first = Trace(ctx, f"{path}.1")
    ctx.equal(first.count("work"), 1000, "calls in the first snapshot, later")
    ctx.equal(first.info["pid"], trace.info["pid"])


def test_program_keeps_its_own_handler_for_the_signal(ctx):
    text = """\
import os, signal
signal.signal(signal.SIGUSR2, lambda *a: print('mine'))
for i in range(3):
    os.kill(os.getpid(), signal.SIGUSR2)
print(signal.getsignal(signal.SIGUSR2) is not None)
"""
    result = ctx.run(text, env={"BREADCRUMB_SIGNAL": "USR2"}).check(0)
    ctx.equal([result.stdout, result.stderr], ["mine\n" * 3 + "True\n", ""])
    ctx.equal(read(ctx, result).ended, "clean")


def test_ignored_signal_stays_ignored(ctx):
    text = """\
import os, signal
print(signal.getsignal(signal.SIGUSR2))
os.kill(os.getpid(), signal.SIGUSR2)
print('alive')
"""
    command = ["/bin/sh", "-c", f"trap '' USR2; exec {ctx.python} program.py"]
    ctx.write("program.py", text)
    plain = ctx.plain(command)
    traced = ctx.run(command, env={"BREADCRUMB_SIGNAL": "USR2"})
    check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_SIGNAL", "12"])


def test_system_call_is_not_interrupted_by_the_signal(ctx):
    text = """\
import ctypes, os, signal, sys, threading, time

def later():
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGUSR2)
    time.sleep(0.3)
    os.write(w, b'x')

r, w = os.pipe()
libc = ctypes.CDLL(None, use_errno=True)
threading.Thread(target=later).start()
buffer = ctypes.create_string_buffer(1)
print(libc.read(r, buffer, 1), ctypes.get_errno())
"""
    result = ctx.run(text, env={"BREADCRUMB_SIGNAL": "USR2"}).check(0)
    ctx.equal(result.stdout, "1 0\n", "result and errno of a read(2) under the signal")


def test_storm_of_signals_is_harmless(ctx):
    text = """\
import os, signal

def work(n):
    return n

for i in range(3000):
    work(i)
    if i % 30 == 0:
        os.kill(os.getpid(), signal.SIGUSR2)
print('done')
"""
    result = ctx.run(text, env={"BREADCRUMB_SIGNAL": "USR2"}).check(0)
    ctx.equal([result.stdout, result.stderr], ["done\n", ""])
    trace = read(ctx, result)
    ctx.equal(trace.count("work"), 3000)
    snapshots = sorted((ctx.tmp / "traces").glob("*.crumb.*"), key=lambda p: int(p.suffix[1:]))
    counts = [Trace(ctx, p).count("work") for p in snapshots[::20]]
    if not counts or counts != sorted(counts):
        raise Failure(f"calls in the snapshots: {counts}")


def test_without_the_variable_the_signal_is_the_programs(ctx):
    text = "import os, signal\nos.kill(os.getpid(), signal.SIGUSR2)\n"
    ctx.equal(ctx.same_behaviour(text).returncode, -signal.SIGUSR2)
