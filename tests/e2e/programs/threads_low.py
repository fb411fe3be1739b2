# _thread: start_new_thread, exit, locks, thread-locals; a thread that is alive at the end.
import _thread
import threading

done = _thread.allocate_lock()
local = threading.local()


def child(n):
    local.value = n
    own = local.value * 2
    answers.append(own)
    done.release()


def leaves():
    try:
        _thread.exit()
    finally:
        done.release()


def waits(gate):
    done.release(), gate.acquire()  # one line: nothing is said of it after main goes on


class Local(threading.local):
    def __init__(self, start):
        self.n = start


def other():
    answers.append(("own", shared.n, hasattr(local, "value")))
    shared.n = 50
    done.release()


answers = []
shared = Local(7)
local.value = "main"
for function, args in ((child, (3,)), (child, (4,)), (leaves, ()), (other, ())):
    done.acquire()
    _thread.start_new_thread(function, args)
    with done:
        pass
print(answers, local.value, shared.n)
gate = threading.Lock()
gate.acquire()
done.acquire()
threading.Thread(target=waits, args=(gate,), daemon=True).start()
done.acquire()
print("end")
