# Imports: a package, relative, circular, by importlib, lazily in a function, failing, reloaded.
import importlib
import sys

import shapes
from shapes import area
from shapes.solid import Cube, make


def lazily():
    from shapes import late

    return late.value()


def missing():
    try:
        import shapes.nowhere  # noqa: F401
    except ImportError as error:
        return error.name


def broken():
    try:
        import shapes.broken  # noqa: F401
    except ZeroDivisionError:
        return "shapes.broken" in sys.modules


print(area(3), Cube(2).volume(), make(3).volume(), shapes.NAMES)
print(lazily(), lazily(), missing(), broken())
circular = importlib.import_module("shapes.first")
print(circular.both(), importlib.reload(shapes.flat).UNIT)
print(shapes.dynamic_attribute, hasattr(shapes, "no_such_thing"))
print(getattr(importlib.import_module(".flat", "shapes"), "area")(2))
