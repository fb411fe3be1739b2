# SPDX-License-Identifier: MIT
"""This exercises: BREADCRUMB_OUTPUT, where the trace goes and what it never overwrites."""

import os
import time

from behave import PROGRAM, check_as_plain, read
from harness import Failure, once, parametrize


def test_output_pattern_is_filled_in(ctx):
    ctx.write("program.py", PROGRAM)
    before = int(time.time())
    result = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": ctx.tmp / "a-%p-%e-%h-%t-%%-b.crumb"})
    trace = read(ctx, result.check(0))
    name = os.path.basename(trace.path)
    start = name.split("-")[-3]
    if not before <= int(start) <= int(time.time()):
        raise Failure(f"%t of {name!r} is not this moment")
    program = trace.info["arguments"][0].rpartition("/")[2]
    host = os.uname().nodename
    ctx.equal(name, f"a-{trace.info['pid']}-{program}-{host}-{start}-%-b.crumb")


def test_output_folder_gets_the_default_name(ctx):
    folder = ctx.tmp / "folder"
    folder.mkdir()
    for value in (str(folder), str(folder) + "/"):
        trace = read(ctx, ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": value}).check(0))
        ctx.equal(trace.path, f"{folder}/breadcrumb-{trace.info['pid']}.crumb")


def test_without_output_the_file_is_in_the_working_folder(ctx):
    folder = ctx.tmp / "folder"
    folder.mkdir()
    result = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": None}, cwd=folder).check(0)
    trace = read(ctx, result)
    ctx.equal(trace.path, f"{folder}/breadcrumb-{trace.info['pid']}.crumb")
    ctx.equal(trace.info["directory"], str(folder))


def test_relative_output_is_not_moved_by_chdir(ctx):
    text = """\
import os, sys
os.mkdir('elsewhere')
os.chdir('elsewhere')

def work(n):
    return n

def repeat(count):
    for i in range(count):
        work(i)

repeat(5000)
os.closerange(3, 70000)  # the file must be found again from here
repeat(5000)
pid = os.fork()
if pid == 0:
    repeat(7)
    os._exit(0)
os.waitpid(pid, 0)
"""
    result = ctx.run(text, env={"BREADCRUMB_OUTPUT": "here-%p.crumb"}).check(0)
    traces = read(ctx, result, 2)
    ctx.equal({os.path.dirname(t.path) for t in traces}, {str(ctx.tmp)}, "folders of the files")
    ctx.equal(sorted(t.count("work") for t in traces), [7, 10000])
    ctx.equal([t.lost for t in traces], [{}, {}])


def test_taken_name_is_left_alone(ctx):
    taken = ctx.write("taken.crumb", "somebody's own\n")
    for run in range(3):
        result = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": taken}).check(0)
        ctx.equal(result.stderr, "")
        trace = read(ctx, result)
        ctx.equal(trace.count("work"), 100)
    ctx.equal(taken.read_text(), "somebody's own\n", "the file that was there")
    ctx.equal(len(list(ctx.tmp.glob("*.crumb"))), 4, "files after three runs")


def test_output_of_a_new_process_never_overwrites(ctx):
    """The same fixed name for parent and children."""
    text = PROGRAM + """\
for n in range(3):
    pid = os.fork()
    if pid == 0:
        main(n + 1)
        os._exit(0)
    os.waitpid(pid, 0)
"""
    result = ctx.run(text, env={"BREADCRUMB_OUTPUT": ctx.tmp / "same.crumb"}).check(0)
    counts = sorted(t.count("work") for t in read(ctx, result, 4))
    ctx.equal(counts, [1, 2, 3, 100], "calls of work in each file")


def test_link_at_the_output_name_is_not_followed(ctx):
    target = ctx.write("target", "precious\n")
    link = ctx.tmp / "link.crumb"
    link.symlink_to(target)
    dangling = ctx.tmp / "dangling.crumb"
    dangling.symlink_to(ctx.tmp / "nothing-here")
    for name in (link, dangling):
        result = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": name}).check(0)
        ctx.equal(result.stdout, "worked 100\n")
        if name.is_symlink() is False:
            raise Failure(f"{name} is no link any more")
        ctx.equal(read(ctx, result).count("work"), 100)
    ctx.equal(target.read_text(), "precious\n")
    ctx.equal((ctx.tmp / "nothing-here").exists(), False, "the dangling link's target exists")


@parametrize("mask", ["0", "0o22", "0o777"])
def test_file_is_for_its_owner_only(ctx, mask):
    result = ctx.run(PROGRAM, umask=int(mask, 0)).check(0)
    [path] = result.traces
    ctx.equal(oct(os.stat(path).st_mode & 0o7777 | 0o600), oct(0o600))
    if mask != "0o777":
        ctx.equal(oct(os.stat(path).st_mode & 0o7777), oct(0o600))


@once()
def test_output_may_be_a_long_path(ctx):
    folder = ctx.tmp / ("x" * 200) / ("y" * 200)
    folder.mkdir(parents=True)
    read(ctx, ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": folder / "f.crumb"}).check(0))


@once()
def test_output_too_long_is_one_line(ctx):
    plain = ctx.plain(PROGRAM)
    traced = ctx.run(PROGRAM, env={"BREADCRUMB_OUTPUT": "/tmp/" + "z" * 5000})
    check_as_plain(ctx, plain, traced, 1)
    ctx.equal(traced.traces, [])
