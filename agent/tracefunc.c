/* SPDX-License-Identifier: MIT */
/*
 * A trace function sees calls, lines, exceptions and returns of one thread.  It is not
 * told whether a generator starts or goes on, returns or suspends itself: that is read
 * from the frame (3.10, 3.11) or from the instruction that it is at (3.12+, where tracing
 * is built on sys.monitoring and the frame's state is not settled when the function is
 * called).
 */
#include "tracefunc.h"

#include "capture.h"
#include "trace.h"

/* Include/cpython/pystate.h: PyTrace_*. */
enum { ON_CALL = 0, ON_EXCEPTION = 1, ON_LINE = 2, ON_RETURN = 3 };

static const struct pyapi *here; /* at hand for each event */
static bool want_lines;
static size_t place; /* offset of c_tracefunc in a thread state; 0: not found yet */

/* Interpreters whose recording is paused; those beyond cannot be told apart and go on. */
static const PyInterpreterState *paused[64]; /* atomic */
static unsigned pauses;                      /* how many; atomic */

/* The instruction that a frame is at, 3.11 and newer.  False: it cannot be told. */
static bool instruction(const struct pyapi *py, PyFrameObject *frame, PyObject *code,
                        unsigned *opcode, unsigned *argument)
{
	char *at = NULL;
	Py_ssize_t length = 0;
	int offset = py->frame_lasti(frame);
	PyObject *bytes = py->code_bytes(code);

	if (!bytes) {
		py->PyErr_Clear();
		return false;
	}
	bool found = py->PyBytes_AsStringAndSize(bytes, &at, &length) == 0 &&
	             offset >= 0 && offset + 1 < length;
	if (found) {
		*opcode = (unsigned char)at[offset];
		*argument = (unsigned char)at[offset + 1];
	}
	py->Py_DecRef(bytes);
	return found;
}

/* Inside 3.11's PyFrameObject, its interpreter frame. */
static void *inner_frame(const struct pyapi *py, PyFrameObject *frame)
{
	return *(void **)pyapi_field(frame, py->layout.frame_object_frame);
}

/* Up to 3.11 borrowed, which is cheaper at each line. */
static PyObject *frame_code(const struct pyapi *py, PyFrameObject *frame)
{
	if (py->minor >= 12)
		return py->PyFrame_GetCode(frame);
	const void *inner = py->minor == 10 ? (void *)frame : inner_frame(py, frame);
	return *(PyObject **)pyapi_field(inner, py->layout.frame_code);
}

enum crumb_word_kind tracefunc_entry(const struct pyapi *py, PyFrameObject *frame,
                                     PyObject *code, bool generator)
{
	unsigned opcode, argument;
	if (!generator)
		return CRUMB_WORD_CALL;
	if (py->minor == 10)
		return pyapi_frame_goes_on(10, frame, false) ? CRUMB_WORD_RESUME
		                                             : CRUMB_WORD_CALL;
	/* RESUME's argument says where it stands: 0 at the start of a function.  Two bits
	 * of it do (3.13+: a third says that it is inside of an except). */
	bool starts = instruction(py, frame, code, &opcode, &argument) &&
	              opcode == py->opcode.resume && (argument & 3) == 0;
	return starts ? CRUMB_WORD_CALL : CRUMB_WORD_RESUME;
}

/*
 * How a frame is left, 3.12 and newer.  There the value is None for an exception as well
 * as for a returned None, and a generator that suspends itself is already at the RESUME
 * behind its YIELD_VALUE (3.13).  An exception is told in the same frame just before.
 */
static enum crumb_word_kind exit_by_instruction(const struct pyapi *py,
                                                PyFrameObject *frame, PyObject *code,
                                                const PyObject *value, bool raised,
                                                bool generator)
{
	const struct pyapi_opcodes *is = &py->opcode;
	unsigned opcode = 0, argument;

	if (value != py->none && !generator)
		return CRUMB_WORD_RETURN;
	if (!instruction(py, frame, code, &opcode, &argument))
		return CRUMB_WORD_RETURN;
	if (opcode == is->return_value || opcode == is->return_const)
		return CRUMB_WORD_RETURN;
	if (value == py->none && raised)
		return CRUMB_WORD_UNWIND;
	if (opcode == is->yield_value || opcode == is->resume)
		return CRUMB_WORD_YIELD;
	return value == py->none ? CRUMB_WORD_UNWIND : CRUMB_WORD_RETURN;
}

enum crumb_word_kind tracefunc_exit(const struct pyapi *py, PyFrameObject *frame,
                                    PyObject *code, const PyObject *value, bool raised,
                                    bool generator)
{
	if (!value)
		return CRUMB_WORD_UNWIND;
	if (py->minor >= 12)
		return exit_by_instruction(py, frame, code, value, raised, generator);
	if (!generator)
		return CRUMB_WORD_RETURN;
	const void *inner = py->minor == 10 ? (void *)frame : inner_frame(py, frame);
	return pyapi_frame_suspended(py->minor, inner) ? CRUMB_WORD_YIELD
	                                               : CRUMB_WORD_RETURN;
}

static void on_exception(const struct pyapi *py, PyFrameObject *frame, PyObject *code,
                         PyObject *what)
{
	PyObject *type = py->PyTuple_GetItem(what, 0); /* (type, value, traceback) */
	int line = py->PyFrame_GetLineNumber(frame);
	if (!type || !trace_wants(code, NULL))
		return;
	struct frame inside = frame_of_object(frame, code);
	capture_exception(code, NULL, &inside, type, py->PyTuple_GetItem(what, 1));
	trace_exception(code, NULL, line > 0 ? (uint32_t)line : 0,
	                pyapi_type_name(py, type));
}

static void on_call(const struct pyapi *py, PyFrameObject *frame, PyObject *code)
{
	enum crumb_word_kind kind =
	    tracefunc_entry(py, frame, code, trace_is_generator(code, NULL));
	if (capture_wants.locals && kind == CRUMB_WORD_CALL) {
		struct frame inside = frame_of_object(frame, code);
		capture_call(code, NULL, &inside);
	}
	trace_event(kind, code, NULL);
}

static void on_return(const struct pyapi *py, PyFrameObject *frame, PyObject *code,
                      PyObject *value, bool raised)
{
	enum crumb_word_kind kind = tracefunc_exit(py, frame, code, value, raised,
	                                           trace_is_generator(code, NULL));
	if ((capture_wants.locals || capture_wants.results) &&
	    kind != CRUMB_WORD_UNWIND) {
		struct frame inside = frame_of_object(frame, code);
		capture_leave(kind, code, NULL, &inside, value);
	}
	trace_event(kind, code, NULL);
}

static void on_line(const struct pyapi *py, PyFrameObject *frame, PyObject *code)
{
	if (capture_wants.locals) {
		struct frame inside = frame_of_object(frame, code);
		capture_line(code, NULL, &inside);
	}
	trace_line(code, NULL, (uint32_t)py->PyFrame_GetLineNumber(frame));
}

static bool is_paused(const struct pyapi *py)
{
	const PyInterpreterState *interpreter = py->PyInterpreterState_Get();
	for (size_t i = 0; i < sizeof paused / sizeof *paused; i++) {
		if (__atomic_load_n(&paused[i], __ATOMIC_RELAXED) == interpreter)
			return true;
	}
	return false;
}

static int trace_function(PyObject *self, PyFrameObject *frame, int what, PyObject *value)
{
	const struct pyapi *py = here;
	struct buffer *b = buffer_mine;
	const void *raised = b ? b->raised : NULL;

	(void)self;
	if (__builtin_expect(__atomic_load_n(&pauses, __ATOMIC_RELAXED) != 0, 0) &&
	    is_paused(py))
		return 0;
	/* The frame hook tells of it: a greenlet that is not as deep. */
	if (b && b->followed_below &&
	    (uintptr_t)__builtin_frame_address(0) > b->followed_below)
		return 0;
	PyObject *code = frame_code(py, frame);
	if (b)
		b->raised = what == ON_EXCEPTION ? frame : NULL;
	switch (what) {
	case ON_CALL:
		on_call(py, frame, code);
		break;
	case ON_RETURN:
		on_return(py, frame, code, value, raised == frame);
		break;
	case ON_EXCEPTION:
		on_exception(py, frame, code, value);
		break;
	case ON_LINE:
		if (want_lines)
			on_line(py, frame, code);
		break;
	default:
		break;
	}
	if (py->minor >= 12)
		py->Py_DecRef(code);
	return 0;
}

void tracefunc_init(const struct pyapi *py, bool lines)
{
	here = py;
	if (py->minor <= 11)
		place = py->layout.thread_tracefunc;
	want_lines = lines;
}

/* Puts one in the place of another. */
static bool exchange(const PyInterpreterState *old, const PyInterpreterState *new)
{
	for (size_t i = 0; i < sizeof paused / sizeof *paused; i++) {
		const PyInterpreterState *expected = old;
		if (__atomic_compare_exchange_n(&paused[i], &expected, new, false,
		                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

void tracefunc_pause(const PyInterpreterState *interpreter, bool pause)
{
	bool was = exchange(interpreter, NULL);
	bool is = pause && exchange(NULL, interpreter);
	if (was != is)
		__atomic_fetch_add(&pauses, is ? 1u : -1u, __ATOMIC_RELAXED);
}

/* Where a thread state keeps its trace function: it lies elsewhere in each version,
 * always near the beginning. */
static void find_place(const PyThreadState *thread)
{
	for (size_t at = 0; at < 256 && !place; at += sizeof(void *)) {
		if (*(pyapi_trace_func *)pyapi_field(thread, at) == trace_function)
			place = at;
	}
}

/* PyEval_SetTrace() raises the audit event sys.settrace, as the program's own call would.
 */
static void set(const struct pyapi *py, pyapi_trace_func function)
{
	PyObject *type = NULL, *value = NULL, *traceback = NULL;
	bool pending = py->PyErr_Occurred() != NULL;
	struct buffer *b = buffer_mine;
	if (pending)
		py->PyErr_Fetch(&type, &value, &traceback);
	if (b)
		b->setting_trace = true;
	py->PyEval_SetTrace(function, NULL);
	if (b)
		b->setting_trace = false;
	if (py->PyErr_Occurred()) /* an audit hook of the program's refused */
		py->PyErr_Clear();
	if (pending)
		py->PyErr_Restore(type, value, traceback);
}

void tracefunc_start(const struct pyapi *py)
{
	set(py, trace_function);
	if (!place)
		find_place(py->PyThreadState_Get());
}

void tracefunc_stop(const struct pyapi *py)
{
	set(py, NULL);
}

bool tracefunc_is_free(const PyThreadState *thread)
{
	return !place || !*(pyapi_trace_func *)pyapi_field(thread, place);
}

bool tracefunc_is_ours(const PyThreadState *thread)
{
	return place && *(pyapi_trace_func *)pyapi_field(thread, place) == trace_function;
}

bool tracefunc_is_setting(void)
{
	return buffer_mine && buffer_mine->setting_trace;
}
