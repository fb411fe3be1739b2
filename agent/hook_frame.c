/* SPDX-License-Identifier: MIT */
/*
 * Frame evaluation (PEP 523), 3.10 and 3.11: the cheapest way to see calls there.  Each
 * Python call goes through a C function, which records that the frame starts, lets
 * CPython evaluate it, and records how it ended.  What happens between is not seen:
 * exceptions that a frame raises and handles itself, and lines.
 *
 * It costs C stack.  Near the end of a thread's stack the hook is taken out until that
 * frame returns, and this thread is followed with a trace function meanwhile.  Other
 * threads are not seen then, because the hook belongs to the whole interpreter: that is
 * counted.
 *
 * Not offered for 3.12 and newer: there sys.monitoring is complete, while 3.13.0 does not
 * call the hook for __init__, and recursion is limited by the C stack with it
 * (RecursionError near 2,000 to 5,000 frames).
 */
#include "hook.h"

#include "stack.h"
#include "trace.h"
#include "tracefunc.h"

static const struct pyapi *py;
static pyapi_eval_func evaluate;   /* of this version */
static pyapi_eval_func underneath; /* CPython's own */
static unsigned out;               /* how many threads have the hook taken out; atomic */

static PyObject *code_of(const void *frame)
{
	return *(PyObject **)pyapi_field(frame, py->layout.frame_code);
}

/* Evaluates a frame and all below it without the hook. */
static PyObject *step_out(PyThreadState *thread, void *frame, int throwing)
{
	PyInterpreterState *here = py->PyInterpreterState_Get();
	bool follow = tracefunc_is_free(py, thread);

	if (__atomic_fetch_add(&out, 1, __ATOMIC_RELAXED) == 0)
		py->_PyInterpreterState_SetEvalFrameFunc(here, underneath);
	if (!follow || buffer_others_in_use())
		trace_lost(CRUMB_LOSS_LOW_STACK, 0);
	if (follow)
		tracefunc_start(py);
	PyObject *result = underneath(thread, frame, throwing);
	if (follow && tracefunc_is_ours(py, thread))
		tracefunc_stop(py);
	if (__atomic_sub_fetch(&out, 1, __ATOMIC_RELAXED) == 0)
		py->_PyInterpreterState_SetEvalFrameFunc(here, evaluate);
	return result;
}

/* The thread's first frame, or one near the end of its stack. */
static PyObject *unusual(PyThreadState *thread, void *frame, int throwing)
{
	struct buffer *b = trace_here();
	if (!b) /* a forked child that can have no file: nothing is left to do */
		return underneath(thread, frame, throwing);
	if (!b->stack_reserve) {
		stack_measure(b);
		if (!stack_is_short(b))
			return evaluate(thread, frame, throwing);
	}
	/* Another thread may have put the hook back meanwhile. */
	if (tracefunc_is_ours(py, thread))
		return underneath(thread, frame, throwing);
	return step_out(thread, frame, throwing);
}

static void ended(void *frame, PyObject *code, void *globals, const PyObject *result,
                  bool generator)
{
	enum crumb_word_kind kind = CRUMB_WORD_RETURN;
	if (!result) {
		PyObject *type = py->PyErr_Occurred();
		if (type)
			trace_exception(code, globals, pyapi_frame_line(py, frame, code),
			                pyapi_type_name(py, type));
		kind = CRUMB_WORD_UNWIND;
	} else if (generator && pyapi_frame_suspended(py, frame)) {
		kind = CRUMB_WORD_YIELD;
	}
	trace_event(kind, code, globals);
}

static PyObject *evaluate_310(PyThreadState *thread, void *frame, int throwing)
{
	struct buffer *b = buffer_mine;
	if (__builtin_expect(!b || !b->stack_reserve || stack_is_short(b), 0))
		return unusual(thread, frame, throwing);
	PyObject *code = code_of(frame);
	void *globals = pyapi_field(frame, py->layout.frame_globals);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);
	bool generator = flags & PYAPI_GENERATOR_FLAGS;
	bool goes_on = generator && pyapi_frame_goes_on(py, frame);
	if (!trace_event(goes_on ? CRUMB_WORD_RESUME : CRUMB_WORD_CALL, code, globals))
		return underneath(thread, frame, throwing);
	PyObject *result = underneath(thread, frame, throwing);
	ended(frame, code, globals, result, generator);
	return result;
}

static PyObject *evaluate_311(PyThreadState *thread, void *frame, int throwing)
{
	struct buffer *b = buffer_mine;
	if (__builtin_expect(!b || !b->stack_reserve || stack_is_short(b), 0))
		return unusual(thread, frame, throwing);
	PyObject *code = code_of(frame);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);
	if (pyapi_frame_makes_generator(py, frame, flags))
		return underneath(thread, frame, throwing);
	void *globals = pyapi_field(frame, py->layout.frame_globals);
	bool generator = flags & PYAPI_GENERATOR_FLAGS;
	bool goes_on = generator && (throwing || pyapi_frame_goes_on(py, frame));
	if (!trace_event(goes_on ? CRUMB_WORD_RESUME : CRUMB_WORD_CALL, code, globals))
		return underneath(thread, frame, throwing);
	PyObject *result = underneath(thread, frame, throwing);
	ended(frame, code, globals, result, generator);
	return result;
}

static const char *unusable(const struct pyapi *given)
{
	return given->minor <= 11 ? NULL : "it is complete on CPython 3.10 and 3.11 only";
}

static bool install(const struct pyapi *given, struct hook_site *site)
{
	py = given;
	evaluate = py->minor == 10 ? evaluate_310 : evaluate_311;
	underneath = py->_PyEval_EvalFrameDefault;
	tracefunc_init(py, false);
	/* Another hook (a debugger's, a compiler's) is not ours to replace. */
	if (py->_PyInterpreterState_GetEvalFrameFunc(site->interpreter) != underneath)
		return false;
	py->_PyInterpreterState_SetEvalFrameFunc(site->interpreter, evaluate);
	return true;
}

static void uninstall(const struct pyapi *given, struct hook_site *site)
{
	if (given->_PyInterpreterState_GetEvalFrameFunc(site->interpreter) == evaluate)
		given->_PyInterpreterState_SetEvalFrameFunc(site->interpreter,
		                                            underneath);
}

const struct hook_ops hook_frame = {
    .name = "frame",
    .unusable = unusable,
    .install = install,
    .remove = uninstall,
};
