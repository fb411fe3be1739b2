# SPDX-License-Identifier: MIT
"""Runs one part of myapp while it is looked at, and prints what was seen.

    drive.py WATCHER PART LINES

WATCHER: a backend of breadcrumb_agent by the name of its class, or one of recorder.py's.  PART: a
module of myapp.  LINES: 1 to see lines, too.  Printed is one line of JSON: a list for each thread,
the main thread's first, of rows [kind, function, module, file, line, locals, result, exception].
"""

import _thread
import importlib
import json
import os
import sys
import threading

import recorder

PLAIN = (type(None), bool, int, float, str)


def row(event):
    """A TraceEvent as recorder.py writes events."""
    for value in (*event.locals.values(), event.return_value):
        if type(value) not in PLAIN:
            raise TypeError(f"{value!r} in {event}")
    return [event.event_type, event.function_name, event.module, event.filename,
            event.line_number, event.locals, event.return_value, event.exception]


class Backend:
    """One of breadcrumb_agent, with the interface of recorder.py's."""

    def __init__(self, name, lines):
        import breadcrumb_agent

        self.told = []
        self.backend = getattr(breadcrumb_agent, name)(
            callback=self.told.append,
            include_patterns=["myapp.*"],
            exclude_patterns=["myapp.vendor.*"],
            capture_locals=True,
            capture_lines=lines,
        )
        self.start = self.backend.start
        self.stop = self.backend.stop

    def enter(self):
        """At the start of each thread: nothing to do."""

    def threads(self):
        threads, told = {}, {}
        for event in self.backend.get_events(all_threads=True):
            threads.setdefault(event.thread_id, []).append(event)
        for event in self.told:
            told.setdefault(event.thread_id, []).append(event)
        assert told == threads, "the callback was told something else"
        assert threads.get(_thread.get_ident(), []) == self.backend.get_events()
        return {ident: [row(event) for event in events] for ident, events in threads.items()}


def watch(name, lines):
    kind = getattr(recorder, name, None)
    return kind(lines) if kind else Backend(name, lines)


class Spawn:
    """How the parts start threads."""

    def __init__(self, enter):
        self.enter = enter
        self.running = []

    def thread(self, function, *arguments):
        thread = threading.Thread(target=self.body, args=(function, arguments))
        thread.start()
        self.running.append(thread.join)

    def raw(self, function, *arguments):
        ended = threading.Event()

        def life():
            try:
                self.body(function, arguments)
            finally:
                ended.set()

        _thread.start_new_thread(life, ())
        self.running.append(ended.wait)

    def body(self, function, arguments):
        self.enter()
        function(*arguments)

    def join(self):
        for wait in self.running:
            wait()


def run(module, spawn, prepared):
    try:
        module.main(spawn, prepared)
    except LookupError:
        pass  # it leaves all of myapp


def main(name, part, lines):
    module = importlib.import_module(f"myapp.{part}")
    watcher = watch(name, lines)
    spawn = Spawn(watcher.enter)
    prepared = module.prepare(spawn)
    watcher.start()
    run(module, spawn, prepared)
    watcher.stop()
    run(module, spawn, module.prepare(spawn))  # nothing of this is told
    threads = watcher.threads()
    first = threads.pop(_thread.get_ident(), [])
    others = sorted(threads.values(), key=lambda rows: json.dumps(rows, sort_keys=True))
    print(json.dumps([first, *others]).replace(os.path.dirname(__file__) + "/", ""))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] == "1")
