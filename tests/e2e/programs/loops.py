# Lines: loops of every kind with else, continue, break; one-liners, multi-line statements.
def loops(n):
    total = 0
    for i in range(n):
        if i % 2:
            continue
        for j in range(i):
            if j > 2:
                break
            total += j
        else:
            total += 100
    else:
        total += 1000
    while total > 10:
        total //= 10
    else:
        total = -total
    return total


def one_line(a): return a + 1 if a else a - 1  # noqa: E704


def long_statement(a, b):
    value = max(
        a,
        b,
        one_line(
            a
        ),
    )
    text = (
        "one"
        "two"
    )
    return [
        value,
        len(text),
        *[
            x
            for x in range(2)
            if x
        ],
    ]


def semicolons(): a = 1; b = a + 1; return a, b  # noqa: E702,E704


def empty():
    pass


def docstring():
    """Only this."""


def conditions(x):
    if x == 1:
        y = "one"
    elif x == 2:
        y = "two"
    else:
        y = "more"
    while True:
        break
    try:
        pass
    finally:
        pass
    del x
    return y


print(loops(6), one_line(0), one_line(1), long_statement(1, 5), semicolons(), empty(), docstring())
print(conditions(1), conditions(2), conditions(3))
for _ in range(3): pass  # noqa: E701
if True: print("same line")  # noqa: E701
