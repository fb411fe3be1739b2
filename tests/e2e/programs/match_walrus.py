# match in all its shapes, the walrus operator, chained comparison, conditional expressions.
class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


def positive(n):
    return n > 0


def kind(value):
    match value:
        case 0 | 1:
            return "bit"
        case int(n) if positive(n):
            return f"positive {n}"
        case [first, *rest]:
            return f"list {kind(first)} and {len(rest)}"
        case {"key": inner, **others}:
            return f"map {kind(inner)} {len(others)}"
        case Point(0, y):
            return f"on the axis at {y}"
        case Point(x=x):
            return f"x {x}"
        case str():
            return "text"
        case None:
            return "nothing"
        case _:
            return "else"


for value in (0, 5, -5, [7, 8], {"key": "s", "o": 1}, Point(0, 2), Point(3, 4), "s", None, 1.5):
    print(kind(value))
while (n := len("abc")) and n < 5:
    print("walrus", n)
    break
print("yes" if positive(1) and not positive(-1) else "no", 0 < n < 5 and positive(n))
