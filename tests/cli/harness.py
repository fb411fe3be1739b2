# SPDX-License-Identifier: MIT
"""What the tests of the command are written with.

A test module is tests/cli/test_*.py, a test is a function with @test in it.  All run in one
folder that holds what make_traces wrote.
"""

import json
import os
import subprocess

COMMAND = os.environ["BREADCRUMB"]
BUILD = os.environ["top_builddir"]
MAKE_TRACES = os.path.join(BUILD, "tests", "cli", "make_traces")
SECONDS = 60
TESTS = []


class CannotRun(Exception):
    """A case that cannot run here, and why."""


def test(function):
    """A test is a function that raises AssertionError; its name is the fact."""
    TESTS.append(function)
    return function


def environment(**more):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    for name in ("BREADCRUMB_AGENT", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more)
    return env


def run(arguments, **options):
    options.setdefault("env", environment())
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([COMMAND] + arguments, capture_output=True, timeout=SECONDS, **options)


def run_text(arguments, **options):
    done = run(arguments, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def record(script, *options, **more):
    return run_text(["record"] + list(options) + ["--", "sh", "-c", script], **more)


def make_big():
    if not os.path.exists("big.crumb"):
        subprocess.run([MAKE_TRACES, "big.crumb", "2000000"], check=True, timeout=SECONDS)


def same(got, wanted, what="output"):
    if got != wanted:
        raise AssertionError("%s is %r, not %r" % (what, got, wanted))


def has(text, part):
    if part not in text:
        raise AssertionError("%r is not in %r" % (part, text))


def lines_of_json(text):
    return [json.loads(line) for line in text.splitlines()]
