# Asynchronous generators and comprehensions, async for, async with, driven by hand.
class Ready:
    """An awaitable that suspends once."""

    def __await__(self):
        got = yield "waiting"
        return got


class Counter:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.n:
            raise StopAsyncIteration
        self.n -= 1
        await Ready()
        return self.n


class Resource:
    async def __aenter__(self):
        await Ready()
        print("enter")
        return self

    async def __aexit__(self, kind, value, traceback):
        print("exit", kind and kind.__name__)
        await Ready()
        return kind is KeyError


async def numbers(n):
    try:
        for i in range(n):
            await Ready()
            yield i
    finally:
        print("numbers end")


async def main():
    async for value in numbers(2):
        print(value)
    async for value in Counter(2):
        print(value)
    print([x async for x in numbers(3)])
    print({x: x * x async for x in Counter(2) if x})
    print([await Ready() for _ in range(2)])
    async with Resource(), Resource():
        print("inside")
    async with Resource():
        raise KeyError("swallowed")
    partial = numbers(5)
    print(await partial.__anext__())
    await partial.aclose()
    sending = numbers(3)
    await sending.asend(None)
    try:
        await sending.athrow(ValueError("thrown"))
    except ValueError as error:
        print("caught", error)
    return "end"


def drive(coroutine):
    steps = 0
    try:
        while True:
            coroutine.send(steps or None)
            steps += 1
    except StopIteration as stop:
        return stop.value, steps


print(drive(main()))
