# SPDX-License-Identifier: MIT
"""What the tests of the agent's behaviour share: a program to trace, a trace file in memory, a family
of them, what was lost, the agent's own lines on standard error, programs compiled once per run, and
ways to take privileges away.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

from harness import Failure

HERE = pathlib.Path(__file__).resolve().parent

# Every line that the agent prints begins so.
AGENT_LINE = re.compile(r"^breadcrumb: ")

# What many programs begin with, and one that calls work() as often as its argument says.
WORK = """\
import os, sys

def work(n):
    return n

def main(count):
    for i in range(count):
        work(i)
    print('worked', count, flush=True)

"""
PROGRAM = WORK + "main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)\n"

MANY = 20000  # calls: 40,000 events, five windows

ENTERS = ("call", "resume")
LEAVES = ("return", "yield", "unwind")


class Trace:
    """One trace file, read through `dump --json` and `info --json`."""

    def __init__(self, ctx, path):
        self.ctx = ctx
        self.path = str(path)
        dumped = ctx.command("dump", "--json", self.path).check(0).stdout
        # One parse of the whole is three times as quick as one for each line.
        self.events = json.loads("[" + dumped.rstrip("\n").replace("\n", ",") + "]")
        self.info = ctx.info(path)

    def select(self, **filters):
        return [e for e in self.events if all(e.get(k) == v for k, v in filters.items())]

    def count(self, function, kind="call", **filters):
        return len(self.select(event_type=kind, function_name=function, **filters))

    @property
    def ended(self):
        return self.info["ended"]

    @property
    def lost(self):
        """{cause: count} of what is not zero."""
        return {cause: n for cause, n in self.info["lost"].items() if n}

    def check_order(self, strays=False):
        """Time never goes back in a thread, and what is left is what was entered last.

        strays: frames may be left that were entered before the tracing of their interpreter
        began."""
        stacks, clocks = {}, {}
        for number, event in enumerate(self.events):
            thread = event["native_id"]
            where = f"{self.path}: event {number}: {event}"
            if event["timestamp"] < clocks.get(thread, ""):
                raise Failure(f"time went back: {where}")
            clocks[thread] = event["timestamp"]
            stack = stacks.setdefault(thread, [])
            name = (event.get("module"), event.get("qualname"))
            if event["event_type"] in ENTERS:
                stack.append(name)
            elif event["event_type"] in LEAVES and stack:
                if strays and name not in stack:
                    continue
                if stack.pop() != name:
                    raise Failure(f"left, but something else was entered last: {where}")
        return self


def read(ctx, result, count=1, strays=False):
    """The trace files of a run, which must be `count`: one Trace, or a list when count is not 1."""
    if len(result.traces) != count:
        raise Failure(
            f"{len(result.traces)} trace files, not {count}: {result.traces}\n"
            f"stderr: {result.stderr[-2000:]}"
        )
    traces = [Trace(ctx, path).check_order(strays) for path in result.traces]
    return traces[0] if count == 1 else traces


def read_all(ctx, result):
    """The trace files of a run, however many."""
    return [Trace(ctx, path).check_order() for path in result.traces]


def family(ctx, result, count):
    """(parent's trace, [children's]) of a run with `count` files."""
    traces = read(ctx, result, count) if count != 1 else [read(ctx, result)]
    pids = {t.info["pid"] for t in traces}
    parents = [t for t in traces if t.info["parent_pid"] not in pids]
    if len(parents) != 1:
        raise Failure(f"no one parent: {[(t.info['pid'], t.info['parent_pid']) for t in traces]}")
    return parents[0], [t for t in traces if t is not parents[0]]


def check_child(ctx, parent, child):
    """A forked child's file says whose child it is."""
    ctx.equal(child.info["parent_pid"], parent.info["pid"], "the child's parent")
    ctx.equal(child.info["parent_file"], parent.path, "the parent's file, as the child says")


def check_losses(ctx, traced, cause, calls):
    """Every file can be read; what is there and what is counted as lost is all there was."""
    for path in traced.traces:
        trace = Trace(ctx, path).check_order()
        if cause not in trace.lost:
            raise Failure(f"{cause!r} is not among the losses: {trace.lost}")
        seen = trace.count("work") + trace.count("work", "return") + sum(trace.lost.values())
        if not 2 * calls <= seen <= 2 * calls + 1000:
            raise Failure(f"recorded and lost are {seen}, not {2 * calls} and a few: {trace.lost}")


def split_stderr(text):
    """What the program wrote to standard error, and the list of the agent's lines."""
    own, agent = [], []
    for line in text.splitlines(keepends=True):
        (agent if AGENT_LINE.match(line) else own).append(line)
    return "".join(own), [line.rstrip("\n") for line in agent]


def check_as_plain(ctx, plain, traced, lines=0, words=()):
    """Same stdout, stderr and status, but for `lines` lines of the agent with `words` in them."""
    own, agent = split_stderr(traced.stderr)
    ctx.equal(traced.stdout, plain.stdout, "stdout with the agent")
    ctx.equal(own, plain.stderr, "stderr with the agent, less its lines")
    ctx.equal(traced.returncode, plain.returncode, "status with the agent")
    if len(agent) != lines:
        raise Failure(f"{len(agent)} lines of the agent, not {lines}: {agent}")
    for word in words:
        if not any(word in line for line in agent):
            raise Failure(f"{word!r} is not in the agent's line: {agent}")
    return traced


def wait_for(condition, what, seconds=15):
    """condition()'s first true answer; polls."""
    import time

    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failure(f"not seen after {seconds} s: {what}")
        time.sleep(0.01)


def root_prefix(ctx):
    """The command prefix that runs something where ctx.python's own files are: [] but for the
    launchers of get-pythons.sh (python3.14-sid → in-sid)."""
    path = pathlib.Path(ctx.python)
    match = re.fullmatch(r"python3\.\d+[a-z]*-([a-z]+)", path.name)
    inside = path.with_name(f"in-{match.group(1)}") if match else None
    return [str(inside)] if inside and inside.exists() else []


def root_folder(ctx):
    """Where the root folder of ctx.python is, seen from here."""
    prefix = root_prefix(ctx)
    if not prefix:
        return pathlib.Path("/")
    return pathlib.Path(prefix[0]).parent.parent / "roots" / prefix[0].rpartition("in-")[2]


CFLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread", "-D_GNU_SOURCE"]


def compiled(ctx, name, sources, flags=(), text=None):
    """A C program or shared object in ctx.tmp, from files beside this one or from `text`."""
    compiler = os.environ.get("CC", "cc").split()
    if not shutil.which(compiler[0]):
        ctx.skip("no C compiler")
    files = [str(HERE / s) for s in sources]
    if text is not None:
        files.append(str(ctx.write(f"{name}.c", text)))
    output = ctx.tmp / name
    command = [*compiler, *CFLAGS, "-o", str(output), *files, *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"does not compile: {' '.join(command)}\n{done.stderr}")
    return output


def libpython(ctx):
    """The shared libpython that belongs to ctx.python, as seen from here; skips without one."""

    def ask():
        code = (
            "import json, sys, sysconfig; v = sysconfig.get_config_var;"
            "print(json.dumps([v('LIBDIR'), v('INSTSONAME'), v('LDLIBRARY'), sys.base_prefix]))"
        )
        return json.loads(ctx.plain([ctx.python, "-c", code]).check(0).stdout)

    folder, soname, library, prefix = ctx.cached(["libpython", ctx.python], ask)
    for name in (soname, library):
        path = root_folder(ctx) / folder.lstrip("/") / (name or "-")
        if ".so" in path.name and path.exists():
            return path, prefix
    ctx.skip("no shared libpython beside this interpreter")


def link_flags(library):
    """Links to that very libpython.  It may want a newer C library than this machine's."""
    return [str(library), f"-Wl,-rpath,{library.parent}", "-Wl,--allow-shlib-undefined"]


def without_override(ctx, argv):
    """The command, so that file modes bind it even where root runs the tests."""
    if os.geteuid() != 0:
        return list(argv)
    if not shutil.which("setpriv"):
        ctx.skip("root without setpriv: no file mode would bind")
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search", *argv]


class Tmpfs:
    """A small file system of its own below ctx.tmp, for the time of a `with`."""

    def __init__(self, ctx, options):
        self.ctx = ctx
        self.options = options
        self.path = ctx.tmp / "small"

    def __enter__(self):
        self.path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.path)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            self.ctx.skip("no small file system: mounting is not possible here")
        return self

    def __exit__(self, *exc):
        # Lazily: a child of the test may still have it open.
        subprocess.run(["umount", "-l", str(self.path)], check=True)

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True)
