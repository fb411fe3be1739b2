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

/* Here, to save a step for each event. */
static PyObject *none;
static size_t int_digit;

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

/* The line that the running frame is at.  Not by the offset that the callback is
 * given: 3.13 to 3.15 give that of the instruction before a call which an exception comes
 * out of. */
static unsigned current_line(const struct pyapi *py)
{
	PyFrameObject *frame = py->PyThreadState_GetFrame(py->PyThreadState_Get());
	int line = frame ? py->PyFrame_GetLineNumber(frame) : 0;
	if (frame)
		py->Py_DecRef((PyObject *)frame);
	return line > 0 ? (unsigned)line : 0;
}

static PyObject *py_raise(PyObject *self, arguments args, Py_ssize_t count)
{
	const struct pyapi *py = pyapi();
	(void)self, (void)count;
	if (trace_wants(args[0], NULL)) {
		PyObject *type = py->PyObject_Type(args[2]);
		trace_exception(args[0], NULL, current_line(py),
		                pyapi_type_name(py, type));
		py->Py_DecRef(type);
	}
	return none;
}

static __attribute__((noinline)) PyObject *py_line_of_any_int(arguments args)
{
	uint32_t line = (uint32_t)pyapi()->PyLong_AsLong(args[1]);
	return answer(trace_line(args[0], NULL, line));
}

/* (code, line) */
static PyObject *py_line(PyObject *self, arguments args, Py_ssize_t count)
{
	uint32_t line;
	(void)self, (void)count;
	if (__builtin_expect(!pyapi_small_int(int_digit, args[1], &line), 0))
		return py_line_of_any_int(args);
	return answer(trace_line(args[0], NULL, line));
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
	if (site->lines)
		int_digit = pyapi_int_digit(py);
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
