# send, throw and close in every state of a generator.
def echo():
    received = None
    while True:
        try:
            received = yield received
        except KeyError as error:
            received = f"caught {error.args[0]}"


def stubborn():
    try:
        yield 1
    except GeneratorExit:
        print("asked to close")
        raise
    finally:
        print("closed")


def refuses():
    try:
        yield 1
    except GeneratorExit:
        yield 2


talk = echo()
next(talk)
print(talk.send("one"), talk.send("two"), talk.throw(KeyError("k")), talk.send("three"))
try:
    talk.throw(ValueError("leaves"))
except ValueError as error:
    print("left by", error)
try:
    next(talk)
except StopIteration:
    print("is finished")
talk.close()

one = stubborn()
next(one)
one.close()
one.close()
two = stubborn()
two.close()
print("never started, closed")

three = refuses()
next(three)
try:
    three.close()
except RuntimeError as error:
    print(error)
del three

four = stubborn()
next(four)
try:
    four.throw(GeneratorExit())
except GeneratorExit:
    print("exit came through")


def running():
    try:
        yield next(me)
    except ValueError as error:
        print(error)
        yield "still here"


me = running()
print(next(me))
