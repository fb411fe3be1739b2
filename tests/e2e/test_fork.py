# SPDX-License-Identifier: MIT
"""This exercises: processes that fork.  Each has a file of its own, nothing is lost or mixed up, and
the parent's tracing goes on."""

import collections
import os

from behave import Trace, check_child, family, read, read_all, wait_for
from harness import for_backends, parametrize, short

FORK = """\
import os, signal, sys

def early(n):
    return n

def in_child(n):
    return n

def in_parent(n):
    return n

def repeat(function, count):
    for i in range(count):
        function(i)

"""


@short()
@for_backends()
def test_forked_child_has_its_own_file(ctx):
    text = FORK + """\
repeat(early, 4500)
pid = os.fork()
if pid == 0:
    repeat(in_child, 4600)
    sys.exit(4)
repeat(in_parent, 4700)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
repeat(in_parent, 100)
"""
    result = ctx.same_behaviour(text)
    parent, [child] = family(ctx, result, 2)
    names = ("early", "in_child", "in_parent")
    ctx.equal([parent.count(n) for n in names], [4500, 0, 4800], "the parent's calls")
    ctx.equal([child.count(n) for n in names], [0, 4600, 0], "the child's calls")
    ctx.equal([parent.ended, child.ended], ["clean", "clean"])
    ctx.equal([parent.info["exit_status"], child.info["exit_status"]], [0, 4])
    ctx.equal([parent.lost, child.lost], [{}, {}])
    check_child(ctx, parent, child)


@parametrize("ending", ["os._exit(4)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"])
def test_child_that_ends_hard_keeps_its_events(ctx, ending):
    text = FORK + f"""\
pid = os.fork()
if pid == 0:
    repeat(in_child, 500)
    {ending}
print(os.waitpid(pid, 0)[1])
repeat(in_parent, 300)
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    ctx.equal([parent.count("in_child"), child.count("in_child")], [0, 500], "in_child")
    ctx.equal([parent.count("in_parent"), child.count("in_parent")], [300, 0], "in_parent")
    check_child(ctx, parent, child)


@for_backends()
@parametrize("modules", ["few", "with-threading"])
def test_fork_that_only_executes_leaves_no_file(ctx, modules):
    """threading, once imported, runs Python code of its own in every child."""
    text = "import threading\n" if modules == "with-threading" else ""
    text += FORK + """\
repeat(early, 10)
for i in range(5):
    pid = os.fork()
    if pid == 0:
        os.execv('/bin/true', ['true'])
    os.waitpid(pid, 0)
    repeat(in_parent, 10)
"""
    ctx.write("program.py", text)
    trace = read(ctx, ctx.same_behaviour([ctx.python, "-I", "-S", "program.py"]))
    ctx.equal([trace.count("early"), trace.count("in_parent")], [10, 50])
    ctx.equal(trace.ended, "clean", "how the parent ended")


def test_fork_that_only_exits_leaves_no_file(ctx):
    text = FORK + """\
for i in range(5):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
repeat(in_parent, 10)
"""
    ctx.write("program.py", text)
    result = ctx.same_behaviour([ctx.python, "-I", "-S", "program.py"])
    ctx.equal(read(ctx, result).count("in_parent"), 10)


def test_failed_exec_in_a_child_goes_on(ctx):
    text = FORK + """\
pid = os.fork()
if pid == 0:
    try:
        os.execv('/nowhere/at-all', ['x'])
    except OSError:
        repeat(in_child, 20)
        os._exit(9)
print(os.waitpid(pid, 0)[1])
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    ctx.equal([child.count("in_child"), child.ended], [20, "clean"])


@for_backends()
def test_fork_in_a_thread_is_followed(ctx):
    text = FORK + """\
import threading, warnings
warnings.simplefilter('ignore')

def life():
    repeat(early, 100)
    pid = os.fork()
    if pid == 0:
        repeat(in_child, 200)
        os._exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    repeat(in_parent, 300)

t = threading.Thread(target=life)
t.start()
t.join()
repeat(in_parent, 50)
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    names = ("early", "in_child", "in_parent")
    ctx.equal([parent.count(n) for n in names], [100, 0, 350], "the parent's calls")
    ctx.equal([child.count(n) for n in names], [0, 200, 0], "the child's calls")
    natives = {e["native_id"] for e in child.select(event_type="call")}
    ctx.equal(natives, {child.info["pid"]}, "the child's threads")


@for_backends()
def test_threads_in_a_child_are_traced(ctx):
    text = FORK + """\
import threading
pid = os.fork()
if pid == 0:
    threads = [threading.Thread(target=repeat, args=(in_child, 100)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    sys.exit(0)
print(os.waitpid(pid, 0)[1])
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    ctx.equal([child.count("in_child"), parent.count("in_child")], [400, 0])
    starts = {e["native_id"] for e in child.select(event_type="thread_start")}
    ctx.equal(len(starts - {child.info["pid"]}), 4, "thread starts in the child")


@for_backends()
def test_forks_beside_busy_threads_mix_nothing_up(ctx):
    text = FORK + """\
import threading, time, warnings
warnings.simplefilter('ignore')
stop = False

def life():
    while not stop:
        repeat(in_parent, 20)
        time.sleep(0.0005)

threads = [threading.Thread(target=life) for _ in range(3)]
for t in threads:
    t.start()
for n in range(20):
    pid = os.fork()
    if pid == 0:
        repeat(in_child, 100)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop = True
for t in threads:
    t.join()
repeat(early, 60)
print('done')
"""
    parent, children = family(ctx, ctx.same_behaviour(text), 21)
    ctx.equal([c.count("in_child") for c in children], [100] * 20, "calls of in_child")
    ctx.equal([c.count("in_parent") for c in children], [0] * 20, "calls of in_parent")
    ctx.equal([parent.count("in_child"), parent.count("early")], [0, 60], "the parent's calls")
    for child in children:
        check_child(ctx, parent, child)


def test_children_at_once_keep_apart(ctx):
    text = FORK + """\
pids = []
for n in range(12):
    pid = os.fork()
    if pid == 0:
        repeat(in_child, 1000 + n)
        os._exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
repeat(in_parent, 10)
"""
    parent, children = family(ctx, ctx.same_behaviour(text), 13)
    counts = sorted(c.count("in_child") for c in children)
    ctx.equal(counts, [1000 + n for n in range(12)], "calls of each child")
    ctx.equal([parent.count("in_child"), parent.count("in_parent")], [0, 10])


def test_grandchildren_know_their_parents(ctx):
    text = FORK + """\
for depth in range(4):
    in_child(depth)
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        break
else:
    in_child(depth)
"""
    traces = read(ctx, ctx.same_behaviour(text), 5)
    by_pid = {t.info["pid"]: t for t in traces}
    ctx.equal([t.count("in_child") for t in traces], [1] * 5, "calls of each generation")
    born = [t for t in traces if t.info["parent_pid"] in by_pid]
    ctx.equal(len(born), 4, "children whose parent has a file")
    for child in born:
        check_child(ctx, by_pid[child.info["parent_pid"]], child)


@for_backends()
def test_child_killed_at_once_harms_nothing(ctx):
    text = FORK + """\
for n in range(20):
    pid = os.fork()
    if pid == 0:
        while True:
            in_child(n)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    repeat(in_parent, 10)
"""
    result = ctx.same_behaviour(text)
    # A child may have got no further than to the creation of its file.
    result.traces = [path for path in result.traces if os.path.getsize(path)]
    traces = read_all(ctx, result)
    parents = [t for t in traces if t.count("in_parent")]
    ctx.equal(len(parents), 1, "files with the parent's calls")
    ctx.equal([parents[0].count("in_parent"), parents[0].count("in_child")], [200, 0])


def test_daemon_that_closes_every_descriptor_goes_on(ctx):
    text = FORK + f"""\
import resource

def daemon(done):
    repeat(early, 100)
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    repeat(in_child, 5)
    os.chdir('/')
    os.umask(0)
    top = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(0, min(top, 1 << 20))
    own = os.open(done + '.part', os.O_RDWR | os.O_CREAT, 0o644)
    os.dup2(own, 0), os.dup2(own, 1), os.dup2(own, 2)
    repeat(in_child, 20000)
    print('daemon was here', flush=True)
    os.rename(done + '.part', done)
    os._exit(0)

daemon({str(ctx.tmp / 'done')!r})
repeat(in_parent, 40)
"""
    process = ctx.spawn(text)
    result = process.finish().check(0)
    done = ctx.tmp / "done"
    wait_for(done.exists, "the daemon's last act")
    ctx.equal(done.read_text(), "daemon was here\n", "the daemon's own file")
    ctx.equal([result.stdout, result.stderr], ["", ""])

    def traces():
        found = [Trace(ctx, p) for p in sorted((ctx.tmp / "traces").glob("*.crumb"))]
        return found if all(t.ended != "running" for t in found) else None

    found = wait_for(traces, "the end of the daemon")
    [parent] = [t for t in found if t.count("early")]
    ctx.equal([parent.count(n) for n in ("early", "in_child", "in_parent")], [100, 0, 40])
    [daemon] = [t for t in found if t.count("in_child")]
    ctx.equal(daemon.count("in_child"), 20005, "the daemon's calls")
    ctx.equal([daemon.lost, daemon.ended], [{}, "clean"])


def test_process_on_a_new_terminal_is_followed(ctx):
    text = FORK + """\
import pty
pid, fd = pty.fork()
if pid == 0:
    repeat(in_child, 30)
    print('child')
    sys.stdout.flush()
    os._exit(0)
data = b''
try:
    while True:
        more = os.read(fd, 100)
        if not more:
            break
        data += more
except OSError:
    pass
os.waitpid(pid, 0)
print(data)
repeat(in_parent, 40)
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    ctx.equal([child.count("in_child"), parent.count("in_parent")], [30, 40])


def test_fork_from_c_is_followed(ctx):
    """fork(2) that Python's own hooks do not see."""
    text = FORK + """\
import ctypes
libc = ctypes.PyDLL(None)
pid = libc.fork()
if pid == 0:
    repeat(in_child, 50)
    os._exit(2)
print(os.waitpid(pid, 0)[1])
repeat(in_parent, 60)
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    ctx.equal([parent.count("in_child"), parent.count("in_parent")], [0, 60])
    ctx.equal([child.count("in_child"), child.count("in_parent")], [50, 0])


@for_backends()
def test_fork_inside_deep_recursion_is_followed(ctx):
    text = FORK + """\
def deep(n):
    if n:
        return deep(n - 1)
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    return pid

pid = deep(100)
repeat(in_parent if pid else in_child, 50)
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    ctx.equal([parent.count("deep"), child.count("deep")], [101, 0], "calls of deep")
    ctx.equal([parent.count("deep", "return"), child.count("deep", "return")], [101, 101])
    ctx.equal([parent.count("in_parent"), child.count("in_child")], [50, 50])


@for_backends()
def test_fork_beside_a_deep_recursion_is_followed(ctx):
    """On 3.11 a thread that is short of C stack takes the hook out of the interpreter; it does not
    live on in the child, where all is to be seen again."""
    text = FORK + """\
import sys, threading, warnings
warnings.simplefilter('ignore')
sys.setrecursionlimit(10 ** 6)
threading.stack_size(8 << 20)
ready, go = threading.Event(), threading.Event()

def deep(n):
    if n:
        return deep(n - 1)
    ready.set()
    go.wait()

thread = threading.Thread(target=deep, args=(9000,))
thread.start()
ready.wait()
pid = os.fork()
if pid == 0:
    repeat(in_child, 100)
    other = threading.Thread(target=repeat, args=(in_child, 50))
    other.start()
    other.join()
    os._exit(3)
print(os.waitpid(pid, 0)[1])
go.set()
thread.join()
repeat(in_parent, 60)
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    ctx.equal([parent.count("in_parent"), child.count("in_child")], [60, 150])
    ctx.equal(child.lost, {})


def test_generator_shared_with_a_child_is_followed(ctx):
    text = FORK + """\
def numbers():
    for i in range(10):
        yield i

g = numbers()
print([next(g) for i in range(5)], flush=True)
pid = os.fork()
if pid == 0:
    print(list(g), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(list(g))
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    kinds = collections.Counter(e["event_type"] for e in child.select(function_name="numbers"))
    ctx.equal(dict(kinds), {"resume": 6, "yield": 5, "return": 1}, "events in the child")


def test_record_lists_a_line_per_file(ctx):
    program = ctx.write("program.py", FORK + """\
pids = []
for n in range(3):
    pid = os.fork()
    if pid == 0:
        repeat(in_child, 10)
        os._exit(0)
    os.waitpid(pid, 0)
""")
    result = ctx.command("record", "-o", str(ctx.tmp / "%p.crumb"), "--", ctx.python, str(program))
    ctx.equal(result.returncode, 0)
    family(ctx, result, 4)
    for path in result.traces:
        name = path.rpartition("/")[2]
        lines = [line for line in result.stderr.splitlines() if name in line]
        ctx.equal(len(lines), 1, f"lines that name {name} in {result.stderr!r}")
