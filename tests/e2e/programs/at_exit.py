# atexit handlers: order, arguments, one that raises, one that registers another, weakref.finalize.
import atexit
import weakref


class Thing:
    pass


def last(text):
    print("last", text)


def registers():
    print("registers")
    atexit.register(late)


def late():
    print("late")


def raises():
    raise ValueError("in atexit")


@atexit.register
def decorated():
    print("decorated", helper())


def helper():
    return "helper"


thing = Thing()
weakref.finalize(thing, last, "finalize")
atexit.register(last, text="keyword")
atexit.register(raises)
atexit.register(registers)
never = atexit.register(lambda: print("never"))
atexit.unregister(never)
print("main ends")
