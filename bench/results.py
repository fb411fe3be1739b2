# SPDX-License-Identifier: MIT
"""What bench/run wrote, as figures."""

import json
import statistics


class Result:
    """One kernel on one interpreter."""

    def __init__(self, line):
        told = json.loads(line)
        self.about = {key: told[key] for key in ("version", "linkage", "machine", "system", "cpus",
                                                 "at")}
        self.version = told["version"]
        self.suite, self.kernel, self.loops = told["suite"], told["kernel"], told["loops"]
        self.failed = told.get("failed")
        self.runs = told["setups"]

    def times(self, setup):
        """Nanoseconds per loop of each run; empty: there is none."""
        return [run["cpu"] / run["loops"] for run in self.runs.get(setup, []) if "cpu" in run]

    def least(self, setup):
        times = self.times(setup)
        return min(times) if times else None

    def median(self, setup):
        times = self.times(setup)
        return statistics.median(times) if times else None

    def added(self, setup):
        """What a set-up adds to a loop, by the least times."""
        least = self.least(setup)
        return None if least is None else least - self.least("untraced")

    def ratio(self, setup, value=min):
        times = self.times(setup)
        return value(times) / value(self.times("untraced")) if times else None

    def noise(self):
        """How far two untraced runs are apart, as a part of one."""
        pair = [self.least("untraced"), self.least("untraced again")]
        return None if None in pair else abs(pair[1] - pair[0]) / pair[0]

    def of_trace(self, setup, what):
        """`events`, `bytes` or `lost` of a run with the agent."""
        return next((run[what] for run in self.runs.get(setup, []) if what in run), None)


def load(path):
    with open(path) as lines:
        return [Result(line) for line in lines if line.strip()]


def by_version(results):
    versions = {}
    for result in results:
        versions.setdefault(result.version, []).append(result)
    return versions
