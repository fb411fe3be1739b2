/* SPDX-License-Identifier: MIT */
/*
 * The floor: what the interpreter itself takes for calling hooks that do nothing.  It
 * gets in as the agent does and is preloaded in its place; BENCH_FLOOR says which hooks:
 *
 *     monitoring  callbacks of sys.monitoring for calls (3.12+)
 *     lines       the same with LINE (3.12+), else a trace function
 *     frame       a frame-evaluation function (3.10, 3.11)
 *     profile     PyEval_SetProfile() in the main thread
 *     trace       PyEval_SetTrace() in the main thread
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

static PyObject *callback(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
	(void)self, (void)args, (void)count;
	return none;
}

static const struct tool_callback callbacks[] = {
    TOOL_CALLBACK("PY_START", callback),  TOOL_CALLBACK("PY_RESUME", callback),
    TOOL_CALLBACK("PY_RETURN", callback), TOOL_CALLBACK("PY_YIELD", callback),
    TOOL_CALLBACK("PY_THROW", callback),  TOOL_CALLBACK("PY_UNWIND", callback),
    TOOL_CALLBACK("LINE", callback), /* the last */
};
#define CALLBACKS (sizeof callbacks / sizeof *callbacks)

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

static bool install(const struct pyapi *py, const char *what)
{
	bool lines = strcmp(what, "lines") == 0;

	if (py->minor >= 12 && (lines || strcmp(what, "monitoring") == 0))
		return tool_install(py, callbacks, CALLBACKS - !lines) != NULL;
	if (py->minor <= 11 && strcmp(what, "frame") == 0) {
		underneath = py->_PyEval_EvalFrameDefault;
		py->_PyInterpreterState_SetEvalFrameFunc(py->PyInterpreterState_Get(),
		                                         evaluate);
		return true;
	}
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
