# SPDX-License-Identifier: MIT
"""This exercises: how much memory the command takes, and (with valgrind) how it uses it."""

import os
import shutil
import subprocess

from harness import BUILD, COMMAND, SECONDS, CannotRun, environment, make_big, same, test


@test
def memory_does_not_grow_with_the_file():
    make_big()
    for command in (["dump"], ["dump", "--json"], ["tree"], ["tree", "--merge"], ["report"],
                    ["info"]):
        peaks = []
        for name in ("shop.crumb", "big.crumb"):
            child = subprocess.Popen([COMMAND] + command + [name], stdout=subprocess.DEVNULL,
                                     env=environment())
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            same(child.returncode, 0)
            peaks.append(usage.ru_maxrss)
        assert peaks[1] < peaks[0] + 8192, "%s: %d kB, then %d kB" % (command, *peaks)


@test
def no_memory_is_touched_that_is_not_there():
    if not shutil.which("valgrind"):
        raise CannotRun("valgrind is not installed")
    with open(COMMAND, "rb") as binary:
        if binary.read(4) != b"\x7fELF":
            program = os.path.join(BUILD, "libtool")
            prefix = [program, "--mode=execute"] if os.path.exists(program) else []
        else:
            prefix = []
    if "asan" in subprocess.run(["ldd", COMMAND], capture_output=True, check=False).stdout.decode():
        raise CannotRun("the command is built with a sanitizer, which sees more")
    for arguments in (["tree", "names.crumb", "lost.crumb"], ["dump", "--json", "names.crumb"],
                      ["dump", "--json", "flights.crumb", "marks.crumb"], ["tree", "marks.crumb"],
                      ["tree", "--exceptions", "flights.crumb", "marks.crumb"],
                      ["find", "--marked", "order", "-C2", "marks.crumb"],
                      ["report", "family"], ["info", "names.crumb", "cut.crumb"],
                      ["tree", "--merge", "-f", "Shop.*", "--from", "1ms", "family"],
                      ["dump", "flipped.crumb", "-t", "till"],
                      ["record", "-q", "-i", "a", "-i", "b", "true"]):
        done = subprocess.run(prefix + ["valgrind", "-q", "--leak-check=full",
                                        "--errors-for-leak-kinds=definite", "--error-exitcode=99",
                                        COMMAND] + arguments, capture_output=True,
                              env=environment(), timeout=SECONDS, check=False)
        assert done.returncode != 99, done.stderr.decode()
