/* SPDX-License-Identifier: MIT */
/*
 * The few calls of CPython that the embedding tests make, declared by hand: the tests
 * link to whatever libpython3.N.so an interpreter comes with, and most of those (a Debian
 * suite unpacked beside this machine's own) come without Python.h.  Names, arguments and
 * results are the same from 3.10 to 3.15.
 */
#ifndef BREADCRUMB_TESTS_EMBED_PYTHON_H
#define BREADCRUMB_TESTS_EMBED_PYTHON_H

/* As in cpython/initconfig.h. */
typedef struct {
	int type; /* 0: success */
	const char *function;
	const char *message;
	int exit_code;
} PyStatus;

/* Only CPython looks inside; the real one has under 600 bytes. */
typedef struct {
	_Alignas(16) char opaque[16384];
} PyConfig;

typedef struct _ts PyThreadState;

void Py_Initialize(void);
void Py_InitializeEx(int install_signal_handlers);
void PyConfig_InitPythonConfig(PyConfig *config);
void PyConfig_Clear(PyConfig *config);
PyStatus Py_InitializeFromConfig(const PyConfig *config);
int Py_FinalizeEx(void);
int PyRun_SimpleString(
    const char *code); /* a macro in Python.h, a function in every library */
PyThreadState *Py_NewInterpreter(void);
void Py_EndInterpreter(PyThreadState *state);
PyThreadState *PyThreadState_Get(void);
PyThreadState *PyThreadState_Swap(PyThreadState *state);
PyThreadState *PyEval_SaveThread(void);
void PyEval_RestoreThread(PyThreadState *state);
int PyGILState_Ensure(void);
void PyGILState_Release(int state);

#endif
