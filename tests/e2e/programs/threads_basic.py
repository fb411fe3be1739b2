# threading: several threads, results, a daemon, a thread in a thread, an exception in one.
import threading


def work(n):
    return sum(step(i) for i in range(n))


def step(i):
    return i * 2


def run(results, n):
    results[n] = work(n)


def parent(results):
    child = threading.Thread(target=run, args=(results, 7), name="grandchild")
    child.start()
    child.join()


def fails():
    raise ValueError("in a thread")


def quiet(args):
    print("hook saw", args.exc_type.__name__)


class Custom(threading.Thread):
    def run(self):
        self.answer = work(4)


threading.excepthook = quiet
results = {}
for n in (3, 5):
    thread = threading.Thread(target=run, args=(results, n), name=f"worker-{n}")
    thread.start()
    thread.join()
together = [threading.Thread(target=run, args=(results, n)) for n in (10, 11, 12)]
for thread in together:
    thread.start()
for thread in together:
    thread.join()
for target, args in ((parent, (results,)), (fails, ())):
    thread = threading.Thread(target=target, args=args)
    thread.start()
    thread.join()
custom = Custom(daemon=True)
custom.start()
custom.join()
print(sorted(results.items()), custom.answer)
