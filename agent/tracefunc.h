/* SPDX-License-Identifier: MIT */
/* The C function that the agent gives to PyEval_SetTrace(). */
#ifndef BREADCRUMB_AGENT_TRACEFUNC_H
#define BREADCRUMB_AGENT_TRACEFUNC_H

#include "pyapi.h"

#include <stdbool.h>

/* Lines are told or not, from now on, in all threads. */
void tracefunc_init(const struct pyapi *py, bool lines);

/* Starts and stops tracing in the current thread.  An exception that is set stays set. */
void tracefunc_start(const struct pyapi *py);
void tracefunc_stop(const struct pyapi *py);

/* Whether a thread has no trace function at all, and whether it has this one. */
bool tracefunc_is_free(const PyThreadState *thread);
bool tracefunc_is_ours(const PyThreadState *thread);

/* Whether the audit event `sys.settrace` that is being raised in this thread comes from
 * here. */
bool tracefunc_is_setting(void);

#endif
