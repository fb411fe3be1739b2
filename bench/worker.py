# SPDX-License-Identifier: MIT
"""Runs one kernel once, in a process of its own, under whatever it was started with.

    python worker.py SUITE NAME LOOPS [PEER]

SUITE is `small` (kernels.py), `real` (pyperformance's benchmarks, real.py) or `program`
(programs.py).  PEER is a recorder that lives in Python (peers.py), started just before
the measured part and stopped just after.  The last line of standard output is JSON:
cpu and wall of the measured part in nanoseconds, peak memory in KiB."""

import importlib
import json
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def kernel(suite, name):
    if suite == "small":
        return importlib.import_module("kernels").KERNELS[name]
    if suite == "real":
        return importlib.import_module("real").load(name)
    return importlib.import_module("programs").load(name)


def main():
    suite, name, loops = sys.argv[1], sys.argv[2], int(sys.argv[3])
    peer = sys.argv[4] if len(sys.argv) > 4 else None
    run = kernel(suite, name)
    if peer:
        start, stop = importlib.import_module("peers").PEERS[peer]()
    else:
        start = stop = lambda: None
    run(1)  # imports, caches and the interpreter's specializations
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    start()
    run(loops)
    stop()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.flush()
    print(json.dumps({"cpu": cpu, "wall": wall, "peak": peak}), flush=True)
    if peer:
        os._exit(0)  # what a peer would do at its end is not our business


main()
