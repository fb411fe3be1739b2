# stack: deep
# Recursion to 20,000 with a raised limit, in a thread with a big stack, and back by exception.
import sys
import threading

DEPTH = 20000


def down(n):
    if n == 0:
        return 0
    return 1 + down(n - 1)


def falls(n):
    if n == 0:
        raise ValueError("bottom")
    falls(n - 1)


def run():
    print(down(DEPTH))
    try:
        falls(2000)
    except ValueError as error:
        print(error)


sys.setrecursionlimit(DEPTH + 1000)
threading.stack_size(512 * 1024 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
