/* SPDX-License-Identifier: MIT */
/*
 * Frame evaluation (PEP 523), 3.10 and 3.11: the cheapest way to see calls there.  Each
 * Python call goes through a C function, which records that the frame starts, lets
 * CPython evaluate it, and records how it ended.  What happens between is not seen:
 * exceptions that a frame raises and handles itself, and lines.
 *
 * It costs C stack (stack.h): 16 bytes for each call on 3.10, some 500 on 3.11, where a
 * call needs none without a hook.  Where that could break a deep recursion, the hook
 * keeps away: on 3.10 it does nothing until that frame returns, and the loss is counted.
 * On 3.11 the thread is followed by a trace function, and when half of its stack is gone
 * the hook is taken out.  It belongs to the whole interpreter, so other threads are not
 * seen then, which is counted.
 *
 * Not offered for 3.12 and newer: there sys.monitoring is complete, while 3.13.0 does not
 * call the hook for __init__, and recursion is limited by the C stack with it
 * (RecursionError near 2,000 to 5,000 frames).
 */
#include "hook.h"

#include "capture.h"
#include "evalframe.h"
#include "stack.h"
#include "trace.h"
#include "tracefunc.h"

/* C stack that a call of a Python function by another takes, with the hook (x86-64, gcc
 * 12, measured: 432 and 488), rounded up. */
#define CALL_BYTES_310 450
#define CALL_BYTES_311 600

static const struct pyapi *py;
static pyapi_eval_func evaluate;   /* of this version */
static pyapi_eval_func underneath; /* CPython's own */
static bool with_values;

static PyObject *attribute(PyObject *object, const char *name)
{
	PyObject *value = object ? py->PyObject_GetAttrString(object, name) : NULL;
	if (!value)
		py->PyErr_Clear();
	return value;
}

static unsigned number(PyObject *value)
{
	long n = value && value != py->none ? py->PyLong_AsLong(value) : 0;
	if (value)
		py->Py_DecRef(value);
	return n > 0 ? (unsigned)n : 0;
}

/* The line that an exception was raised at, or came in: a `finally` or `with` may have
 * run since.  It is in the first entry of the traceback, which this frame made; when that
 * has none (the end of an except*), in an older one of the same frame. */
static unsigned raised_at(PyObject *traceback)
{
	unsigned line = number(attribute(traceback, "tb_lineno"));
	if (line || !traceback)
		return line;
	PyObject *frame = attribute(traceback, "tb_frame");
	PyObject *entry = attribute(traceback, "tb_next");
	while (entry && entry != py->none && !line) {
		PyObject *other = attribute(entry, "tb_frame");
		if (other == frame)
			line = number(attribute(entry, "tb_lineno"));
		PyObject *next = other == frame ? attribute(entry, "tb_next") : NULL;
		if (other)
			py->Py_DecRef(other);
		py->Py_DecRef(entry);
		entry = next;
	}
	if (entry)
		py->Py_DecRef(entry);
	if (frame)
		py->Py_DecRef(frame);
	return line;
}

static void ended_by_exception(void *frame, PyObject *code, void *globals)
{
	PyObject *type, *value, *traceback;

	py->PyErr_Fetch(&type, &value, &traceback);
	if (type) {
		unsigned line = raised_at(traceback);
		if (!line)
			line = pyapi_frame_line(py, frame, code);
		struct frame inside = frame_of_eval(frame, code, false);
		capture_exception(code, globals, &inside, type, value ? value : py->none);
		trace_exception(code, globals, line, pyapi_type_name(py, type));
	}
	py->PyErr_Restore(type, value, traceback);
	trace_event(CRUMB_WORD_UNWIND, code, globals);
}

/* Tells how a frame ended, whatever it takes; returns `result`. */
static __attribute__((noinline)) PyObject *ended_somehow(void *frame, PyObject *result)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	void *globals = pyapi_field(frame, py->layout.frame_globals);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);

	if (!result) {
		ended_by_exception(frame, code, globals);
		return NULL;
	}
	bool yields =
	    (flags & PYAPI_GENERATOR_FLAGS) && pyapi_frame_suspended(py->minor, frame);
	enum crumb_word_kind kind = yields ? CRUMB_WORD_YIELD : CRUMB_WORD_RETURN;
	if (with_values) {
		struct frame inside = frame_of_eval(frame, code, false);
		capture_leave(kind, code, globals, &inside, result);
	}
	trace_event(kind, code, globals);
	return result;
}

static inline PyObject *ended(void *frame, PyObject *result, unsigned minor)
{
	const struct pyapi_layout *at = pyapi_layout_of(minor);
	PyObject *code = *(PyObject **)pyapi_field(frame, at->frame_code);
	const struct intern_slot *slot = trace_slot(code);
	if (__builtin_expect(!result || !slot, 0))
		return ended_somehow(frame, result);
	enum crumb_word_kind kind =
	    __builtin_expect(slot->generator, 0) && pyapi_frame_suspended(minor, frame)
		? CRUMB_WORD_YIELD
		: CRUMB_WORD_RETURN;
	if (__builtin_expect(trace_store(kind, code), 1))
		return result;
	return ended_somehow(frame, result);
}

/* All that the hook keeps on the stack: the frame's address and the way back. */
static __attribute__((noinline)) PyObject *run_310(PyThreadState *thread, void *frame,
                                                   int throwing)
{
	PyObject *result = underneath(thread, frame, throwing);
	return ended(frame, result, 10);
}

static __attribute__((noinline)) PyObject *run_311(PyThreadState *thread, void *frame,
                                                   int throwing)
{
	PyObject *result = underneath(thread, frame, throwing);
	return ended(frame, result, 11);
}

static inline PyObject *run(PyThreadState *thread, void *frame, int throwing,
                            unsigned minor)
{
	return minor == 10 ? run_310(thread, frame, throwing)
	                   : run_311(thread, frame, throwing);
}

static __attribute__((noinline)) PyObject *run_with_values(PyThreadState *thread,
                                                           void *frame, int throwing)
{
	return ended_somehow(frame, underneath(thread, frame, throwing));
}

static __attribute__((noinline)) void entered(void *frame, PyObject *code, void *globals)
{
	struct frame inside = frame_of_eval(frame, code, true);
	capture_call(code, globals, &inside);
}

/* Evaluates a frame and tells how it starts and ends, whatever it takes. */
static __attribute__((noinline)) PyObject *record_somehow(PyThreadState *thread,
                                                          void *frame, int throwing)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);
	if (pyapi_frame_makes_generator(py->minor, frame, flags))
		return underneath(thread, frame, throwing);
	void *globals = pyapi_field(frame, py->layout.frame_globals);
	bool generator = flags & PYAPI_GENERATOR_FLAGS;
	bool goes_on = generator && pyapi_frame_goes_on(py->minor, frame, throwing);
	if (capture_wants.locals && !goes_on)
		entered(frame, code, globals);
	if (!trace_event(goes_on ? CRUMB_WORD_RESUME : CRUMB_WORD_CALL, code, globals))
		return underneath(thread, frame, throwing);
	if (with_values)
		return run_with_values(thread, frame, throwing);
	return run(thread, frame, throwing, py->minor);
}

/* The same, when it takes no more than what is done at once. */
static inline __attribute__((always_inline)) PyObject *
record(PyThreadState *thread, void *frame, int throwing, unsigned minor)
{
	const struct pyapi_layout *at = pyapi_layout_of(minor);
	PyObject *code = *(PyObject **)pyapi_field(frame, at->frame_code);
	const struct intern_slot *slot = trace_slot(code);
	if (__builtin_expect(!slot, 0))
		return record_somehow(thread, frame, throwing);
	if (!slot->id)
		return underneath(thread, frame, throwing);
	enum crumb_word_kind kind = CRUMB_WORD_CALL;
	if (__builtin_expect(slot->generator, 0)) {
		if (pyapi_frame_makes_generator(minor, frame, PYAPI_GENERATOR_FLAGS))
			return underneath(thread, frame, throwing);
		if (pyapi_frame_goes_on(minor, frame, throwing))
			kind = CRUMB_WORD_RESUME;
	}
	if (__builtin_expect(!trace_store(kind, code), 0))
		return record_somehow(thread, frame, throwing);
	return run(thread, frame, throwing, minor);
}

/* Whether the trace function tells of the frame that is to be evaluated. */
static bool is_followed(const PyThreadState *thread, const struct buffer *b)
{
	return tracefunc_is_ours(thread) &&
	       (uintptr_t)__builtin_frame_address(0) < b->followed_below;
}

/* Evaluates a frame and all below it unseen (3.10). */
static PyObject *keep_away(PyThreadState *thread, void *frame, int throwing,
                           struct buffer *b)
{
	trace_lost(CRUMB_LOSS_LOW_STACK, 0);
	b->stack_spared = true;
	PyObject *result = underneath(thread, frame, throwing);
	b->stack_spared = false;
	return result;
}

/* Evaluates a frame and all below it with the hook taken out (3.11). */
static PyObject *step_out(PyThreadState *thread, void *frame, int throwing,
                          struct buffer *b)
{
	if (!is_followed(thread, b) || buffer_others_in_use())
		trace_lost(CRUMB_LOSS_LOW_STACK, 0);
	return evalframe_without(py, b, thread, frame, throwing);
}

/* Evaluates a frame and all below it with a trace function, which tells of them (3.11).
 * Frames above may run meanwhile: where greenlets share the thread. */
static PyObject *follow(PyThreadState *thread, void *frame, int throwing,
                        struct buffer *b)
{
	b->followed_below = (uintptr_t)__builtin_frame_address(0);
	tracefunc_start(py);
	PyObject *result = underneath(thread, frame, throwing);
	if (tracefunc_is_ours(thread))
		tracefunc_stop(py);
	if (buffer_mine)
		buffer_mine->followed_below = 0;
	return result;
}

static PyObject *deep_310(PyThreadState *thread, void *frame, int throwing,
                          struct buffer *b)
{
	if (b->stack_spared)
		return underneath(thread, frame, throwing);
	bool safe = stack_holds(b, py->Py_GetRecursionLimit(), CALL_BYTES_310);
	if (safe && stack_left(b) > b->stack_size / 8)
		return record_somehow(thread, frame, throwing);
	return keep_away(thread, frame, throwing, b);
}

static PyObject *deep_311(PyThreadState *thread, void *frame, int throwing,
                          struct buffer *b)
{
	bool half_left = stack_left(b) > b->stack_size / 2;
	if (is_followed(thread, b))
		return half_left ? underneath(thread, frame, throwing)
		                 : step_out(thread, frame, throwing, b);
	if (half_left && stack_holds(b, py->Py_GetRecursionLimit(), CALL_BYTES_311))
		return record_somehow(thread, frame, throwing);
	if (tracefunc_is_free(thread))
		return follow(thread, frame, throwing, b);
	/* The program has a trace function of its own, or another greenlet is followed:
	 * calls are seen here or not at all. */
	return half_left ? record_somehow(thread, frame, throwing)
	                 : step_out(thread, frame, throwing, b);
}

/* There is no memory for the thread's buffer, or no file at all. */
static PyObject *unseen(PyThreadState *thread, void *frame, int throwing)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);
	if (!pyapi_frame_makes_generator(py->minor, frame, flags))
		trace_lose(code, pyapi_field(frame, py->layout.frame_globals), 2);
	return underneath(thread, frame, throwing);
}

/* The thread's first frame, or one when part of its stack is in use.  Tail calls all. */
static __attribute__((noinline)) PyObject *unusual(PyThreadState *thread, void *frame,
                                                   int throwing)
{
	struct buffer *b = trace_here();
	if (!b)
		return unseen(thread, frame, throwing);
	if (b->stack_reserve == BUFFER_UNMEASURED) {
		stack_measure(b, 8);
		return evaluate(thread, frame, throwing);
	}
	return py->minor == 10 ? deep_310(thread, frame, throwing, b)
	                       : deep_311(thread, frame, throwing, b);
}

static inline bool is_unusual(void)
{
	const struct buffer *b = buffer_mine;
	return __builtin_expect(!b || stack_is_used(b), 0);
}

static PyObject *evaluate_310(PyThreadState *thread, void *frame, int throwing)
{
	if (is_unusual())
		return unusual(thread, frame, throwing);
	return record(thread, frame, throwing, 10);
}

static PyObject *evaluate_311(PyThreadState *thread, void *frame, int throwing)
{
	if (is_unusual())
		return unusual(thread, frame, throwing);
	return record(thread, frame, throwing, 11);
}

static PyObject *evaluate_with_values(PyThreadState *thread, void *frame, int throwing)
{
	if (is_unusual())
		return unusual(thread, frame, throwing);
	return record_somehow(thread, frame, throwing);
}

static const char *unusable(const struct pyapi *given)
{
	return given->minor <= 11 ? NULL : "it is complete on CPython 3.10 and 3.11 only";
}

static bool install(const struct pyapi *given, struct hook_site *site)
{
	py = given;
	with_values = capture_wants.locals || capture_wants.results;
	evaluate = with_values       ? evaluate_with_values
	           : py->minor == 10 ? evaluate_310
	                             : evaluate_311;
	underneath = py->_PyEval_EvalFrameDefault;
	tracefunc_init(py, false);
	site->state = evalframe_install(py, site->interpreter, evaluate);
	return site->state != NULL;
}

static void uninstall(const struct pyapi *given, struct hook_site *site)
{
	evalframe_remove(given, site->state);
	tracefunc_pause(site->interpreter, false);
	site->state = NULL;
}

static void pauses(const struct pyapi *given, struct hook_site *site, bool pause)
{
	tracefunc_pause(site->interpreter, pause);
	evalframe_pause(given, site->state, pause);
}

const struct hook_ops hook_frame = {
    .name = "frame",
    .unusable = unusable,
    .install = install,
    .remove = uninstall,
    .meets = pyapi_code_keep_general,
    .pause = pauses,
};
