# SPDX-License-Identifier: MIT
"""A pseudo-terminal for the command to run on."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from harness import COMMAND, SECONDS, environment


class Terminal:
    """A command on a pseudo-terminal of its own."""

    def __init__(self, arguments, columns=80, stdout=None, program=None, **env):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

        def own_session():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.child = subprocess.Popen((program or [COMMAND]) + arguments, stdin=slave,
                                      stdout=stdout or slave, stderr=slave,
                                      env=environment(**env), preexec_fn=own_session)
        os.close(slave)
        self.seen = b""

    def read(self, until=None):
        """All output, or until a text was seen."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if until and until in self.seen:
                return self.seen
            ready, _, _ = select.select([self.master], [], [], 0.1)
            if not ready:
                continue
            try:
                more = os.read(self.master, 65536)
            except OSError:
                more = b""
            if not more:
                return self.seen
            self.seen += more
        raise AssertionError("%r did not come; this did: %r" % (until, self.seen[-2000:]))

    def type(self, keys):
        os.write(self.master, keys)

    def finish(self):
        self.read()
        status = self.child.wait(SECONDS)
        os.close(self.master)
        return status, self.seen.decode("utf-8", "replace").replace("\r\n", "\n")


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
