# Operators overloaded: arithmetic, reflected, in place, comparison, container, conversion, hash.
import functools


@functools.total_ordering
class Number:
    def __init__(self, n):
        self.n = n

    def __add__(self, other):
        if not isinstance(other, (Number, int)):
            return NotImplemented
        return Number(self.n + getattr(other, "n", other))

    def __radd__(self, other):
        return self + other

    def __iadd__(self, other):
        self.n += getattr(other, "n", other)
        return self

    def __neg__(self):
        return Number(-self.n)

    def __matmul__(self, other):
        return self.n * other.n

    def __eq__(self, other):
        return self.n == getattr(other, "n", other)

    def __lt__(self, other):
        return self.n < other.n

    def __hash__(self):
        return hash(self.n)

    def __bool__(self):
        return self.n != 0

    def __index__(self):
        return self.n

    def __int__(self):
        return self.n

    def __format__(self, spec):
        return f"[{self.n:{spec}}]" if spec else "[]"

    def __str__(self):
        return f"n{self.n}"

    def __repr__(self):
        return f"N({self.n})"


class Bag:
    def __init__(self, *items):
        self.items = list(items)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, key):
        return self.items[key]

    def __setitem__(self, key, value):
        self.items[key] = value

    def __delitem__(self, key):
        del self.items[key]

    def __contains__(self, item):
        return item in self.items

    def __iter__(self):
        yield from self.items

    def __reversed__(self):
        return (x for x in self.items[::-1])


one, two = Number(1), Number(2)
print(one + two, 5 + one, sum([one, two]), -two, one @ two, one < two, one >= two)
one += 4
print(one, bool(Number(0)), [10, 20, 30][Number(2)], int(two), max([one, two]))
print(f"{two}", f"{two:4d}", "{0} {0!r} {0:03d}".format(two), "%s %r" % (two, two))
print({Number(3): "three"}[Number(3)], Number(3) in {Number(3)}, sorted([two, one, Number(3)]))
bag = Bag(1, 2, 3)
bag[0] = 9
del bag[1]
print(len(bag), bag[0], 3 in bag, list(bag), list(reversed(bag)), *bag)
first, second = bag
try:
    one + "x"
except TypeError:
    print("not added")
match bag:
    case [a, b]:
        print("not a sequence for match", a, b)
    case _:
        print("no match")
