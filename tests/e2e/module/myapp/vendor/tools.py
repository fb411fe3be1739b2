"""Calls what it is given."""

from . import twice


def call(function, *arguments):
    return function(*map(twice, arguments))


def each(values):
    for value in values:
        yield twice(value)


def quietly(function):
    try:
        return function()
    except ValueError:
        return None
