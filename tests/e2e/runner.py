# SPDX-License-Identifier: MIT
"""Runs tests: each in a process of its own, some at once, none longer than it may."""

import ctypes
import glob
import json
import os
import pathlib
import selectors
import signal
import sys
import tempfile
import time
import traceback

from harness import Context, Failure, Skip


def run_here(setup, job, pipe):
    """Runs one test in this process, which was forked for it, and tells the outcome."""
    os.setsid()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans stay findable
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="t", dir=setup.tmp))
    answer = {"outcome": "passed", "text": "", "tmp": str(tmp)}
    ctx = Context(setup, job, tmp)
    try:
        job.function(ctx, **job.keywords)
    except Skip as skip:
        answer.update(outcome="skipped", text=str(skip))
    except Failure as failure:
        answer.update(outcome="failed", text=str(failure) + "\n" + _where(failure))
    except BaseException:
        answer.update(outcome="failed", text=traceback.format_exc())
    if answer["outcome"] == "failed" and ctx.commands:
        answer["text"] += "\nlast commands:\n  " + "\n  ".join(ctx.commands[-3:])
    with open(pipe, "w", encoding="utf-8", errors="backslashreplace") as out:
        json.dump(answer, out)


def _where(failure):
    frames = [
        f
        for f in traceback.extract_tb(failure.__traceback__)
        if not f.filename.endswith(("harness.py", "runner.py"))
    ]
    return "".join(f"at {f.filename}:{f.lineno}: {f.line}\n" for f in frames[-1:])


def descendants(root):
    """Every process below root, from /proc."""
    children = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat, encoding="utf-8", errors="replace") as file:
                pid, rest = file.read().split(" (", 1)
        except (OSError, ValueError):
            continue
        parent = int(rest.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(pid))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def end_tree(pid):
    """Ends a test's process and all that it started, sessions of their own included."""
    for each in [pid, *descendants(pid)]:
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Worker:
    """A job in its own process."""

    def __init__(self, setup, job):
        self.job = job
        self.data = b""
        self.started = time.monotonic()
        self.pipe, write_end = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pipe)
            try:
                run_here(setup, job, write_end)
            finally:
                os._exit(0)
        os.close(write_end)

    def outcome(self):
        """After the pipe has closed: (outcome, text, seconds)."""
        end_leftovers(self.pid)
        os.waitpid(self.pid, 0)
        os.close(self.pipe)
        seconds = time.monotonic() - self.started
        if not self.data:
            return "failed", "the test's process died without an answer", seconds
        answer = json.loads(self.data)
        return answer["outcome"], answer["text"], seconds


def end_leftovers(pid):
    for each in descendants(pid):
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            pass


def run_jobs(setup, jobs, width, report):
    """Runs the jobs, `width` at a time, and reports each outcome."""
    selector = selectors.DefaultSelector()
    waiting, running = list(reversed(jobs)), set()
    while waiting or running:
        while waiting and len(running) < width:
            worker = Worker(setup, waiting.pop())
            running.add(worker)
            selector.register(worker.pipe, selectors.EVENT_READ, worker)
        for key, _ in selector.select(0.5):
            worker = key.data
            data = os.read(worker.pipe, 65536)
            if data:
                worker.data += data
                continue
            selector.unregister(worker.pipe)
            running.discard(worker)
            report(worker.job, *worker.outcome())
        for worker in [w for w in running if time.monotonic() - w.started > w.job.timeout]:
            end_tree(worker.pid)
            selector.unregister(worker.pipe)
            running.discard(worker)
            worker.data = b""
            seconds = worker.outcome()[2]
            report(worker.job, "failed", f"not done after {worker.job.timeout} s", seconds)
