"""Coroutines."""

import asyncio


async def leaf(n):
    await asyncio.sleep(0)
    return n


async def chain(n):
    if n == 0:
        return await leaf(10)
    return 1 + await chain(n - 1)


async def fails(text):
    await asyncio.sleep(0)
    raise ValueError(text)


async def catches():
    try:
        await fails("awaited")
    except ValueError as error:
        return str(error)


async def waits(event):
    try:
        await event.wait()
    except asyncio.CancelledError:
        await leaf(0)
        raise


async def numbers(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def adds():
    total = 0
    async for number in numbers(3):
        total += number
    return total


async def leaves_early():
    stream = numbers(5)
    async for number in stream:
        if number == 1:
            break
    await stream.aclose()


class Room:
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, kind, value, traceback):
        return kind is ValueError


async def inside():
    async with Room():
        await fails("in the room")
    return "out"


async def everything():
    first = await asyncio.gather(leaf(1), chain(3), leaf(2))
    await catches()
    await adds()
    await leaves_early()
    await inside()
    task = asyncio.ensure_future(waits(asyncio.Event()))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        first = len(first)
    return first


def prepare(spawn):
    return None


def main(spawn, prepared):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(everything())
    try:
        loop.run_until_complete(fails("to the top"))
    except ValueError:
        pass
    loop.close()
