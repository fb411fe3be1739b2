# Functions longer than a line number in an event's short form can tell, and many code objects.
parts = ["def big(n):\n    total = 0\n"]
parts += [f"    total += n + {i}\n" if i % 3000 == 0 else "\n" for i in range(9000)]
parts += ["    return total\n"]
space = {"__name__": "generated"}
exec(compile("".join(parts), "<big>", "exec"), space)
print(space["big"](1))
source = "\n".join(f"def f{i}(x):\n    return x + {i}" for i in range(300))
exec(compile(source, "<many>", "exec"), space)
print(sum(space[f"f{i}"](i) for i in range(300)))
for i in range(200):
    exec(compile(f"def short_lived():\n    return {i}\nvalue = short_lived()", f"<gen {i % 7}>", "exec"), space)
print(space["value"])
