# Tens of thousands of short calls: full windows are written out and nothing is lost or swapped.
def leaf(n):
    return n & 1


def either(n):
    if leaf(n):
        return odd(n)
    return n


def odd(n):
    return -n


def ticks(n):
    for i in range(n):
        yield either(i)


print(sum(ticks(6000)))
