# Generators: run to the end, left by break, unfinished and deleted, never started.
def count(n):
    for i in range(n):
        yield i
    return "counted"


def squares(source):
    for value in source:
        yield value * value


def endless():
    try:
        n = 0
        while True:
            yield n
            n += 1
    finally:
        print("endless ends")


print(list(count(3)), sum(squares(count(5))))
for value in endless():
    if value > 2:
        break
unfinished = endless()
print(next(unfinished), next(unfinished))
del unfinished
never = endless()
del never
print(max(count(4)), *count(2))
a, *b = count(4)
print(a, b, 2 in count(9))
print(dict(zip(count(3), squares(count(3)))))
