# Exceptions inside generators: raised, handled, StopIteration turned into RuntimeError.
def fails(after):
    for i in range(after):
        yield i
    raise ValueError(f"after {after}")


def handles():
    try:
        yield from fails(1)
    except ValueError as error:
        yield str(error)
    yield "end"


def stops():
    yield 1
    raise StopIteration("by hand")


def cleans():
    try:
        yield 1
        raise OSError("broken")
    finally:
        print("cleaned")


for make in (lambda: fails(2), handles, stops, cleans):
    try:
        for value in make():
            print(value)
    except (ValueError, RuntimeError, OSError) as error:
        print(type(error).__name__, error, type(error.__cause__).__name__)

print(next(iter(()), "default"))
try:
    next(iter(()))
except StopIteration:
    print("stop")


class Stops:
    def __init__(self):
        self.left = 2

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        return self.left


print(list(Stops()))
for value in Stops():
    print(value)
