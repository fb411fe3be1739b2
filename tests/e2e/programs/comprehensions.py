# Comprehensions of all kinds: list, set, dict, nested, in classes, with functions and walrus.
def double(x):
    return x * 2


def odd(x):
    return x % 2


class Table:
    size = 3
    rows = [[double(c) for c in range(3)] for r in range(2)]

    def cells(self):
        return {(r, c): self.value(r, c) for r in range(self.size) for c in range(self.size) if c > r}

    def value(self, r, c):
        return r * 10 + c


print([double(x) for x in range(5) if odd(x)], {odd(x) for x in range(4)})
print({k: v for k, v in zip("abc", range(3))}, Table.rows, Table().cells())
print([[y for y in range(x)] for x in range(3)], [z for x in [[1], [2, 3]] for z in x])
print([last := double(x) for x in range(3)], last)
print([(lambda: x)() for x in range(3)], [f(2) for f in [double, odd, lambda x: -x]])
print([x for x in (y for y in range(3))])
values = [x for x in range(3)]
print([x for x in values if x in [v for v in values if v]])
