"""Calls, results and exceptions."""

import contextlib
import importlib
import sys

import myapp
from myapp.vendor import tools


def add(a, b=2, *rest, c=3, **named):
    total = a + b + c
    for each in rest:
        total += each
    for name in sorted(named):
        total += named[name]
    return total


def nothing():
    pass


def one_line(): return "one"


def swap(first, second, /, third=None):
    first, second = second, first
    del third
    return first, second


def many_types(nil, yes, number, real, text, rest):
    copy = text * 2
    return copy


class Account:
    fee = 1

    def __init__(self, owner, balance=0.5):
        self.owner = owner
        self.balance = balance

    @property
    def rich(self):
        return self.balance > 100

    @classmethod
    def of(cls, owner):
        return cls(owner, 200.5)

    @staticmethod
    def rate(n):
        return n / 4

    def __add__(self, amount):
        self.balance += amount
        return self

    def __len__(self):
        return 3


def made_here(base):
    class Local(base):
        size = len("abc")

        def grow(self, n):
            return super().__len__() + n

    return Local("local").grow(1)


def counter(start):
    count = start

    def step(by):
        nonlocal count
        count += by
        return count

    step(1)
    step(2)
    return count


def factorial(n):
    if n < 2:
        return 1
    return n * factorial(n - 1)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def loops(n):
    total = 0
    while True:
        total += n
        if total > 10:
            break
    else:
        total = -1
    for i in range(n):
        if i % 2:
            continue
        total += i
    return total if total else None


def raises(kind, message):
    number = 1
    raise kind(message * number)


def catches(kind):
    result = None
    try:
        raises(kind, "caught")
    except KeyError as error:
        result = str(error)
    except ValueError:
        result = "value"
    return result


def own_and_caught(text):
    try:
        value = int(text)
    except ValueError:
        value = -1
    return value


def cleans_up(log):
    done = False
    try:
        raises(ValueError, "dirty")
    finally:
        done = nothing() is None
        log.append(done)


def returns_in_finally():
    try:
        raises(ValueError, "swallowed")
    finally:
        return "finally"


def chained():
    try:
        raises(KeyError, "first")
    except KeyError as error:
        raise RuntimeError("second") from error


def again():
    try:
        raises(OSError, "again")
    except OSError:
        nothing()
        raise


def deep(n):
    if n == 0:
        raise ArithmeticError
    return deep(n - 1)


class Door:
    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        return kind is ValueError


def guarded(kind):
    with Door() as door:
        raises(kind, "at the door")
    return door is not None


def suppressed():
    with contextlib.suppress(ValueError):
        raises(ValueError, "suppressed")
    return 1


def back(n, m=0):
    return tools.twice(n) + m


def through_vendor():
    first = tools.call(back, 3)
    total = 0
    for value in tools.each((1, 2)):
        total += back(value)
    nobody = tools.quietly(chained_value)
    return nobody or first + total


def chained_value():
    return tools.call(raises, ValueError, "to the vendor")


def called_from_c():
    pairs = sorted((3, 1, 2), key=lambda n: -n)
    total = sum(map(back, pairs))
    return total


def unhandled(n):
    values = {}
    return values[n]


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Exception:
        return None


def prepare(spawn):
    sys.modules.pop("myapp.late", None)
    return 7


def main(spawn, number):
    myapp.version()
    add(1)
    add(1, 2, 3, 4, c=5, d=6, e=7)
    nothing()
    one_line()
    swap(1, "two")
    many_types(None, True, 2**70, 1.5, "text", [1, 2])
    account = Account.of("ann") + 5
    Account.rate(len(account)), account.rich
    made_here(Account)
    counter(5)
    factorial(12)
    even(7)
    loops(4)
    catches(KeyError)
    catches(ValueError)
    attempt(catches, OSError)
    own_and_caught("x")
    own_and_caught("17")
    attempt(cleans_up, [])
    returns_in_finally()
    attempt(chained)
    attempt(again)
    attempt(deep, 5)
    guarded(ValueError)
    attempt(guarded, KeyError)
    suppressed()
    attempt(through_vendor)
    called_from_c()
    attempt(add)
    importlib.import_module("myapp.late").greet("you")
    for n in range(60):  # often enough for specialised code
        attempt(catches if n % 3 else back, ValueError if n % 3 else n)
    unhandled(number)
