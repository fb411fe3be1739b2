# A package for imports.py.
from .flat import area
from . import solid

NAMES = [name for name in ("flat", "solid")]


def __getattr__(name):
    if name == "dynamic_attribute":
        return f"made {name}"
    raise AttributeError(name)
