# Abstract classes, protocols, generics, __new__ returning another type, copy, pickle, slots.
import abc
import copy
import pickle
import typing

T = typing.TypeVar("T")


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self):
        ...

    @property
    @abc.abstractmethod
    def name(self):
        ...


class Square(Shape):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2

    @property
    def name(self):
        return "square"


class Stack(typing.Generic[T]):
    def __init__(self):
        self.items = []

    def push(self, item: T) -> None:
        self.items.append(item)


class Other:
    def __new__(cls, flag):
        return 5 if flag else super().__new__(cls)

    def __init__(self, flag):
        print("init", flag)


class State:
    def __init__(self, n):
        self.n = n

    def __getstate__(self):
        return {"n": self.n + 1}

    def __setstate__(self, state):
        self.n = state["n"] * 2

    def __copy__(self):
        return State(self.n)

    def __deepcopy__(self, memo):
        return State(-self.n)

    def __reduce_ex__(self, protocol):
        return super().__reduce_ex__(protocol)


try:
    Shape()
except TypeError:
    print("abstract")
print(Square(3).area(), Square(3).name, isinstance(Square(1), Shape))
stack = Stack[int]()
stack.push(1)
print(stack.items, Other(True), type(Other(False)).__name__)
state = State(4)
print(pickle.loads(pickle.dumps(state)).n, copy.copy(state).n, copy.deepcopy(state).n)
