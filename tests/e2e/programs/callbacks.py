# Python functions called from C: sort, map, filter, reduce, itertools, re.sub, str methods, json.
import functools
import itertools
import json
import re


class Key:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return self.n < other.n

    def __eq__(self, other):
        return self.n == other.n

    def __hash__(self):
        return self.n


def compare(a, b):
    return (a > b) - (a < b)


def replace(match):
    return match.group(0).upper()


def fails(x):
    if x == 2:
        raise ValueError(x)
    return x


print([k.n for k in sorted(map(Key, [3, 1, 2]))], sorted([2, 1, 3], key=functools.cmp_to_key(compare)))
print(list(map(lambda x, y: x + y, [1, 2], [3, 4])), list(filter(lambda x: x % 2, range(5))))
print(functools.reduce(lambda a, b: a * b, range(1, 5)))
print([(k, list(g)) for k, g in itertools.groupby("aabb", key=lambda c: c.upper())])
print(list(itertools.takewhile(lambda x: x < 3, itertools.count())))
print(list(itertools.accumulate([1, 2, 3], lambda a, b: a * 10 + b)))
print(list(itertools.starmap(compare, [(1, 2), (2, 1)])), list(itertools.dropwhile(lambda x: x < 2, range(4))))
print(re.sub("b", replace, "abc"), json.dumps({"k": {1}}, default=sorted), json.loads("[1.5]", parse_float=lambda s: "f" + s))
print(len({Key(1), Key(1), Key(2)}), [Key(1)].index(Key(1)), iter(lambda: 5, 5).__class__.__name__)
calls = iter([1, 2, 0])
print(list(iter(lambda: next(calls), 0)))
try:
    list(map(fails, range(5)))
except ValueError as error:
    print("from map", error)
try:
    sorted([1, 2, 3], key=fails)
except ValueError as error:
    print("from sorted", error)
print(sum(map(fails, [0, 1])), any(map(fails, [0, 1, 2])))
