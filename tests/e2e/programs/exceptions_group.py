# needs: 3.11
# ExceptionGroup and except*: split, nested, some left over, raised in a handler.
def raises():
    raise ExceptionGroup(
        "all", [ValueError("a"), KeyError("b"), ExceptionGroup("in", [TypeError("c")])]
    )


def handles_all():
    try:
        raises()
    except* ValueError as group:
        print("values", len(group.exceptions))
    except* (KeyError, TypeError) as group:
        print("others", group.exceptions)


def leaves_some():
    try:
        raises()
    except* ValueError:
        print("one handled")


def plain():
    try:
        raise ValueError("wrapped")
    except* ValueError as group:
        print(type(group).__name__)


def raises_in_handler():
    try:
        raises()
    except* ValueError:
        raise OSError("new")


handles_all()
plain()
for function in (leaves_some, raises_in_handler):
    try:
        function()
    except ExceptionGroup as group:
        print(function.__name__, group.message, [type(e).__name__ for e in group.exceptions])
