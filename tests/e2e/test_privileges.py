# SPDX-License-Identifier: MIT
"""This exercises: programs that become another user, or leave the place where they began: another root,
a namespace, a working folder that is gone.  They run as without the agent, and are traced on."""

import os
import platform
import subprocess

from behave import MANY, WORK, check_as_plain, check_losses, read, root_prefix
from harness import parametrize


def test_program_that_drops_its_privileges_is_traced_to_its_end(ctx):
    if os.geteuid() != 0:
        ctx.skip("not root: there are no privileges to drop")
    text = WORK + f"""\
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
    text = WORK + """\
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
    text = WORK + f"""\
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
    text = WORK + f"""\
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
    ctx.write("program.py", WORK + "main(100)\n")
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
    text = WORK + """\
import ctypes
main(10)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.unshare(0x10000000), ctypes.get_errno())
main(10)
"""
    ctx.equal(read(ctx, ctx.same_behaviour(text)).count("work"), 20)


@parametrize("ending", ["exit", "exec"])
def test_child_with_the_same_number_in_another_namespace_is_harmless(ctx, ending):
    """A container's first process makes another one by clone(2), of which nobody is told."""
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if os.geteuid() != 0 or subprocess.run(unshare + ["true"], stderr=subprocess.DEVNULL).returncode:
        ctx.skip("no process namespace can be made here")
    if platform.machine() != "x86_64":
        ctx.skip("clone has another number on this machine")
    ctx.write("program.py", WORK + """\
import ctypes, signal
main(10)
new_namespace = 0x20000000
pid = ctypes.CDLL(None).syscall(56, new_namespace | signal.SIGCHLD, 0, 0, 0, 0)
if pid == 0:
    if sys.argv[1] == 'exit':
        os._exit(7)
    os.execv('/bin/echo', ['echo', 'hello'])
print(os.getpid(), os.waitpid(pid, 0)[1])
""")
    command = unshare + [ctx.python, "program.py", ending]
    plain = ctx.plain(command)
    traced = ctx.run(command)
    check_as_plain(ctx, plain, traced)
    ctx.equal(read(ctx, traced).count("work"), 10)
