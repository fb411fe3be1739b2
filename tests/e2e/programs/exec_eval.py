# exec, eval, compile; code with globals of its own, functions that come out of it, errors in it.
import types

namespace = {"__name__": "other_module", "start": 3}
exec("def grow(n):\n    return n + start\n\nresult = grow(4)\n", namespace)
print(namespace["result"], namespace["grow"](10), namespace["grow"].__module__)
print(eval("1 + two()", {"two": lambda: 2}), eval("[x * 2 for x in range(3)]"))
code = compile("value = make()\n", "<generated>", "exec")
for number in (1, 2):
    space = {"make": lambda: number}
    exec(code, space)
    print(space["value"])
expression = compile("a * b", "expression.py", "eval")
print(eval(expression, {}, {"a": 6, "b": 7}))


def nested():
    exec("exec('print(deep())', {'deep': deep})", {"deep": lambda: "deep"})


nested()
for text in ("1 / 0", "undefined_name", "raise KeyError('k')"):
    try:
        exec(text)
    except Exception as error:
        print(type(error).__name__)
try:
    compile("def (", "bad.py", "exec")
except SyntaxError as error:
    print("syntax", error.filename)


def inner():
    return "function from code"


print(types.FunctionType(inner.__code__, {"__name__": "elsewhere"})())
exec("class Made:\n    def method(self):\n        return __name__\nprint(Made().method())")
print(eval("(lambda: 5)()"), (lambda source: eval(source))("3"))
