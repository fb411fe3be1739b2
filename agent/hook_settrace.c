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

#include "evalframe.h"
#include "stack.h"
#include "tool.h"
#include "trace.h"
#include "tracefunc.h"

/* C stack that a call of a Python function by another takes with the hook alone (x86-64,
 * gcc 12, measured: 472), rounded up. */
#define CALL_BYTES_311 600

static const struct pyapi *py;
static bool taken_over_noted; /* atomic */

/* A trace function of the program's is, or is about to be, in the place of ours. */
static void give_way(struct buffer *b)
{
	static const char note[] =
	    "the program set a trace function of its own (sys.settrace); "
	    "its threads that did are not traced from there on";
	if (b->taken_over || b->setting_trace)
		return;
	b->taken_over = true;
	trace_lost(CRUMB_LOSS_TAKEN_OVER, 0);
	if (!__atomic_exchange_n(&taken_over_noted, true, __ATOMIC_RELAXED))
		record_fact(CRUMB_FACT_NOTE, note, sizeof note - 1);
}

/* The thread runs Python, perhaps for the first time with this thread state (one that
 * attaches from C has a new one each time).  True when it was not traced yet. */
static bool meet(PyThreadState *thread)
{
	if (tracefunc_is_ours(thread))
		return false;
	struct buffer *b = trace_here();
	if (!b || b->taken_over || b->setting_trace)
		return false;
	if (!tracefunc_is_free(thread)) { /* by another thread: settrace_all_threads() */
		give_way(b);
		return false;
	}
	tracefunc_start(py);
	/* An audit hook of the program's may refuse it, and is not asked again. */
	b->taken_over = !tracefunc_is_ours(thread);
	return !b->taken_over;
}

/* Evaluates a frame and all below it untraced, for 3.10, where a trace function needs C
 * stack. */
static PyObject *untraced(PyThreadState *thread, void *frame, int throwing,
                          struct buffer *b)
{
	trace_lost(CRUMB_LOSS_LOW_STACK, 0);
	tracefunc_stop(py);
	PyObject *result = py->_PyEval_EvalFrameDefault(thread, frame, throwing);
	if (tracefunc_is_free(thread) && !b->taken_over)
		tracefunc_start(py);
	return result;
}

/* Evaluates a frame and all below it without the hook, for 3.11, where calls need no C
 * stack but for it.  Threads that start meanwhile are not met. */
static PyObject *unhooked(PyThreadState *thread, void *frame, int throwing,
                          struct buffer *b)
{
	if (buffer_others_in_use())
		trace_lost(CRUMB_LOSS_LOW_STACK, 0);
	return evalframe_without(py, b, thread, frame, throwing);
}

static PyObject *spare_stack(PyThreadState *thread, void *frame, int throwing,
                             struct buffer *b)
{
	PyObject *result;

	b->stack_spared = true;
	if (py->minor == 10 && tracefunc_is_ours(thread))
		result = untraced(thread, frame, throwing, b);
	else
		result = unhooked(thread, frame, throwing, b);
	b->stack_spared = false;
	return result;
}

static __attribute__((noinline)) PyObject *deep(PyThreadState *thread, void *frame,
                                                int throwing, struct buffer *b)
{
	size_t each = py->minor == 10 ? TRACEFUNC_CALL_BYTES_310 : CALL_BYTES_311;
	bool safe = stack_left(b) > b->stack_size / 8 &&
	            stack_holds(b, py->Py_GetRecursionLimit(), each);
	if (safe || b->stack_spared)
		return py->_PyEval_EvalFrameDefault(thread, frame, throwing);
	return spare_stack(thread, frame, throwing, b);
}

/* There is no memory for the thread's buffer, or no file at all. */
static void unseen(const void *frame)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);
	if (!pyapi_frame_makes_generator(py->minor, frame, flags))
		trace_lose(code, pyapi_field(frame, py->layout.frame_globals), 2);
}

static PyObject *pass_through(PyThreadState *thread, void *frame, int throwing)
{
	struct buffer *b = buffer_mine;
	if (!b || !b->stack_spared)
		meet(thread);
	b = buffer_mine;
	if (!b && tracefunc_is_free(thread))
		unseen(frame);
	if (b && b->stack_reserve == BUFFER_UNMEASURED)
		stack_measure(b, 32);
	if (b && stack_is_used(b))
		return deep(thread, frame, throwing, b);
	return py->_PyEval_EvalFrameDefault(thread, frame, throwing);
}

/* sys.monitoring asks the tool that trace functions are built on first, which did not
 * know of this thread: so its first event is told here. */
static PyObject *starts(PyObject *self, PyObject *const *args, Py_ssize_t count,
                        PyObject *names)
{
	(void)self, (void)count, (void)names;
	if (meet(py->PyThreadState_Get()))
		trace_event(CRUMB_WORD_CALL, args[0], NULL);
	else if (!buffer_mine && tracefunc_is_free(py->PyThreadState_Get()))
		trace_lose(args[0], NULL, 2);
	return py->none;
}

static PyObject *goes_on(PyObject *self, PyObject *const *args, Py_ssize_t count,
                         PyObject *names)
{
	(void)self, (void)count, (void)names;
	if (meet(py->PyThreadState_Get()))
		trace_event(CRUMB_WORD_RESUME, args[0], NULL);
	else if (!buffer_mine && tracefunc_is_free(py->PyThreadState_Get()))
		trace_lose(args[0], NULL, 2);
	return py->none;
}

static const struct tool_callback callbacks[] = {
    TOOL_CALLBACK("PY_START", starts),
    TOOL_CALLBACK("PY_RESUME", goes_on),
    TOOL_CALLBACK("PY_THROW", goes_on),
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
		size_t count = sizeof callbacks / sizeof *callbacks;
		struct tool *t = tool_install(py, callbacks, count);
		if (!t || !tool_switch_on(py, t, 0, count)) {
			tool_remove(py, t);
			return false;
		}
		site->state = t;
	} else { /* with another's hook in place, only this thread is traced */
		site->state = evalframe_install(py, site->interpreter, pass_through);
	}
	meet(py->PyThreadState_Get());
	return true;
}

static void uninstall(const struct pyapi *given, struct hook_site *site)
{
	if (given->minor >= 12)
		tool_remove(given, site->state);
	else
		evalframe_remove(given, site->state);
	tracefunc_pause(site->interpreter, false);
	site->state = NULL;
	/* The trace functions end with their threads: taking them out would raise an
	 * audit event that the program sees. */
}

static void program_traces(void)
{
	struct buffer *b = trace_here();
	if (b)
		give_way(b);
}

/* Threads keep their trace functions, which tell nothing meanwhile: another thread's
 * cannot be taken out. */
static void pauses(const struct pyapi *given, struct hook_site *site, bool pause)
{
	tracefunc_pause(site->interpreter, pause);
	if (given->minor >= 12)
		tool_pause(given, site->state, pause);
}

const struct hook_ops hook_settrace = {
    .name = "settrace",
    .unusable = unusable,
    .install = install,
    .remove = uninstall,
    .program_traces = program_traces,
    .pause = pauses,
};
