# Iterator classes, __getitem__ iteration, __iter__ as a generator, tee, chain, islice, enumerate.
import itertools


class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n


class Old:
    def __getitem__(self, index):
        if index > 2:
            raise IndexError(index)
        return index * 10


class Tree:
    def __init__(self, value, *children):
        self.value, self.children = value, children

    def __iter__(self):
        yield self.value
        for child in self.children:
            yield from child

    def __length_hint__(self):
        return 3


tree = Tree(1, Tree(2, Tree(3)), Tree(4))
print(list(Countdown(3)), list(Old()), list(tree), sum(tree))
for index, value in enumerate(Countdown(2)):
    print(index, value)
a, b = itertools.tee(Countdown(3))
print(list(a), list(b), list(itertools.islice(tree, 2)), list(itertools.chain(tree, Old())))
print([x for pair in zip(Countdown(2), Old()) for x in pair], max(Countdown(4)), 1 in Old())
it = iter(Countdown(1))
print(next(it), next(it, "end"), tuple(Tree(9)), dict(enumerate(Old())))
x, y, z = Old()
first, *_ = Countdown(5)
print(x, y, z, first)
