# Generator expressions: nested, with conditions, given to functions, left unfinished.
rows = [[1, 2], [3, 4], [5]]
print(sum(x for row in rows for x in row))
print(list(y + 1 for y in (x * 2 for x in range(4)) if y))
print(any(x > 2 for x in range(10)), all(x < 2 for x in range(10)))
print(", ".join(str(x) for x in range(3)))
unfinished = (x for x in range(10))
print(next(unfinished))
del unfinished
lazy = (print("evaluated", x) for x in range(2))
print("made")
list(lazy)
print(sorted((-x for x in range(4)), key=lambda x: x * x))
