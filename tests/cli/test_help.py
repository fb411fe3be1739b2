# SPDX-License-Identifier: MIT
"""This exercises: --version, --help, and that the manual knows every option."""

import os
import re

from harness import run_text, same, test


@test
def version_says_program_and_format():
    status, out, err = run_text(["--version"])
    same((status, err), (0, ""))
    assert re.fullmatch(r"breadcrumb \d+\.\d+\.\d+ \(trace file format \d+\)\n", out), out


@test
def help_fits_eighty_columns():
    for command in ([], ["record"], ["info"], ["dump"], ["tree"], ["report"]):
        out = run_text(command + ["--help"])[1]
        for line in out.splitlines():
            assert len(line) < 80, line


@test
def every_option_is_in_the_manual():
    manual = os.path.join(os.environ["top_srcdir"], "man", "breadcrumb.1")
    with open(manual, encoding="utf-8") as page:
        text = page.read().replace("\\-", "-")
    for command in ("record", "info", "dump", "tree", "report"):
        options = run_text([command, "--help"])[1].split("\nExamples:")[0]
        for option in re.findall(r"--([a-z-]+)", options):
            assert "Fl -" + option in text, "--%s of %s is not in breadcrumb(1)" % (
                option, command)
