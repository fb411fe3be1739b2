/* SPDX-License-Identifier: MIT */
/*
 * A program that has Python inside: linked to libpython, it starts the interpreter in one
 * of the ways that there are, runs the given code and stops it again.
 *
 *   embed WAY CODE...        each CODE has an interpreter of its own
 *   embed daemon LOOP CODE   three attached C threads run LOOP, which has no end, while
 *                            CODE runs; the interpreter is finalised under them
 *
 * WAY is initialize, initialize-ex or config (Py_Initialize, Py_InitializeEx,
 * Py_InitializeFromConfig); subinterpreter: CODE runs in the main interpreter, in a
 * Py_NewInterpreter, and in the main one; thread: it runs in a C thread that attaches
 * with PyGILState_Ensure.
 *
 * Exits with the number of CODEs that failed.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "embed_python.h"

static atomic_int failures;
static atomic_int attached;

static void run(const char *code)
{
	if (PyRun_SimpleString(code) != 0)
		failures++;
}

static void start(const char *way)
{
	static PyConfig config;
	PyStatus status;

	if (strcmp(way, "initialize-ex") == 0) {
		Py_InitializeEx(0);
	} else if (strcmp(way, "config") == 0) {
		PyConfig_InitPythonConfig(&config);
		status = Py_InitializeFromConfig(&config);
		PyConfig_Clear(&config);
		if (status.type != 0) {
			fprintf(stderr, "embed: %s\n", status.message);
			_exit(99);
		}
	} else {
		Py_Initialize();
	}
}

static void *attach_once(void *code)
{
	int state = PyGILState_Ensure();

	attached++;
	run(code);
	PyGILState_Release(state);
	return NULL;
}

static void run_in_thread(const char *code)
{
	PyThreadState *state = PyEval_SaveThread();
	pthread_t thread;

	if (pthread_create(&thread, NULL, attach_once, (void *)code) != 0)
		failures++;
	else
		pthread_join(thread, NULL);
	PyEval_RestoreThread(state);
}

static void run_beside_daemons(const char *loop, const char *code)
{
	PyThreadState *state = PyEval_SaveThread();
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		if (pthread_create(&thread, NULL, attach_once, (void *)loop) != 0)
			failures++;
		else
			pthread_detach(thread);
	}
	/* To attach after the end of the interpreter is not allowed, and crashes CPython.
	 */
	while (attached < 3)
		usleep(1000);
	PyEval_RestoreThread(state);
	run(code);
}

static void run_in_subinterpreter(const char *code)
{
	PyThreadState *own = PyThreadState_Get(), *sub;

	run(code);
	sub = Py_NewInterpreter();
	if (!sub) {
		failures++;
		return;
	}
	run(code);
	Py_EndInterpreter(sub);
	PyThreadState_Swap(own);
	run(code);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: embed WAY CODE...\n");
		return 98;
	}
	for (int i = 2; i < argc; i++) {
		start(argv[1]);
		if (strcmp(argv[1], "subinterpreter") == 0) {
			run_in_subinterpreter(argv[i]);
		} else if (strcmp(argv[1], "thread") == 0) {
			run_in_thread(argv[i]);
		} else if (strcmp(argv[1], "daemon") == 0 && i + 1 < argc) {
			run_beside_daemons(argv[i], argv[i + 1]);
			i++;
		} else {
			run(argv[i]);
		}
		if (Py_FinalizeEx() != 0)
			failures++;
	}
	return failures;
}
