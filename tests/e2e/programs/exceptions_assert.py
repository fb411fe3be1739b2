# Assertions, and exceptions in comprehensions, lambdas, decorators, default values.
def check(value):
    assert value > 0, f"{value} is not positive"
    return value


def decorated(function):
    def wrapper(*args):
        try:
            return function(*args)
        except AssertionError as error:
            print("wrapper saw", error)
            raise
        finally:
            print("wrapper leaves")

    return wrapper


def broken(function):
    raise TypeError("cannot decorate")


safe = decorated(check)
print(safe(1))
try:
    safe(-1)
except AssertionError:
    print("assertion")
try:
    [check(x) for x in (1, 0, 2)]
except AssertionError:
    print("list comprehension")
try:
    {x: check(x) for x in (1, -2)}
except AssertionError:
    print("dict comprehension")
try:
    list(check(x) for x in (1, -3))
except AssertionError:
    print("generator expression")
try:

    @broken
    def never():
        pass

except TypeError as error:
    print(error)
try:

    def default(value=check(0)):
        pass

except AssertionError:
    print("default value")
try:
    (lambda: check(-5))()
except AssertionError:
    print("lambda")
