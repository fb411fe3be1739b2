/* SPDX-License-Identifier: MIT */
/*
 * The module breadcrumb_agent, by which a program speaks to the agent that it runs under.
 * Its functions in C are private to its part in Python (breadcrumb_agent.py), which is
 * compiled into the agent and runs when the module is imported.
 */
#ifndef BREADCRUMB_AGENT_MODULE_H
#define BREADCRUMB_AGENT_MODULE_H

#include "pyapi.h"

#include <stdbool.h>

enum module_resumed {
	MODULE_WAS_RECORDING,
	MODULE_RECORDS,
	MODULE_CANNOT_RECORD, /* and a line has said why */
};

/* Of the calling interpreter. */
struct module_state {
	bool begun;     /* it has been recorded */
	bool recording; /* and is */
	const char *backend;
};

/* What the module may ask for; all of the calling interpreter. */
struct module_control {
	bool (*pause)(void); /* whether it was recording */
	enum module_resumed (*resume)(void);
	struct module_state (*state)(void);
};

/* The interpreter, which is the current one, ends. */
void module_forget(PyInterpreterState *interpreter);

/* Adds the module to those that are built in, for interpreters that are initialized
 * later. To be called again before each Py_Initialize().  `control` lives as long as the
 * process.
 */
void module_register(const struct pyapi *py, const struct module_control *control);

#endif
