# finally in every way: with return, break, raise, nested, and none of these.
def swallows():
    try:
        raise ValueError("lost")
    finally:
        return "returned"  # noqa: B012


def overrides():
    try:
        return "first"
    finally:
        print("between")


def breaks():
    for i in range(3):
        try:
            if i == 1:
                raise KeyError(i)
        except KeyError:
            continue
        finally:
            print("round", i)
    return "broke"


def raises_in_finally():
    try:
        raise ValueError("one")
    finally:
        raise KeyError("two")


def passes_through():
    try:
        raise OSError("goes on")
    finally:
        print("seen")


def nested():
    try:
        try:
            try:
                raise ValueError("inner")
            except KeyError:
                print("never")
            finally:
                print("finally 1")
        except ValueError:
            print("handled")
            raise TypeError("outer") from None
        finally:
            print("finally 2")
    except TypeError as error:
        return str(error)


def handled_inside_finally():
    try:
        raise ValueError("kept")
    finally:
        try:
            raise KeyError("dropped")
        except KeyError:
            print("dropped")


print(swallows(), overrides(), breaks(), nested())
for function in (raises_in_finally, passes_through, handled_inside_finally):
    try:
        function()
    except Exception as error:
        print(function.__name__, type(error).__name__)
