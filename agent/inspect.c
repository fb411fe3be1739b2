/* SPDX-License-Identifier: MIT */
/*
 * What the file says of a code object and of a thread.  Only attributes of code objects
 * (a final type, plain members) and entries of exact dictionaries are read: no
 * descriptor, property or __getattr__ of the program can run.
 */
#include "inspect.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define UNICODE_SUBCLASS (1ul << 28) /* Py_TPFLAGS_*: since 2.6, in the stable ABI */
#define DICT_SUBCLASS    (1ul << 29)

/* An exception that was set when the agent was called, put aside. */
struct aside {
	PyObject *type, *value, *traceback;
	bool any;
};

static struct aside put_aside(const struct pyapi *py)
{
	struct aside a = {.any = py->PyErr_Occurred() != NULL};
	if (a.any)
		py->PyErr_Fetch(&a.type, &a.value, &a.traceback);
	return a;
}

static void put_back(const struct pyapi *py, const struct aside *a)
{
	if (py->PyErr_Occurred())
		py->PyErr_Clear();
	if (a->any)
		py->PyErr_Restore(a->type, a->value, a->traceback);
}

static bool is_a(const struct pyapi *py, PyObject *object, unsigned long flag)
{
	PyObject *type = object ? py->PyObject_Type(object) : NULL;
	if (!type)
		return false;
	bool is = (py->PyType_GetFlags((PyTypeObject *)type) & flag) != 0;
	py->Py_DecRef(type);
	return is;
}

/*
 * The UTF-8 of a str, which belongs to the str.  One with lone surrogates has none: then
 * *object is replaced by bytes with escapes, which the text belongs to.  Takes over the
 * reference in *object and gives it back there.
 */
static struct intern_text utf8(const struct pyapi *py, PyObject **object)
{
	struct intern_text t = {"", 0};
	Py_ssize_t length = 0;
	char *bytes = NULL;

	if (!is_a(py, *object, UNICODE_SUBCLASS))
		return t;
	const char *text = py->PyUnicode_AsUTF8AndSize(*object, &length);
	if (!text) {
		py->PyErr_Clear();
		PyObject *escaped =
		    py->PyUnicode_AsEncodedString(*object, "utf-8", "backslashreplace");
		py->Py_DecRef(*object);
		*object = escaped;
		if (!escaped ||
		    py->PyBytes_AsStringAndSize(escaped, &bytes, &length) != 0)
			return t;
		text = bytes;
	}
	t.text = text;
	t.length = (size_t)length;
	return t;
}

static struct intern_text text_attribute(const struct pyapi *py, PyObject *code,
                                         const char *name, void **held)
{
	PyObject *value = py->PyObject_GetAttrString(code, name);
	struct intern_text t = utf8(py, &value);
	*held = value;
	return t;
}

static long number_attribute(const struct pyapi *py, PyObject *code, const char *name)
{
	PyObject *value = py->PyObject_GetAttrString(code, name);
	long n = value ? py->PyLong_AsLong(value) : 0;
	if (value)
		py->Py_DecRef(value);
	return n < 0 ? 0 : n;
}

/* dict[key], a new reference; NULL: no such key.  A borrowed one could be freed by
 * another thread of a free-threaded build, which have the newer functions. */
static PyObject *text_item(const struct pyapi *py, PyObject *dict, const char *key)
{
	PyObject *value = NULL;
	if (py->dict_text_item) {
		py->dict_text_item(dict, key, &value);
		return value;
	}
	value = py->PyDict_GetItemString(dict, key);
	if (value)
		py->Py_IncRef(value);
	return value;
}

static PyObject *item(const struct pyapi *py, PyObject *dict, PyObject *key)
{
	PyObject *value = NULL;
	if (py->dict_item) {
		py->dict_item(dict, key, &value);
		return value;
	}
	value = py->PyDict_GetItem(dict, key);
	if (value)
		py->Py_IncRef(value);
	return value;
}

/* The frame's __name__. */
static struct intern_text module_name(const struct pyapi *py, PyObject *globals,
                                      void **held)
{
	struct intern_text none = {"", 0};
	if (!is_a(py, globals, DICT_SUBCLASS))
		return none;
	PyObject *name = text_item(py, globals, "__name__");
	struct intern_text t = utf8(py, &name);
	*held = name;
	return t;
}

bool inspect_describe(const void *given, void *hint, struct intern_code *out)
{
	const struct pyapi *py = pyapi();
	PyObject *code = (PyObject *)(uintptr_t)given;
	struct aside aside = put_aside(py);

	PyObject *globals = hint ? *(PyObject **)hint : py->PyEval_GetGlobals();
	out->module = module_name(py, globals, &out->held[0]);
	out->name = text_attribute(py, code, "co_name", &out->held[1]);
	out->filename = text_attribute(py, code, "co_filename", &out->held[2]);
	out->qualname = py->minor >= 11
	                    ? text_attribute(py, code, "co_qualname", &out->held[3])
	                    : intern_qualname(code);
	if (!out->qualname.length)
		out->qualname = out->name;
	out->first_line = (uint32_t)number_attribute(py, code, "co_firstlineno");
	out->flags = (uint32_t)number_attribute(py, code, "co_flags");
	out->generator = (out->flags & PYAPI_GENERATOR_FLAGS) != 0;
	out->interpreter =
	    (uint32_t)py->PyInterpreterState_GetID(py->PyInterpreterState_Get());
	bool complete = !py->PyErr_Occurred();
	if (!complete)
		inspect_release(out);
	put_back(py, &aside);
	return complete;
}

void inspect_release(struct intern_code *out)
{
	const struct pyapi *py = pyapi();
	for (size_t i = 0; i < sizeof out->held / sizeof *out->held; i++) {
		if (out->held[i])
			py->Py_DecRef(out->held[i]);
		out->held[i] = NULL;
	}
}

#define CO_OPTIMIZED 1u /* of functions, not of modules and class bodies */
#define QUALNAME_MAX 1000

/* What a function or class is called that is made in a frame of `outer`, as the compiler
 * of 3.11 would name it.  The length; 0: too long. */
static size_t join(char *out, const struct intern_code *outer, struct intern_text name)
{
	static const char module[] = "<module>", locals[] = ".<locals>.";
	bool is_module = outer->name.length == sizeof module - 1 &&
	                 memcmp(outer->name.text, module, sizeof module - 1) == 0;
	const char *between = outer->flags & CO_OPTIMIZED ? locals : ".";
	size_t used = is_module ? 0 : outer->qualname.length + strlen(between);

	if (used + name.length > QUALNAME_MAX)
		return 0;
	if (!is_module) {
		memcpy(out, outer->qualname.text, outer->qualname.length);
		memcpy(out + outer->qualname.length, between, strlen(between));
	}
	memcpy(out + used, name.text, name.length);
	return used + name.length;
}

void inspect_nested(const void *given, const struct intern_code *what,
                    void (*found)(const void *code, const char *name, size_t length))
{
	const struct pyapi *py = pyapi();
	char qualname[QUALNAME_MAX];

	if (py->minor >= 11)
		return;
	struct aside aside = put_aside(py);
	PyObject *constants =
	    py->PyObject_GetAttrString((PyObject *)(uintptr_t)given, "co_consts");
	Py_ssize_t count = constants ? py->PyTuple_Size(constants) : 0;
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *item = py->PyTuple_GetItem(constants, i); /* borrowed */
		PyObject *type = item ? py->PyObject_Type(item) : NULL;
		if (type && type == py->code_type) {
			void *held = NULL;
			struct intern_text name =
			    text_attribute(py, item, "co_name", &held);
			size_t length = join(qualname, what, name);
			if (length)
				found(item, qualname, length);
			if (held)
				py->Py_DecRef(held);
		}
		if (type)
			py->Py_DecRef(type);
	}
	if (constants)
		py->Py_DecRef(constants);
	put_back(py, &aside);
}

/* threading._active[ident], a new reference; NULL when threading does not know this
 * thread (yet). */
static PyObject *thread_object(const struct pyapi *py)
{
	PyObject *thread = NULL, *active = NULL;
	PyObject *modules = py->PySys_GetObject("modules"); /* borrowed */
	PyObject *threading =
	    is_a(py, modules, DICT_SUBCLASS) ? text_item(py, modules, "threading") : NULL;
	PyObject *names =
	    threading ? py->PyModule_GetDict(threading) : NULL; /* borrowed */
	if (names)
		active = text_item(py, names, "_active");
	if (is_a(py, active, DICT_SUBCLASS)) {
		PyObject *ident =
		    py->PyLong_FromUnsignedLongLong((unsigned long long)pthread_self());
		thread = ident ? item(py, active, ident) : NULL;
		if (ident)
			py->Py_DecRef(ident);
	}
	if (active)
		py->Py_DecRef(active);
	if (threading)
		py->Py_DecRef(threading);
	return thread;
}

static size_t copy_name(const struct pyapi *py, PyObject *thread, char *out, size_t size)
{
	PyObject *members = py->PyObject_GenericGetDict(thread, NULL);
	if (!members)
		return 0;
	PyObject *name = text_item(py, members, "_name");
	struct intern_text t = utf8(py, &name);
	size_t length = t.length < size ? t.length : size;
	memcpy(out, t.text, length);
	if (name)
		py->Py_DecRef(name);
	py->Py_DecRef(members);
	return length;
}

size_t inspect_thread_name(char *out, size_t size)
{
	static const char main_name[] = "MainThread"; /* as threading would call it */
	const struct pyapi *py = pyapi();
	struct aside aside = put_aside(py);

	PyObject *thread = thread_object(py);
	size_t length = thread ? copy_name(py, thread, out, size) : 0;
	if (thread)
		py->Py_DecRef(thread);
	if (!length && gettid() == getpid()) {
		length = sizeof main_name - 1;
		memcpy(out, main_name, length);
	}
	put_back(py, &aside);
	return length;
}

/* The frame that calls os.fork(), and the instruction that does.  Not owned: compared
 * only. */
static const PyFrameObject *forking_frame;
static int forking_instruction;

/* The instruction that a frame is at; 3.10 counts them otherwise, which does not matter.
 */
static int instruction(const struct pyapi *py, PyFrameObject *frame)
{
	if (py->minor == 10)
		return *(const int *)pyapi_field(frame, py->layout.frame_lasti);
	return py->frame_lasti(frame);
}

void inspect_forking(void)
{
	const struct pyapi *py = pyapi();
	PyFrameObject *frame = py->PyThreadState_GetFrame(py->PyThreadState_Get());
	forking_frame = frame;
	if (frame) {
		forking_instruction = instruction(py, frame);
		py->Py_DecRef((PyObject *)frame);
	}
}

bool inspect_in_fork(void)
{
	const struct pyapi *py = pyapi();
	PyFrameObject *frame = py->PyThreadState_GetFrame(py->PyThreadState_Get());
	bool inside = false;

	while (frame && !inside) {
		if (frame == forking_frame) {
			inside = instruction(py, frame) == forking_instruction;
			break;
		}
		PyFrameObject *caller = py->PyFrame_GetBack(frame);
		py->Py_DecRef((PyObject *)frame);
		frame = caller;
	}
	if (frame)
		py->Py_DecRef((PyObject *)frame);
	if (!inside)
		forking_frame = NULL;
	return inside;
}
