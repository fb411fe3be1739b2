# SPDX-License-Identifier: MIT
"""This exercises: whatever may be missing for the trace file.  The program runs exactly as without
the agent, one line says what is missing, and what is lost is counted."""

import os

from behave import (
    Tmpfs,
    Trace,
    check_as_plain,
    read,
    root_prefix,
    spare,
    split_stderr,
    without_override,
)
from harness import Failure, for_backends, parametrize, short

PROGRAM = """\
import os, sys

def work(n):
    return n

def main(count):
    for i in range(count):
        work(i)
    print('worked', count, flush=True)

"""

MANY = 20000  # calls: 40,000 events, five windows


def check_losses(ctx, traced, cause, calls):
    """Every file can be read; what is there and what is counted as lost is all there was."""
    for path in traced.traces:
        trace = Trace(ctx, path).check_order()
        if cause not in trace.lost:
            raise Failure(f"{cause!r} is not among the losses: {trace.lost}")
        seen = trace.count("work") + trace.count("work", "return") + sum(trace.lost.values())
        if not 2 * calls <= seen <= 2 * calls + 1000:
            raise Failure(f"recorded and lost are {seen}, not {2 * calls} and a few: {trace.lost}")


# ---- the file system -----------------------------------------------------------------------


@for_backends()
@parametrize("size", ["64k", "150k", "250k"], short=["150k"])
def test_full_disk_is_one_line(ctx, size):
    text = PROGRAM + f"main({MANY})\n"
    plain = ctx.plain(text)
    with Tmpfs(ctx, f"size={size}") as small:
        env = {"BREADCRUMB_OUTPUT": small.path, "BREADCRUMB_KEEP_FREE": "0"}
        traced = ctx.run(text, env=env)
        check_as_plain(ctx, plain, traced, 1, ["full"])
        check_losses(ctx, traced, "disk full", MANY)
        if not traced.traces and size != "64k":
            raise Failure("no file was written, though there was room for one")


def test_disk_that_fills_up_under_many_threads_is_one_line(ctx):
    text = PROGRAM + """\
import threading
threads = [threading.Thread(target=lambda: [work(i) for i in range(1000)]) for _ in range(16)]
for t in threads:
    t.start()
for t in threads:
    t.join()
main(10)
"""
    plain = ctx.plain(text)
    with Tmpfs(ctx, "size=250k") as small:
        env = {"BREADCRUMB_OUTPUT": small.path, "BREADCRUMB_KEEP_FREE": "0"}
        traced = ctx.run(text, env=env)
        check_as_plain(ctx, plain, traced, 1, ["full"])
        check_losses(ctx, traced, "disk full", 16010)


def test_disk_filled_by_the_program_itself_is_one_line(ctx):
    """The program gets its own ENOSPC, no SIGBUS, and goes on."""
    text = PROGRAM + """\
main(100)
with open(sys.argv[1] + '/filler', 'wb', buffering=0) as f:
    written = 0
    try:
        while True:
            written += f.write(b'x' * 4096)
    except OSError as error:
        print(error.strerror)
main(10000)
for i in range(20):
    exec(f"def f{i}(): pass\\nf{i}()" * 200)
import threading
t = threading.Thread(target=main, args=(100,))
t.start()
t.join()
"""
    with Tmpfs(ctx, "size=200k") as small:
        plain = ctx.plain(text, [small.path])
        (small.path / "filler").unlink()
        env = {"BREADCRUMB_OUTPUT": small.path, "BREADCRUMB_KEEP_FREE": "0"}
        traced = ctx.run(text, [small.path], env=env)
        check_as_plain(ctx, plain, traced, 1, ["full"])
        trace = read(ctx, traced)
        if trace.count("work") < 100 or "disk full" not in trace.lost:
            raise Failure(f"{trace.count('work')} calls of work, lost: {trace.lost}")


def test_disk_without_inodes_is_one_line(ctx):
    text = PROGRAM + "main(100)\n"
    plain = ctx.plain(text)
    with Tmpfs(ctx, "size=1m,nr_inodes=1") as small:
        traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": small.path, "BREADCRUMB_KEEP_FREE": "0"})
        check_as_plain(ctx, plain, traced, 1, [str(small.path)])


def test_read_only_file_system_is_one_line(ctx):
    text = PROGRAM + "main(100)\n"
    plain = ctx.plain(text)
    with Tmpfs(ctx, "size=1m") as small:
        small.remount("ro")
        traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": small.path})
        check_as_plain(ctx, plain, traced, 1, [str(small.path), "ead-only"])
        ctx.equal(traced.traces, [])


def test_small_disk_keeps_what_it_is_told_to_keep(ctx):
    spare(ctx)
    text = PROGRAM + f"main({9 * MANY})\n"
    plain = ctx.plain(text)
    with Tmpfs(ctx, "size=5m") as small:
        env = {"BREADCRUMB_OUTPUT": small.path, "BREADCRUMB_KEEP_FREE": "3500k"}
        traced = ctx.run(text, env=env)
        left = os.statvfs(small.path)
        check_as_plain(ctx, plain, traced, 1, ["BREADCRUMB_KEEP_FREE"])
        check_losses(ctx, traced, "less than BREADCRUMB_KEEP_FREE left on the disk", 9 * MANY)
        # The agent looks once in a megabyte.
        if left.f_bavail * left.f_frsize < 2300 << 10:
            raise Failure(f"{left.f_bavail * left.f_frsize} bytes are left")


def test_missing_folder_is_one_line(ctx):
    text = PROGRAM + "main(100)\n"
    plain = ctx.plain(text)
    missing = ctx.tmp / "no" / "such" / "folder"
    for value in (f"{missing}/x.crumb", f"{missing}/"):
        traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": value})
        check_as_plain(ctx, plain, traced, 1, [str(missing), "No such file"])
        ctx.equal([traced.traces, missing.exists()], [[], False])


def test_file_in_place_of_a_folder_is_one_line(ctx):
    text = PROGRAM + "main(100)\n"
    plain = ctx.plain(text)
    file = ctx.write("file", "")
    traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": f"{file}/x.crumb"})
    check_as_plain(ctx, plain, traced, 1, [str(file), "Not a directory"])


@short()
def test_folder_that_cannot_be_written_is_one_line(ctx):
    folder = ctx.tmp / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    ctx.write("program.py", PROGRAM + "main(100)\n")
    command = without_override(ctx, [ctx.python, "program.py"])
    plain = ctx.plain(command)
    traced = ctx.run(command, env={"BREADCRUMB_OUTPUT": folder})
    check_as_plain(ctx, plain, traced, 1, [str(folder), "Permission denied"])
    ctx.equal(list(folder.iterdir()), [], "files in the folder")


def test_missing_file_is_told_once_for_many_threads(ctx):
    text = PROGRAM + """\
import threading
threads = [threading.Thread(target=main, args=(10,)) for _ in range(20)]
for t in threads:
    t.start()
    t.join()
"""
    plain = ctx.plain(text)
    traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": ctx.tmp / "no/folder/"})
    check_as_plain(ctx, plain, traced, 1)


@for_backends()
def test_file_deleted_while_running_is_harmless(ctx):
    text = PROGRAM + f"""\
import glob
main(100)
for name in glob.glob(os.environ.get('BREADCRUMB_OUTPUT', '/nowhere') + '/*'):
    os.unlink(name)
main({MANY})
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    own, agent = split_stderr(traced.stderr)
    ctx.equal([traced.stdout, own, traced.returncode], [plain.stdout, "", 0])
    if len(agent) > 1:
        raise Failure(f"more than one line: {agent}")
    ctx.equal(traced.traces, [])


def test_file_deleted_and_descriptors_closed_is_one_line(ctx):
    text = PROGRAM + f"""\
import glob
main(100)
for name in glob.glob(os.environ.get('BREADCRUMB_OUTPUT', '/nowhere') + '/*'):
    os.unlink(name)
os.closerange(3, 70000)
main({MANY})
"""
    plain = ctx.plain(text)
    check_as_plain(ctx, plain, ctx.run(text), 1)


def test_file_replaced_by_another_is_left_alone(ctx):
    text = PROGRAM + f"""\
import glob
main(100)
for name in glob.glob(os.environ.get('BREADCRUMB_OUTPUT', '/nowhere') + '/*'):
    os.unlink(name)
    open(name, 'w').write('another file')
os.closerange(3, 70000)
main({MANY})
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced, 1)
    [path] = traced.traces
    ctx.equal(open(path).read(), "another file", "the file under the trace's name")


def test_folder_moved_while_running_loses_nothing(ctx):
    text = PROGRAM + f"""\
main(100)
folder = os.environ.get('BREADCRUMB_OUTPUT')
if folder:
    os.rename(folder, folder + '.moved')
main({MANY})
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced)
    ctx.equal(read(ctx, traced).count("work"), 100 + MANY)


def test_truncated_trace_file_is_harmless(ctx):
    """Somebody empties the file under the agent.  Its windows are mapped: nothing can be done
    about SIGBUS but not to be hit by a mere shortening of what was appended."""
    text = PROGRAM + f"""\
import glob
main({MANY})
for name in glob.glob(os.environ.get('BREADCRUMB_OUTPUT', '/nowhere') + '/*'):
    os.truncate(name, os.path.getsize(name) - 1000)
main({MANY})
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced)


# ---- descriptors ---------------------------------------------------------------------------


@for_backends()
def test_closing_every_descriptor_loses_nothing(ctx):
    text = PROGRAM + f"""\
main(100)
for attempt in range(3):
    os.closerange(3, 70000)
    main({MANY})
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced)
    trace = read(ctx, traced)
    ctx.equal([trace.count("work"), trace.lost], [100 + 3 * MANY, {}])


@short()
def test_descriptor_taken_by_the_program_is_never_written_to(ctx):
    """Every number, the agent's among them, becomes one of the program's own files."""
    text = PROGRAM + f"""\
main(100)
own = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
for fd in set(range(3, 1024)) | set(map(int, os.listdir('/proc/self/fd'))):
    if fd > 2 and fd != own:
        try:
            os.dup2(own, fd)
        except OSError:
            pass
os.write(own, b'program\\n' * 100)
main({MANY})
os.write(own, b'program\\n' * 100)
print(os.lseek(own, 0, os.SEEK_CUR))
os._exit(0)
"""
    plain = ctx.plain(text, [ctx.tmp / "plain"])
    traced = ctx.run(text, [ctx.tmp / "own"])
    check_as_plain(ctx, plain, traced)
    ctx.equal((ctx.tmp / "own").read_bytes(), b"program\n" * 200, "the program's own file")
    trace = read(ctx, traced)
    ctx.equal([trace.count("work"), trace.lost], [100 + MANY, {}])


def test_descriptors_of_the_program_have_their_usual_numbers(ctx):
    text = """\
import os, socket, tempfile
numbers = [os.open('/dev/null', os.O_RDONLY) for _ in range(5)]
numbers += os.pipe()
numbers += [socket.socket().fileno() for _ in range(2)]
print(numbers)
"""
    ctx.same_behaviour(text)


@parametrize("limit", [3, 4, 5, 6, 8, 20])
def test_few_descriptors_change_nothing(ctx, limit):
    ctx.write("program.py", PROGRAM + "main(100)\n")

    # The launchers of other roots need descriptors of their own: the limit comes after them.
    command = ["/bin/sh", "-c", f"ulimit -n {limit}; exec \"$@\"", "sh"]
    plain = ctx.plain([*command, ctx.python, "program.py"])
    traced = ctx.run([*command, ctx.python, "program.py"])
    if "ld.so" in traced.stderr and plain.returncode != 0:
        return  # not one descriptor is left to load a library with
    own, agent = split_stderr(traced.stderr)
    ctx.equal([traced.stdout, own], [plain.stdout, plain.stderr], "stdout and stderr")
    ctx.equal(traced.returncode, plain.returncode, "status")
    if plain.returncode == 0 and traced.traces:
        trace = read(ctx, traced)
        ctx.equal(trace.count("work") == 100, not trace.lost, "all is there, or a loss is told")
        ctx.equal(len(agent), 1 if trace.lost else 0, f"lines of the agent: {agent}")
    elif plain.returncode == 0:
        ctx.equal(len(agent), 1, f"lines of the agent: {agent}")


def test_program_gets_as_many_descriptors_as_before(ctx):
    """The soft limit is the hard one: the agent cannot hide its descriptor above it."""
    text = PROGRAM + """\
import resource
main(100)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = []
try:
    while True:
        kept.append(os.open('/dev/null', os.O_RDONLY))
except OSError as error:
    print(error.strerror, len(kept))
main(20000)
"""
    ctx.write("program.py", text)
    command = ["/bin/sh", "-c", f"ulimit -n 64; exec {ctx.python} program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    # Its own file it may not be able to open again.
    check_as_plain(ctx, plain, traced, 1 if "recording stops" in traced.stderr else 0)
    trace = read(ctx, traced)
    ctx.equal(trace.count("work") == 20100, not trace.lost, "all is there, or a loss is told")


def test_descriptors_used_up_before_the_first_event_is_one_line(ctx):
    """The child of a program that holds every descriptor cannot have a file."""
    text = PROGRAM + """\
import resource
main(100)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = []
try:
    while True:
        kept.append(os.open('/dev/null', os.O_RDONLY))
except OSError as error:
    print(error.strerror)
main(20000)
pid = os.fork()
if pid == 0:
    main(200)
    os._exit(0)
os.waitpid(pid, 0)
main(100)
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced, 1)
    ctx.equal(read(ctx, traced).count("work"), 20200)


# ---- limits --------------------------------------------------------------------------------


@for_backends()
@parametrize("blocks", [8, 60, 200], short=[60])
def test_limit_on_file_sizes_is_one_line(ctx, blocks):
    ctx.write("program.py", PROGRAM + f"main({MANY})\n")
    command = ["/bin/bash", "-c", f"ulimit -f {blocks}; exec \"$@\"", "bash", ctx.python, "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced, 1, ["limit"])
    for path in traced.traces:
        if os.path.getsize(path) > blocks * 1024:
            raise Failure(f"the file has {os.path.getsize(path)} bytes")
    check_losses(ctx, traced, "file size limit (RLIMIT_FSIZE) reached", MANY)


def test_program_meets_its_own_limit_on_file_sizes(ctx):
    text = PROGRAM + f"""\
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
    text = PROGRAM + f"""\
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


@for_backends()
def test_address_space_used_up_loses_what_has_no_window(ctx):
    """A thread's first Python function comes when nothing can be mapped any more."""
    text = PROGRAM + """\
import _queue, _thread, collections, functools, itertools, resource, time
main(100)
gate, ready = _queue.SimpleQueue(), _queue.SimpleQueue()
# All C until the gate opens: the thread has no frame, hence no window, before.
steps = itertools.chain(map(ready.put, (1,)), iter(gate.get, None), range(1, 1001))
calls = map(work, filter(None, steps))
_thread.start_new_thread(functools.partial(collections.deque, calls, maxlen=0), ())
ready.get()
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
    text = PROGRAM + """\
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
    spare(ctx)
    ctx.write("program.py", PROGRAM + "main(5000)\n")
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
    ctx.write("program.py", PROGRAM + """\
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
    ctx.write("program.py", PROGRAM + "main(100)\n")
    command = ["/bin/bash", "-c", "ulimit -u 1; exec \"$@\"", "bash", ctx.python, "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced)
    ctx.equal(read(ctx, traced).count("work"), 100)


@parametrize("limit", ["-c 0", "-l 0", "-t 20", "-d 200000", "-m 200000"])
def test_other_limits_change_nothing(ctx, limit):
    ctx.write("program.py", PROGRAM + "main(100)\n")
    command = ["/bin/bash", "-c", f"ulimit {limit}; exec \"$@\"", "bash", ctx.python, "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced)
    if plain.returncode == 0:
        ctx.equal(read(ctx, traced).count("work"), 100)


# ---- privileges and places -----------------------------------------------------------------


def test_program_that_drops_its_privileges_is_traced_to_its_end(ctx):
    if os.geteuid() != 0:
        ctx.skip("not root: there are no privileges to drop")
    text = PROGRAM + f"""\
import threading
main(100)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
main({MANY})
t = threading.Thread(target=main, args=(50,))
t.start()
t.join()
print(os.getuid(), os.getgid())
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced)
    trace = read(ctx, traced)
    ctx.equal([trace.count("work"), trace.lost], [150 + MANY, {}])


def test_child_without_privileges_says_that_it_has_no_file(ctx):
    """The parent's folder is root's; the child may not create a file in it."""
    if os.geteuid() != 0:
        ctx.skip("not root: there are no privileges to drop")
    text = PROGRAM + """\
main(100)
pid = os.fork()
if pid == 0:
    os.setgid(65534)
    os.setuid(65534)
    main(200)
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
main(100)
"""
    # No module may have code to run between the fork and the loss of privileges.
    ctx.write("program.py", text)
    command = [ctx.python, "-I", "-S", "program.py"]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced, 1, ["Permission denied"])
    ctx.equal(read(ctx, traced).count("work"), 200)


def test_program_in_a_chroot_is_traced_to_its_end(ctx):
    if os.geteuid() != 0:
        ctx.skip("not root: chroot is not possible")
    (ctx.tmp / "jail").mkdir()
    text = PROGRAM + f"""\
import encodings.idna, threading
main(100)
os.chroot(sys.argv[1])
os.chdir('/')
main({MANY})
print(os.listdir('/'))
"""
    plain = ctx.plain(text, [ctx.tmp / "jail"])
    traced = ctx.run(text, [ctx.tmp / "jail"])
    check_as_plain(ctx, plain, traced)
    trace = read(ctx, traced)
    ctx.equal([trace.count("work"), trace.lost], [100 + MANY, {}])


def test_program_in_a_chroot_that_closes_descriptors_is_one_line(ctx):
    if os.geteuid() != 0:
        ctx.skip("not root: chroot is not possible")
    (ctx.tmp / "jail").mkdir()
    text = PROGRAM + f"""\
main(100)
os.chroot(sys.argv[1])
os.chdir('/')
os.closerange(3, 70000)
main({MANY})
"""
    plain = ctx.plain(text, [ctx.tmp / "jail"])
    traced = ctx.run(text, [ctx.tmp / "jail"])
    check_as_plain(ctx, plain, traced, 1)
    check_losses(ctx, traced, "trace file could not be written", 100 + MANY)


def test_program_whose_working_folder_is_gone_runs_as_before(ctx):
    ctx.write("program.py", PROGRAM + "main(100)\n")
    script = f"mkdir gone && cd gone && rmdir ../gone && exec {ctx.python} {ctx.tmp}/program.py"
    plain = ctx.plain(["/bin/sh", "-c", script])
    traced = ctx.run(["/bin/sh", "-c", script])
    check_as_plain(ctx, plain, traced)
    if root_prefix(ctx):
        return  # the launcher goes to / when it cannot stay where it is
    traced = ctx.run(["/bin/sh", "-c", script], env={"BREADCRUMB_OUTPUT": "relative.crumb"})
    check_as_plain(ctx, plain, traced, 1)


def test_user_namespace_can_be_made(ctx):
    """unshare(CLONE_NEWUSER) fails in a process with a second thread."""
    text = PROGRAM + """\
import ctypes
main(10)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.unshare(0x10000000), ctypes.get_errno())
main(10)
"""
    ctx.equal(read(ctx, ctx.same_behaviour(text)).count("work"), 20)


def test_closed_standard_streams_stay_closed(ctx):
    """The agent must not get the numbers 0, 1 or 2 and then be written to by the program."""
    text = PROGRAM + """\
main(100) if sys.stdout else [work(i) for i in range(100)]
numbers = sorted(int(n) for n in os.listdir('/proc/self/fd') if int(n) < 3)
with open(sys.argv[1], 'w') as f:
    print(sys.stdin, sys.stdout, sys.stderr, file=f)
"""
    ctx.write("program.py", text)
    for close in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"):
        told = []
        for trace in (False, True):
            out = ctx.tmp / f"out{trace}"
            command = ["/bin/sh", "-c", f"exec {ctx.python} program.py {out} {close}"]
            result = ctx.run(command, trace=trace)
            told.append((result.returncode, result.stdout, result.stderr, out.read_text()))
        ctx.equal(told[1], told[0], f"status, stdout, stderr and the streams with {close}")
        ctx.equal(read(ctx, result).count("work"), 100)
