# A chain of coroutines twenty deep, driven by hand; one closed, one left to die.
class Pause:
    def __await__(self):
        yield


async def link(depth):
    if depth == 0:
        await Pause()
        return 1
    return 1 + await link(depth - 1)


def drive(coroutine):
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value


print(drive(link(20)))
half = link(5)
half.send(None)
half.close()
other = link(3)
other.send(None)
del other
thrown = link(3)
thrown.send(None)
try:
    thrown.throw(ValueError("through all"))
except ValueError as error:
    print(error)


async def catches():
    try:
        await link(2)
    except KeyError:
        return "caught"


one = catches()
one.send(None)
try:
    one.throw(KeyError)
except StopIteration as stop:
    print(stop.value)
