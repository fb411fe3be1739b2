# SPDX-License-Identifier: MIT
"""This exercises: signals to `record` and to the command that it runs."""

import os
import resource
import signal
import subprocess
import sys
import time

from harness import COMMAND, SECONDS, environment, has, record, same, test
from terminal import Terminal


@test
def death_by_a_signal_is_passed_on():
    for number in (signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL, signal.SIGABRT,
                   signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1):
        core = resource.getrlimit(resource.RLIMIT_CORE)
        status = record("ulimit -c 0; kill -%d $$" % number, "-q")[0]
        same(status, -number)
        same(resource.getrlimit(resource.RLIMIT_CORE), core)


def start(script, *options, **more):
    child = subprocess.Popen([COMMAND, "record", "-q"] + list(options) + ["--", "sh", "-c", script],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             env=environment(), **more)
    same(child.stdout.readline(), b"ready\n")
    return child


@test
def signals_to_record_reach_the_command():
    for name in ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "ALRM", "CONT", "TSTP"):
        number = getattr(signal, "SIG" + name)
        child = start("trap 'echo %s; exit 5' %s; echo ready; while :; do sleep 0.05; done"
                      % (name, name))
        child.send_signal(number)
        out, _ = child.communicate(timeout=SECONDS)
        same((out, child.returncode), (name.encode() + b"\n", 5), name)


@test
def killed_by_a_signal_that_was_sent_to_record():
    child = start("echo ready; exec sleep 60")
    child.send_signal(signal.SIGTERM)
    same(child.wait(SECONDS), -signal.SIGTERM)
    child.stdout.close()


@test
def interrupt_from_the_keyboard_comes_once():
    script = ("import signal, sys, time\n"
              "got = []\n"
              "signal.signal(signal.SIGINT, lambda *a: got.append(1))\n"
              "print('ready', flush=True)\n"
              "end = time.monotonic() + 1.2\n"
              "while time.monotonic() < end:\n"
              "    time.sleep(0.05)\n"
              "print('count', len(got), flush=True)\n")
    term = Terminal(["record", "-q", "--", sys.executable, "-c", script], BREADCRUMB_DISABLE="1")
    term.read(b"ready")
    term.type(b"\x03")
    status, out = term.finish()
    has(out, "count 1")
    same(status, 0)


@test
def interrupted_command_interrupts_record():
    term = Terminal(["record", "-q", "--", "sh", "-c", "echo ready; exec sleep 60"])
    term.read(b"ready")
    term.type(b"\x03")
    same(term.finish()[0], -signal.SIGINT)


@test
def stop_and_continue_work_in_a_shell():
    term = Terminal(["--norc", "-i"], program=["bash"], PS1="$ ", COMMAND=COMMAND)
    term.read(b"$ ")
    term.type(b'"$COMMAND" record -q -- sh -c "echo rea""dy; sleep 60; exit 9"\n')
    term.read(b"ready")
    # A shell that is about to vfork() cannot be stopped: let it get to its sleep.
    time.sleep(0.5)
    term.type(b"\x1a")
    term.read(b"Stopped")
    term.type(b"fg\n")
    time.sleep(0.5)
    term.type(b"\x03")
    time.sleep(0.2)
    term.type(b"echo left-$?\n")
    term.read(b"left-130")
    term.type(b"exit\n")
    term.finish()


def state_of(pid):
    with open("/proc/%d/stat" % pid) as stat:
        return stat.read().rpartition(")")[2].split()[0]


@test
def stopped_and_continued_by_another_process():
    child = start("echo ready; echo $$; kill -STOP $$; exit 4")
    inner = int(child.stdout.readline())
    # Without a terminal record stays awake, so whoever continues the command alone gets on.
    end = time.monotonic() + SECONDS
    while state_of(inner) != "T" and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(inner, signal.SIGCONT)
    same(child.wait(SECONDS), 4)
    child.stdout.close()


@test
def ignored_child_signal_does_not_lose_the_status():
    ignore = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    same(record("exit 6", "-q", preexec_fn=ignore)[0], 6)


@test
def signal_mask_is_the_commands():
    show = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
    plain_out = subprocess.run(["sh", "-c", show], capture_output=True, env=environment(),
                               check=True).stdout.decode()
    same(record(show, "-q")[1], plain_out)
