# SPDX-License-Identifier: MIT
"""Recorders that people would take instead, as they are used from Python: name -> a function that
gives (start, stop).  What they would write to disk afterwards is not counted against them."""

import os
import sys


def viztracer(**options):
    def make():
        from viztracer import VizTracer

        tracer = VizTracer(verbose=0, **options)
        return tracer.start, tracer.stop

    return make


def cprofile():
    import cProfile

    profile = cProfile.Profile()
    return profile.enable, profile.disable


def use_yappi():
    import yappi

    yappi.set_clock_type("wall")
    return lambda: yappi.start(builtins=False), yappi.stop


class Silent:
    """What hunter writes its events to: formatting them is part of what it does."""

    def write(self, text):
        pass

    def flush(self):
        pass


def use_hunter():
    import hunter

    return lambda: hunter.trace(action=hunter.CallPrinter(stream=Silent())), hunter.stop


def coverage(core):
    def make():
        os.environ["COVERAGE_CORE"] = core
        import coverage

        cov = coverage.Coverage(data_file=None)
        return cov.start, cov.stop

    return make


def python_function(setter):
    def make():
        import threading

        def function(frame, event, argument):
            return function

        def start():
            getattr(threading, setter)(function)
            getattr(sys, setter)(function)

        def stop():
            getattr(sys, setter)(None)

        return start, stop

    return make


def use_trace0():
    import tempfile

    import trace0

    tracer = trace0.Tracer(os.path.join(tempfile.mkdtemp(dir="."), "trace.pb"))
    return tracer.__enter__, lambda: tracer.__exit__(None, None, None)


# Not here: functiontrace asks about its licence on a terminal before it records anything, and
# Debian's uftrace 0.13 comes without its module for Python.
PEERS = {
    "viztracer": viztracer(),
    "viztracer-python": viztracer(ignore_c_function=True),
    "viztracer-args": viztracer(log_func_args=True),
    "cProfile": cprofile,
    "yappi": use_yappi,
    "hunter": use_hunter,
    "coverage-c": coverage("ctrace"),
    "coverage-sysmon": coverage("sysmon"),
    "setprofile": python_function("setprofile"),
    "settrace": python_function("settrace"),
    "trace0": use_trace0,
}
