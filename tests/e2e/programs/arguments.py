# Arguments: positional, keyword, star, defaults, keyword-only, positional-only, unpacking, wrong ones.
def everything(a, b=2, /, c=3, *args, d, e=5, **keywords):
    return a, b, c, args, d, e, sorted(keywords.items())


def only_star(*args, **keywords):
    return len(args), len(keywords)


def mutable(value, seen=[]):
    seen.append(value)
    return len(seen)


def many(*a):
    return only_star(*a, *a, **{"x": 1}, **dict(y=2))


print(everything(1, d=4))
print(everything(1, 2, 3, 4, 5, d=6, e=7, f=8))
print(everything(*range(2), **{"d": 1, "z": 2}))
print(only_star(), many(1, 2), mutable(1), mutable(2), mutable(3, seen=[1]))
for call in (lambda: everything(), lambda: everything(1), lambda: everything(1, d=1, a=2), lambda: mutable()):
    try:
        print(call())
    except TypeError as error:
        print("TypeError", str(error).split("(")[0])
print(sorted([3, 1, 2], key=lambda x: -x), max("abc", key=ord), min([[2], [1]], key=lambda r: r[0]))
