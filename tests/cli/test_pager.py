# SPDX-License-Identifier: MIT
"""This exercises: when a pager is started, and how both end."""

import shutil
import time

from harness import CannotRun, environment, has, make_big, run_text, same, test
from terminal import Terminal, plain


@test
def pager_gets_the_output():
    pager = "sed s/^/paged:/"
    for env in ({"BREADCRUMB_PAGER": pager, "PAGER": "false"}, {"PAGER": pager}):
        status, out = Terminal(["report", "shop.crumb"], **env).finish()
        same(status, 0)
        for line in out.splitlines():
            assert line.startswith("paged:"), out


@test
def pager_that_leaves_ends_it_quietly():
    make_big()
    status, out = Terminal(["dump", "big.crumb"], PAGER="head -3").finish()
    same((status, len(out.splitlines())), (0, 3))


@test
def pager_that_is_missing_is_done_without():
    for env in ({"PAGER": "no-such-pager-here", "PATH": "/nowhere"}, {"PATH": "/nowhere"}):
        status, out = Terminal(["report", "shop.crumb"], **env).finish()
        same(status, 0)
        has(plain(out), "shop.Shop.sell")


@test
def text_of_one_screen_needs_no_keystroke():
    found = [pager for pager in ("less", "more") if shutil.which(pager)]
    if not found:
        raise CannotRun("there is neither less nor more")
    for pager in found:
        status, out = Terminal(["report", "shop.crumb"], PAGER=pager).finish()
        same(status, 0)
        has(plain(out), "shop.Shop.sell")


@test
def pager_is_not_started_when_unwanted():
    for arguments, env in ((["--no-pager"], {"PAGER": "false"}), ([], {"PAGER": ""}),
                           ([], {"PAGER": "cat"}), ([], {"PAGER": "false", "TERM": "dumb"})):
        status, out = Terminal(["report", "shop.crumb"] + arguments, **env).finish()
        same(status, 0)
        has(plain(out), "shop.Shop.sell")
    same(run_text(["report", "shop.crumb"], env=environment(PAGER="false"))[0], 0)


@test
def interrupt_in_the_pager_does_not_end_it():
    make_big()
    term = Terminal(["dump", "big.crumb"],
                    PAGER="sh -c 'trap \"echo got-it\" INT; echo up; cat >/dev/null; echo over'")
    term.read(b"up")
    time.sleep(0.3)
    term.type(b"\x03")
    status, out = term.finish()
    has(out, "over")
    same(status, 0)


@test
def damage_is_told_after_the_pager():
    status, out = Terminal(["tree", "cut.crumb"], PAGER="cat -").finish()
    same(status, 1)
    assert plain(out).splitlines()[-1].startswith("breadcrumb: cut.crumb: "), out
