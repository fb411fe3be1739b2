# SPDX-License-Identifier: MIT
"""This exercises: whatever may happen to the disk, the folder or the file of a trace.  The program
runs exactly as without the agent, one line says what is missing, and what is lost is counted."""

import os

from behave import (
    MANY,
    WORK,
    Tmpfs,
    check_as_plain,
    check_losses,
    read,
    split_stderr,
    without_override,
)
from harness import Failure, for_backends, parametrize, short


@for_backends()
@parametrize("size", ["64k", "150k", "250k"], short=["150k"])
def test_full_disk_is_one_line(ctx, size):
    text = WORK + f"main({MANY})\n"
    plain = ctx.plain(text)
    with Tmpfs(ctx, f"size={size}") as small:
        env = {"BREADCRUMB_OUTPUT": small.path, "BREADCRUMB_KEEP_FREE": "0"}
        traced = ctx.run(text, env=env)
        check_as_plain(ctx, plain, traced, 1, ["full"])
        check_losses(ctx, traced, "disk full", MANY)
        if not traced.traces and size != "64k":
            raise Failure("no file was written, though there was room for one")


def test_disk_that_fills_up_under_many_threads_is_one_line(ctx):
    text = WORK + """\
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
    text = WORK + """\
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
    text = WORK + "main(100)\n"
    plain = ctx.plain(text)
    with Tmpfs(ctx, "size=1m,nr_inodes=1") as small:
        traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": small.path, "BREADCRUMB_KEEP_FREE": "0"})
        check_as_plain(ctx, plain, traced, 1, [str(small.path)])


def test_read_only_file_system_is_one_line(ctx):
    text = WORK + "main(100)\n"
    plain = ctx.plain(text)
    with Tmpfs(ctx, "size=1m") as small:
        small.remount("ro")
        traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": small.path})
        check_as_plain(ctx, plain, traced, 1, [str(small.path), "ead-only"])
        ctx.equal(traced.traces, [])


def test_small_disk_keeps_what_it_is_told_to_keep(ctx):
    text = WORK + f"main({9 * MANY})\n"
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
    text = WORK + "main(100)\n"
    plain = ctx.plain(text)
    missing = ctx.tmp / "no" / "such" / "folder"
    for value in (f"{missing}/x.crumb", f"{missing}/"):
        traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": value})
        check_as_plain(ctx, plain, traced, 1, [str(missing), "No such file"])
        ctx.equal([traced.traces, missing.exists()], [[], False])


def test_file_in_place_of_a_folder_is_one_line(ctx):
    text = WORK + "main(100)\n"
    plain = ctx.plain(text)
    file = ctx.write("file", "")
    traced = ctx.run(text, env={"BREADCRUMB_OUTPUT": f"{file}/x.crumb"})
    check_as_plain(ctx, plain, traced, 1, [str(file), "Not a directory"])


@short()
def test_folder_that_cannot_be_written_is_one_line(ctx):
    folder = ctx.tmp / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    ctx.write("program.py", WORK + "main(100)\n")
    command = without_override(ctx, [ctx.python, "program.py"])
    plain = ctx.plain(command)
    traced = ctx.run(command, env={"BREADCRUMB_OUTPUT": folder})
    check_as_plain(ctx, plain, traced, 1, [str(folder), "Permission denied"])
    ctx.equal(list(folder.iterdir()), [], "files in the folder")


def test_missing_file_is_told_once_for_many_threads(ctx):
    text = WORK + """\
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
    text = WORK + f"""\
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
    text = WORK + f"""\
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
    text = WORK + f"""\
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
    text = WORK + f"""\
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
    text = WORK + f"""\
import glob
main({MANY})
for name in glob.glob(os.environ.get('BREADCRUMB_OUTPUT', '/nowhere') + '/*'):
    os.truncate(name, os.path.getsize(name) - 1000)
main({MANY})
"""
    plain = ctx.plain(text)
    traced = ctx.run(text)
    check_as_plain(ctx, plain, traced)
