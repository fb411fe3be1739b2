# functools: lru_cache, cache, partial, singledispatch, cached_property, partialmethod.
import functools


@functools.lru_cache(maxsize=2)
def square(n):
    print("computing", n)
    return n * n


@functools.cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@functools.singledispatch
def describe(value):
    return "something"


@describe.register
def _(value: int):
    return f"int {value}"


@describe.register(list)
def describe_list(value):
    return [describe(v) for v in value]


class Report:
    def __init__(self, rows):
        self.rows = rows

    @functools.cached_property
    def total(self):
        print("adding up")
        return sum(self.rows)

    def show(self, kind, value):
        return f"{kind}={value}"

    show_total = functools.partialmethod(show, "total")

    @functools.singledispatchmethod
    def take(self, value):
        return "other"

    @take.register
    def _(self, value: str):
        return "text"


print(square(2), square(2), square(3), square(4), square(2), square.cache_info().hits)
print(fibonacci(20), describe("x"), describe(3), describe([1, "a"]))
report = Report([1, 2])
print(report.total, report.total, report.show_total(9), report.take(1), report.take("s"))
print(functools.partial(report.show, "k")(value=1))
