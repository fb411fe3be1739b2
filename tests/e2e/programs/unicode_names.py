# Names beyond ASCII, in functions, classes, exceptions and attributes.
class Größe(Exception):
    def maß(self):
        return "µ"


def тест(é):
    if é:
        raise Größe("ä")
    return "ok"


class 数:
    def __call__(self):
        return тест(False)


print(数()(), Größe().maß())
try:
    тест(True)
except Größe as error:
    print(type(error).__name__, error)
λ = lambda: "λ"  # noqa: E731
print(λ())
