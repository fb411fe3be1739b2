# SPDX-License-Identifier: MIT
"""This exercises: descriptors that are closed, taken over or used up.  The program's are never
touched, and what could not be recorded is told."""

from behave import MANY, WORK, check_as_plain, read, split_stderr
from harness import for_backends, parametrize, short


@for_backends()
def test_closing_every_descriptor_loses_nothing(ctx):
    text = WORK + f"""\
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
    text = WORK + f"""\
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
    ctx.write("program.py", WORK + "main(100)\n")

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
    text = WORK + """\
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
    text = WORK + """\
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


def test_closed_standard_streams_stay_closed(ctx):
    """The agent must not get the numbers 0, 1 or 2 and then be written to by the program."""
    text = WORK + """\
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
