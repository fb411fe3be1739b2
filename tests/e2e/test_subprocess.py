# SPDX-License-Identifier: MIT
"""This exercises: processes that a program starts by multiprocessing, subprocess or os.  Each Python
process has a file of its own, other programs have none."""

from behave import check_child, family, read, read_all
from harness import for_backends, parametrize


@parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing_gives_a_file_per_process(ctx, method):
    text = f"""\
import multiprocessing as mp

def square(n):
    return n * n

def main():
    context = mp.get_context({method!r})
    with context.Pool(3) as pool:
        print(sum(pool.map(square, range(60), chunksize=1)))
        pool.close()
        pool.join()
    process = context.Process(target=square, args=(7,))
    process.start()
    process.join()
    print(process.exitcode)

if __name__ == '__main__':
    main()
"""
    result = ctx.same_behaviour(text)
    traces = read_all(ctx, result)
    pids = [t.info["pid"] for t in traces]
    ctx.equal(len(set(pids)), len(pids), f"a process has one file: {pids}")
    counts = [t.count("square") for t in traces]
    ctx.equal(sum(counts), 61, f"calls of square in all files: {counts}")
    [main] = [t for t in traces if t.count("main", module="__main__")]
    ctx.equal(main.count("square"), 0, "calls of square in the main process")
    workers = [t for t in traces if t.count("square")]
    if method == "fork":
        for worker in workers:
            check_child(ctx, main, worker)
    ctx.equal([t.lost for t in traces], [{}] * len(traces))


def test_queues_and_managers_work_as_before(ctx):
    text = """\
import multiprocessing as mp

def produce(queue, count):
    for i in range(count):
        queue.put(i)
    queue.put(None)

if __name__ == '__main__':
    context = mp.get_context('fork')
    queue = context.Queue()
    process = context.Process(target=produce, args=(queue, 200))
    process.start()
    print(sum(iter(queue.get, None)))
    process.join()
    with context.Manager() as manager:
        shared = manager.dict(a=1)
        shared['b'] = 2
        print(sorted(shared.items()))
"""
    traces = read_all(ctx, ctx.same_behaviour(text))
    ctx.equal(sum(t.count("produce") for t in traces), 1)


SUBPROCESS = """\
import os, subprocess, sys

def work(n):
    return n

for i in range(10):
    work(i)

"""


@for_backends()
def test_subprocess_of_python_has_its_own_file(ctx):
    ctx.write("child.py", "def below(n):\n    return n\nfor i in range(33):\n    below(i)\nprint('c')\n")
    text = SUBPROCESS + """\
print(subprocess.run([sys.executable, 'child.py'], capture_output=True, text=True))
for i in range(10):
    work(i)
"""
    traces = read(ctx, ctx.same_behaviour(text), 2)
    counts = sorted((t.count("work"), t.count("below")) for t in traces)
    ctx.equal(counts, [(0, 33), (20, 0)], "(work, below) of each file")


def test_subprocess_of_another_program_leaves_no_file(ctx):
    text = SUBPROCESS + """\
for i in range(5):
    print(subprocess.run(['/bin/true']))
print(subprocess.run('echo hello; true | cat', shell=True, capture_output=True, text=True))
print(os.system('exit 3'), os.popen('echo from popen').read())
"""
    trace = read(ctx, ctx.same_behaviour(text))
    ctx.equal([trace.count("work"), trace.ended], [10, "clean"])


@parametrize("keyword", ["start_new_session=True", "close_fds=False", "cwd='/'", "pass_fds=(1,)",
                         "umask=0o77", "env={'A': 'b'}"])
def test_subprocess_option_works_as_before(ctx, keyword):
    text = SUBPROCESS + f"""\
print(subprocess.run(['/bin/sh', '-c', 'echo $A; pwd; umask'], capture_output=True, {keyword}))
"""
    ctx.equal(read(ctx, ctx.same_behaviour(text)).count("work"), 10)


def test_code_between_fork_and_exec_is_traced(ctx):
    text = SUBPROCESS + """\
def prepare():
    work(1)
    work(2)

print(subprocess.run(['/bin/sh', '-c', 'exit 6'], preexec_fn=prepare))
"""
    parent, [child] = family(ctx, ctx.same_behaviour(text), 2)
    ctx.equal([parent.count("work"), child.count("work")], [10, 2], "calls of work")
    ctx.equal([parent.ended, child.ended], ["clean", "exec"])
    check_child(ctx, parent, child)


def test_spawned_processes_are_followed(ctx):
    ctx.write("child.py", "def below(n):\n    return n\nfor i in range(33):\n    below(i)\n")
    text = SUBPROCESS + """\
for command in (['/bin/true'], [sys.executable, 'child.py']):
    pid = os.posix_spawn(command[0], command, os.environ)
    print(os.waitpid(pid, 0)[1])
pid = os.spawnv(os.P_NOWAIT, '/bin/sh', ['sh', '-c', 'exit 3'])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    traces = read_all(ctx, ctx.same_behaviour(text))
    counts = sorted((t.count("work"), t.count("below")) for t in traces)
    # os.spawnv is written in Python: its child runs a line or two of it before the exec.
    ctx.equal(counts[-1], (10, 0), "the parent's (work, below)")
    ctx.equal([c for c in counts if c[1]], [(0, 33)], "the Python child's (work, below)")


def test_preloaded_agent_is_inherited_unchanged(ctx):
    text = """\
import os, subprocess, sys
code = "import os; print(os.environ.get('LD_PRELOAD'), os.environ.get('BREADCRUMB_OUTPUT'))"
out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout
print(out == f"{os.environ['LD_PRELOAD']} {os.environ['BREADCRUMB_OUTPUT']}\\n")
"""
    result = ctx.run(text).check(0)
    ctx.equal(result.stdout, "True\n")
    read(ctx, result, 2)
