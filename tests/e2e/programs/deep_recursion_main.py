# stack: deep
# Recursion to 20,000 in the main thread, whose stack is what the user's limit gives.
import sys


def down(n):
    if n == 0:
        return 0
    return 1 + down(n - 1)


sys.setrecursionlimit(21000)
print(down(20000))
