# __del__ that raises (nobody can catch it), that runs in a handler, and resurrection.
import sys


class Raises:
    def __del__(self):
        raise ValueError("in __del__")


class Counts:
    saved = []

    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)
        if self.name == "lives":
            self.name = "lived"
            Counts.saved.append(self)


def hook(unraisable):
    print("unraisable", type(unraisable.exc_value).__name__)


one = Raises()
del one
sys.unraisablehook = hook
two = Raises()
del two
three = Counts("plain")
del three
four = Counts("lives")
del four
print([c.name for c in Counts.saved])
Counts.saved.clear()


def scope():
    local = Counts("local")
    raise KeyError(local.name)


try:
    scope()
except KeyError as error:
    print("caught", error)
print("end")
