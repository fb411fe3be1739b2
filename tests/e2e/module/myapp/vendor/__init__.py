"""What is not looked at."""


def twice(n):
    return n * 2
