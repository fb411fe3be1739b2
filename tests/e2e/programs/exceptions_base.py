# KeyboardInterrupt, SystemExit, GeneratorExit and BaseException raised by hand and caught.
import sys


def interrupts():
    raise KeyboardInterrupt


def leaves():
    sys.exit(3)


class Odd(BaseException):
    pass


def odd():
    raise Odd("odd")


for function in (interrupts, leaves, odd):
    try:
        try:
            function()
        except Exception:
            print("never")
    except BaseException as error:
        print(type(error).__name__, error.args)
