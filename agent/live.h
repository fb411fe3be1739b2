/* SPDX-License-Identifier: MIT */
/*
 * What the module's backends need of C: values as Python objects without running any of
 * the program's code, what a trace function is not told, and the frame-evaluation hook.
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

/* (frame): of a generator, to whose entry a trace function is called: True when it goes
 * on, False when it starts. */
PyObject *live_entry(PyObject *self, PyObject *frame);

/* (frame, value, raised): why a frame is left, when a trace function is told that it is:
 * "return", "yield" or "unwind".  `raised`: an exception in it was told just before. */
PyObject *live_exit(PyObject *self, PyObject *args);

/* (exception, object): sys.unraisablehook(). */
PyObject *live_report(PyObject *self, PyObject *args);

/*
 * (every, function): puts a frame-evaluation hook into the calling interpreter (3.10,
 * 3.11).  `every` false: function() is called for each frame of a thread that has no
 * trace function.  True: function(kind, frame, code, globals, line, variables, value) for
 * each frame that is entered ("call", "resume") or left ("return", "yield", "exception"
 * with the exception's type, value and traceback as value); its result for an entry says
 * whether it wants to know of the exit.  (None): takes it out.  False: another one is in.
 */
PyObject *live_evaluate(PyObject *self, PyObject *args);

#endif
