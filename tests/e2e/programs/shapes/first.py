# Imports second, which imports this one.
from . import second


def name():
    return "first"


def both():
    return name(), second.other()
