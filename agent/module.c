/* SPDX-License-Identifier: MIT */
/*
 * What CPython wants to know of a module is laid out here by hand: PyModuleDef begins
 * with a PyObject, which is larger in a free-threaded build, and its slots may only be
 * those that the version knows.
 *
 * The part in Python checks what users give; functions here refuse what is of a wrong
 * type all the same.
 */
#include "module.h"

#include "filter.h"
#include "intern.h"
#include "live.h"
#include "sink.h"
#include "trace.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define UNUSED __attribute__((unused))

static const struct pyapi *py;
static const struct module_control *control;

static PyObject *none(void)
{
	py->Py_IncRef(py->none);
	return py->none;
}

static PyObject *boolean(bool value)
{
	return py->PyBool_FromLong(value);
}

static PyObject *path_or_none(const char *path)
{
	return *path ? py->PyUnicode_DecodeFSDefault(path) : none();
}

/* What a file that is this process's own is called. */
static const char *own_path(void)
{
	return sink_is_mine() ? sink_path() : "";
}

static PyObject *pause_recording(PyObject *self UNUSED, PyObject *args UNUSED)
{
	return boolean(control->pause());
}

/* True: it goes on; False: it did; None: it cannot. */
static PyObject *resume_recording(PyObject *self UNUSED, PyObject *args UNUSED)
{
	enum module_resumed now = control->resume();
	return now == MODULE_CANNOT_RECORD ? none() : boolean(now == MODULE_RECORDS);
}

/* (bytes) */
static PyObject *mark(PyObject *self UNUSED, PyObject *text)
{
	char *at = NULL;
	Py_ssize_t length = 0;
	if (py->PyBytes_AsStringAndSize(text, &at, &length) != 0)
		return NULL;
	return boolean(control->state().begun && trace_mark(at, (size_t)length));
}

static PyObject *snapshot(PyObject *self UNUSED, PyObject *args UNUSED)
{
	char path[PATH_MAX + 16] = "";
	bool made = trace_snapshot_as(path, sizeof path);
	return path_or_none(made ? path : "");
}

static PyObject *output_path(PyObject *self UNUSED, PyObject *args UNUSED)
{
	return path_or_none(own_path());
}

/* Of losses by each cause, as numbers. */
static PyObject *losses(void)
{
	PyObject *all = py->PyDict_New();
	for (unsigned cause = 0; all && cause < CRUMB_LOSS_CAUSES; cause++) {
		uint64_t count = sink_lost((enum crumb_loss)cause);
		PyObject *key = count ? py->PyLong_FromLong((long)cause) : NULL;
		PyObject *number = count ? py->PyLong_FromUnsignedLongLong(count) : NULL;
		bool added = !count ||
		             (key && number && py->PyDict_SetItem(all, key, number) == 0);
		if (key)
			py->Py_DecRef(key);
		if (number)
			py->Py_DecRef(number);
		if (!added) {
			py->Py_DecRef(all);
			all = NULL;
		}
	}
	return all;
}

/* (recording, path, backend, bytes, threads, codes, {cause: count}) */
static PyObject *stats(PyObject *self UNUSED, PyObject *args UNUSED)
{
	struct module_state state = control->state();
	bool file = sink_is_mine();
	buffer_count_losses(false);
	return py->Py_BuildValue("(NNsKIIN)", boolean(state.recording),
	                         path_or_none(own_path()), state.backend,
	                         (unsigned long long)sink_size(),
	                         file ? (unsigned)trace_threads() : 0,
	                         file ? (unsigned)intern_codes() : 0, losses());
}

static const char *utf8(PyObject *object, Py_ssize_t *length)
{
	return object ? py->PyUnicode_AsUTF8AndSize(object, length) : NULL;
}

/* (globs, module) */
static PyObject *matches(PyObject *self UNUSED, PyObject *args)
{
	Py_ssize_t length = 0;
	const char *list = utf8(py->PyTuple_GetItem(args, 0), &length);
	const char *module = list ? utf8(py->PyTuple_GetItem(args, 1), &length) : NULL;
	return module ? boolean(filter_lists(list, module, (size_t)length)) : NULL;
}

static PyMethodDef methods[] = {
    {"_pause", pause_recording, METH_NOARGS, NULL},
    {"_resume", resume_recording, METH_NOARGS, NULL},
    {"_mark", mark, METH_O, NULL},
    {"_snapshot", snapshot, METH_NOARGS, NULL},
    {"_output_path", output_path, METH_NOARGS, NULL},
    {"_stats", stats, METH_NOARGS, NULL},
    {"_matches", matches, METH_VARARGS, NULL},
    {"_value", live_value, METH_O, NULL},
    {"_message", live_message, METH_VARARGS, NULL},
    {"_variables", live_variables, METH_VARARGS, NULL},
    {"_settrace", live_settrace, METH_VARARGS, NULL},
    {"_report", live_report, METH_VARARGS, NULL},
    {"_evaluate", live_evaluate, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static const char source[] =
#include "breadcrumb_agent.inc"
    ;
#define FILE_INPUT 257 /* Py_file_input */

static int execute(PyObject *module)
{
	PyObject *names = py->PyModule_GetDict(module); /* borrowed */
	PyObject *version = py->PyUnicode_FromString(PACKAGE_VERSION);
	bool named = names && version &&
	             py->PyDict_SetItemString(names, "__version__", version) == 0;
	PyObject *code = named ? py->Py_CompileStringExFlags(source, "<breadcrumb_agent>",
	                                                     FILE_INPUT, NULL, -1)
	                       : NULL;
	PyObject *result = code ? py->PyEval_EvalCode(code, names, names) : NULL;
	PyObject *held[] = {result, code, version};

	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		if (held[i])
			py->Py_DecRef(held[i]);
	}
	return result ? 0 : -1;
}

/* Include/moduleobject.h; the slots' numbers and values too. */
struct definition {
	PyObject *(*init)(void);
	Py_ssize_t index;
	PyObject *copy;
	const char *name, *doc;
	Py_ssize_t size;
	PyMethodDef *methods;
	struct definition_slot {
		int slot;
		void *value;
	} * slots;
	void *traverse, *clear, *free;
};
#define SLOT_EXECUTE      2
#define SLOT_INTERPRETERS 3 /* since 3.12 */
#define SLOT_LOCK         4 /* since 3.13 */
#define WITH_OWN_LOCKS    ((void *)2)
#define WITHOUT_LOCK      ((void *)1)

static PyObject *initialize(void)
{
	static struct definition_slot slots[4];
	static char object[32 + sizeof(struct definition)]
	    __attribute__((aligned(16))); /* PyObject, then the definition */
	struct definition *d = pyapi_field(object, py->free_threaded ? 32 : 16);
	size_t count = 0;

	if (!d->name) {
		slots[count++] =
		    (struct definition_slot){SLOT_EXECUTE, (void *)(uintptr_t)execute};
		if (py->minor >= 12)
			slots[count++] =
			    (struct definition_slot){SLOT_INTERPRETERS, WITH_OWN_LOCKS};
		if (py->minor >= 13)
			slots[count++] =
			    (struct definition_slot){SLOT_LOCK, WITHOUT_LOCK};
		d->methods = methods;
		d->slots = slots;
		d->name = "breadcrumb_agent";
	}
	return py->PyModuleDef_Init((PyModuleDef *)(void *)object);
}

void module_forget(PyInterpreterState *interpreter)
{
	live_forget(interpreter);
}

void module_register(const struct pyapi *given,
                     const struct module_control *given_control)
{
	py = given;
	control = given_control;
	live_init(py);
	if (!py->Py_IsInitialized())
		py->PyImport_AppendInittab("breadcrumb_agent", initialize);
}
