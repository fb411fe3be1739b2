# An uncaught exception with cause and context, through a generator and a class; own excepthook.
import sys


def hook(kind, value, traceback):
    print("hook", kind.__name__, value)
    sys.__excepthook__(kind, value, traceback)


class Loader:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False

    def items(self):
        yield 1
        try:
            yield {}["two"]
        except KeyError as error:
            raise LookupError("no two") from error


sys.excepthook = hook
with Loader() as loader:
    for item in loader.items():
        print(item)
