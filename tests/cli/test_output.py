# SPDX-License-Identifier: MIT
"""This exercises: what is written to, and that no name can upset a terminal."""

import signal
import subprocess

from harness import COMMAND, SECONDS, environment, has, make_big, run, run_text, same, test


@test
def text_holds_no_control_characters():
    for command in ("dump", "tree", "report", "info"):
        out = run([command, "names.crumb"]).stdout
        text = out.decode("utf-8")
        bad = [c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or
               c == "\u202e"]
        same(bad, [])


@test
def messages_hold_no_control_characters():
    name = "bell\a\x1b[31m\n" + b"\xff".decode("utf-8", "surrogateescape") + ".crumb"
    for arguments in (["info", name], [name], ["tree", "--" + name], ["record", name]):
        err = run_text(arguments)[2]
        has(err, "\\x1b")
        same([c for c in err if (ord(c) < 32 and c != "\n") or ord(c) == 127], [])
        assert len(err.splitlines()) <= 2, err


@test
def full_device_is_noticed():
    for command in (["dump"], ["info"], ["tree"], ["report"], ["dump", "--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([COMMAND] + command + ["shop.crumb"], stdout=full,
                                  stderr=subprocess.PIPE, env=environment(), timeout=SECONDS,
                                  check=False)
        same(done.returncode, 1)
        same(done.stderr, b"breadcrumb: cannot write the output: No space left on device\n")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([COMMAND, "tree", "--help"], stdout=full, stderr=subprocess.PIPE,
                              env=environment(), timeout=SECONDS, check=False)
    same(done.returncode, 1)


@test
def closed_output_is_noticed():
    done = subprocess.run(["sh", "-c", '"$0" dump shop.crumb >&-', COMMAND],
                          stderr=subprocess.PIPE, env=environment(), timeout=SECONDS,
                          check=False)
    same(done.returncode, 1)
    has(done.stderr.decode(), "cannot write the output")


@test
def reader_that_leaves_ends_it_quietly():
    make_big()
    for ignored in (False, True):
        before = (lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)) if ignored else (
            lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
        child = subprocess.Popen([COMMAND, "dump", "big.crumb"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env=environment(), preexec_fn=before)
        child.stdout.read(10)
        child.stdout.close()
        same(child.stderr.read(), b"")
        child.stderr.close()
        same(child.wait(SECONDS), -signal.SIGPIPE)
