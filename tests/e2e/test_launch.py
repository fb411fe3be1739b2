# SPDX-License-Identifier: MIT
"""This exercises: every way to start an unmodified program, and that its calls are all there."""

import os
import pty
import re
import select
import zipapp

from behave import read, root_prefix, wait_for
from harness import Failure, parametrize, short

PROGRAM = """\
def leaf(n):
    return n * 2

def main():
    print(sum([leaf(i) for i in range(100)]))

main()
"""


def check_program(ctx, result, module="__main__"):
    """PROGRAM is in the one file, all of it."""
    trace = read(ctx, result)
    ctx.equal(trace.count("leaf", module=module), 100, "calls of leaf")
    ctx.equal(trace.count("leaf", "return", module=module), 100, "returns of leaf")
    ctx.equal(trace.count("main", module=module), 1, "calls of main")
    ctx.equal(trace.ended, "clean", "how it ended")
    return trace


@short()
def test_script_is_traced(ctx):
    result = ctx.same_behaviour(PROGRAM, ["one", "two words"])
    trace = check_program(ctx, result)
    body = trace.select(event_type="call", function_name="<module>", module="__main__")
    ctx.equal([e["filename"] for e in body], [str(ctx.tmp / "program.py")], "the script's body")
    ctx.equal(trace.info["arguments"][-3:], [str(ctx.tmp / "program.py"), "one", "two words"])
    ctx.equal(trace.info["exit_status"], 0)
    wanted = "%d.%d.%d" % ctx.version
    if not trace.info["python"].startswith(wanted):
        raise Failure(f"info says Python {trace.info['python']!r}, not {wanted}")


def test_relative_script_is_traced(ctx):
    ctx.write("program.py", PROGRAM)
    check_program(ctx, ctx.same_behaviour([ctx.python, "program.py"]))


def test_module_is_traced(ctx):
    ctx.write("app.py", PROGRAM)
    check_program(ctx, ctx.same_behaviour([ctx.python, "-m", "app"]))


def test_package_is_traced(ctx):
    ctx.write("app/__init__.py", "def early():\n    pass\nearly()\n")
    ctx.write("app/core.py", PROGRAM)
    ctx.write("app/__main__.py", "from app import core\n")
    trace = check_program(ctx, ctx.same_behaviour([ctx.python, "-m", "app"]), "app.core")
    ctx.equal(trace.count("early", module="app"), 1)


def test_command_is_traced(ctx):
    check_program(ctx, ctx.same_behaviour([ctx.python, "-c", PROGRAM]))


@parametrize("argument", ["none", "dash"])
def test_standard_input_is_traced(ctx, argument):
    command = [ctx.python] + (["-"] if argument == "dash" else [])
    check_program(ctx, ctx.same_behaviour(command, stdin=PROGRAM))


def test_script_from_a_pipe_is_traced(ctx):
    command = ["/bin/bash", "-c", f"exec {ctx.python} <(cat)"]
    check_program(ctx, ctx.same_behaviour(command, stdin=PROGRAM))


def test_folder_with_main_is_traced(ctx):
    ctx.write("app/__main__.py", PROGRAM)
    check_program(ctx, ctx.same_behaviour([ctx.python, str(ctx.tmp / "app")]))


def test_compiled_file_is_traced(ctx):
    ctx.write("app.py", PROGRAM)
    code = "import py_compile; py_compile.compile('app.py', 'app.pyc')"
    ctx.plain([ctx.python, "-c", code]).check(0)
    check_program(ctx, ctx.same_behaviour([ctx.python, "app.pyc"]))


@parametrize("compressed", [False, True])
def test_zipapp_is_traced(ctx, compressed):
    ctx.write("app/tool.py", PROGRAM.replace("\nmain()\n", "\n"))
    archive = ctx.tmp / "app.pyz"
    zipapp.create_archive(
        ctx.tmp / "app", archive, interpreter=ctx.python, main="tool:main", compressed=compressed
    )
    for command in ([ctx.python, str(archive)], [str(archive)]):
        check_program(ctx, ctx.same_behaviour(command), "tool")


def test_script_with_an_interpreter_line_is_traced(ctx):
    script = ctx.write("tool", f"#!{ctx.python}\n{PROGRAM}")
    script.chmod(0o755)
    check_program(ctx, ctx.same_behaviour([str(script)]))


def test_venv_is_traced(ctx):
    made = ctx.plain([ctx.python, "-m", "venv", "--without-pip", str(ctx.tmp / "env")])
    if made.returncode and "No module named venv" in made.stderr:
        ctx.skip("this interpreter has no venv module")
    made.check(0)
    ctx.write("program.py", "import sys\nassert sys.prefix != sys.base_prefix\n" + PROGRAM)
    command = [*root_prefix(ctx), str(ctx.tmp / "env/bin/python"), "program.py"]
    trace = check_program(ctx, ctx.same_behaviour(command))
    ctx.equal(trace.info["arguments"], command[len(root_prefix(ctx)) :])


OPTIONS = {
    "isolated": ["-I"],
    "no-site": ["-S"],
    "no-environment": ["-E"],
    "isolated-no-site": ["-I", "-S"],
    "dev": ["-X", "dev"],
    "optimised": ["-O"],
    "optimised-twice": ["-OO"],
    "unbuffered": ["-u"],
    "utf8": ["-X", "utf8"],
    "warnings-are-errors": ["-W", "error"],
    "bytes-warnings-are-errors": ["-bb"],
    "faulthandler": ["-X", "faulthandler"],
    "tracemalloc": ["-X", "tracemalloc=5"],
    "no-frozen-modules": ["-X", "frozen_modules=off"],
}


@parametrize("option", list(OPTIONS))
def test_option_changes_nothing(ctx, option):
    ctx.write("program.py", PROGRAM)
    command = [ctx.python, *OPTIONS[option], "program.py"]
    check_program(ctx, ctx.same_behaviour(command))


def test_verbose_interpreter_prints_the_same_lines(ctx):
    """-v tells of every import and of every module that is taken down, with addresses, and in the
    end in an order that depends on them."""
    ctx.write("program.py", PROGRAM)
    plain = ctx.plain([ctx.python, "-v", "program.py"])
    traced = ctx.run([ctx.python, "-v", "program.py"])

    def lines(result):
        return sorted(re.sub("0x[0-9a-f]+", "0x…", result.stderr).splitlines())

    ctx.equal(lines(traced), lines(plain), "stderr with the agent, sorted")
    ctx.equal([traced.stdout, traced.returncode], [plain.stdout, plain.returncode])
    check_program(ctx, traced)


def test_questions_that_run_no_code_leave_no_file(ctx):
    for question in (["--version"], ["-VV"], ["--help"]):
        result = ctx.same_behaviour([ctx.python, *question])
        ctx.equal(result.traces, [], f"files of {question}")


def test_missing_script_is_told_as_before(ctx):
    result = ctx.same_behaviour([ctx.python, "missing.py"])
    ctx.equal(result.returncode, 2)


def test_syntax_error_is_told_as_before(ctx):
    result = ctx.same_behaviour("def broken(:\n")
    ctx.equal(result.returncode, 1)


REPL_INPUT = """\
def leaf(n):
    return n * 2

sum([leaf(i) for i in range(100)])
1/0
leaf(1)
"""


def test_piped_interactive_session_is_traced(ctx):
    result = ctx.same_behaviour([ctx.python, "-i"], stdin=REPL_INPUT)
    trace = read(ctx, result)
    ctx.equal(trace.count("leaf", module="__main__"), 101, "calls of leaf")
    ctx.equal(trace.ended, "clean")


def test_session_after_a_script_is_traced(ctx):
    ctx.write("program.py", PROGRAM)
    result = ctx.same_behaviour([ctx.python, "-i", "program.py"], stdin="leaf(5)\nleaf(6)\n")
    ctx.equal(read(ctx, result).count("leaf", module="__main__"), 102, "calls of leaf")


def test_startup_file_is_traced(ctx):
    startup = ctx.write("startup.py", "def prepare():\n    return 7\nseven = prepare()\n")
    result = ctx.same_behaviour(
        [ctx.python, "-i"], stdin="seven\nprepare()\n", env={"PYTHONSTARTUP": startup}
    )
    ctx.equal(read(ctx, result).count("prepare"), 2, "calls of prepare")


def terminal_session(ctx, lines, env, trace):
    """Types the lines at a prompt of ctx.python on a terminal → what the terminal showed."""
    master, slave = pty.openpty()
    process = ctx.spawn(
        [ctx.python, "-q"], env=env, trace=trace, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    shown = bytearray()

    def collect():
        """Reads what is there → True at the end of the session."""
        ready, _, _ = select.select([master], [], [], 0.05)
        if not ready:
            return False
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: nobody has the other side any more
            data = b""
        shown.extend(data)
        return not data

    def prompted():
        collect()
        return b">>> " in shown[start:]

    start = 0
    for line in lines:
        wait_for(prompted, f"a prompt before {line!r}; shown: {bytes(shown)!r}")
        start = len(shown)
        os.write(master, line.encode() + b"\n")
    wait_for(collect, f"the end of the session; shown: {bytes(shown)!r}")
    os.close(master)
    return shown.decode(errors="replace"), process.finish()


SESSION = ["leaf = lambda n: n * 2", "print('sum', sum([leaf(i) for i in range(100)]))", "exit()"]


@parametrize("repl", ["basic", "new"])
def test_prompt_on_a_terminal_is_traced(ctx, repl):
    if repl == "new" and ctx.version < (3, 13):
        env = {"TERM": "xterm"}  # the readline prompt
    else:
        env = {"TERM": "dumb" if repl == "basic" else "xterm"}
    env.update(PYTHON_HISTORY=str(ctx.tmp / "history"), HOME=str(ctx.tmp))
    plain, plain_result = terminal_session(ctx, SESSION, env, trace=False)
    shown, result = terminal_session(ctx, SESSION, env, trace=True)
    for text in (plain, shown):
        if "sum 9900" not in text:
            raise Failure(f"the session did not go on: {text!r}")
    if "breadcrumb" in shown:
        raise Failure(f"the agent spoke: {shown!r}")
    if repl == "basic":
        ctx.equal(shown, plain, "what the terminal showed")
    ctx.equal(result.returncode, plain_result.returncode, "status")
    trace = read(ctx, result)
    ctx.equal(trace.count("<lambda>", module="__main__"), 100, "calls at the prompt")


@short()
def test_record_runs_the_command_and_names_the_file(ctx):
    ctx.write("program.py", PROGRAM)
    target = ctx.tmp / "here.crumb"
    plain = ctx.plain([ctx.python, "program.py"])
    result = ctx.command("record", "-o", str(target), "--", ctx.python, "program.py")
    ctx.equal(result.stdout, plain.stdout)
    ctx.equal(result.returncode, plain.returncode)
    ctx.equal(result.traces, [str(target)])
    check_program(ctx, result)
    named = [line for line in result.stderr.splitlines() if "here.crumb" in line]
    ctx.equal(len(named), 1, f"lines that name the file in {result.stderr!r}")


def test_record_without_options_writes_here(ctx):
    ctx.write("program.py", PROGRAM)
    result = ctx.command("record", "--", ctx.python, "program.py")
    ctx.equal(result.returncode, 0)
    check_program(ctx, result)
    ctx.equal([os.path.dirname(p) for p in result.traces], [str(ctx.tmp)])
