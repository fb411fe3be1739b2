/* SPDX-License-Identifier: MIT */
/*
 * A plugin that has Python inside: a shared object linked to libpython, for embed_host,
 * which itself has no Python.  plugin_run() starts the interpreter, runs `code`, stops it
 * and returns 0, or something else when the code or the end of the interpreter failed.
 */
#include "embed_python.h"

int plugin_run(const char *code);

int plugin_run(const char *code)
{
	int failed;

	Py_InitializeEx(0);
	failed = PyRun_SimpleString(code) != 0;
	return Py_FinalizeEx() != 0 || failed;
}
