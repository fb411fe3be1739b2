/* SPDX-License-Identifier: MIT */
/*
 * C threads for any interpreter, static or shared: a shared object that a Python program
 * opens with ctypes.  Its calls of CPython bind to whatever interpreter is in the
 * process.
 *
 *   threads_run(count, code, rounds)   that many C threads, each attaching `rounds` times
 * to run `code`; waits for them (call it through ctypes.CDLL, without the GIL)
 *   threads_leave(count, code)         attached C threads that run `code`, which has no
 * end threads_sleep(count)               C threads that never attach, until the process
 * ends
 *
 * Each returns 0, or the error of pthread_create.
 */
#include <pthread.h>
#include <unistd.h>

#include "embed_python.h"

struct work {
	const char *code;
	int rounds;
};

int threads_run(int count, const char *code, int rounds);
int threads_leave(int count, const char *code);
int threads_sleep(int count);

static void *attach(void *data)
{
	const struct work *work = data;

	for (int i = 0; i < work->rounds; i++) {
		int state = PyGILState_Ensure();
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

	work.code = code;
	work.rounds = 1;
	return leave(count, attach, &work);
}

int threads_sleep(int count)
{
	return leave(count, sleep_on, NULL);
}
