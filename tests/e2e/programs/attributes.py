# Properties, descriptors, __getattr__, __getattribute__, __setattr__, __delattr__, __slots__, __dir__.
class Celsius:
    def __init__(self, degrees):
        self._degrees = degrees

    @property
    def degrees(self):
        return self._degrees

    @degrees.setter
    def degrees(self, value):
        if value < -273:
            raise ValueError("too cold")
        self._degrees = value

    @degrees.deleter
    def degrees(self):
        self._degrees = None


class Typed:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner):
        return self if instance is None else getattr(instance, self.name, None)

    def __set__(self, instance, value):
        setattr(instance, self.name, int(value))

    def __delete__(self, instance):
        delattr(instance, self.name)


class Point:
    __slots__ = ("_x", "y")
    x = Typed()


class Dynamic:
    def __getattr__(self, name):
        if name.startswith("no_"):
            raise AttributeError(name)
        return f"<{name}>"

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value * 2)

    def __delattr__(self, name):
        print("deleting", name)
        object.__delattr__(self, name)

    def __dir__(self):
        return ["b", "a"]


class Watched:
    secret = 1

    def __getattribute__(self, name):
        print("asked for", name)
        return object.__getattribute__(self, name)


c = Celsius(20)
c.degrees = 25
print(c.degrees)
try:
    c.degrees = -300
except ValueError as error:
    print(error)
del c.degrees
print(c.degrees)
p = Point()
p.x = "12"
p.y = 3
print(p.x, p.y, type(Point.x).__name__)
del p.x
print(p.x)
d = Dynamic()
d.value = 21
print(d.value, d.other, getattr(d, "no_thing", "default"), hasattr(d, "no_way"), dir(d))
del d.value
print(d.value)
print(Watched().secret)
try:
    p.z = 1
except AttributeError:
    print("no z")
