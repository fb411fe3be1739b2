# Exceptions raised again, from others, while others are handled; classes of their own.
class AppError(Exception):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code


def again():
    try:
        raise ValueError("one")
    except ValueError:
        raise


def named_again():
    try:
        raise ValueError("two")
    except ValueError as error:
        raise error


def from_other():
    try:
        {}["missing"]
    except KeyError as error:
        raise AppError(7) from error


def while_handling():
    try:
        raise ValueError("first")
    except ValueError:
        return int("second")


def from_none():
    try:
        raise ValueError("hidden")
    except ValueError:
        raise AppError(8) from None


def cleared():
    try:
        raise ValueError
    except ValueError as error:
        saved = error
    return saved


for function in (again, named_again, from_other, while_handling, from_none):
    try:
        function()
    except Exception as error:
        cause, context = error.__cause__, error.__context__
        print(function.__name__, repr(error), repr(cause), repr(context))
try:
    raise cleared()
except ValueError:
    print("raised later")
