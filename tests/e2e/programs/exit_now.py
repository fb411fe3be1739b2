# os._exit: no atexit, no finally; what was recorded before must be there.
import atexit
import os
import sys


def work(n):
    return sum(range(n))


def leave():
    try:
        print(work(10))
        sys.stdout.flush()
        os._exit(9)
    finally:
        print("never")


atexit.register(print, "never")
leave()
