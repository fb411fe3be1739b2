/* SPDX-License-Identifier: MIT */
/*
 * The floor: what the interpreter itself takes for calling hooks that do nothing.  It
 * gets in as the agent does and is preloaded in its place; BENCH_FLOOR says which hooks:
 *
 *     monitoring  callbacks of sys.monitoring for calls (3.12+)
 *     raises      the same with RAISE
 *     direct      the same with RAISE, called as the agent's are (pyapi_call_directly())
 *     module      as `direct`, and all but one function of bench_module_3 is disabled
 *     lines       as `monitoring`, with LINE (3.12+), else a trace function
 *     frame       a frame-evaluation function (3.10, 3.11)
 *     profile     PyEval_SetProfile() in the main thread
 *     trace       PyEval_SetTrace() in the main thread
 *     audit       nothing but the audit hook that all of these come in by
 */
#include "pyapi.h"
#include "tool.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int PySys_AddAuditHook(pyapi_audit_func hook, void *data);
#pragma weak PySys_AddAuditHook

static PyObject *none;
static pyapi_eval_func underneath;

static PyObject *callback(PyObject *self, PyObject *const *args, Py_ssize_t count,
                          PyObject *names)
{
	(void)self, (void)args, (void)count, (void)names;
	return none;
}

static PyObject *plain_callback(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
	return callback(self, args, count, NULL);
}

#define PLAIN(event)                                                                     \
	{                                                                                \
		event,                                                                   \
		{                                                                        \
			"plain", (PyCFunction)(void (*)(void))plain_callback,            \
			    METH_FASTCALL, NULL                                          \
		}                                                                        \
	}

/* The code object that is not disabled: work() of its module, the one made last. */
static const PyObject *chosen;

static bool is_text(const struct pyapi *py, PyObject *object, const char *as)
{
	const char *text = object ? py->PyUnicode_AsUTF8AndSize(object, NULL) : NULL;
	return text && strcmp(text, as) == 0;
}

static PyObject *choose(PyObject *code)
{
	const struct pyapi *py = pyapi();
	PyObject *globals = py->PyEval_GetGlobals();
	PyObject *module = globals ? py->PyDict_GetItemString(globals, "__name__") : NULL;
	PyObject *name = py->PyObject_GetAttrString(code, "co_name");
	bool is = is_text(py, module, "bench_module_3") && is_text(py, name, "work");

	if (name)
		py->Py_DecRef(name);
	if (!is)
		return tool_disable(py);
	chosen = code;
	return none;
}

static PyObject *module_callback(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                 PyObject *names)
{
	(void)self, (void)count, (void)names;
	return args[0] == chosen ? none : choose(args[0]);
}

/* The events of a recorder of calls, then LINE, then RAISE. */
enum { CALLS = 6, LINES = 1, RAISES = 1 };
static const struct tool_callback plain[CALLS + LINES + RAISES] = {
    PLAIN("PY_START"), PLAIN("PY_RESUME"), PLAIN("PY_RETURN"), PLAIN("PY_YIELD"),
    PLAIN("PY_THROW"), PLAIN("PY_UNWIND"), PLAIN("LINE"),      PLAIN("RAISE"),
};
static const struct tool_callback direct[CALLS + LINES + RAISES] = {
    TOOL_CALLBACK("PY_START", callback),  TOOL_CALLBACK("PY_RESUME", callback),
    TOOL_CALLBACK("PY_RETURN", callback), TOOL_CALLBACK("PY_YIELD", callback),
    TOOL_CALLBACK("PY_THROW", callback),  TOOL_CALLBACK("PY_UNWIND", callback),
    TOOL_CALLBACK("LINE", callback),      TOOL_CALLBACK("RAISE", callback),
};

/* PY_THROW and PY_UNWIND may not be disabled. */
static const struct tool_callback module[CALLS + LINES + RAISES] = {
    TOOL_CALLBACK("PY_START", module_callback),
    TOOL_CALLBACK("PY_RESUME", module_callback),
    TOOL_CALLBACK("PY_RETURN", module_callback),
    TOOL_CALLBACK("PY_YIELD", module_callback),
    TOOL_CALLBACK("PY_THROW", callback),
    TOOL_CALLBACK("PY_UNWIND", callback),
    TOOL_CALLBACK("LINE", callback),
    TOOL_CALLBACK("RAISE", callback),
};

static PyObject *evaluate(PyThreadState *thread, void *frame, int throwing)
{
	return underneath(thread, frame, throwing);
}

static int function(PyObject *self, PyFrameObject *frame, int what, PyObject *value)
{
	(void)self, (void)frame, (void)what, (void)value;
	return 0;
}

static bool set_profile(void)
{
	void (*set)(pyapi_trace_func, PyObject *) =
	    (void (*)(pyapi_trace_func, PyObject *))dlsym(RTLD_DEFAULT,
	                                                  "PyEval_SetProfile");
	if (set)
		set(function, NULL);
	return set != NULL;
}

static bool monitor(const struct pyapi *py, const struct tool_callback *callbacks,
                    size_t lines, size_t raises)
{
	struct tool *t = tool_install(py, callbacks, CALLS + LINES + RAISES);
	return t && tool_switch_on(py, t, CALLS, lines) &&
	       tool_switch_on(py, t, CALLS + LINES, raises) &&
	       tool_switch_on(py, t, 0, CALLS);
}

static bool install(const struct pyapi *py, const char *what)
{
	bool lines = strcmp(what, "lines") == 0;

	if (py->minor >= 12 && lines)
		return monitor(py, plain, LINES, 0);
	if (py->minor >= 12 && strcmp(what, "monitoring") == 0)
		return monitor(py, plain, 0, 0);
	if (py->minor >= 12 && strcmp(what, "raises") == 0)
		return monitor(py, plain, 0, RAISES);
	if (py->minor >= 12 && strcmp(what, "direct") == 0)
		return monitor(py, direct, 0, RAISES);
	if (py->minor >= 12 && strcmp(what, "module") == 0)
		return monitor(py, module, 0, RAISES);
	if (py->minor <= 11 && strcmp(what, "frame") == 0) {
		underneath = py->_PyEval_EvalFrameDefault;
		py->_PyInterpreterState_SetEvalFrameFunc(py->PyInterpreterState_Get(),
		                                         evaluate);
		return true;
	}
	if (strcmp(what, "audit") == 0)
		return true;
	if (strcmp(what, "profile") == 0)
		return set_profile();
	if (lines || strcmp(what, "trace") == 0) {
		py->PyEval_SetTrace(function, NULL);
		return true;
	}
	return false;
}

static int on_audit(const char *event, PyObject *args, void *data)
{
	enum pyapi_failure failure;
	const char *missing, *what = getenv("BENCH_FLOOR");
	(void)args, (void)data;
	if (event[0] != 'c' || strncmp(event, "cpython.run_", 12) != 0)
		return 0;
	const struct pyapi *py = pyapi_find(false, &failure, &missing);
	if (py)
		none = py->none;
	/* A floor that is not there would flatter nobody but look like a figure. */
	if (!py || !install(py, what ? what : "")) {
		fprintf(stderr, "floor: BENCH_FLOOR=%s cannot be had here\n",
		        what ? what : "");
		exit(3);
	}
	return 0;
}

__attribute__((constructor)) static void begin(void)
{
	if (PySys_AddAuditHook)
		PySys_AddAuditHook(on_audit, NULL);
}
