# Metaclasses: __prepare__, __new__, __init__, __call__, __instancecheck__; types made by type().
class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases, **keywords):
        print("prepare", name)
        return {"prepared": True}

    def __new__(mcs, name, bases, namespace, **keywords):
        return super().__new__(mcs, name, bases, namespace)

    def __init__(cls, name, bases, namespace, **keywords):
        super().__init__(name, bases, namespace)
        cls.order = len(name)

    def __call__(cls, *args, **keywords):
        print("make", cls.__name__)
        return super().__call__(*args, **keywords)

    def __instancecheck__(cls, other):
        return other == 42

    def __len__(cls):
        return cls.order

    def __iter__(cls):
        return iter("xyz")


class One(metaclass=Meta, option=1):
    def __init__(self, value):
        self.value = value


class Two(One):
    pass


def method(self):
    return "made by type()"


Three = type("Three", (object,), {"method": method})
print(One(5).value, len(Two), list(Two), isinstance(42, One), isinstance(1, One))
print(Three().method(), One.prepared)


class Hook:
    def __class_getitem__(cls, item):
        return f"{cls.__name__}[{item}]"

    def __set_name__(self, owner, name):
        print("named", name, "in", owner.__name__)


class Uses:
    field = Hook()


print(Hook["int"])
