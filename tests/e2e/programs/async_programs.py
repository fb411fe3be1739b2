# asyncio as programs use it: queue, lock, semaphore, producer and consumer, call_soon.
import asyncio
import contextlib


@contextlib.asynccontextmanager
async def section(name):
    print("begin", name)
    try:
        yield name
    finally:
        print("end", name)


async def producer(queue, n):
    for i in range(n):
        await queue.put(i)
    await queue.put(None)


async def consumer(queue, out):
    while (item := await queue.get()) is not None:
        out.append(item * 10)


async def guarded(lock, name, log):
    async with lock:
        log.append(name)
        await asyncio.sleep(0)
        log.append(name)


async def main():
    queue, out = asyncio.Queue(1), []
    await asyncio.gather(producer(queue, 4), consumer(queue, out))
    print(out)
    lock, log = asyncio.Lock(), []
    await asyncio.gather(*(guarded(lock, n, log) for n in "abc"))
    print("".join(log))
    async with section("s") as name:
        print("in", name)
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(lambda: future.set_result("soon"))
    print(await future)


asyncio.run(main())
