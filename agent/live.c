/* SPDX-License-Identifier: MIT */
/*
 * Values are read as memory (object.h), so that asking for them changes nothing: a
 * frame's f_locals would call for all of them, and up to 3.12 write them back.
 */
#include "live.h"

#include "capture.h"
#include "frame.h"
#include "object.h"
#include "redact.h"
#include "tracefunc.h"
#include "value.h"

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

PyObject *live_message(PyObject *self UNUSED, PyObject *args)
{
	PyObject *type = py->PyTuple_GetItem(args, 0);
	PyObject *exception = type ? py->PyTuple_GetItem(args, 1) : NULL;
	char place[TEXT_MAX];
	struct text text = text_in(place, sizeof place);

	if (!exception)
		return NULL;
	if (!capture_is_possible() || object_kind(type) != OBJECT_TYPE ||
	    !value_has_message(type, exception))
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
	PyObject *all = variables(&inside, py->PyLong_AsLong(arguments) != 0);
	py->Py_DecRef(code);
	return all;
}

PyObject *live_entry(PyObject *self UNUSED, PyObject *frame)
{
	PyObject *code = code_of(frame);
	if (!code)
		return NULL;
	enum crumb_word_kind kind =
	    tracefunc_entry(py, (PyFrameObject *)frame, code, true);
	py->Py_DecRef(code);
	return py->PyBool_FromLong(kind == CRUMB_WORD_RESUME);
}

/* A function of Python's is given None for an exception on 3.10 and 3.11 too.  There
 * the frame's state says whether it is suspended, and its instruction whether it returns.
 */
#define RETURN_VALUE 83 /* 3.10, 3.11 */

static bool is_at_return(PyObject *frame, PyObject *code)
{
	PyObject *last = py->PyObject_GetAttrString(frame, "f_lasti");
	PyObject *bytes = py->PyObject_GetAttrString(code, "co_code");
	char *at = NULL;
	Py_ssize_t length = 0;
	long offset = last ? py->PyLong_AsLong(last) : -1;
	bool is = bytes && py->PyBytes_AsStringAndSize(bytes, &at, &length) == 0 &&
	          offset >= 0 && offset < length && at[offset] == RETURN_VALUE;

	if (last)
		py->Py_DecRef(last);
	if (bytes)
		py->Py_DecRef(bytes);
	if (py->PyErr_Occurred())
		py->PyErr_Clear();
	return is;
}

static enum crumb_word_kind exit_kind(PyObject *frame, PyObject *code,
                                      const PyObject *value, bool raised)
{
	PyObject *flags = py->PyObject_GetAttrString(code, "co_flags");
	bool generator = flags && ((unsigned long)py->PyLong_AsLong(flags) &
	                           PYAPI_GENERATOR_FLAGS) != 0;
	PyFrameObject *object = (PyFrameObject *)frame;

	if (flags)
		py->Py_DecRef(flags);
	if (py->minor >= 12)
		return tracefunc_exit(py, object, code, value, raised, generator);
	enum crumb_word_kind kind =
	    tracefunc_exit(py, object, code, py->none, false, generator);
	if (kind == CRUMB_WORD_YIELD || value != py->none || is_at_return(frame, code))
		return kind;
	return CRUMB_WORD_UNWIND;
}

PyObject *live_exit(PyObject *self UNUSED, PyObject *args)
{
	PyObject *frame = py->PyTuple_GetItem(args, 0);
	PyObject *value = frame ? py->PyTuple_GetItem(args, 1) : NULL;
	PyObject *raised = value ? py->PyTuple_GetItem(args, 2) : NULL;
	PyObject *code = raised ? code_of(frame) : NULL;

	if (!code)
		return NULL;
	enum crumb_word_kind kind =
	    exit_kind(frame, code, value, py->PyLong_AsLong(raised) != 0);
	py->Py_DecRef(code);
	return py->PyUnicode_FromString(kind == CRUMB_WORD_YIELD    ? "yield"
	                                : kind == CRUMB_WORD_RETURN ? "return"
	                                                            : "unwind");
}

PyObject *live_report(PyObject *self UNUSED, PyObject *args)
{
	PyObject *exception = py->PyTuple_GetItem(args, 0);
	PyObject *object = exception ? py->PyTuple_GetItem(args, 1) : NULL;
	if (!object)
		return NULL;
	PyObject *type = py->PyObject_Type(exception);
	PyObject *traceback = py->PyObject_GetAttrString(exception, "__traceback__");
	if (traceback == py->none) {
		py->Py_DecRef(traceback);
		traceback = NULL;
	}
	py->Py_IncRef(exception);
	py->PyErr_Restore(type, exception, traceback);
	py->PyErr_WriteUnraisable(object);
	return none();
}

/* One of an interpreter.  All under the interpreters' one lock (3.10, 3.11). */
static struct hook {
	PyInterpreterState *interpreter;
	PyObject *function; /* NULL: passes through */
	bool every;
	pyapi_eval_func underneath;
} hooks[16];

/* The calling thread is in a hook's function: what runs there is not told. */
static __thread bool inside __attribute__((tls_model("initial-exec")));

static struct hook *hook_of(PyInterpreterState *interpreter)
{
	for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
		if (hooks[i].interpreter == interpreter)
			return &hooks[i];
	}
	return NULL;
}

/* No exception is left of what has been called.  Ctrl-C is for the program, which gets it
 * when it runs on. */
static void settle(void)
{
	if (!py->PyErr_Occurred())
		return;
	if (py->PyErr_ExceptionMatches(py->interrupt))
		py->PyErr_SetInterrupt();
	py->PyErr_Clear();
}

/* An exception that is set stays set. */
static void meet(const struct hook *h)
{
	PyObject *type, *value, *traceback, *function = h->function;

	py->PyErr_Fetch(&type, &value, &traceback);
	py->Py_IncRef(function);
	inside = true;
	PyObject *result = py->PyObject_CallFunctionObjArgs(function, NULL);
	inside = false;
	py->Py_DecRef(function);
	if (result)
		py->Py_DecRef(result);
	settle();
	py->PyErr_Restore(type, value, traceback);
}

/* Calls the hook's function; whether its answer is not None. */
static bool tell(const struct hook *h, const char *kind, void *frame, bool begins,
                 PyObject *value)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	PyObject *globals = *(PyObject **)pyapi_field(frame, py->layout.frame_globals);
	struct frame here = {.code = code};
	PyObject *function = h->function;
	bool wants = false;

	if (capture_is_possible() && strcmp(kind, "resume") != 0)
		here = frame_of_eval(frame, code, begins);
	inside = true;
	py->Py_IncRef(function);
	PyObject *first = py->PyUnicode_FromString(kind);
	PyObject *place = py->PyLong_FromVoidPtr(frame);
	PyObject *line = py->PyLong_FromLong((long)pyapi_frame_line(py, frame, code));
	PyObject *names = variables(&here, begins);
	if (first && place && line && names) {
		PyObject *result = py->PyObject_CallFunctionObjArgs(
		    function, first, place, code, globals, line, names, value, NULL);
		wants = result && result != py->none;
		if (result)
			py->Py_DecRef(result);
	}
	PyObject *held[] = {first, place, line, names, function};
	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		if (held[i])
			py->Py_DecRef(held[i]);
	}
	settle();
	inside = false;
	return wants;
}

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
	py->PyErr_Restore(type, value, traceback);
}

static bool tell_entry(const struct hook *h, void *frame, bool goes_on)
{
	PyObject *type, *value, *traceback;

	py->PyErr_Fetch(&type, &value, &traceback); /* one that is thrown in */
	bool wants = tell(h, goes_on ? "resume" : "call", frame, !goes_on, py->none);
	py->PyErr_Restore(type, value, traceback);
	return wants;
}

static PyObject *record(PyThreadState *thread, void *frame, int throwing,
                        const struct hook *h)
{
	PyObject *code = *(PyObject **)pyapi_field(frame, py->layout.frame_code);
	unsigned flags = *(const unsigned *)pyapi_field(code, py->layout.code_flags);
	pyapi_eval_func underneath = h->underneath;
	bool generator = flags & PYAPI_GENERATOR_FLAGS;

	if (pyapi_frame_makes_generator(py->minor, frame, flags))
		return underneath(thread, frame, throwing);
	bool goes_on = generator && ((py->minor == 11 && throwing) ||
	                             pyapi_frame_goes_on(py->minor, frame));
	bool wants = tell_entry(h, frame, goes_on);
	PyObject *result = underneath(thread, frame, throwing);
	if (!wants || !h->function)
		return result;
	if (!result)
		tell_exception(h, frame);
	else
		tell(h,
		     generator && pyapi_frame_suspended(py->minor, frame) ? "yield"
		                                                          : "return",
		     frame, false, result);
	return result;
}

static PyObject *evaluate(PyThreadState *thread, void *frame, int throwing)
{
	const struct hook *h = hook_of(py->PyInterpreterState_Get());
	if (!h)
		return py->_PyEval_EvalFrameDefault(thread, frame, throwing);
	if (!h->function || inside)
		return h->underneath(thread, frame, throwing);
	if (h->every)
		return record(thread, frame, throwing, h);
	/* A trace function of the agent's own gives way, as to any other. */
	if (tracefunc_is_free(thread) || tracefunc_is_ours(thread))
		meet(h);
	return h->underneath(thread, frame, throwing);
}

static bool put_in(PyInterpreterState *here, bool every, PyObject *function)
{
	pyapi_eval_func now = py->_PyInterpreterState_GetEvalFrameFunc(here);
	struct hook *h = hook_of(here);

	if (h && h->function)
		return false;
	if (!h)
		h = hook_of(NULL);
	if (!h)
		return false;
	/* Where others have put theirs on top meanwhile, it is in still. */
	if (now != evaluate &&
	    !(h->interpreter && h->underneath && now != py->_PyEval_EvalFrameDefault &&
	      now != h->underneath)) {
		h->underneath = now;
		py->_PyInterpreterState_SetEvalFrameFunc(here, evaluate);
	}
	py->Py_IncRef(function);
	*h = (struct hook){here, function, every, h->underneath};
	return true;
}

static void take_out(PyInterpreterState *here)
{
	struct hook *h = hook_of(here);
	if (!h || !h->function)
		return;
	PyObject *function = h->function;
	h->function = NULL;
	if (py->_PyInterpreterState_GetEvalFrameFunc(here) == evaluate) {
		py->_PyInterpreterState_SetEvalFrameFunc(here, h->underneath);
		h->interpreter = NULL;
	}
	py->Py_DecRef(function);
}

PyObject *live_evaluate(PyObject *self UNUSED, PyObject *args)
{
	PyInterpreterState *here = py->PyInterpreterState_Get();
	PyObject *every = py->PyTuple_GetItem(args, 0);
	if (!every)
		return NULL;
	if (every == py->none) {
		take_out(here);
		return none();
	}
	PyObject *function = py->PyTuple_GetItem(args, 1);
	if (!function)
		return NULL;
	bool is_every = py->PyLong_AsLong(every) != 0;
	bool done = py->minor <= 11 && put_in(here, is_every, function);
	return py->PyBool_FromLong(done);
}
