/* SPDX-License-Identifier: MIT */
/*
 * PyEval_SetTrace() in every thread: sees handled exceptions and lines on 3.10 and 3.11
 * too. A trace function belongs to one thread, so each thread has to be met once in its
 * own context: by a pass-through frame-evaluation hook on 3.10 and 3.11, by
 * sys.monitoring on 3.12+, where a frame-evaluation hook would cost C stack for each
 * call.
 *
 * Where the program sets a trace function of its own (coverage, a debugger), it wins:
 * that thread is not traced any more, and the file says so.
 */
#include "hook.h"

#include "stack.h"
#include "tool.h"
#include "trace.h"
#include "tracefunc.h"

static const struct pyapi *py;
static bool taken_over_noted; /* atomic */

/* The current thread runs Python, perhaps for the first time in this interpreter. */
static void meet(void)
{
	struct buffer *b = trace_here();
	const void *here = py->PyInterpreterState_Get();
	if (!b || b->taken_over || b->traced == here)
		return;
	b->traced = here;
	tracefunc_start(py);
}

static PyObject *pass_through(PyThreadState *thread, void *frame, int throwing)
{
	struct buffer *b = buffer_mine;
	if (!b || (!b->taken_over && tracefunc_is_free(py, thread))) {
		if (b)
			b->traced =
			    NULL; /* of another interpreter, or stopped by the program */
		meet();
		b = buffer_mine;
	}
	if (b && !b->stack_reserve)
		stack_measure(b);
	if (!b || !stack_is_short(b))
		return py->_PyEval_EvalFrameDefault(thread, frame, throwing);
	/* 3.11 needs no C stack for what is called from here on, if no hook is in. */
	PyInterpreterState *here = py->PyInterpreterState_Get();
	py->_PyInterpreterState_SetEvalFrameFunc(here, py->_PyEval_EvalFrameDefault);
	PyObject *result = py->_PyEval_EvalFrameDefault(thread, frame, throwing);
	py->_PyInterpreterState_SetEvalFrameFunc(here, pass_through);
	return result;
}

static PyObject *starts(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
	(void)self, (void)args, (void)count;
	meet();
	return py->none;
}

static const struct tool_callback callbacks[] = {
    TOOL_CALLBACK("PY_START", starts),
    TOOL_CALLBACK("PY_RESUME", starts),
    TOOL_CALLBACK("PY_THROW", starts),
};

static const char *unusable(const struct pyapi *given)
{
	if (given->minor >= 11 && (!given->frame_lasti || !given->code_bytes))
		return "this CPython lacks PyFrame_GetLasti";
	return NULL;
}

static bool install(const struct pyapi *given, struct hook_site *site)
{
	py = given;
	tracefunc_init(py, site->lines);
	if (py->minor >= 12) {
		site->state =
		    tool_install(py, callbacks, sizeof callbacks / sizeof *callbacks);
		if (!site->state)
			return false;
	} else if (py->_PyInterpreterState_GetEvalFrameFunc(site->interpreter) ==
	           py->_PyEval_EvalFrameDefault) {
		py->_PyInterpreterState_SetEvalFrameFunc(site->interpreter, pass_through);
	}
	meet();
	return true;
}

static void uninstall(const struct pyapi *given, struct hook_site *site)
{
	struct buffer *b = buffer_mine;
	if (given->minor >= 12) {
		tool_remove(given, site->state);
		site->state = NULL;
	} else if (given->_PyInterpreterState_GetEvalFrameFunc(site->interpreter) ==
	           pass_through) {
		given->_PyInterpreterState_SetEvalFrameFunc(
		    site->interpreter, given->_PyEval_EvalFrameDefault);
	}
	if (b && b->traced == site->interpreter && !b->taken_over) {
		tracefunc_stop(given);
		b->traced = NULL;
	}
}

static void program_traces(void)
{
	static const char note[] =
	    "the program set a trace function of its own (sys.settrace); "
	    "its threads that did are not traced from there on";
	struct buffer *b = trace_here();
	if (!b || b->taken_over || tracefunc_is_setting())
		return;
	b->taken_over = true;
	trace_lost(CRUMB_LOSS_TAKEN_OVER, 0);
	if (!__atomic_exchange_n(&taken_over_noted, true, __ATOMIC_RELAXED))
		record_fact(CRUMB_FACT_NOTE, note, sizeof note - 1);
}

const struct hook_ops hook_settrace = {
    .name = "settrace",
    .unusable = unusable,
    .install = install,
    .remove = uninstall,
    .program_traces = program_traces,
};
