# Closures, nonlocal, lambdas, late binding, default values, functions that make functions.
def counter():
    count = 0

    def increase(by=1):
        nonlocal count
        count += by
        return count

    def reset():
        nonlocal count
        count = 0

    return increase, reset


def compose(*functions):
    def composed(value):
        for function in functions:
            value = function(value)
        return value

    return composed


increase, reset = counter()
print(increase(), increase(5), reset(), increase())
print(compose(lambda x: x + 1, lambda x: x * 2, str)(3))
print([f() for f in [lambda: i for i in range(3)]], [f() for f in [lambda i=i: i for i in range(3)]])
fact = lambda n: 1 if n < 2 else n * fact(n - 1)  # noqa: E731
print(fact(6))
total = 0


def adds(n):
    global total
    total += n
    return lambda: total


print(adds(2)(), adds(3)())


def outer():
    x = "outer"

    class Holder:
        y = x

        def get(self):
            return x + self.y

    def change():
        nonlocal x
        x = "changed"

    change()
    return Holder().get()


print(outer())
