# SPDX-License-Identifier: MIT
"""This exercises: `record`, what the command is given and what is told of its traces."""

import os
import shutil
import subprocess

from harness import COMMAND, SECONDS, environment, has, record, run, run_text, same, test


@test
def status_is_passed_on():
    for status in (0, 1, 2, 126, 127, 255):
        same(record("exit %d" % status, "--quiet"), (status, "", ""))


@test
def output_and_input_are_the_commands():
    done = run(["record", "-q", "cat"], stdin=None, input=b"in and out")
    same((done.stdout, done.stderr), (b"in and out", b""))
    same(record("echo out; echo err >&2", "-q"), (0, "out\n", "err\n"))


@test
def options_after_the_command_are_its_own():
    same(run_text(["record", "-q", "echo", "--lines", "-o", "x", "--", "y"])[1],
         "--lines -o x -- y\n")


def python_environment(*options, **env):
    """The variables that a command sees."""
    names = "LD_PRELOAD BREADCRUMB_OUTPUT BREADCRUMB_INCLUDE BREADCRUMB_EXCLUDE " \
            "BREADCRUMB_CAPTURE_LINES BREADCRUMB_BACKEND"
    out = record('for n in %s; do eval "echo $n=\\$$n"; done' % names, "-q", *options,
                 env=environment(**env))[1]
    return dict(line.split("=", 1) for line in out.splitlines())


@test
def options_become_variables():
    here = os.getcwd()
    seen = python_environment("-o", "x-%p.crumb", "--include", "a.*,b", "-i", "c", "-x", "d",
                              "--lines", "--backend", "frame")
    same(seen["BREADCRUMB_OUTPUT"], here + "/x-%p.crumb")
    same(seen["BREADCRUMB_INCLUDE"], "a.*,b,c")
    same(seen["BREADCRUMB_EXCLUDE"], "d")
    same(seen["BREADCRUMB_CAPTURE_LINES"], "1")
    same(seen["BREADCRUMB_BACKEND"], "frame")
    seen = python_environment()
    same(seen["BREADCRUMB_OUTPUT"], here + "/breadcrumb-%p.crumb")
    same(seen["BREADCRUMB_INCLUDE"], "")
    seen = python_environment(BREADCRUMB_OUTPUT="/tmp/y.crumb", BREADCRUMB_INCLUDE="z")
    same((seen["BREADCRUMB_OUTPUT"], seen["BREADCRUMB_INCLUDE"]), ("/tmp/y.crumb", "z"))
    seen = python_environment("-o", "family")
    same(seen["BREADCRUMB_OUTPUT"], here + "/family/breadcrumb-%p.crumb")


@test
def folder_named_by_a_slash_is_made():
    record("exit 0", "-q", "-o", "made/")
    assert os.path.isdir("made")
    same(python_environment("-o", "made/")["BREADCRUMB_OUTPUT"],
         os.getcwd() + "/made/breadcrumb-%p.crumb")


@test
def preload_is_put_first_and_keeps_others():
    alone = python_environment()["LD_PRELOAD"]
    assert alone.endswith("libbreadcrumb_agent.so"), alone
    assert os.path.isabs(alone)
    other = "libm.so.6"
    # A command that is built with AddressSanitizer has its own idea of the order.
    sane = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    same(python_environment(LD_PRELOAD=other, ASAN_OPTIONS=sane)["LD_PRELOAD"],
         alone + ":" + other)


@test
def agent_is_found_where_it_is_installed_and_built():
    agent = os.environ.get("BREADCRUMB_AGENT", "")
    for own, beside in (("usr/bin", "usr/lib"), ("build/cli", "build/agent/.libs"),
                        ("tree/cli/.libs", "tree/agent/.libs")):
        os.makedirs(own)
        os.makedirs(beside)
        program = shutil.copy(COMMAND, own + "/breadcrumb")
        place = os.path.join(os.getcwd(), beside, "libbreadcrumb_agent.so")
        if os.path.exists(agent):
            shutil.copy(agent, place)
        else:
            shutil.copy(shutil.which("true"), place)
        done = subprocess.run([program, "record", "-q", "sh", "-c", "echo $LD_PRELOAD"],
                              env={k: v for k, v in environment().items()
                                   if k != "BREADCRUMB_AGENT"},
                              capture_output=True, timeout=SECONDS, check=False)
        same(done.stdout.decode(), place + "\n")


@test
def agent_in_a_folder_with_a_blank_is_refused():
    os.mkdir("a blank")
    place = os.path.join(os.getcwd(), "a blank", "agent.so")
    shutil.copy(shutil.which("true"), place)
    status, out, err = record("echo ran", env=environment(BREADCRUMB_AGENT=place))
    same((status, out), (1, ""))
    has(err, "has a blank or a colon")


@test
def agent_that_is_missing_is_told():
    status, out, err = record("echo ran", env=environment(BREADCRUMB_AGENT="/no/agent.so"))
    same((status, out), (1, ""))
    has(err, "/no/agent.so")


@test
def folder_that_depends_on_the_process_is_not_looked_at():
    same(record("exit 3", "-q", "-o", "nowhere-%p/x.crumb")[0], 3)


@test
def new_files_are_told_and_old_ones_are_not():
    os.mkdir("told")
    shutil.copy("shop.crumb", "told/old-1.crumb")
    script = "; ".join(["cp shop.crumb told/old-2.crumb",
                        "cp family/child.crumb told/old-3-2.crumb",
                        "cp shop.crumb told/old-4.crumb.1", "echo no trace >told/old-5.crumb",
                        "cp shop.crumb told/unrelated.crumb"])
    status, _, err = record(script, "-o", "told/old-%p.crumb")
    same(status, 0)
    command = "python3 app.py '--name=two words' 'it'\\''s'"
    size = os.path.getsize("family/child.crumb") / 1000
    same(err, "".join("breadcrumb: wrote told/old-%s (%s): process %s, %s\n" % (
        name, size, pid, command) for name, size, pid in (
            ("2.crumb", "9.0 kB", 4711), ("4.crumb.1", "9.0 kB", 4711),
            ("3-2.crumb", "%.1f kB" % size, 4720))))


@test
def percent_in_the_folder_is_not_expanded():
    os.mkdir("100%p")
    os.chdir("100%p")
    try:
        same(python_environment()["BREADCRUMB_OUTPUT"],
             os.getcwd().replace("%", "%%") + "/breadcrumb-%p.crumb")
        err = record("cp ../shop.crumb breadcrumb-1.crumb")[2]
        has(err, "wrote breadcrumb-1.crumb (9.0 kB)")
    finally:
        os.chdir("..")


@test
def nothing_written_is_explained():
    has(record("exit 0")[2], "no trace was written: 'sh' ran no Python function")
    has(record("exit 0", env=environment(BREADCRUMB_DISABLE="1"))[2], "BREADCRUMB_DISABLE is set")
