# __del__ and gc: cycles collected by hand, weakref callbacks, finalize, gc callbacks.
import gc
import weakref

gc.disable()


class Node:
    def __init__(self, name):
        self.name = name
        self.other = None

    def __del__(self):
        deleted.append(self.name)


def pair():
    a, b = Node("a"), Node("b")
    a.other, b.other = b, a


def gone(reference):
    print("gone", reference() is None)


def finalizer(name):
    print("finalized", name)


deleted = []
pair()
print("collecting")
gc.collect()
print(sorted(deleted))  # in which order a cycle's objects go is not promised
node = Node("watched")
reference = weakref.ref(node, gone)
weakref.finalize(node, finalizer, "watched")
del node
cache = weakref.WeakValueDictionary()
held = Node("held")
cache["k"] = held
print(len(cache))
del held
print(len(cache))


def callback(phase, info):
    if phase == "stop":
        print("gc", phase)


gc.callbacks.append(callback)
pair()
gc.collect()
gc.callbacks.remove(callback)


class Slot:
    __slots__ = ("node", "__weakref__")

    def __init__(self):
        self.node = Node("in slot")


slots = [Slot() for _ in range(2)]
weakref.finalize(slots[0], print, "slot ends")
slots.clear()
print(sorted(deleted))
