# Exceptions raised and handled in one frame, through several, with else and finally.
def same_frame():
    try:
        raise ValueError("here")
    except ValueError as error:
        return str(error)


def level(n):
    if n == 0:
        raise KeyError("deep")
    level(n - 1)


def through():
    try:
        level(5)
    except KeyError as error:
        return error.args[0]
    else:
        return "not reached"
    finally:
        print("finally")


def from_builtin():
    for action in (lambda: 1 / 0, lambda: [][1], lambda: {}["k"], lambda: int("x"), lambda: None.x):
        try:
            action()
        except Exception as error:
            print(type(error).__name__)


def wrong_handler():
    try:
        raise ValueError("not for this one")
    except KeyError:
        print("never")


def many_lines(a, b):
    raise LookupError(
        a,
        b,
    )


def calls_on_many_lines():
    try:
        many_lines(
            1,
            [x for x in range(2)],
        )
    except LookupError as error:
        return len(error.args)


print(same_frame(), through(), calls_on_many_lines())
from_builtin()
try:
    wrong_handler()
except ValueError:
    print("outside")
