"""Imported while it is looked at."""

WORD = "hello"


class Greeting:
    def __init__(self, text):
        self.text = text


def greet(name):
    return Greeting(f"{WORD} {name}").text
