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
void inspect_nested(const void *code, const struct intern_code *what,
                    void (*found)(const void *code, const char *name, size_t length));
size_t inspect_thread_name(char *out, size_t size);

/* os.fork() or os.forkpty() is about to be called in this thread; and whether, in the
 * child, it has not returned yet: then what runs are handlers of os.register_at_fork().
 */
void inspect_forking(void);
bool inspect_in_fork(void);

#endif
