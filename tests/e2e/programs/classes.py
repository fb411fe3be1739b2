# Classes: __init__, __new__, __call__, inheritance, super, class and static methods, class bodies.
class Base:
    registry = []

    def __new__(cls, *args):
        made = super().__new__(cls)
        made.args = args
        return made

    def __init__(self, *args):
        self.total = self.add(*args)

    def __init_subclass__(cls, tag=None, **keywords):
        super().__init_subclass__(**keywords)
        cls.registry.append((cls.__name__, tag))

    def add(self, *args):
        return sum(args)

    def __call__(self, factor):
        return self.total * factor

    @classmethod
    def make(cls, n):
        return cls(*range(n))

    @staticmethod
    def helper(x):
        return -x

    def __repr__(self):
        return f"{type(self).__name__}({self.total})"


class Left(Base, tag="l"):
    def add(self, *args):
        return super().add(*args) + 1


class Right(Base):
    def add(self, *args):
        return super().add(*args) * 2


class Both(Left, Right, tag="b"):
    class Inner:
        value = [x for x in range(3)]

        def get(self):
            return self.value

    def add(self, *args):
        return super().add(*args)


class Bare:
    pass


class OnlyInit:
    def __init__(self, value):
        self.value = value


print(Base(1, 2), Left.make(3), Both.make(4), Both.helper(2), Both(1)(10))
print(Base.registry, Both.Inner().get(), Bare().__class__.__name__)
print(sum(OnlyInit(i).value for i in range(10)), [OnlyInit(value=i).value for i in range(3)])
try:
    OnlyInit()
except TypeError as error:
    print(error)
