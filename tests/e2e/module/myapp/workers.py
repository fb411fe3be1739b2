"""Threads."""

import threading


def step(n):
    m = n + 1
    return m


def steps(name, n):
    total = 0
    for i in range(n):
        total += step(i)
    return total


def work(name, n, barrier):
    total = steps(name, n)
    barrier.wait()
    return total


def fails(name, barrier):
    barrier.wait()
    raise ValueError(name)


def numbers(name, n):
    for i in range(n):
        yield i


def stream(name, barrier):
    total = sum(numbers(name, 5))
    barrier.wait()
    return total


def patient(wake, ready, go):
    """Runs when it is begun to look."""
    half = numbers("half", 3)
    next(half)
    ready.set()
    go.wait()
    wake()
    total = steps("patient", 3)
    try:
        fails("patient", threading.Barrier(1))
    except ValueError:
        total += 1
    total += sum(half)
    return total


def prepare(spawn):
    ready, go = threading.Event(), threading.Event()
    spawn.thread(patient, spawn.enter, ready, go)
    ready.wait()
    return go


def main(spawn, go):
    barrier = threading.Barrier(6)
    for n in range(2):
        spawn.thread(work, f"thread {n}", 3 + n, barrier)
        spawn.raw(work, f"raw {n}", 5 + n, barrier)
    spawn.thread(fails, "fails", barrier)
    spawn.raw(stream, "stream", barrier)
    steps("main", 4)
    go.set()
    spawn.join()
