# SPDX-License-Identifier: MIT
"""This exercises: programs that have Python inside, libpython in the global scope or behind an
RTLD_LOCAL plugin, started once or again and again, with sub-interpreters and threads of C."""

import shutil

from behave import compiled, libpython, link_flags, read, root_prefix
from harness import Failure, for_backends, once, parametrize

CODE = """\
def work(n):
    return n

def main():
    for i in range(100):
        work(i)
    print('worked', flush=True)

main()
"""


def embedder(ctx):
    """The command that runs embed.c with ctx.python's libpython, and the environment it needs."""
    library, prefix = libpython(ctx)
    program = compiled(ctx, "embed", ["embed.c"], link_flags(library))
    # The interpreter would look for its library next to whichever python3 is first in PATH.
    return [*root_prefix(ctx), str(program)], {"PYTHONHOME": prefix}


def check_calls(ctx, result, calls):
    # A sub-interpreter is found while it imports its first modules.
    trace = read(ctx, result, strays=True)
    ctx.equal(trace.count("work"), calls, "calls of work")
    ctx.equal(trace.count("work", "return"), calls, "returns of work")
    ctx.equal(trace.lost, {}, "losses")
    ctx.equal(trace.ended, "clean", "how it ended")
    return trace


@for_backends()
@parametrize("way", ["initialize", "initialize-ex", "config"], short=["initialize"])
def test_embedded_interpreter_is_traced(ctx, way):
    command, env = embedder(ctx)
    result = ctx.same_behaviour([*command, way, CODE], env=env)
    trace = check_calls(ctx, result, 100)
    ctx.equal(trace.info["arguments"], [command[-1], way, CODE])


@parametrize("way", ["initialize", "config"])
def test_repeated_initialisation_is_followed(ctx, way):
    command, env = embedder(ctx)
    result = ctx.same_behaviour([*command, way, CODE, CODE, CODE], env=env)
    ctx.equal(result.stdout, "worked\n" * 3)
    check_calls(ctx, result, 300)


@for_backends()
def test_plugin_with_python_inside_is_traced(ctx):
    library, prefix = libpython(ctx)
    host = compiled(ctx, "host", ["embed_host.c"], ["-ldl"])
    plugin = compiled(ctx, "plugin.so", ["embed_plugin.c"], ["-shared", "-fPIC", *link_flags(library)])
    command = [*root_prefix(ctx), str(host), str(plugin)]
    result = ctx.same_behaviour([*command, CODE, CODE], env={"PYTHONHOME": prefix})
    ctx.equal(result.stdout, "worked\n" * 2)
    check_calls(ctx, result, 200)


@for_backends()
def test_sub_interpreter_made_in_c_is_traced(ctx):
    command, env = embedder(ctx)
    result = ctx.same_behaviour([*command, "subinterpreter", CODE], env=env)
    check_calls(ctx, result, 300)


def test_sub_interpreters_of_repeated_initialisations_are_traced(ctx):
    command, env = embedder(ctx)
    result = ctx.same_behaviour([*command, "subinterpreter", CODE, CODE, CODE], env=env)
    check_calls(ctx, result, 900)


@for_backends()
def test_c_thread_of_an_embedder_is_traced(ctx):
    command, env = embedder(ctx)
    result = ctx.same_behaviour([*command, "thread", CODE, CODE], env=env)
    trace = check_calls(ctx, result, 200)
    threads = {e["native_id"] for e in trace.select(event_type="call", function_name="work")}
    ctx.equal(len(threads), 2, "threads that called work")
    if trace.info["pid"] in threads:
        raise Failure("the calls of the C threads are told of the main thread")


LOOP = """\
import time
count = globals().get('count', 0)

def work():
    global count
    count += 1

while True:
    work()
    time.sleep(0)
"""

WAIT = """\
import time
while globals().get('count', 0) < 3000:
    time.sleep(0.001)
print('enough', flush=True)
"""


@for_backends()
def test_daemon_threads_of_c_at_finalisation_are_harmless(ctx):
    command, env = embedder(ctx)
    result = ctx.same_behaviour([*command, "daemon", LOOP, WAIT], env=env)
    calls = read(ctx, result).count("work")
    if calls < 3000:
        raise Failure(f"{calls} calls of at least 3000")


def test_embedder_killed_leaves_every_event(ctx):
    command, env = embedder(ctx)
    code = CODE + "\nimport os\nos.kill(os.getpid(), 9)\n"
    result = ctx.same_behaviour([*command, "initialize", code], env=env)
    ctx.equal(result.returncode, -9)
    trace = read(ctx, result)
    ctx.equal([trace.count("work"), trace.ended], [100, "unknown"])


def test_finished_interpreter_keeps_its_events(ctx):
    """The host lives on, or dies by itself, long after Python has gone."""
    library, prefix = libpython(ctx)
    host = compiled(
        ctx,
        "host",
        [],
        link_flags(library),
        text="""
#include <signal.h>
void Py_Initialize(void);
int Py_FinalizeEx(void);
int PyRun_SimpleString(const char *code);
int main(int argc, char **argv)
{
        Py_Initialize();
        PyRun_SimpleString(argv[argc - 1]);
        Py_FinalizeEx();
        raise(SIGKILL);
}
""",
    )
    result = ctx.same_behaviour([*root_prefix(ctx), str(host), CODE], env={"PYTHONHOME": prefix})
    ctx.equal(read(ctx, result).count("work"), 100)


def test_statically_linked_embedder_runs_as_before(ctx):
    """Its calls cannot be interposed; tracing it is not promised, leaving it alone is."""

    def configured(name):
        return ctx.sysconfig(name) or ""

    archive = ctx.tmp / "none"
    for folder in (configured("LIBPL"), configured("LIBDIR")):
        found = archive if root_prefix(ctx) else archive.parent / folder / configured("LIBRARY")
        if found.is_file():
            archive = found
    if not archive.exists():
        ctx.skip("no static libpython beside this interpreter")
    flags = [str(archive), "-no-pie", "-Wl,--export-dynamic", "-lm", "-ldl", "-lutil", "-lz", "-lexpat"]
    program = compiled(ctx, "embed", ["embed.c"], flags)
    env = {"PYTHONHOME": configured("prefix")}
    result = ctx.same_behaviour([str(program), "initialize", CODE, CODE], env=env)
    ctx.equal(result.returncode, 0)


@once()
def test_debugger_with_python_inside_is_traced(ctx):
    """A real embedder: gdb runs scripts in a Python of its own."""
    if not shutil.which("gdb"):
        ctx.skip("gdb is not installed")
    ctx.write("script.py", CODE)
    command = ["gdb", "-nx", "-batch", "-ex", "python print(6 * 7)", "-ex", "source script.py"]
    result = ctx.same_behaviour(command)
    if result.stdout != "42\nworked\n":
        ctx.skip("this gdb has no Python inside")
    check_calls(ctx, result, 100)


SUB = """\
CODE = '''
def work(n):
    return n
for i in range(100):
    work(i)
'''

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

run = getattr(interpreters, 'exec', None) or interpreters.run_string
"""


@for_backends()
def test_sub_interpreters_are_traced(ctx):
    text = SUB + """\
for n in range(3):
    sub = interpreters.create()
    run(sub, CODE)
    run(sub, 'for i in range(11): work(i)')
    interpreters.destroy(sub)
    print('gone', n)
"""
    check_calls(ctx, ctx.same_behaviour(text), 333)


def test_sub_interpreters_alive_at_the_end_are_traced(ctx):
    text = SUB + """\
subs = [interpreters.create() for n in range(3)]
for sub in subs:
    run(sub, CODE)
for sub in subs:
    run(sub, CODE)
for sub in subs:
    interpreters.destroy(sub)
exec(CODE)
"""
    check_calls(ctx, ctx.same_behaviour(text), 700)


@for_backends()
def test_sub_interpreters_in_threads_are_traced(ctx):
    text = SUB + """\
import threading

def life():
    sub = interpreters.create()
    run(sub, CODE)
    interpreters.destroy(sub)

threads = [threading.Thread(target=life) for _ in range(6)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print('done')
"""
    check_calls(ctx, ctx.same_behaviour(text), 600)


def test_interpreters_of_the_library_are_traced(ctx):
    if ctx.version < (3, 14):
        ctx.skip("concurrent.interpreters is new in 3.14")
    text = """\
from concurrent import interpreters
from concurrent.futures import InterpreterPoolExecutor
import time

def work(n):
    return n * n

if __name__ == '__main__':
    sub = interpreters.create()
    sub.exec('def work(n):\\n    return n\\nfor i in range(100): work(i)')
    sub.close()
    with InterpreterPoolExecutor(2) as pool:
        print(sum(pool.map(pow, range(20), [2] * 20)))
"""
    check_calls(ctx, ctx.same_behaviour(text), 100)


def test_codes_of_sub_interpreters_are_told_apart(ctx):
    text = SUB + """\
sub = interpreters.create()
run(sub, CODE)
exec(CODE)
"""
    trace = check_calls(ctx, ctx.same_behaviour(text), 200)
    if "interpreter" in trace.events[-1]:
        seen = {e["interpreter"] for e in trace.select(event_type="call", function_name="work")}
        ctx.equal(len(seen), 2, "interpreters that ran work")
