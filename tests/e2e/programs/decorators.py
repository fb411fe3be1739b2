# Decorators: plain, with arguments, stacked, of classes, as classes, with wraps.
import functools


def trace(function):
    @functools.wraps(function)
    def wrapper(*args, **keywords):
        print("before", function.__name__)
        result = function(*args, **keywords)
        print("after", function.__name__)
        return result

    return wrapper


def repeat(times):
    def decorate(function):
        def wrapper(*args):
            return [function(*args) for _ in range(times)]

        return wrapper

    return decorate


class Counted:
    def __init__(self, function):
        self.function = function
        self.calls = 0

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)

    def __get__(self, instance, owner):
        return functools.partial(self, instance)


def tagged(cls):
    cls.tag = cls.__name__.upper()
    return cls


@trace
@repeat(2)
def greet(name):
    return f"hello {name}"


@Counted
def add(a, b):
    return a + b


@tagged
class Thing:
    @Counted
    def method(self, x):
        return x * 2

    @trace
    def other(self):
        return self.method(4)


print(greet("x"), add(1, 2), add(3, 4), add.calls, Thing.tag, Thing().other())
