"""A package to look at."""


def version():
    return "1.0"
