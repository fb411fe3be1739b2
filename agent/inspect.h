/* SPDX-License-Identifier: MIT */
/* Asks the interpreter about code objects and threads, without running any Python code.
 */
#ifndef BREADCRUMB_AGENT_INSPECT_H
#define BREADCRUMB_AGENT_INSPECT_H

#include "intern.h"
#include "pyapi.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * These are a trace_source's functions.  An exception that is set when they are called is
 * still set afterwards, and none is left behind.
 *
 * `hint` of inspect_describe() is where the frame's globals are (PyObject **), or NULL
 * for those of the frame that is running.
 */
bool inspect_describe(const void *code, void *hint, struct intern_code *out);
void inspect_release(struct intern_code *out);
size_t inspect_thread_name(char *out, size_t size);

#endif
