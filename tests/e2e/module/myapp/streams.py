"""Generators."""

import gc

from myapp.vendor import tools


def count(n):
    for i in range(n):
        yield i
    return "counted"


def echo():
    got = None
    while got != "stop":
        try:
            got = yield got
        except KeyError as error:
            got = str(error)
        except GeneratorExit:
            got = "closed"
            raise
    return got


def careful(log):
    try:
        yield 1
        yield 2
    finally:
        log.append(len(log))


def outer(n):
    result = yield from count(n)
    yield result


def deep_outer(n):
    yield from outer(n)
    return n


def fails(n):
    yield n
    raise ValueError(f"after {n}")


def delegate_failure():
    try:
        yield from fails(1)
    except ValueError as error:
        yield str(error)


def endless():
    n = 0
    while True:
        yield n
        n += 1


class Steps:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        self.n -= 1
        if self.n < 0:
            raise StopIteration
        return self.n


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Exception:
        return None


def prepare(spawn):
    """One that has begun."""
    begun = count(3)
    next(begun)
    talking = echo()
    next(talking)
    return begun, talking


def main(spawn, prepared):
    begun, talking = prepared
    list(begun)
    talking.send("hello")
    talking.throw(KeyError("k"))
    attempt(talking.send, "stop")
    list(count(3))
    list(deep_outer(2))
    other = echo()
    next(other)
    other.close()
    log = []
    half = careful(log)
    next(half)
    half.close()
    for value in careful(log):
        log.append(value)
    attempt(list, fails(5))
    list(delegate_failure())
    squares = (n * n for n in range(3))
    total = sum(squares)
    for value in endless():
        if value == 3:
            break
    del value
    gc.collect()
    for step in Steps(2):
        total += step
    for value in tools.each((1, 2)):
        total += value
    left = careful(log)
    next(left)
    attempt(left.throw, OSError("thrown"))
    for n in range(30):
        for value in count(2):
            total += value
    return total
