# SPDX-License-Identifier: MIT
"""End-to-end tests: real interpreters, with and without the agent.

    tests/e2e/run [--python P] [--only GLOB] [--backend B] [-v] [-j N] [--short] [--list]

harness.py tells how a test is written, interpreters.py where interpreters are looked for.
BREADCRUMB and BREADCRUMB_AGENT name the command and the agent; without them they are looked for
in the build tree (the working directory and those above it, then this checkout).

Ends with status 0 when nothing failed, 1 when something did, 77 without any interpreter.
"""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile

from collect import HERE, load_tests, plan, selected, variants
from interpreters import choose_interpreters
from report import Report
from runner import run_jobs


class Setup:
    """What all tests share."""

    def __init__(self, tmp):
        self.tmp = tmp
        self.cache = tmp / "cache"
        self.cache.mkdir()
        self.breadcrumb = find_built("BREADCRUMB", ["cli/breadcrumb", "breadcrumb"])
        self.agent = find_built(
            "BREADCRUMB_AGENT",
            ["agent/.libs/libbreadcrumb_agent.so", "agent/libbreadcrumb_agent.so"],
        )


def find_built(variable, names):
    told = os.environ.get(variable)
    if told:
        if os.sep not in told and shutil.which(told):
            return shutil.which(told)
        if not os.path.exists(told):
            sys.exit(f"tests/e2e: {variable}: {told}: no such file")
        return os.path.abspath(told)
    here = pathlib.Path.cwd()
    top = HERE.parent.parent
    for folder in [here, *here.parents, top, *sorted(top.glob("build*"))]:
        for name in names:
            path = folder / name
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    return None


def options_of(argv):
    parser = argparse.ArgumentParser(prog="tests/e2e/run", description="End-to-end tests.")
    parser.add_argument("--python", action="append", default=[], metavar="P",
                        help="only this interpreter: a path, or a version such as 3.12")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB",
                        help="only tests whose name matches, e.g. 'test_oracle.*'")
    parser.add_argument("--backend", action="append", default=[], metavar="B",
                        help="only this backend (tests for backends)")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for every test")
    parser.add_argument("-j", "--jobs", type=int, default=2, metavar="N", help="at once (2)")
    parser.add_argument("--short", action="store_true",
                        default=os.environ.get("E2E_SHORT", "0") not in ("", "0"),
                        help="a small fixed subset (also E2E_SHORT=1)")
    parser.add_argument("--list", action="store_true", help="list the tests and end")
    return parser.parse_args(argv)


def main(argv=None):
    options = options_of(argv)
    # A job in the background, or of nohup, is born with these ignored, and so would be all
    # that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sys.setrecursionlimit(10000)
    tests = list(load_tests())
    if options.list:
        for base, function in tests:
            for name, _ in variants(base, function, options.short):
                if selected(name, options.only):
                    print(name)
        return 0
    interpreters = choose_interpreters(options.python)
    if not interpreters:
        print("tests/e2e: SKIP: no CPython 3.10 … 3.15 was found to test with")
        return 1 if options.python else 77
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="crumb-e2e-", dir=os.environ.get("TMPDIR", "/tmp")))
    try:
        setup = Setup(tmp)
        print(f"breadcrumb: {setup.breadcrumb or 'not found'}")
        print(f"agent: {setup.agent or 'not found'}", flush=True)
        jobs = plan(tests, interpreters, options)
        if not jobs:
            print("tests/e2e: no test is selected")
            return 1
        report = Report(setup, options.verbose)
        run_jobs(setup, jobs, max(1, options.jobs), report)
        return report.end()
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
