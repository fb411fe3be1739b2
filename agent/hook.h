/* SPDX-License-Identifier: MIT */
/* What a backend is: a way of being told by the interpreter what it does. */
#ifndef BREADCRUMB_AGENT_HOOK_H
#define BREADCRUMB_AGENT_HOOK_H

#include "pyapi.h"

#include <stdbool.h>

/* One interpreter (there may be sub-interpreters) in which a backend is installed. */
struct hook_site {
	PyInterpreterState *interpreter;
	bool lines;  /* LINE events are wanted */
	void *state; /* the backend's own */
};

struct hook_ops {
	const char *name;
	/* NULL, or why the backend cannot be used on this version. */
	const char *(*unusable)(const struct pyapi *py);
	/* Starts telling trace.h what happens in the site's interpreter, which is the
	 * current one.  False: it cannot; nothing is changed then, and no exception left.
	 */
	bool (*install)(const struct pyapi *py, struct hook_site *site);
	/* Undoes install() as far as the interpreter, which may be finalizing, still can.
	 */
	void (*remove)(const struct pyapi *py, struct hook_site *site);
	/* A code object is about to run for the first time.  May be NULL. */
	void (*meets)(const struct pyapi *py, PyObject *code);
	/* The first code object that is recorded in the site's interpreter, which is the
	 * current one, is about to run.  False: what has to be done cannot be done now.
	 * May be NULL. */
	bool (*awakes)(const struct pyapi *py, struct hook_site *site);
	/* Stops telling, and (pause false) goes on, as cheaply as it can be had. */
	void (*pause)(const struct pyapi *py, struct hook_site *site, bool pause);
	/* The program calls sys.settrace() in this thread.  May be NULL. */
	void (*program_traces)(void);
};

extern const struct hook_ops hook_monitoring, hook_frame, hook_settrace;

#endif
