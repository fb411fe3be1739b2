# async/await with asyncio: tasks, gather, a chain of coroutines, results and exceptions.
import asyncio


async def leaf(n):
    await asyncio.sleep(0)
    return n * 2


async def middle(n):
    first = await leaf(n)
    second = await leaf(first)
    return second


async def fails():
    await asyncio.sleep(0)
    raise ValueError("in a task")


async def main():
    print(await middle(1))
    print(await asyncio.gather(middle(2), leaf(3), middle(4)))
    task = asyncio.ensure_future(fails())
    try:
        await task
    except ValueError as error:
        print("caught", error)
    print(await asyncio.gather(fails(), leaf(5), return_exceptions=True))
    return "done"


print(asyncio.run(main()))
