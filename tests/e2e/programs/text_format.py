# String formatting: f-strings with calls, __format__, __str__, __repr__, templates, padding.
import string


class Money:
    def __init__(self, cents):
        self.cents = cents

    def __format__(self, spec):
        return format(self.cents / 100, spec or ".2f")

    def __str__(self):
        return f"{self:.2f} Euro"

    def __repr__(self):
        return f"Money({self.cents!r})"


class Default(dict):
    def __missing__(self, key):
        return f"<{key}>"


class Fails:
    def __str__(self):
        raise ValueError("no text")


def name():
    return "n"


money = Money(1234)
print(f"{money} {money!s} {money!r} {money:8.1f} {name()!r:>5} {name():{'>4'}}")
print("{a} {b:>{width}}".format(a=money, b=name(), width=6), "%s|%r" % (money, money))
print("{x} {y}".format_map(Default(x=1)), string.Template("$a").substitute(a=money))
try:
    f"{Fails()}"
except ValueError as error:
    print(error)
print([str(m) for m in (money, Money(5))], str(money).encode().decode())
