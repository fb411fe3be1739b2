# SPDX-License-Identifier: MIT
"""This exercises: the width, the colours and the progress bar of a terminal."""

import os
import re
import subprocess
import time

from harness import MAKE_TRACES, SECONDS, has, make_big, run_text, same, test
from terminal import Terminal, plain


@test
def lines_fit_the_terminal():
    for columns in (80, 60, 132):
        for command in (["tree", "--places", "--times"], ["tree", "--merge"], ["dump"],
                        ["dump", "--utc"], ["report"], ["info"]):
            for name in ("shop.crumb", "names.crumb", "deep.crumb", "family"):
                status, out = Terminal(command + ["--no-pager", name], columns).finish()
                same(status, 0)
                assert out
                for line in plain(out).splitlines():
                    assert len(line) <= columns, (columns, line)


@test
def deep_calls_keep_their_names_on_the_screen():
    out = plain(Terminal(["tree", "--no-pager", "deep.crumb"]).finish()[1])
    for line in out.splitlines()[1:]:
        assert "app.Tree.desc" in line, line


@test
def wide_cuts_nothing():
    out = Terminal(["tree", "--no-pager", "--wide", "names.crumb"], 40).finish()[1]
    has(out, "x" * 3000)


@test
def cut_lines_end_in_dots_without_utf8():
    out = Terminal(["tree", "--no-pager", "names.crumb"], 40, LC_ALL="C").finish()[1]
    has(plain(out), "xxx..\n")
    out = Terminal(["tree", "--no-pager", "names.crumb"], 40).finish()[1]
    has(plain(out), "xxx\u2026\n")


@test
def colours_are_for_terminals():
    coloured = "\x1b["
    has(Terminal(["tree", "--no-pager", "shop.crumb"]).finish()[1], coloured)
    assert coloured not in run_text(["tree", "shop.crumb"])[1]
    assert coloured in run_text(["tree", "--color=always", "shop.crumb"])[1]
    for arguments, env in ((["--color=never"], {}), ([], {"NO_COLOR": "1"}),
                           ([], {"TERM": "dumb"})):
        out = Terminal(["tree", "--no-pager", "shop.crumb"] + arguments, **env).finish()[1]
        assert coloured not in out, (arguments, env)
    out = Terminal(["tree", "--no-pager", "--color=auto", "shop.crumb"], NO_COLOR="").finish()[1]
    has(out, coloured)
    assert coloured not in run_text(["dump", "--json", "--color=always", "shop.crumb"])[1]


@test
def progress_is_for_terminals_and_slow_files():
    make_big()
    with open("out.txt", "wb") as out:
        quick = Terminal(["report", "shop.crumb"], stdout=out).finish()
    same(quick, (0, ""))
    # A pipe that nobody reads for a while makes reading slow; a bar would mix with its reader.
    reader, writer = os.pipe()
    term = Terminal(["dump", "big.crumb"], stdout=writer)
    os.close(writer)
    time.sleep(1.5)
    while os.read(reader, 1 << 20):
        pass
    os.close(reader)
    same(term.finish(), (0, ""))


@test
def progress_bar_comes_and_goes():
    for events in (6000000, 48000000):
        subprocess.run([MAKE_TRACES, "huge.crumb", str(events)], check=True, timeout=SECONDS)
        begun = time.monotonic()
        with open("/dev/null", "wb") as out:
            status, seen = Terminal(["dump", "--json", "huge.crumb"], stdout=out).finish()
        os.unlink("huge.crumb")
        same(status, 0)
        if time.monotonic() - begun > 1.5:
            break
    assert re.search(r"reading \[#* *\] +\d+ % of \d+\.\d MB", seen), seen
    assert seen.endswith("\r\x1b[K"), seen[-80:]
