# Signal handlers written in Python: raise_signal, one that raises, ignored, nested.
import signal


def handler(number, frame):
    print("handler", signal.Signals(number).name)
    return helper()


def helper():
    return "ignored"


def raising(number, frame):
    raise TimeoutError("from the handler")


def nesting(number, frame):
    print("outer handler")
    signal.raise_signal(signal.SIGUSR1)


def work():
    signal.raise_signal(signal.SIGUSR1)
    return "worked"


def interrupted():
    try:
        signal.raise_signal(signal.SIGUSR2)
    except TimeoutError as error:
        return str(error)


def interrupt():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return "interrupt"


signal.signal(signal.SIGUSR1, handler)
signal.signal(signal.SIGUSR2, raising)
print(work(), interrupted(), interrupt())
signal.signal(signal.SIGUSR2, nesting)
signal.raise_signal(signal.SIGUSR2)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
print(work())
