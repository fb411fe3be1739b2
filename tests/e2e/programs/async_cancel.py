# Tasks cancelled: while they wait, with cleaning up, refusing once, before they start; time-out.
import asyncio


async def sleeper(name):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print(name, "cancelled")
        raise
    finally:
        print(name, "cleans")


async def refuses():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "went on"


async def main():
    for make in (lambda: sleeper("one"), refuses):
        task = asyncio.ensure_future(make())
        await asyncio.sleep(0)
        task.cancel()
        try:
            print(await task)
        except asyncio.CancelledError:
            print("was cancelled")
    early = asyncio.ensure_future(sleeper("early"))
    early.cancel()
    print(await asyncio.gather(early, return_exceptions=True))
    try:
        await asyncio.wait_for(sleeper("late"), 0.01)
    except asyncio.TimeoutError:
        print("timed out")


asyncio.run(main())
