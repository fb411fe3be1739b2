# SPDX-License-Identifier: MIT
"""This exercises: resource limits, set before the program or by it.  The program runs exactly as
without the agent, one line says what is missing, and what is lost is counted."""

import os

from behave import MANY, WORK, check_as_plain, check_losses, read, split_stderr
from harness import Failure, for_backends, parametrize


@for_backends()
@parametrize("blocks", [8, 60, 200], short=[60])
def test_limit_on_file_sizes_is_one_line(ctx, blocks):
    ctx.write("program.py", WORK + f"main({MANY})\n")
    command = ["/bin/bash", "-c", f"ulimit -f {blocks}; exec \"$@\"", "bash", ctx.python, "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced, 1, ["limit"])
    for path in traced.traces:
        if os.path.getsize(path) > blocks * 1024:
            raise Failure(f"the file has {os.path.getsize(path)} bytes")
    check_losses(ctx, traced, "file size limit (RLIMIT_FSIZE) reached", MANY)


def test_program_meets_its_own_limit_on_file_sizes(ctx):
    text = WORK + f"""\
import resource, signal
main(100)
resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))
print(signal.getsignal(signal.SIGXFSZ))
with open(sys.argv[1], 'wb', buffering=0) as f:
    try:
        for i in range(1000):
            f.write(b'x' * 4000)
    except OSError as error:
        print(error.strerror, f.tell())
main({MANY})
signal.signal(signal.SIGXFSZ, lambda *a: print('SIGXFSZ'))
with open(sys.argv[1], 'ab', buffering=0) as f:
    try:
        f.write(b'x' * 209600)
    except OSError as error:
        print(error.strerror)
main({MANY})
"""
    plain = ctx.plain(text, [ctx.tmp / "own"])
    (ctx.tmp / "own").unlink()
    traced = ctx.run(text, [ctx.tmp / "own"])
    check_as_plain(ctx, plain, traced, 1, ["limit"])


def test_limit_on_file_sizes_set_later_stops_the_recording(ctx):
    text = WORK + f"""\
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
main(1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
main({MANY})
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced, 1, ["limit"])
    check_losses(ctx, traced, "file size limit (RLIMIT_FSIZE) reached", MANY + 1000)


def test_line_into_a_file_at_its_limit_raises_no_signal(ctx):
    text = WORK + f"""\
import os, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
main(1)
os.dup2(os.open('own', os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
main({MANY})
print('done')
"""
    plain = ctx.plain(text)
    check_as_plain(ctx, plain, ctx.run(text))


@for_backends()
def test_address_space_used_up_loses_what_has_no_window(ctx):
    """A thread's first Python function comes when nothing can be mapped any more."""
    text = WORK + """\
import _queue, _thread, collections, functools, itertools, resource, time
main(100)
gate, ready = _queue.SimpleQueue(), _queue.SimpleQueue()
# All C until the gate opens: the thread has no frame, hence no window, before.
steps = itertools.chain(map(ready.put, (1,)), iter(gate.get, None), range(1, 1001))
calls = map(work, filter(None, steps))
_thread.start_new_thread(functools.partial(collections.deque, calls, maxlen=0), ())
ready.get()
for _ in range(2):  # the second time nothing is met for the first time
    used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
# CPython 3.11 and newer need 16 KiB for a thread's first frame.
resource.setrlimit(resource.RLIMIT_AS, (used + 16384, resource.RLIM_INFINITY))
gate.put(None)
while _thread._count():
    time.sleep(0.001)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
main(100)
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced, 1, ["memory"])
    trace = read(ctx, traced)
    ctx.equal(trace.count("work"), 200, "calls of work in the main thread")
    lost = trace.lost.get("no memory for a thread's events", 0)
    # settrace has no trace function in such a thread: it knows that events are lost, not how many.
    if not (1 if ctx.backend == "settrace" else 2000) <= lost <= 2010:
        raise Failure(f"of 2000 events that had no window are lost: {trace.lost}")
    if trace.info["size"] > 400000:
        raise Failure(f"the file has {trace.info['size']} bytes")


@for_backends()
def test_address_space_used_up_keeps_the_small_window(ctx):
    """A thread begins with a small window; where there is no room for a large one, it stays."""
    text = WORK + """\
import resource, threading
main(100)
blocker = threading.Lock()
blocker.acquire()

def life():
    blocker.acquire()
    for i in range(5000):
        work(i)

t = threading.Thread(target=life)
t.start()
for _ in range(2):  # the second time nothing is met for the first time
    used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 16384, resource.RLIM_INFINITY))
blocker.release()
t.join()
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
main(100)
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced)
    trace = read(ctx, traced)
    ctx.equal([trace.count("work"), trace.lost], [5200, {}])
    if trace.info["size"] > 400000:
        raise Failure(f"the file has {trace.info['size']} bytes")


@parametrize("megabytes", [24, 32, 40, 48, 64, 96, 160, 512])
def test_limit_on_address_space_changes_nothing(ctx, megabytes):
    ctx.write("program.py", WORK + "main(5000)\n")
    limit = f"ulimit -v {megabytes * 1024}; exec \"$@\""
    command = ["/bin/bash", "-c", limit, "bash", ctx.python, "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    if plain.returncode != 0 or traced.returncode != 0 and "cannot" in traced.stderr:
        # Too little for the interpreter itself (or, a hair above, for one more library).
        return
    own, agent = split_stderr(traced.stderr)
    ctx.equal([traced.stdout, own, traced.returncode], [plain.stdout, plain.stderr, 0])
    if traced.traces:
        trace = read(ctx, traced)
        if trace.count("work") != 5000 and not (len(agent) == 1 and trace.lost):
            raise Failure(f"{trace.count('work')} calls, lost {trace.lost}, lines {agent}")
    else:
        ctx.equal(len(agent), 1, f"lines of the agent: {agent}")


@for_backends()
@parametrize("stack", ["unlimited", "65536", "1024", "512"])
def test_stack_limit_changes_nothing(ctx, stack):
    ctx.write("program.py", WORK + """\
def deep(n):
    return n and 1 + deep(n - 1)

main(100)
print(deep(200))
import threading
t = threading.Thread(target=main, args=(50,))
t.start()
t.join()
""")
    command = ["/bin/bash", "-c", f"ulimit -s {stack}; exec \"$@\"", "bash", ctx.python, "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced)
    if plain.returncode == 0:
        trace = read(ctx, traced)
        if "stack running short" in trace.lost and int(stack) <= 1024:
            return  # the backend needs C stack for Python calls, and stepped aside
        ctx.equal([trace.count("work"), trace.count("deep")], [150, 201])


def test_limit_on_processes_changes_nothing(ctx):
    """No helper thread: a program that may not make threads is traced all the same."""
    if os.geteuid() == 0:
        ctx.skip("root is not bound by RLIMIT_NPROC")
    ctx.write("program.py", WORK + "main(100)\n")
    command = ["/bin/bash", "-c", "ulimit -u 1; exec \"$@\"", "bash", ctx.python, "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced)
    ctx.equal(read(ctx, traced).count("work"), 100)


@parametrize("limit", ["-c 0", "-l 0", "-t 20", "-d 200000", "-m 200000"])
def test_other_limits_change_nothing(ctx, limit):
    ctx.write("program.py", WORK + "main(100)\n")
    command = ["/bin/bash", "-c", f"ulimit {limit}; exec \"$@\"", "bash", ctx.python, "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced)
    if plain.returncode == 0:
        ctx.equal(read(ctx, traced).count("work"), 100)
