# SPDX-License-Identifier: MIT
"""What a kernel runs under: nothing, the floor, the agent in its modes, a peer."""


class Setup:
    """`environment` is added to the worker's; `peer` is started inside of it; `preload` names the
    library; `minors` are the versions 3.x that have it; `part` of the loops are run, where they
    would take minutes; `needs` names a package."""

    def __init__(self, name, environment=None, preload=None, peer=None, minors=range(10, 16),
                 part=1, needs=None):
        self.name = name
        self.environment = environment or {}
        self.preload = preload
        self.peer = peer
        self.minors = minors
        self.part = part
        self.needs = needs


OLD, NEW = range(10, 12), range(12, 16)


def floor(name, what, minors):
    return Setup(name, {"BENCH_FLOOR": what}, "floor", minors=minors)


def agent(name, minors=range(10, 16), **variables):
    return Setup(name, {"BREADCRUMB_" + key: value for key, value in variables.items()}, "agent",
                 minors=minors)


def peer(name, needs, minors=range(10, 16), part=0.1):
    return Setup(name, peer=name, minors=minors, part=part, needs=needs)


SETUPS = [
    Setup("untraced"),
    Setup("untraced again"),
    floor("floor", "monitoring", NEW),
    floor("floor", "frame", OLD),
    floor("floor with RAISE", "raises", NEW),
    floor("floor called directly", "direct", NEW),
    floor("floor one module", "module", NEW),
    floor("floor lines", "lines", range(10, 16)),
    floor("C profile function", "profile", range(10, 16)),
    floor("C trace function", "trace", range(10, 16)),
    agent("agent"),
    agent("agent settrace", BACKEND="settrace"),
    agent("agent lines", CAPTURE_LINES="1"),
    agent("agent locals", CAPTURE_LOCALS="1"),
    agent("agent values", CAPTURE_LOCALS="1", CAPTURE_RETURNS="1"),
    agent("agent one module", INCLUDE="bench_module_3"),
    agent("agent excluded", EXCLUDE="*"),
    floor("empty audit hook", "audit", range(10, 16)),
    peer("setprofile", None),
    peer("settrace", None),
    peer("cProfile", None),
    peer("viztracer", "viztracer"),
    peer("viztracer-python", "viztracer"),
    peer("viztracer-args", "viztracer"),
    peer("yappi", "yappi"),
    peer("hunter", "hunter", part=0.01),
    peer("coverage-c", "coverage"),
    peer("coverage-sysmon", "coverage", NEW),
    peer("trace0", "trace0", range(13, 16)),
]
