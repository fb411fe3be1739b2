# ThreadPoolExecutor, a queue between threads, a barrier, generators handed from thread to thread.
import concurrent.futures
import queue
import threading


def square(n):
    return n * n


def fails(n):
    raise ValueError(n)


def consumer(inbox, out):
    while (item := inbox.get()) is not None:
        out.append(square(item))


def numbers():
    for i in range(6):
        yield i


def take(source, out):
    out.append(next(source))


with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
    print(list(pool.map(square, range(5))))
    future = pool.submit(fails, 3)
    print(type(future.exception()).__name__)
    gate = threading.Event()
    future = pool.submit(lambda: gate.wait() and square(9))
    future.add_done_callback(lambda f: None)  # run by the pool's thread: it is not done yet
    gate.set()
    print(future.result())
inbox, out = queue.Queue(), []
thread = threading.Thread(target=consumer, args=(inbox, out))
thread.start()
for i in range(4):
    inbox.put(i)
inbox.put(None)
thread.join()
print(out)
source, taken = numbers(), []
for _ in range(3):
    thread = threading.Thread(target=take, args=(source, taken))
    thread.start()
    thread.join()
    take(source, taken)
print(taken)
