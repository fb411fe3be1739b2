/* SPDX-License-Identifier: MIT */
/*
 * Registers C functions with sys.monitoring, through its Python interface: there is no
 * other. The functions needed to undo it are kept, since a finalizing interpreter empties
 * its sys module before it says that it ends.
 */
#include "tool.h"

#include <stdlib.h>

#define CALLBACKS_MAX 8

struct tool {
	long id;
	PyObject *set_events, *register_callback, *free_tool_id;
	long event[CALLBACKS_MAX]; /* of each callback */
	size_t events;
	long set; /* those that are switched on */
};

static PyObject *disable; /* one object for all interpreters of the process */

PyObject *tool_disable(const struct pyapi *py)
{
	py->Py_IncRef(disable);
	return disable;
}

/* Calls function(a, b, c), where b and c may be NULL; true when nothing was raised. */
static bool call(const struct pyapi *py, PyObject *function, long a, PyObject *b,
                 PyObject *c)
{
	PyObject *first = py->PyLong_FromLong(a);
	PyObject *result =
	    first ? py->PyObject_CallFunctionObjArgs(function, first, b, c, NULL) : NULL;
	if (first)
		py->Py_DecRef(first);
	if (result)
		py->Py_DecRef(result);
	else
		py->PyErr_Clear();
	return result != NULL;
}

static bool set_events(const struct pyapi *py, const struct tool *t, long set)
{
	PyObject *number = py->PyLong_FromLong(set);
	bool done = number && call(py, t->set_events, t->id, number, NULL);
	if (number)
		py->Py_DecRef(number);
	return done;
}

static bool set_callback(const struct pyapi *py, const struct tool *t, long event,
                         PyObject *function)
{
	PyObject *number = py->PyLong_FromLong(event);
	bool done = number && call(py, t->register_callback, t->id, number, function);
	if (number)
		py->Py_DecRef(number);
	return done;
}

/* Takes an id that nobody has: first those that PEP 669 names nobody for. */
static long take_id(const struct pyapi *py, PyObject *monitoring)
{
	static const long order[] = {4, 3, 5, 2, 1, 0};
	long id = -1;
	PyObject *use = py->PyObject_GetAttrString(monitoring, "use_tool_id");
	PyObject *name = py->PyUnicode_FromString("breadcrumb");
	for (size_t i = 0; use && name && id < 0 && i < sizeof order / sizeof *order;
	     i++) {
		if (call(py, use, order[i], name, NULL)) /* raises when it is taken */
			id = order[i];
	}
	if (use)
		py->Py_DecRef(use);
	if (name)
		py->Py_DecRef(name);
	return id;
}

static bool register_callback(const struct pyapi *py, struct tool *t, PyObject *events,
                              const struct tool_callback *callback)
{
	PyObject *number = py->PyObject_GetAttrString(events, callback->event);
	long event = number ? py->PyLong_AsLong(number) : -1;
	PyObject *function = py->PyCMethod_New(
	    (PyMethodDef *)(uintptr_t)&callback->method, NULL, NULL, NULL);
	if (function && (callback->method.ml_flags & METH_KEYWORDS))
		pyapi_call_directly(py, function, &callback->method);
	bool done = event > 0 && function && set_callback(py, t, event, function);
	if (number)
		py->Py_DecRef(number);
	if (function)
		py->Py_DecRef(function);
	if (done)
		t->event[t->events++] = event;
	return done;
}

static void drop(const struct pyapi *py, struct tool *t)
{
	PyObject *held[] = {t->set_events, t->register_callback, t->free_tool_id};
	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		if (held[i])
			py->Py_DecRef(held[i]);
	}
	if (py->PyErr_Occurred())
		py->PyErr_Clear();
	free(t);
}

static void give_back(const struct pyapi *py, struct tool *t)
{
	set_events(py, t, 0);
	for (size_t i = 0; i < t->events; i++)
		set_callback(py, t, t->event[i], py->none);
	call(py, t->free_tool_id, t->id, NULL, NULL);
}

bool tool_switch_on(const struct pyapi *py, struct tool *t, size_t first, size_t count)
{
	PyObject *type = NULL, *value = NULL, *traceback = NULL;
	bool pending = py->PyErr_Occurred() != NULL; /* at an UNWIND, RAISE, THROW */
	long set = t->set;

	if (pending)
		py->PyErr_Fetch(&type, &value, &traceback);
	for (size_t i = first; i < first + count && i < t->events; i++)
		set |= t->event[i];
	bool done = set_events(py, t, set);
	if (done)
		t->set = set;
	if (pending)
		py->PyErr_Restore(type, value, traceback);
	return done;
}

/* Everything but the id is there. */
static bool start(const struct pyapi *py, struct tool *t, PyObject *events,
                  const struct tool_callback *callbacks, size_t count)
{
	bool done = true;
	for (size_t i = 0; done && i < count; i++)
		done = register_callback(py, t, events, &callbacks[i]);
	if (!done)
		give_back(py, t);
	return done;
}

struct tool *tool_install(const struct pyapi *py, const struct tool_callback *callbacks,
                          size_t count)
{
	PyObject *monitoring = py->PySys_GetObject("monitoring");
	struct tool *t = calloc(1, sizeof *t);
	if (!monitoring || !t || count > CALLBACKS_MAX) {
		free(t);
		return NULL;
	}
	PyObject *events = py->PyObject_GetAttrString(monitoring, "events");
	t->set_events = py->PyObject_GetAttrString(monitoring, "set_events");
	t->register_callback =
	    py->PyObject_GetAttrString(monitoring, "register_callback");
	t->free_tool_id = py->PyObject_GetAttrString(monitoring, "free_tool_id");
	if (!disable)
		disable = py->PyObject_GetAttrString(monitoring, "DISABLE");
	bool found =
	    events && t->set_events && t->register_callback && t->free_tool_id && disable;
	t->id = found ? take_id(py, monitoring) : -1;
	if (t->id < 0 || !start(py, t, events, callbacks, count)) {
		drop(py, t);
		t = NULL;
	}
	if (events)
		py->Py_DecRef(events);
	return t;
}

void tool_pause(const struct pyapi *py, const struct tool *tool, bool pause)
{
	set_events(py, tool, pause ? 0 : tool->set);
}

void tool_remove(const struct pyapi *py, struct tool *tool)
{
	if (!tool)
		return;
	set_events(py, tool, 0);
	drop(py, tool);
}
