# Delegation: yield from a generator, a list, a chain; results; send and throw through it.
def leaf(name):
    got = yield name
    print(name, "got", got)
    return name.upper()


def branch(names):
    results = []
    for name in names:
        results.append((yield from leaf(name)))
    yield from [10, 20]
    return results


def root():
    result = yield from branch(["a", "b"])
    print("result", result)


walk = root()
print(next(walk), walk.send(1), walk.send(2), next(walk))
try:
    next(walk)
except StopIteration as stop:
    print("done", stop.value)


def guarded():
    try:
        yield from leaf("x")
    except ValueError as error:
        print("caught", error)
        yield "after"


walk = guarded()
print(next(walk))
print(walk.throw(ValueError("thrown")))
walk.close()
print(list(root()))
