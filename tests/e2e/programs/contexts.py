# Context managers: classes, contextlib, ExitStack, nested, as decorators, closing, redirect.
import contextlib
import io


class Timer:
    def __enter__(self):
        self.steps = []
        return self.steps.append

    def __exit__(self, *exc):
        print("steps", self.steps)


@contextlib.contextmanager
def tag(name):
    print(f"<{name}>")
    yield
    print(f"</{name}>")


class Decorates(contextlib.ContextDecorator):
    def __enter__(self):
        print("decorated in")

    def __exit__(self, *exc):
        print("decorated out")


@Decorates()
def decorated(x):
    return x


@tag("fn")
def tagged():
    print("body")


class Closes:
    def close(self):
        print("closed")


with Timer() as step:
    step(1)
    step(2)
with tag("a"), tag("b"):
    print("text")
print(decorated(3))
tagged()
with contextlib.ExitStack() as stack:
    for name in "xyz":
        stack.enter_context(tag(name))
    stack.push(lambda *exc: print("pushed", exc[0]))
    kept = stack.pop_all()
print("later")
kept.close()
with contextlib.closing(Closes()):
    print("using")
out = io.StringIO()
with contextlib.redirect_stdout(out):
    tagged()
print(repr(out.getvalue()))
with contextlib.nullcontext(5) as five:
    print(five)
