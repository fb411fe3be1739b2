print("late is loaded")


def value():
    return "late"
