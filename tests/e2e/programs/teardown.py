# Objects that die when the interpreter ends: __del__ of globals, generators left suspended.
class Last:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        report(self.name)


def report(name, write=print):
    write("del", name)


def suspended():
    try:
        yield 1
    finally:
        print("suspended ends")


def local():
    inner = Last("local")
    return inner.name


kept = Last("kept")
generator = suspended()
next(generator)
print(local())
