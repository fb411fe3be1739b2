/* SPDX-License-Identifier: MIT */
/*
 * sys.monitoring (PEP 669), 3.12 and newer.  The interpreter instruments the code objects
 * themselves, so code that the filter excludes costs nothing: its callbacks answer
 * DISABLE, where they may.  None is immortal since 3.12, so it is returned without
 * counting.
 */
#include "hook.h"

#include "tool.h"
#include "trace.h"

#define CACHES_MAX 40 /* bytes; more than any instruction has */

static PyObject *none; /* here, to save a step for each event */

/* The answer to events that may be disabled. */
static inline PyObject *answer(bool wanted)
{
	return __builtin_expect(wanted, 1) ? none : tool_disable(pyapi());
}

typedef PyObject *const *arguments;

/* Callbacks get (code, offset) and, where there is one, a value. */
static PyObject *py_start(PyObject *self, arguments args, Py_ssize_t count)
{
	(void)self, (void)count;
	return answer(trace_event(CRUMB_WORD_CALL, args[0], NULL));
}

static PyObject *py_resume(PyObject *self, arguments args, Py_ssize_t count)
{
	(void)self, (void)count;
	return answer(trace_event(CRUMB_WORD_RESUME, args[0], NULL));
}

static PyObject *py_return(PyObject *self, arguments args, Py_ssize_t count)
{
	(void)self, (void)count;
	return answer(trace_event(CRUMB_WORD_RETURN, args[0], NULL));
}

static PyObject *py_yield(PyObject *self, arguments args, Py_ssize_t count)
{
	(void)self, (void)count;
	return answer(trace_event(CRUMB_WORD_YIELD, args[0], NULL));
}

static PyObject *py_throw(PyObject *self, arguments args, Py_ssize_t count)
{
	(void)self, (void)count;
	trace_event(CRUMB_WORD_RESUME, args[0], NULL);
	return none;
}

static PyObject *py_unwind(PyObject *self, arguments args, Py_ssize_t count)
{
	(void)self, (void)count;
	trace_event(CRUMB_WORD_UNWIND, args[0], NULL);
	return none;
}

/* The line of an instruction.  Where lines are recorded too, CPython 3.13 and 3.14 know
 * none for the caches behind a call, which an exception that comes out of it points to.
 */
static unsigned line_of(const struct pyapi *py, PyObject *code, int offset)
{
	int line = py->PyCode_Addr2Line(code, offset);
	for (int back = 2; line <= 0 && back <= CACHES_MAX && back <= offset; back += 2)
		line = py->PyCode_Addr2Line(code, offset - back);
	return line > 0 ? (unsigned)line : 0;
}

static PyObject *py_raise(PyObject *self, arguments args, Py_ssize_t count)
{
	const struct pyapi *py = pyapi();
	(void)self, (void)count;
	if (trace_wants(args[0], NULL)) {
		unsigned line = line_of(py, args[0], (int)py->PyLong_AsLong(args[1]));
		PyObject *type = py->PyObject_Type(args[2]);
		trace_exception(args[0], NULL, line, pyapi_type_name(py, type));
		py->Py_DecRef(type);
	}
	return none;
}

/* (code, line) */
static PyObject *py_line(PyObject *self, arguments args, Py_ssize_t count)
{
	(void)self, (void)count;
	return answer(
	    trace_line(args[0], NULL, (uint32_t)pyapi()->PyLong_AsLong(args[1])));
}

static const struct tool_callback callbacks[] = {
    TOOL_CALLBACK("PY_START", py_start),   TOOL_CALLBACK("PY_RESUME", py_resume),
    TOOL_CALLBACK("PY_RETURN", py_return), TOOL_CALLBACK("PY_YIELD", py_yield),
    TOOL_CALLBACK("PY_THROW", py_throw),   TOOL_CALLBACK("PY_UNWIND", py_unwind),
    TOOL_CALLBACK("RAISE", py_raise),      TOOL_CALLBACK("LINE", py_line), /* the last */
};

static const char *unusable(const struct pyapi *py)
{
	return py->minor >= 12 ? NULL : "it needs CPython 3.12 or newer";
}

static bool install(const struct pyapi *py, struct hook_site *site)
{
	none = py->none;
	site->state = tool_install(py, callbacks,
	                           sizeof callbacks / sizeof *callbacks - !site->lines);
	return site->state != NULL;
}

static void uninstall(const struct pyapi *py, struct hook_site *site)
{
	tool_remove(py, site->state);
	site->state = NULL;
}

const struct hook_ops hook_monitoring = {
    .name = "monitoring",
    .unusable = unusable,
    .install = install,
    .remove = uninstall,
};
