/* SPDX-License-Identifier: MIT */
/*
 * What the module's backends need of C: values as Python objects without running any of
 * the program's code, a trace function, and the frame-evaluation hook.
 * Each is a function of the module (PyCFunction); breadcrumb_agent.py calls them.
 */
#ifndef BREADCRUMB_AGENT_LIVE_H
#define BREADCRUMB_AGENT_LIVE_H

#include "pyapi.h"

void live_init(const struct pyapi *py);

/* (object): None, bool, int, float and short str as they are; all else as text. */
PyObject *live_value(PyObject *self, PyObject *object);

/* (type, exception): what str() would say of it; None where it says nothing. */
PyObject *live_message(PyObject *self, PyObject *args);

/* (frame, arguments_only): {name: value}. */
PyObject *live_variables(PyObject *self, PyObject *args);

/* (exception, object): sys.unraisablehook(). */
PyObject *live_report(PyObject *self, PyObject *args);

/* (function, lines): makes function(kind, frame, value) the calling thread's trace
 * function, with events of lines or without: "call", "resume", "line", "exception" with
 * (type, value, traceback), "return", "yield", "unwind".  What it raises is raised in the
 * program. (None, False): none.  A function of Python's given to sys.settrace() would,
 * on 3.10, write variables back that other threads have changed. */
PyObject *live_settrace(PyObject *self, PyObject *args);

/*
 * (every, function): puts a frame-evaluation hook into the calling interpreter (3.10,
 * 3.11).  `every` False: function() is called for each frame of a thread that has no
 * trace function of the program's.  True: function(kind, frame, code, globals, line,
 * variables, value) for each frame that is entered ("call", "resume") or left ("return",
 * "yield", "exception" with the exception's type, value and traceback as value); its
 * result for an entry is True, it wants to know of the exit, False, it does not, nor ever
 * of this code, or None.  What it raises is raised in the program.  (None, None): takes
 * it out.  False: another one is in.
 */
PyObject *live_evaluate(PyObject *self, PyObject *args);

/* The interpreter ends. */
void live_forget(PyInterpreterState *interpreter);

#endif
