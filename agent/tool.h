/* SPDX-License-Identifier: MIT */
/* A tool of sys.monitoring (PEP 669, 3.12+) with callbacks written in C. */
#ifndef BREADCRUMB_AGENT_TOOL_H
#define BREADCRUMB_AGENT_TOOL_H

#include "pyapi.h"

#include <stdbool.h>
#include <stddef.h>

/* It gets the arguments that PEP 669 says for its event.  One that is METH_FASTCALL |
 * METH_KEYWORDS (as TOOL_CALLBACK makes it) is called directly: see pyapi.h. */
struct tool_callback {
	const char *event; /* in sys.monitoring.events */
	PyMethodDef method;
};

#define TOOL_CALLBACK(event, function)                                                   \
	{                                                                                \
		event,                                                                   \
		{                                                                        \
			"breadcrumb_" #function, (PyCFunction)(void (*)(void))function,  \
			    METH_FASTCALL | METH_KEYWORDS, NULL                          \
		}                                                                        \
	}

struct tool;

/* Takes a tool id that is free in the current interpreter and registers the callbacks.
 * The table must be static.  NULL: it cannot; nothing is changed and no exception left.
 */
struct tool *tool_install(const struct pyapi *py, const struct tool_callback *callbacks,
                          size_t count);

/* Switches the events of some of the callbacks on: `count` of them from number `first`.
 * An exception that is set stays set; no audit event is raised.  May be done twice. */
bool tool_switch_on(const struct pyapi *py, struct tool *tool, size_t first,
                    size_t count);

/* Switches off what is switched on, or (pause false) on again. */
void tool_pause(const struct pyapi *py, const struct tool *tool, bool pause);

/* Switches the events off and frees the tool, at the interpreter's end.  The id and the
 * callbacks go with the interpreter: giving them back would raise audit events that the
 * program sees. NULL is allowed. */
void tool_remove(const struct pyapi *py, struct tool *tool);

/* sys.monitoring.DISABLE, a new reference: the answer that switches an event off at one
 * place. Not from PY_THROW, PY_UNWIND, RAISE: there it raises ValueError into the program
 * (3.12 … 3.14). */
PyObject *tool_disable(const struct pyapi *py);

#endif
