# SPDX-License-Identifier: MIT
"""This exercises: programs that are not a Python that can be traced.  They run as before; nothing
is opened, allocated or printed on their behalf."""

import collections
import os
import pathlib
import re
import shutil

from behave import compiled, split_stderr
from harness import Failure, once, parametrize, short


def same(ctx, command, **keywords):
    result = ctx.same_behaviour(command, **keywords)
    ctx.equal(result.traces, [], "trace files")
    return result


@once()
@short()
def test_programs_run_as_before(ctx):
    for command in (
        ["/bin/true"],
        ["/bin/false"],
        ["/bin/echo", "hello"],
        ["/bin/ls", "/"],
        ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"],
        ["/bin/sh", "-c", "kill -TERM $$"],
        ["/bin/sh", "-c", "kill -SEGV $$"],
        ["/usr/bin/env", "true"],
    ):
        same(ctx, command)


@once()
def test_bash_runs_as_before(ctx):
    script = """
f() { echo "f $1"; return 3; }
f x; echo $?
(exit 5); echo $?
echo a b c | tr a-z A-Z | cat
trap 'echo got USR1' USR1; kill -USR1 $$
x=$(ls / | head -2); echo "$x"
sleep 0.05 & wait $!; echo $?
exec 9>&1; echo nine >&9
ulimit -n
exec /bin/echo last
"""
    same(ctx, ["/bin/bash", "-c", script])


@once()
def test_environment_reaches_children_unchanged(ctx):
    result = ctx.run(["/bin/sh", "-c", "env"])
    environment = dict(line.partition("=")[::2] for line in result.stdout.splitlines())
    ctx.equal(environment["LD_PRELOAD"], ctx.agent)
    wrong = {k: v for k, v in environment.items() if k.startswith("BREADCRUMB")}
    ctx.equal(wrong, {"BREADCRUMB_OUTPUT": str(ctx.tmp / "traces")})


@once()
def test_setuid_program_runs_as_before(ctx):
    if os.geteuid() != 0:
        ctx.skip("not root: no setuid program can be made")
    for folder in (ctx.tmp, ctx.tmp.parent):
        folder.chmod(0o755)
    program = ctx.tmp / "id"
    shutil.copy(shutil.which("id"), program)
    program.chmod(0o4755)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(program)]
    result = same(ctx, command)
    if "euid=0" not in result.stdout:
        ctx.skip("setuid programs are not honoured on this file system")
    for name in ("BREADCRUMB_BACKEND", "BREADCRUMB_LOG"):
        ctx.equal(ctx.run(command, env={name: "wrong"}).stderr, result.stderr)


@once()
def test_static_binary_runs_as_before(ctx):
    text = '#include <stdio.h>\nint main(void)\n{\n        puts("static");\n        return 3;\n}\n'
    program = compiled(ctx, "static", [], ["-static"], text=text)
    ctx.equal(same(ctx, [str(program)]).stdout, "static\n")


@once()
def test_node_runs_as_before(ctx):
    if not shutil.which("node"):
        ctx.skip("node is not installed")
    script = """
const { Worker, isMainThread } = require('worker_threads');
const { execFileSync } = require('child_process');
const w = new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
w.on('message', m => { console.log('worker says', m); });
w.on('exit', c => {
  console.log('worker ended', c);
  console.log(execFileSync('/bin/echo', ['child']).toString());
  process.exit(5);
});
"""
    same(ctx, ["node", "-e", script])


@once()
@parametrize("tool", ["perl", "awk", "make", "git", "gcc", "gdb", "tar"])
def test_tool_runs_as_before(ctx, tool):
    if not shutil.which(tool):
        ctx.skip(f"{tool} is not installed")
    ctx.write("Makefile", "all:\n\t@echo made\n")
    ctx.write("a.c", "int main(void) { return 0; }\n")
    commands = {
        "perl": ["perl", "-e", "print fork() ? wait && 'parent' : 'child'; exit 4"],
        "awk": ["awk", "BEGIN { print 1 + 1; system(\"echo sub\"); exit 2 }"],
        "make": ["make", "-s"],
        "git": ["git", "--version"],
        "gcc": ["gcc", "a.c", "-o", "a.out"],
        # gdb has a Python inside, which is used only when it is asked for.
        "gdb": ["gdb", "-nx", "-batch", "-ex", "print 6 * 7"],
        "tar": ["tar", "cf", "/dev/null", "a.c"],
    }
    result = ctx.same_behaviour(commands[tool])
    if tool != "gdb":
        ctx.equal(result.traces, [], "trace files")


@once()
def test_c_program_with_threads_runs_as_before(ctx):
    text = r"""
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static _Thread_local int local = 7;

static void *life(void *data)
{
        char name[16];
        pthread_getname_np(pthread_self(), name, sizeof name);
        printf("%d %s %d\n", *(int *)data, name, local++);
        errno = EDOM;
        if (*(int *)data == 3)
                pthread_exit((void *)33);
        return (void *)(long)*(int *)data;
}

static void *forever(void *data)
{
        while (data)
                pause();
        return NULL;
}

int main(void)
{
        pthread_t t;
        void *result;
        int error;
        pthread_attr_t attr;

        for (int i = 0; i < 5; i++) {
                errno = 0;
                error = pthread_create(&t, NULL, life, &i);
                pthread_join(t, &result);
                printf("%d %ld %d\n", error, (long)result, errno);
        }
        error = pthread_create(&t, NULL, forever, &error);
        pthread_cancel(t);
        pthread_join(t, &result);
        printf("%d %d\n", error, result == PTHREAD_CANCELED);
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 1UL << 60);
        errno = 0;
        error = pthread_create(&t, &attr, life, NULL);
        printf("%s %d\n", strerror(error), errno);
        fflush(stdout);
        pid_t child = fork();
        if (!child) {
                int five = 5;
                pthread_create(&t, NULL, life, &five);
                pthread_join(t, NULL);
                fflush(stdout);
                _exit(9);
        }
        waitpid(child, &error, 0);
        printf("%d\n", WEXITSTATUS(error));
        child = vfork();
        if (!child)
                _exit(4);
        waitpid(child, &error, 0);
        printf("%d\n", WEXITSTATUS(error));
        return 0;
}
"""
    same(ctx, [str(compiled(ctx, "threads", [], text=text))])


@once()
def test_program_that_looks_for_python_finds_only_what_is_interposed(ctx):
    """Plugin hosts ask so whether Python is in the process.  They see the three names that the agent
    interposes, as breadcrumb-agent(7) says; to call one does nothing."""
    text = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
        const char *names[] = {"Py_IsInitialized", "PyRun_SimpleString", "Py_Main", "Py_FinalizeEx",
                               "PySys_AddAuditHook", "PyEval_SetTrace", NULL};
        for (int i = 0; names[i]; i++)
                printf("%s %d\n", names[i], dlsym(RTLD_DEFAULT, names[i]) != NULL);
        void (*initialize)(void);
        void (*initialize_ex)(int);
        *(void **)&initialize = dlsym(RTLD_DEFAULT, "Py_Initialize");
        *(void **)&initialize_ex = dlsym(RTLD_DEFAULT, "Py_InitializeEx");
        if (initialize)
                initialize();
        if (initialize_ex)
                initialize_ex(1);
        puts("alive");
        return 0;
}
"""
    result = same(ctx, [str(compiled(ctx, "looks", [], ["-ldl"], text=text))])
    if " 1" in result.stdout:
        raise Failure(result.stdout)


@once()
def test_memory_and_descriptors_are_those_of_before(ctx):
    text = r"""
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
        struct dirent *e;
        DIR *d = opendir("/proc/self/fd");
        int n = 0;
        while ((e = readdir(d)))
                n++;
        struct mallinfo2 m = mallinfo2();
        printf("%d descriptors, %zu bytes of heap in use\n", n, m.uordblks);
        d = opendir("/proc/self/task");
        for (n = 0; (e = readdir(d)); n++)
                ;
        printf("%d tasks\n", n);
        return 0;
}
"""
    same(ctx, [str(compiled(ctx, "counts", [], text=text))])


def system_calls(ctx, command, trace):
    """Every system call of a run, as (name, arguments), addresses taken out."""
    log = ctx.tmp / f"strace-{trace}"
    # The environment is set for the program alone: strace itself stays as it is.
    settings = [f"-E{k}={v}" for k, v in ctx.environ(trace).items() if k.startswith(("LD_", "BREAD"))]
    done = ctx.plain(["strace", "-f", "-o", str(log), *settings, *command])
    if done.returncode != 0:
        ctx.skip(f"strace does not work here: {done.stderr.strip()[-200:]}")
    calls = []
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\w+)\((.*)", line)
        if match:
            calls.append((match.group(1), match.group(2)))
    return calls


@once()
@parametrize("program", ["true", "ls"])
def test_nothing_but_the_library_itself_is_opened_or_mapped(ctx, program):
    if not shutil.which("strace"):
        ctx.skip("strace is not installed")
    command = ["/bin/true"] if program == "true" else ["/bin/ls", str(ctx.tmp / "empty")]
    (ctx.tmp / "empty").mkdir()
    before = collections.Counter(name for name, _ in system_calls(ctx, command, False))
    calls = system_calls(ctx, command, True)
    after = collections.Counter(name for name, _ in calls)
    # What the dynamic loader does for one more library.
    loading = {"openat", "read", "pread64", "fstat", "newfstatat", "mmap", "mprotect", "close", "munmap"}
    extra = {n: c for n, c in (after - before).items() if n not in loading}
    ctx.equal(extra, {}, "system calls that are more than before")
    opened = [a for n, a in calls if n == "openat" and "ENOENT" not in a]
    ours = [a for a in opened if ctx.agent in a]
    ctx.equal(len(ours), 1, "how often the agent's file is opened")
    ctx.equal(len(opened), before["openat"] + 1 - missing(ctx, command), "files opened")
    ctx.equal(after["read"] - before["read"], 1, "reads: the library's own header")
    ctx.equal(after["write"], before["write"], "writes")
    ctx.equal(after["brk"], before["brk"], "growth of the heap")
    segments = [a for n, a in calls if n == "mmap"]
    if after["mmap"] - before["mmap"] > 7:
        raise Failure(f"{after['mmap'] - before['mmap']} maps more for one library: {segments}")


def missing(ctx, command):
    """openat calls that fail without the agent."""
    return sum("ENOENT" in a for n, a in system_calls(ctx, command, False) if n == "openat")


OLD_PROGRAM = """\
import sys, threading

def work(n):
    return n

t = threading.Thread(target=work, args=(1,))
t.start()
t.join()
print(sum([work(i) for i in range(100)]))
sys.stderr.write('err\\n')
sys.exit(3)
"""


def old_interpreters():
    found = []
    for folder in sorted(pathlib.Path("~/.pyenv/versions").expanduser().glob("*")):
        for name in ("python3", "python2"):
            if (folder / "bin" / name).exists() and re.match(r"2\.|3\.[0-9]\.", folder.name):
                found.append(folder / "bin" / name)
                break
    return found


@once()
def test_older_pythons_run_as_before(ctx):
    found = old_interpreters()
    if not found:
        ctx.skip("no Python older than 3.10 was found")
    program = str(ctx.write("program.py", OLD_PROGRAM))
    for python in found:
        plain = ctx.plain([str(python), program])
        traced = ctx.run([str(python), program])
        own, agent = split_stderr(traced.stderr)
        ctx.equal(
            [traced.stdout, own, traced.returncode],
            [plain.stdout, plain.stderr, plain.returncode],
            f"stdout, stderr and status of {python}",
        )
        if len(agent) > 1:
            raise Failure(f"{python}: {agent}")
        ctx.equal(traced.traces, [], f"files of {python}")


@once()
def test_library_with_python_in_its_name_is_no_python(ctx):
    """An executable called python that is none."""
    text = '#include <stdio.h>\nint main(void)\n{\n        puts("no python");\n        return 4;\n}\n'
    program = compiled(ctx, "python3.12", [], text=text)
    ctx.equal(same(ctx, [str(program), "-c", "x"]).stdout, "no python\n")


@once()
def test_missing_agent_is_the_loaders_business(ctx):
    """A wrong path in LD_PRELOAD is told by ld.so; this pins down what users see."""
    result = ctx.run(["/bin/true"], env={"LD_PRELOAD": "/nowhere/libbreadcrumb_agent.so"})
    ctx.equal(result.returncode, 0)


@once()
def test_record_of_another_program_says_that_no_file_was_written(ctx):
    result = ctx.command("record", "-o", str(ctx.tmp / "x.crumb"), "--", "/bin/sh", "-c", "exit 3")
    ctx.equal([result.returncode, result.stdout, result.traces], [3, "", []])
    if not result.stderr.strip():
        raise Failure("a user would wonder where the file is")


@once()
def test_record_of_a_missing_program_is_told(ctx):
    result = ctx.command("record", "-o", str(ctx.tmp / "x.crumb"), "--", "/nowhere/at-all")
    if result.returncode == 0 or "/nowhere/at-all" not in result.stderr:
        raise Failure(f"status {result.returncode}: {result.stderr!r}")
