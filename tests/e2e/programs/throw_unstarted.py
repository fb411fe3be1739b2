# An exception thrown into a generator and a coroutine that have not started.
def generator():
    yield 1


async def coroutine():
    return 1


for make in (generator, coroutine):
    object_ = make()
    try:
        object_.throw(KeyError("early"))
    except KeyError as error:
        print(make.__name__, "left by", error)
    try:
        object_.close()
    except RuntimeError as error:
        print(error)
