/* SPDX-License-Identifier: MIT */
/* The C function that the agent gives to PyEval_SetTrace(). */
#ifndef BREADCRUMB_AGENT_TRACEFUNC_H
#define BREADCRUMB_AGENT_TRACEFUNC_H

#include "pyapi.h"
#include "record.h"

#include <stdbool.h>

/* C stack that a traced call of a Python function by another takes on 3.10 (x86-64, gcc
 * 12, measured: 517), rounded up. */
#define TRACEFUNC_CALL_BYTES_310 550

/* Lines are told or not, from now on, in all threads. */
void tracefunc_init(const struct pyapi *py, bool lines);

/* Starts and stops tracing in the current thread.  An exception that is set stays set. */
void tracefunc_start(const struct pyapi *py);
void tracefunc_stop(const struct pyapi *py);

/* Trace functions that are in place tell nothing of the interpreter, or (pause false) go
 * on.  Twice is as once. */
void tracefunc_pause(const PyInterpreterState *interpreter, bool pause);

/* How a generator's frame (or another's: `generator` false) is entered, and how a frame
 * is left, when a trace function is told so.  `raised`: what was told before was an
 * exception in the same frame. */
enum crumb_word_kind tracefunc_entry(const struct pyapi *py, PyFrameObject *frame,
                                     PyObject *code, bool generator);
enum crumb_word_kind tracefunc_exit(const struct pyapi *py, PyFrameObject *frame,
                                    PyObject *code, const PyObject *value, bool raised,
                                    bool generator);

/* Whether a thread has no trace function at all, and whether it has this one. */
bool tracefunc_is_free(const PyThreadState *thread);
bool tracefunc_is_ours(const PyThreadState *thread);

/* Whether the audit event `sys.settrace` that is being raised in this thread comes from
 * here. */
bool tracefunc_is_setting(void);

#endif
