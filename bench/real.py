# SPDX-License-Identifier: MIT
"""The pure-Python benchmarks of pyperformance, run in this process.

They are scripts that hand their work to pyperf, which starts processes of its own and measures wall
time.  Here a module of the same name takes the work instead, and gives it back as a function of
loops; so the scripts run as they were installed, and nothing of them is copied."""

import argparse
import asyncio
import importlib.util
import os
import platform
import runpy
import sys
import time
import types

# name: folder below pyperformance's benchmarks (without bm_), arguments
BENCHMARKS = {
    "argparse": ("argparse", ["many_optionals"]),
    "async_generators": ("async_generators", []),
    "async_tree": ("async_tree", ["none"]),
    "barnes_hut": ("barnes_hut", []),
    "base64": ("base64", ["urlsafe_small"]),
    "chaos": ("chaos", []),
    "comprehensions": ("comprehensions", []),
    "coroutines": ("coroutines", []),
    "deepcopy": ("deepcopy", []),
    "deltablue": ("deltablue", []),
    "fannkuch": ("fannkuch", []),
    "float": ("float", []),
    "generators": ("generators", []),
    "go": ("go", []),
    "hexiom": ("hexiom", []),
    "json_dumps": ("json_dumps", []),
    "logging": ("logging", ["format"]),
    "mdp": ("mdp", []),
    "meteor_contest": ("meteor_contest", []),
    "nbody": ("nbody", []),
    "nqueens": ("nqueens", []),
    "pickle_pure_python": ("pickle", ["--pure-python", "pickle"]),
    "pprint": ("pprint", []),
    "pyflate": ("pyflate", []),
    "raytrace": ("raytrace", []),
    "regex_compile": ("regex_compile", []),
    "richards": ("richards", []),
    "richards_super": ("richards_super", []),
    "scimark": ("scimark", ["sor"]),
    "spectral_norm": ("spectral_norm", []),
    "typing_protocols": ("typing_runtime_protocols", []),
    "xml_etree": ("xml_etree", ["--etree-module", "xml.etree.ElementTree", "process"]),
}


class Runner:
    """Takes what a script wants measured: the first of it."""

    work = None

    def __init__(self, *_, **__):
        self.argparser = argparse.ArgumentParser()
        self.metadata = {}

    def parse_args(self):
        return self.argparser.parse_args()

    def _take(self, run):
        if Runner.work is None:
            Runner.work = run

    def bench_func(self, name, function, *args, inner_loops=1, metadata=None):
        def run(loops):
            for _ in range(loops):
                function(*args)

        self._take(run)

    def bench_time_func(self, name, function, *args, inner_loops=1, metadata=None):
        self._take(lambda loops: function(loops, *args))

    def bench_async_func(self, name, function, *args, inner_loops=1, metadata=None,
                         loop_factory=None):
        async def all_of(loops):
            for _ in range(loops):
                await function(*args)

        self._take(lambda loops: asyncio.run(all_of(loops)))


def folder():
    spec = importlib.util.find_spec("pyperformance")
    return os.path.join(os.path.dirname(spec.origin), "data-files", "benchmarks")


def load(name):
    below, arguments = BENCHMARKS[name]
    pyperf = types.ModuleType("pyperf")
    pyperf.Runner = Runner
    pyperf.perf_counter = time.perf_counter
    pyperf.python_implementation = lambda: platform.python_implementation().lower()
    sys.modules["pyperf"] = pyperf
    script = os.path.join(folder(), "bm_" + below, "run_benchmark.py")
    sys.argv = [script] + arguments
    sys.path.insert(0, os.path.dirname(script))
    # Its functions look up their names in what run_path() gives: it has to stay.
    load.globals = runpy.run_path(script, run_name="__main__")
    if Runner.work is None:
        raise SystemExit("%s has nothing to measure" % script)
    return Runner.work
