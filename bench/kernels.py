# SPDX-License-Identifier: MIT
"""Small kernels: each does one thing that a recorder is told of, over and over.

kernel(loops) runs it; the number of its events does not depend on the machine."""

import threading
import types


def _fib(n):
    return n if n < 2 else _fib(n - 1) + _fib(n - 2)


def fib(loops):
    for _ in range(loops):
        _fib(15)


def _nothing(x):
    return x


def call(loops):
    for i in range(loops):
        _nothing(i)


class _Thing:
    def __init__(self):
        self.count = 0

    def add(self, n):
        self.count += n


def method(loops):
    thing = _Thing()
    for _ in range(loops):
        thing.add(1)


def _numbers(n):
    for i in range(n):
        yield i


def generator(loops):
    for _ in _numbers(loops):
        pass


async def _leaf():
    return 1


async def _inner():
    return await _leaf()


async def _outer():
    return await _inner()


async def _awaits(loops):
    for _ in range(loops):
        await _outer()


def _run(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


def awaits(loops):
    """A chain that is run to its end by a coroutine."""
    _run(_awaits(loops))


def send(loops):
    """The same, run by a function: each end is an exception there."""
    for _ in range(loops):
        try:
            _outer().send(None)
        except StopIteration:
            pass


@types.coroutine
def _suspend(loops):
    for _ in range(loops):
        yield


async def _waits(loops):
    await _suspend(loops)


async def _waits_on(loops):
    await _waits(loops)


def coroutine(loops):
    """A chain that is suspended and goes on, as in an event loop."""
    _run(_waits_on(loops))


def _fails(x):
    raise ValueError(x)


def exception(loops):
    for i in range(loops):
        try:
            _fails(i)
        except ValueError:
            pass


def lines(loops):
    a = b = 0
    for i in range(loops):
        a = i
        b = a
        a = b
        b = a
        a = b
        b = a
        a = b
        b = a
    return a + b


def threads(loops):
    each = [threading.Thread(target=call, args=(loops,)) for _ in range(2)]
    for thread in each:
        thread.start()
    for thread in each:
        thread.join()


def _modules():
    source = "def work(x):\n    return x\n"
    for number in range(10):
        module = types.ModuleType("bench_module_%d" % number)
        exec(source, module.__dict__)
        yield module.work


def modules(loops):
    """Ten modules; bench_module_3 is the one that is included."""
    a, b, c, d, e, f, g, h, i, j = _modules()
    for n in range(loops):
        a(n), b(n), c(n), d(n), e(n), f(n), g(n), h(n), i(n), j(n)


def identity(loops):
    """No Python call at all, but id(), which asks every audit hook."""
    x = object()
    for _ in range(loops):
        id(x)


KERNELS = {
    "fib": fib,
    "call": call,
    "method": method,
    "generator": generator,
    "coroutine": coroutine,
    "await": awaits,
    "send": send,
    "exception": exception,
    "lines": lines,
    "threads": threads,
    "modules": modules,
    "id": identity,
}
