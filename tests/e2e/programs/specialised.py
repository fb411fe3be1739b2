# Calls that the interpreter specialises once they are warm, each kind made hundreds of times.
class Both:
    def __init__(self, n):
        self.n = n

    def __getitem__(self, key):
        return self.n + key

    def __setitem__(self, key, value):
        self.n = key + value

    def __contains__(self, key):
        return key == self.n

    def __bool__(self):
        return self.n > 0

    def __len__(self):
        return self.n

    def __add__(self, other):
        return self.n + other

    def __eq__(self, other):
        return self.n == other

    def __lt__(self, other):
        return self.n < other

    def __call__(self, x):
        return self.n * x

    @property
    def prop(self):
        return self.n

    @classmethod
    def make(cls, n):
        return cls(n)

    @staticmethod
    def static(n):
        return n

    def method(self, x=1):
        return self.n + x

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


class Watches:
    def __getattribute__(self, name):
        return len(name)


class Falls:
    def __getattr__(self, name):
        return len(name)


class Slots(Both):
    __slots__ = ("own",)

    def method(self, x=2):
        return super().method(x)


class Iterates:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if not self.n:
            raise StopIteration
        self.n -= 1
        return self.n


def exact(a, b):
    return a + b


def defaults(a, b=2, *, c=3):
    return a + b + c


def star(*args, **keywords):
    return len(args) + len(keywords)


def numbers(n):
    for i in range(n):
        yield i


def passes(n):
    yield from numbers(n)


async def leaf():
    return 1


async def branch():
    return await leaf()


def closure(n):
    return lambda: n


def subscripts(rounds):
    one, total = Both(3), 0
    for i in range(rounds):
        total += one[i]
        one[0] = 3
        total += 3 in one
    return total


def operators(rounds):
    one, total = Both(3), 0
    for i in range(rounds):
        total += (one + i) + (one == i) + (one < i) + len(one)
        if one:
            total += one(2)
    return total


def attributes(rounds):
    one, watches, falls, total = Both(3), Watches(), Falls(), 0
    for _ in range(rounds):
        total += one.prop + one.method() + one.method(5) + watches.abc + falls.abcd
    return total


def calls(rounds):
    total, slots = 0, Slots(4)
    for i in range(rounds):
        total += exact(i, 1) + defaults(i) + defaults(i, c=5) + star(i, i, k=i) + star(*(1, 2))
        total += Both(i).n + Both.make(i).n + Both.static(i) + closure(i)() + slots.method()
    return total


def iteration(rounds):
    total = 0
    for i in range(rounds):
        for value in numbers(2):
            total += value
        for value in passes(2):
            total += value
        for value in Iterates(2):
            total += value
        total += sum(x for x in [i])
        a, b = numbers(2)
        with Both(1) as one:
            total += one.n + a + b
        try:
            branch().send(None)
        except StopIteration as stop:
            total += stop.value
    return total


def comprehensions(rounds):
    total = 0
    for i in range(rounds):
        total += len([exact(x, i) for x in (1, 2)]) + len({x: exact(x, i) for x in (1, 2)})
    return total


for function in (subscripts, operators, attributes, calls, iteration, comprehensions):
    print(function.__name__, function(150))
