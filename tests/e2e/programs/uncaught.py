# An exception that nobody catches ends the program: traceback, status 1.
import atexit


def goodbye():
    print("goodbye")


def inner(n):
    return 10 // n


def outer(n):
    try:
        return inner(n)
    finally:
        print("cleaning")


atexit.register(goodbye)
print(outer(5))
outer(0)
