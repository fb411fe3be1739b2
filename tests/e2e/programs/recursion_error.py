# oracle: says
# RecursionError caught, twice, the second time with a handler at every level.  A recorder in
# Python cannot follow to the limit, where it has no room for calls of its own: the program
# counts its calls itself, and prints how often each function was called.
import sys


def forever(n):
    calls["forever"] += 1
    return forever(n + 1)


class Node:
    def visit(self):
        calls["visit"] += 1
        try:
            return self.visit()
        finally:
            calls["left"] += 1


calls = {"forever": 0, "visit": 0, "left": 0}
sys.setrecursionlimit(200)
for function in (forever, lambda n: Node().visit()):
    try:
        function(0)
    except RecursionError as error:
        print(type(error).__name__)
print("left", calls.pop("left"))
for name, count in calls.items():
    print("calls", name, count)
