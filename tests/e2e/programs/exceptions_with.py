# Exceptions and context managers: swallowed, passed on, raised in __enter__ and __exit__.
import contextlib


class Manager:
    def __init__(self, name, swallow=False, fail=None):
        self.name, self.swallow, self.fail = name, swallow, fail

    def __enter__(self):
        if self.fail == "enter":
            raise RuntimeError("enter")
        print("enter", self.name)
        return self

    def __exit__(self, kind, value, traceback):
        print("exit", self.name, kind and kind.__name__)
        if self.fail == "exit":
            raise RuntimeError("exit")
        return self.swallow


@contextlib.contextmanager
def section(name):
    print("begin", name)
    try:
        yield name
    except KeyError:
        print("section caught")
    finally:
        print("end", name)


def body(*managers):
    with contextlib.ExitStack() as stack:
        for manager in managers:
            stack.enter_context(manager)
        stack.callback(print, "callback")
        raise ValueError("body")


with Manager("plain"):
    print("inside")
with Manager("swallows", swallow=True):
    raise ValueError("swallowed")
with Manager("outer", swallow=True), Manager("inner"):
    raise ValueError("through inner")
for fail in ("enter", "exit"):
    try:
        with Manager(fail, fail=fail):
            raise ValueError("body")
    except (RuntimeError, ValueError) as error:
        print(type(error).__name__, error)
with section("one"):
    print("in one")
with section("two"):
    raise KeyError("given in")
try:
    with section("three"):
        raise ValueError("not for it")
except ValueError:
    print("came out")
body(Manager("s", swallow=True), Manager("t"))
with contextlib.suppress(ZeroDivisionError):
    1 / 0


def returns_inside():
    with Manager("return"):
        return "value"


def loops():
    for i in range(3):
        with Manager(i):
            if i == 1:
                break


print(returns_inside())
loops()
