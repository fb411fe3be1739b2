/* SPDX-License-Identifier: MIT */
/*
 * Values are read as memory (object.h), so that asking for them changes nothing: a
 * frame's f_locals would call for all of them, and up to 3.12 write them back.
 */
#include "live.h"

#include "capture.h"
#include "evalframe.h"
#include "frame.h"
#include "object.h"
#include "redact.h"
#include "stack.h"
#include "trace.h"
#include "tracefunc.h"
#include "value.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED    __attribute__((unused))
#define TEXT_MAX  4096 /* bytes of one value */
#define NAMES_MAX 1000 /* of a module or class body that are told */

static const struct pyapi *py;

void live_init(const struct pyapi *given)
{
	py = given;
}

static PyObject *none(void)
{
	py->Py_IncRef(py->none);
	return py->none;
}

static PyObject *decoded(const struct text *text)
{
	return py->PyUnicode_DecodeUTF8(text->start, (Py_ssize_t)text_length(text),
	                                "replace");
}

static PyObject *itself(const void *object)
{
	PyObject *same = (PyObject *)(uintptr_t)object;
	py->Py_IncRef(same);
	return same;
}

static bool is_hidden(const struct text *text)
{
	return text_length(text) == sizeof REDACT_TEXT - 1 &&
	       memcmp(text->start, REDACT_TEXT, sizeof REDACT_TEXT - 1) == 0;
}

static PyObject *plain(const void *object)
{
	char place[TEXT_MAX];
	struct text text = text_in(place, sizeof place);
	enum object_kind kind = object_kind(object);

	if (kind == OBJECT_NONE || kind == OBJECT_BOOL || kind == OBJECT_INT ||
	    kind == OBJECT_FLOAT) {
		value_render(&text, object, NULL);
		return is_hidden(&text) ? decoded(&text) : itself(object);
	}
	value_render(&text, object, NULL);
	if (kind == OBJECT_STR && object_str(object).length <= capture_extent()->length &&
	    !is_hidden(&text))
		return itself(object);
	return decoded(&text);
}

PyObject *live_value(PyObject *self UNUSED, PyObject *object)
{
	return capture_is_possible() ? plain(object) : none();
}

#define EXCEPTION_SUBCLASS (1ul << 30) /* Py_TPFLAGS_BASE_EXC_SUBCLASS */

static bool is_exception_type(PyObject *type)
{
	return (py->PyType_GetFlags((PyTypeObject *)type) & EXCEPTION_SUBCLASS) != 0;
}

PyObject *live_message(PyObject *self UNUSED, PyObject *args)
{
	PyObject *type = py->PyTuple_GetItem(args, 0);
	PyObject *exception = type ? py->PyTuple_GetItem(args, 1) : NULL;
	char place[TEXT_MAX];
	struct text text = text_in(place, sizeof place);

	if (!exception)
		return NULL;
	if (!capture_is_possible() || object_kind(type) != OBJECT_TYPE ||
	    !is_exception_type(type) || !value_has_message(type, exception))
		return none();
	value_render_message(&text, type, exception);
	return text_length(&text) ? decoded(&text) : none();
}

/* Takes over the reference to `value`. */
static bool put(PyObject *all, const void *name, PyObject *value)
{
	bool done =
	    value && py->PyDict_SetItem(all, (PyObject *)(uintptr_t)name, value) == 0;
	if (value)
		py->Py_DecRef(value);
	return done;
}

static bool put_value(PyObject *all, const void *name, const void *value)
{
	return put(all, name,
	           value_is_secret_name(name) ? py->PyUnicode_FromString(REDACT_TEXT)
	                                      : plain(value));
}

/* What a module or class body has defined, without what every module has. */
static bool put_namespace(PyObject *all, const void *names)
{
	struct object_walk walk = object_items(names, OBJECT_DICT);
	unsigned told = 0;
	bool done = true;

	while (done && told < NAMES_MAX && object_next(&walk)) {
		if (object_kind(walk.key) != OBJECT_STR)
			continue;
		struct object_str name = object_str(walk.key);
		bool special = name.length > 2 && object_character(&name, 0) == '_' &&
		               object_character(&name, 1) == '_';
		if (!special) {
			done = put_value(all, walk.key, walk.value);
			told++;
		}
	}
	return done;
}

static bool put_variables(PyObject *all, const struct frame *f, bool arguments)
{
	unsigned count = arguments ? frame_arguments(f->code) : frame_variables(f->code);
	bool done = true;

	for (unsigned i = 0; done && i < count; i++) {
		const void *value = frame_variable(f, i);
		const void *name = value ? frame_variable_name(f->code, i) : NULL;
		if (name)
			done = put_value(all, name, value);
	}
	return done;
}

static PyObject *variables(const struct frame *f, bool arguments)
{
	PyObject *all = py->PyDict_New();
	if (!all || !f->place)
		return all;
	const void *names = arguments ? NULL : frame_namespace(f);
	bool done = names && object_is_still(OBJECT_DICT)
	                ? put_namespace(all, names)
	                : put_variables(all, f, arguments);
	if (!done) {
		py->Py_DecRef(all);
		return NULL;
	}
	return all;
}

/* A frame's code, a new reference; NULL with an exception: it is no frame. */
static PyObject *code_of(PyObject *frame)
{
	PyObject *type = frame ? py->PyObject_Type(frame) : NULL;
	bool is = type && type == py->frame_type;
	if (type)
		py->Py_DecRef(type);
	if (!is) {
		py->PyErr_BadArgument();
		return NULL;
	}
	return py->PyFrame_GetCode((PyFrameObject *)frame);
}

PyObject *live_variables(PyObject *self UNUSED, PyObject *args)
{
	PyObject *frame = py->PyTuple_GetItem(args, 0);
	PyObject *arguments = frame ? py->PyTuple_GetItem(args, 1) : NULL;
	PyObject *code = arguments ? code_of(frame) : NULL;

	if (!code)
		return NULL;
	struct frame inside = {.code = code};
	if (capture_is_possible())
		inside = frame_of_object((PyFrameObject *)frame, code);
	PyObject *all = variables(&inside, arguments == py->true_object);
	py->Py_DecRef(code);
	return all;
}

PyObject *live_report(PyObject *self UNUSED, PyObject *args)
{
	PyObject *exception = py->PyTuple_GetItem(args, 0);
	PyObject *object = exception ? py->PyTuple_GetItem(args, 1) : NULL;
	if (!object)
		return NULL;
	PyObject *type = py->PyObject_Type(exception);
	if (!is_exception_type(type)) {
		py->Py_DecRef(type);
		py->PyErr_BadArgument();
		return NULL;
	}
	py->Py_IncRef(exception);
	py->PyErr_Restore(type, exception, py->PyException_GetTraceback(exception));
	py->PyErr_WriteUnraisable(object);
	return none();
}

/* Of the calling thread.  Not thread-local storage, of which a library that comes late
 * may get little: see DESIGN, 5. */
struct here {
	bool inside;        /* in a function of the module's: what runs is not told */
	const void *raised; /* the frame whose exception its trace function met last */
	struct stack_bounds stack; /* size 0: not known yet */
};

static pthread_key_t key;
static bool have_key;

static void make_key(void)
{
	have_key = pthread_key_create(&key, free) == 0;
}

static struct here *here(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static struct here nowhere; /* without memory: whose it is does not matter much */

	pthread_once(&once, make_key);
	struct here *h = have_key ? pthread_getspecific(key) : &nowhere;
	if (h)
		return h;
	h = calloc(1, sizeof *h);
	if (h && pthread_setspecific(key, h) == 0)
		return h;
	free(h);
	return &nowhere;
}

/* What came out of a function of the module's is for the program: Ctrl-C, and what else a
 * signal handler raises.  Not so that there was no room for the call.  True: none. */
static bool is_settled(void)
{
	if (py->PyErr_Occurred() && py->PyErr_ExceptionMatches(py->recursion_error))
		py->PyErr_Clear();
	return !py->PyErr_Occurred();
}

/* Include/cpython/pystate.h: PyTrace_*. */
enum { ON_CALL = 0, ON_EXCEPTION = 1, ON_LINE = 2, ON_RETURN = 3 };

static const char *kind_of(PyFrameObject *frame, int what, PyObject *code,
                           const PyObject *value, bool raised)
{
	PyObject *flags = py->PyObject_GetAttrString(code, "co_flags");
	bool generator = flags && ((unsigned long)py->PyLong_AsLong(flags) &
	                           PYAPI_GENERATOR_FLAGS) != 0;
	enum crumb_word_kind kind;

	if (flags)
		py->Py_DecRef(flags);
	kind = what == ON_CALL
	           ? tracefunc_entry(py, frame, code, generator)
	           : tracefunc_exit(py, frame, code, value, raised, generator);
	switch (kind) {
	case CRUMB_WORD_CALL:
		return "call";
	case CRUMB_WORD_RESUME:
		return "resume";
	case CRUMB_WORD_YIELD:
		return "yield";
	case CRUMB_WORD_RETURN:
		return "return";
	default:
		return "unwind";
	}
}

/* function(kind, frame, value) */
static int trace(PyObject *function, PyFrameObject *frame, int what, PyObject *value,
                 bool lines)
{
	bool raised = here()->raised == frame;
	const char *kind = what == ON_LINE ? "line" : "exception";

	here()->raised = what == ON_EXCEPTION ? frame : NULL;
	if (what > ON_RETURN || (what == ON_LINE && !lines))
		return 0;
	if (what == ON_CALL || what == ON_RETURN) {
		PyObject *code = py->PyFrame_GetCode(frame);
		kind = kind_of(frame, what, code, value, raised);
		py->Py_DecRef(code);
	}
	PyObject *first = py->PyUnicode_FromString(kind);
	PyObject *result =
	    first ? py->PyObject_CallFunctionObjArgs(function, first, frame,
	                                             value ? value : py->none, NULL)
		  : NULL;
	if (first)
		py->Py_DecRef(first);
	if (result)
		py->Py_DecRef(result);
	return is_settled() ? 0 : -1;
}

static int trace_lines(PyObject *function, PyFrameObject *frame, int what,
                       PyObject *value)
{
	return trace(function, frame, what, value, true);
}

static int trace_no_lines(PyObject *function, PyFrameObject *frame, int what,
                          PyObject *value)
{
	return trace(function, frame, what, value, false);
}

PyObject *live_settrace(PyObject *self UNUSED, PyObject *args)
{
	PyObject *function = py->PyTuple_GetItem(args, 0);
	PyObject *lines = function ? py->PyTuple_GetItem(args, 1) : NULL;
	if (!lines)
		return NULL;
	here()->raised = NULL;
	if (function == py->none)
		py->PyEval_SetTrace(NULL, NULL);
	else
		py->PyEval_SetTrace(
		    lines == py->true_object ? trace_lines : trace_no_lines, function);
	return py->PyErr_Occurred() ? NULL : none(); /* an audit hook refused */
}

#define EXCLUDED 256

/* One of an interpreter.  All under the interpreters' one lock (3.10, 3.11). */
static struct hook {
	PyInterpreterState *interpreter;
	PyObject *function;
	bool every;
	PyObject *excluded[EXCLUDED]; /* code whose entry was not wanted */
} hooks[16];

static struct hook *hook_of(const PyInterpreterState *interpreter)
{
	for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
		if (hooks[i].interpreter == interpreter)
			return &hooks[i];
	}
	return NULL;
}

static PyObject **excluded_place(struct hook *h, const PyObject *code)
{
	return &h->excluded[(uintptr_t)code / 16 % EXCLUDED];
}

static void exclude(struct hook *h, PyObject *code)
{
	PyObject **place = excluded_place(h, code), *old = *place;
	py->Py_IncRef(code);
	*place = code;
	if (old)
		py->Py_DecRef(old);
}

/* function(): whether nothing came out of it. */
static bool meet(const struct hook *h)
{
	PyObject *type, *value, *traceback, *function = h->function;

	py->PyErr_Fetch(&type, &value, &traceback);
	py->Py_IncRef(function);
	here()->inside = true;
	PyObject *result = py->PyObject_CallFunctionObjArgs(function, NULL);
	here()->inside = false;
	py->Py_DecRef(function);
	if (result)
		py->Py_DecRef(result);
	if (!is_settled())
		return false;
	py->PyErr_Restore(type, value, traceback);
	return true;
}

/* What the hook's function answered: True, False, or nothing. */
enum answer { WANTED, EXCLUDED_CODE, NO_ANSWER };

static enum answer answer_of(PyObject *result)
{
	if (!result || result == py->none)
		return NO_ANSWER;
	return result == py->true_object ? WANTED : EXCLUDED_CODE;
}

/* Calls the hook's function.  What it raises is left. */
static enum answer tell(const struct hook *h, const char *kind, void *frame, bool begins,
                        PyObject *value)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	PyObject *globals = *(PyObject **)pyapi_field(frame, py->layout.frame_globals);
	struct frame inside = {.code = code};
	PyObject *function = h->function;
	enum answer answer = NO_ANSWER;

	if (capture_is_possible() && strcmp(kind, "resume") != 0)
		inside = frame_of_eval(frame, code, begins);
	here()->inside = true;
	py->Py_IncRef(function);
	PyObject *first = py->PyUnicode_FromString(kind);
	PyObject *place = py->PyLong_FromVoidPtr(frame);
	PyObject *line = py->PyLong_FromLong((long)pyapi_frame_line(py, frame, code));
	PyObject *names = variables(&inside, begins);
	if (first && place && line && names) {
		PyObject *result = py->PyObject_CallFunctionObjArgs(
		    function, first, place, code, globals, line, names, value, NULL);
		answer = answer_of(result);
		if (result)
			py->Py_DecRef(result);
	}
	PyObject *held[] = {first, place, line, names, function};
	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		if (held[i])
			py->Py_DecRef(held[i]);
	}
	here()->inside = false;
	return answer;
}

/* The frame is left by the exception that is set, or by what comes out of telling so. */
static void tell_exception(const struct hook *h, void *frame)
{
	PyObject *type, *value, *traceback, *none = py->none;

	py->PyErr_Fetch(&type, &value, &traceback);
	PyObject *what =
	    py->Py_BuildValue("(OOO)", type ? type : none, value ? value : none,
	                      traceback ? traceback : none);
	if (what) {
		tell(h, "exception", frame, false, what);
		py->Py_DecRef(what);
	}
	if (is_settled()) {
		py->PyErr_Restore(type, value, traceback);
		return;
	}
	PyObject *held[] = {type, value, traceback};
	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		if (held[i])
			py->Py_DecRef(held[i]);
	}
}

/* Whether the frame's exit is wanted.  *throwing: an exception is set now. */
static bool tell_entry(struct hook *h, void *frame, bool goes_on, int *throwing)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	PyObject *type, *value, *traceback;

	py->PyErr_Fetch(&type, &value, &traceback); /* one that is thrown in */
	enum answer answer =
	    tell(h, goes_on ? "resume" : "call", frame, !goes_on, py->none);
	if (is_settled()) {
		py->PyErr_Restore(type, value, traceback);
		if (answer == EXCLUDED_CODE && h->function)
			exclude(h, code);
	} else {
		*throwing = 1; /* in its place: as if it had been thrown into the frame */
	}
	return answer == WANTED;
}

static PyObject *record(PyThreadState *thread, void *frame, int throwing, struct hook *h,
                        pyapi_eval_func underneath)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);
	bool generator = flags & PYAPI_GENERATOR_FLAGS;

	bool goes_on = generator && pyapi_frame_goes_on(py->minor, frame, throwing);
	bool wants = tell_entry(h, frame, goes_on, &throwing);
	PyObject *result = underneath(thread, frame, throwing);
	if (!wants || !h->function)
		return result;
	if (!result) {
		tell_exception(h, frame);
		return NULL;
	}
	bool yields = generator && pyapi_frame_suspended(py->minor, frame);
	tell(h, yields ? "yield" : "return", frame, false, result);
	if (is_settled())
		return result;
	py->Py_DecRef(result);
	return NULL;
}

/* 3.11, where calls need no C stack but for a hook: the interpreter goes without any
 * until this frame returns. */
static PyObject *step_out(PyThreadState *thread, void *frame, int throwing,
                          pyapi_eval_func underneath)
{
	if (underneath != py->_PyEval_EvalFrameDefault)
		trace_lost(CRUMB_LOSS_LOW_STACK, 0);
	return evalframe_without(py, buffer_mine, thread, frame, throwing);
}

/* 3.10, where a trace function makes a call use more of it: the thread goes without. */
static PyObject *untraced(PyThreadState *thread, void *frame, int throwing,
                          const struct hook *h, pyapi_eval_func underneath)
{
	PyObject *type, *value, *traceback;

	py->PyErr_Fetch(&type, &value, &traceback);
	py->PyEval_SetTrace(NULL, NULL);
	py->PyErr_Restore(type, value, traceback);
	PyObject *result = underneath(thread, frame, throwing);
	if (!h->function || meet(h) || !result)
		return result;
	py->Py_DecRef(result);
	return NULL;
}

static bool is_traced(const PyThreadState *thread)
{
	pyapi_trace_func function =
	    *(pyapi_trace_func *)pyapi_field(thread, py->layout.thread_tracefunc);
	return function == trace_lines || function == trace_no_lines;
}

static PyObject *deep(PyThreadState *thread, void *frame, int throwing,
                      const struct hook *h, pyapi_eval_func underneath)
{
	if (py->minor == 11)
		return step_out(thread, frame, throwing, underneath);
	if (is_traced(thread))
		return untraced(thread, frame, throwing, h, underneath);
	return underneath(thread, frame, throwing);
}

/* Whether hooks should keep away: half of the thread's stack is used (3.11); on 3.10 most
 * of it, or some, where the recursion limit lets a program use all. */
static bool is_deep(void)
{
	struct stack_bounds *stack = &here()->stack;
	if (!stack->size) {
		*stack = stack_bounds();
		stack->size += !stack->size; /* not known: never deep */
	}
	size_t size = stack->size;
	size_t left = (uintptr_t)__builtin_frame_address(0) - stack->low;
	if (py->minor == 11)
		return left < size / 2;
	if (left > size - size / 32)
		return false;
	return left < size / 8 ||
	       !stack_fits(size, py->Py_GetRecursionLimit(), TRACEFUNC_CALL_BYTES_310);
}

/* Tail calls, but for what is told. */
static PyObject *evaluate(PyThreadState *thread, void *frame, int throwing)
{
	PyInterpreterState *interpreter = py->PyInterpreterState_Get();
	pyapi_eval_func underneath = evalframe_below(py, interpreter);
	struct hook *h = hook_of(interpreter);

	if (!h || !h->function || here()->inside)
		return underneath(thread, frame, throwing);
	if (is_deep())
		return deep(thread, frame, throwing, h, underneath);
	if (!h->every) {
		/* A trace function of the agent's own gives way, as to any other. */
		if ((tracefunc_is_free(thread) || tracefunc_is_ours(thread)) && !meet(h))
			throwing = 1;
		return underneath(thread, frame, throwing);
	}
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);
	if (*excluded_place(h, code) == code ||
	    pyapi_frame_makes_generator(py->minor, frame, flags))
		return underneath(thread, frame, throwing);
	return record(thread, frame, throwing, h, underneath);
}

static bool put_in(PyInterpreterState *interpreter, bool every, PyObject *function)
{
	if (hook_of(interpreter))
		return false;
	struct hook *h = hook_of(NULL);
	if (!h || !evalframe_put_on_top(py, interpreter, evaluate))
		return false;
	py->Py_IncRef(function);
	*h = (struct hook){interpreter, function, every, {NULL}};
	return true;
}

void live_forget(PyInterpreterState *interpreter)
{
	struct hook *h = hook_of(interpreter);
	if (!h)
		return;
	evalframe_take_off(py, interpreter);
	struct hook old = *h;
	*h = (struct hook){0};
	for (size_t i = 0; i < EXCLUDED; i++) {
		if (old.excluded[i])
			py->Py_DecRef(old.excluded[i]);
	}
	py->Py_DecRef(old.function);
}

PyObject *live_evaluate(PyObject *self UNUSED, PyObject *args)
{
	PyInterpreterState *interpreter = py->PyInterpreterState_Get();
	PyObject *every = py->PyTuple_GetItem(args, 0);
	if (!every)
		return NULL;
	if (every == py->none) {
		live_forget(interpreter);
		return none();
	}
	PyObject *function = py->PyTuple_GetItem(args, 1);
	if (!function)
		return NULL;
	bool done =
	    py->minor <= 11 && put_in(interpreter, every == py->true_object, function);
	return py->PyBool_FromLong(done);
}
