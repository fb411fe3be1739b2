# SPDX-License-Identifier: MIT
"""This exercises: what is no trace, may not be read, or is damaged."""

import os
import shutil
import subprocess

from harness import (COMMAND, SECONDS, CannotRun, environment, has, lines_of_json, run, run_text,
                     same, test)


@test
def fifo_is_refused_at_once():
    os.mkfifo("pipe.crumb")
    status, out, err = run_text(["dump", "pipe.crumb"])
    same((status, out), (1, ""))
    has(err, "pipe.crumb")


@test
def file_without_permission_is_named():
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            raise CannotRun("setpriv is not installed, and root may read all")
        os.chmod(".", 0o755)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    else:
        os.chmod("shop.crumb", 0)
        prefix = []
    copy = os.path.join(os.getcwd(), "shop.crumb")
    try:
        done = subprocess.run(prefix + [COMMAND, "info", copy], capture_output=True,
                              env=environment(), timeout=SECONDS, check=False)
    finally:
        os.chmod("shop.crumb", 0o600)
    if b"No such file" in done.stderr or done.returncode == 126:
        raise CannotRun("another user cannot reach this build folder")
    same(done.returncode, 1)
    has(done.stderr.decode(), "Permission denied")


@test
def every_truncation_ends_well():
    with open("shop.crumb", "rb") as whole:
        data = whole.read()
    for size in list(range(0, len(data), 307)) + [len(data) - 1]:
        with open("part.crumb", "wb") as part:
            part.write(data[:size])
        for command in (["tree"], ["dump", "--json"], ["info"], ["report"]):
            done = run(command + ["part.crumb"])
            assert done.returncode in (0, 1), (size, command, done)
            if done.returncode == 1:
                has(done.stderr.decode(), "part.crumb")
            if "--json" in command:
                lines_of_json(done.stdout.decode())


@test
def every_flipped_byte_ends_well():
    with open("shop.crumb", "rb") as whole:
        data = whole.read()
    for at in list(range(0, 300, 7)) + list(range(4096, len(data), 131)):
        broken = bytearray(data)
        broken[at] ^= 0x81
        with open("part.crumb", "wb") as part:
            part.write(broken)
        for command in (["tree"], ["report", "--json"]):
            done = run(command + ["part.crumb"])
            assert done.returncode in (0, 1), (at, command, done)
