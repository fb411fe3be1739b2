#!/usr/bin/env python3
"""A bakery on a busy morning: something small to trace.

Orders come in as lines of text (a generator reads them), two bakers work on them at the same
time (threads), and one order asks for more flour than there is (an exception).  It prints the
same lines on every run.
"""

import threading
import time

BOOK = """\
anna   3 rolls
bela   1 rye
chris 40 rolls
dora   2 pretzels
"""

FLOUR_FOR = {"rolls": 60, "rye": 500, "pretzels": 80}


class OutOfFlour(Exception):
    """There is not enough flour for an order."""


class Pantry:
    """The flour, shared by all bakers."""

    def __init__(self, flour):
        self.flour = flour
        self.door = threading.Lock()

    def take(self, grams):
        with self.door:
            if grams > self.flour:
                raise OutOfFlour(f"{grams} g wanted")
            self.flour -= grams


class Order:
    """So many of one thing for a customer."""

    def __init__(self, customer, count, what):
        self.customer = customer
        self.count = count
        self.what = what

    def flour(self):
        return self.count * FLOUR_FOR[self.what]

    def __str__(self):
        return f"{self.count} {self.what} for {self.customer}"


class Baker(threading.Thread):
    """Bakes the orders handed to it, in a thread of its own."""

    def __init__(self, name, pantry, orders):
        super().__init__(name=name)
        self.pantry = pantry
        self.orders = orders
        self.said = []

    def run(self):
        for order in self.orders:
            try:
                self.bake(order)
            except OutOfFlour as problem:
                self.said.append(f"{self.name}: no {order}: {problem}")

    def bake(self, order):
        self.pantry.take(order.flour())
        knead()
        heat(order.count)
        self.said.append(f"{self.name}: {order}")


def knead():
    time.sleep(0.002)


def heat(count):
    time.sleep(0.001 * count)


def read_orders(book):
    for line in book.splitlines():
        customer, count, what = line.split()
        yield Order(customer, int(count), what)


def main():
    pantry = Pantry(flour=1500)
    orders = list(read_orders(BOOK))
    bakers = [Baker("Ida", pantry, orders[:2]), Baker("Otto", pantry, orders[2:])]
    for baker in bakers:
        baker.start()
    for baker in bakers:
        baker.join()
        print("\n".join(baker.said))
    print(f"{pantry.flour} g of flour left")


if __name__ == "__main__":
    main()
