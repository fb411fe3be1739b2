# sys.exit deep inside functions, with finally and with on the way out, and atexit.
import atexit
import sys


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        print("exit", kind.__name__)


def deep(n):
    try:
        if n == 0:
            sys.exit(7)
        deep(n - 1)
    finally:
        print("leaving", n)


atexit.register(lambda: print("first registered"))
atexit.register(print, "last registered")
with Manager():
    deep(3)
