# Dataclasses, enum, NamedTuple: generated methods, defaults, post-init, ordering, auto.
import dataclasses
import enum
import typing


@dataclasses.dataclass(order=True)
class Item:
    name: str
    price: int = 1
    tags: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.name = self.name.title()

    @property
    def label(self):
        return f"{self.name}:{self.price}"


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int


class Colour(enum.Enum):
    RED = 1
    GREEN = 2

    @property
    def lower(self):
        return self.name.lower()

    @classmethod
    def _missing_(cls, value):
        return cls.RED if value == "r" else None


class Flags(enum.Flag):
    A = enum.auto()
    B = enum.auto()


class Pair(typing.NamedTuple):
    left: int
    right: int = 5

    def total(self):
        return self.left + self.right


print(Item("bolt"), Item("a") < Item("b", 2), Item("nut", 3).label)
print(dataclasses.asdict(Item("c")), dataclasses.replace(Item("d"), price=9).price)
try:
    Frozen(1).x = 2
except dataclasses.FrozenInstanceError:
    print("frozen")
print([c.lower for c in Colour], Colour("r").name, (Flags.A | Flags.B).value, Flags.A in Flags.A)
try:
    Colour("none")
except ValueError as error:
    print(error)
print(Pair(1).total(), Pair(1, 2)._replace(right=7).total())
