/* SPDX-License-Identifier: MIT */
/*
 * C threads for any interpreter, static or shared: a shared object that a Python program
 * opens with ctypes.CDLL, so that its calls run without the GIL.  Its own calls of
 * CPython bind to whatever interpreter is in the process.  Each function returns 0, or
 * the error of pthread_create.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "embed_python.h"

struct work {
	const char *code;
	int rounds;
};

/* That many threads attach `rounds` times each to run `code`; waits for them. */
int threads_run(int count, const char *code, int rounds);
/* That many attached threads, which run `code`, which has no end. */
int threads_leave(int count, const char *code);
/* That many threads that never attach, until the process ends. */
int threads_sleep(int count);

static atomic_int attached;

static void *attach(void *data)
{
	const struct work *work = data;

	for (int i = 0; i < work->rounds; i++) {
		int state = PyGILState_Ensure();
		attached++;
		PyRun_SimpleString(work->code);
		PyGILState_Release(state);
	}
	return NULL;
}

static void *sleep_on(void *data)
{
	(void)data;
	for (;;)
		pause();
	return NULL;
}

int threads_run(int count, const char *code, int rounds)
{
	struct work work = {code, rounds};
	pthread_t threads[count];

	for (int i = 0; i < count; i++) {
		int error = pthread_create(&threads[i], NULL, attach, &work);
		if (error)
			return error;
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int leave(int count, void *(*function)(void *), void *data)
{
	pthread_t thread;

	for (int i = 0; i < count; i++) {
		int error = pthread_create(&thread, NULL, function, data);
		if (error)
			return error;
		pthread_detach(thread);
	}
	return 0;
}

int threads_leave(int count, const char *code)
{
	static struct work work;
	int before = attached, error;

	work.code = code;
	work.rounds = 1;
	error = leave(count, attach, &work);
	/* To attach to a finalised interpreter is not allowed, and crashes CPython. */
	while (!error && attached < before + count)
		usleep(1000);
	return error;
}

int threads_sleep(int count)
{
	return leave(count, sleep_on, NULL);
}
