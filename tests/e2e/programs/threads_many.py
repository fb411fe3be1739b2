# Many threads one after the other and at once: idents are used again, traces are not mixed.
import threading


def leaf(n):
    return n + 1


def work(n):
    for i in range(20):
        n = leaf(n)
    return n


def run(index):
    answers[index] = work(index)


answers = {}
for index in range(20):
    thread = threading.Thread(target=run, args=(index,))
    thread.start()
    thread.join()
together = [threading.Thread(target=run, args=(index,)) for index in range(20, 30)]
for thread in together:
    thread.start()
for thread in together:
    thread.join()
print(sum(answers.values()), len(answers))
