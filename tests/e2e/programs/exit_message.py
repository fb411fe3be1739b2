# sys.exit with a message, from a thread that is not the main one first.
import sys
import threading


def in_thread():
    print("thread leaves")
    sys.exit(5)


thread = threading.Thread(target=in_thread)
thread.start()
thread.join()
sys.exit("goes to standard error")
