from . import first


def other():
    return "second after " + first.name()
