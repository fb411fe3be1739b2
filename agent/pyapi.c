/* SPDX-License-Identifier: MIT */
/*
 * Finds CPython in a running process.  An executable that holds the interpreter exports
 * its symbols, as does a libpython that it is linked to: dlsym(RTLD_DEFAULT) sees both. A
 * libpython that came with a plugin (dlopen with RTLD_LOCAL) is seen only by looking into
 * every loaded object.
 */
#include "pyapi.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLDEST_MINOR 10
#define NEWEST_MINOR 15

_Static_assert(sizeof(void *) == 8, "the offsets below are those of 64-bit builds");

static struct pyapi found;
static bool is_found;

const struct pyapi *pyapi(void)
{
	return is_found ? &found : NULL;
}

/* The names of the loaded objects, one after the other.  They are only copied while the
 * loader's list is locked: dlopen() takes its locks in another order. */
struct names {
	char *text;
	size_t used, room;
};

static int note_name(struct dl_phdr_info *object, size_t size, void *data)
{
	struct names *n = data;
	(void)size;
	if (!object->dlpi_name || !strchr(object->dlpi_name, '/'))
		return 0; /* the program itself, the vDSO */
	size_t length = strlen(object->dlpi_name) + 1;
	if (n->used + length + 1 > n->room) {
		size_t room = (n->room + length) * 2 + 4096;
		char *text = realloc(n->text, room);
		if (!text)
			return 1;
		n->text = text;
		n->room = room;
	}
	memcpy(n->text + n->used, object->dlpi_name, length);
	n->used += length;
	n->text[n->used] = '\0'; /* an empty name ends the list */
	return 0;
}

static void *look_into(const char *object, const char *name)
{
	void *handle = dlopen(object, RTLD_LAZY | RTLD_NOLOAD), *at = NULL;
	if (handle) {
		at = dlsym(handle, name);
		dlclose(handle); /* it stays loaded: it was before */
	}
	if (!at)
		dlerror(); /* no message of ours for the program's dlerror() */
	return at;
}

void *pyapi_symbol(const char *name, const void *except)
{
	void *at = dlsym(RTLD_NEXT, name);
	if (!at)
		dlerror();
	if (at && at != except)
		return at;
	struct names loaded = {0};
	at = NULL;
	dl_iterate_phdr(note_name, &loaded);
	for (const char *object = loaded.text; object && *object;
	     object += strlen(object) + 1) {
		at = look_into(object, name);
		if (at && at != except)
			break;
		at = NULL;
	}
	free(loaded.text);
	return at;
}

/* Lib/opcode.py of 3.11 and 3.12; Include/opcode_ids.h of 3.13 on. */
static const struct pyapi_opcodes opcodes[] = {
    {.minor = 11,
     .resume = 151,
     .yield_value = 86,
     .return_value = 83,
     .return_const = 83},
    {.minor = 12,
     .resume = 151,
     .yield_value = 150,
     .return_value = 83,
     .return_const = 121},
    {.minor = 13,
     .resume = 149,
     .yield_value = 118,
     .return_value = 36,
     .return_const = 103},
    {.minor = 14,
     .resume = 128,
     .yield_value = 120,
     .return_value = 35,
     .return_const = 35},
    {.minor = 15,
     .resume = 128,
     .yield_value = 119,
     .return_value = 33,
     .return_const = 33},
};

unsigned pyapi_frame_line(const struct pyapi *py, const void *frame, PyObject *code)
{
	const void *at = pyapi_field(frame, py->layout.frame_lasti);
	long offset;
	if (py->minor == 10)
		offset = 2l * *(const int *)at;
	else
		offset = *(char *const *)at -
		         (char *)pyapi_field(code, py->layout.code_bytecode);
	int line = py->PyCode_Addr2Line(code, (int)offset);
	return line > 0 ? (unsigned)line : 0;
}

#define BINARY_SUBSCR_311 25

void pyapi_code_keep_general(const struct pyapi *py, PyObject *code)
{
	PyObject *type, *value, *traceback;
	char *at = NULL;
	Py_ssize_t length = 0;

	if (py->minor != 11 || py->hex >= 0x030b0400)
		return;
	py->PyErr_Fetch(&type, &value, &traceback); /* one thrown into a new generator */
	PyObject *bytes = py->code_bytes(code);
	if (!bytes || py->PyBytes_AsStringAndSize(bytes, &at, &length) != 0)
		length = 0;
	for (Py_ssize_t i = 0; i < length; i += 2) {
		if ((unsigned char)at[i] != BINARY_SUBSCR_311)
			continue;
		/* Counted up by each call and loop; what comes to 0 is specialized then,
		 * what is 0 already is not. */
		*(short *)pyapi_field(code, py->layout.code_warmup) = 0;
		break;
	}
	if (bytes)
		py->Py_DecRef(bytes);
	py->PyErr_Restore(type, value, traceback);
}

/* Leaves no message of its own for the program's dlerror(). */
static void *symbol(bool search, const char *name)
{
	void *at = dlsym(RTLD_DEFAULT, name);
	if (!at) {
		dlerror();
		at = search ? pyapi_symbol(name, NULL) : NULL;
	}
	return at;
}

const void *pyapi_data(const char *name)
{
	return symbol(true, name);
}

/* "3.12.1 (main, …)" and, behind the number, "free-threading build" where it is one. */
static bool read_version(struct pyapi *py, const char *text)
{
	unsigned major = 0, micro = 0;
	if (sscanf(text, "%u.%u.%u", &major, &py->minor, &micro) < 2 || major != 3)
		return false;
	py->hex = major << 24 | py->minor << 16 | micro << 8 | 0xf0;
	py->free_threaded = strstr(text, "free-threading build") != NULL;
	return OLDEST_MINOR <= py->minor && py->minor <= NEWEST_MINOR;
}

static void fill_numbers(struct pyapi *py, bool search)
{
	/* PyVarObject, then tp_name.  PyObject has 16 bytes; 32 in a free-threaded build.
	 */
	py->type_name = py->free_threaded ? 40 : 24;
	for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++) {
		if (opcodes[i].minor == py->minor)
			py->opcode = opcodes[i];
	}
	py->layout = py->minor == 10 ? pyapi_layout_310 : pyapi_layout_311;
	const unsigned long *version = symbol(search, "Py_Version"); /* 3.11+ */
	if (version)
		py->hex = (unsigned)*version;
}

const struct pyapi *pyapi_find(bool search, enum pyapi_failure *failure,
                               const char **what)
{
	static const char *const names[] = {
#define NAME(result, name, parameters) #name,
	    PYAPI_FUNCTIONS(NAME)
#undef NAME
	};
	struct pyapi py = {0};
	void **members = (void **)(void *)&py;

	if (is_found)
		return &found;
	const char *(*version)(void) =
	    (const char *(*)(void))symbol(search, "Py_GetVersion");
	*failure = PYAPI_ABSENT;
	*what = "";
	if (!version)
		return NULL;
	*failure = PYAPI_UNSUPPORTED;
	*what = version();
	if (!read_version(&py, *what))
		return NULL;
	*failure = PYAPI_INCOMPLETE;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		*what = names[i];
		members[i] = symbol(search, names[i]);
		if (!members[i])
			return NULL;
	}
#define FIND(member, result, parameters, name, other)                                    \
	py.member = (result(*) parameters)symbol(search, name);                          \
	if (!py.member && (other))                                                       \
		py.member = (result(*) parameters)symbol(search, (other) ? (other) : "");
	PYAPI_VARYING(FIND)
#undef FIND
	*what = "_Py_NoneStruct";
	py.none = symbol(search, *what);
	if (!py.none)
		return NULL;
	*what = "PyCode_Type";
	py.code_type = symbol(search, *what);
	if (!py.code_type)
		return NULL;
	*what = "PyFrame_Type";
	py.frame_type = symbol(search, *what);
	if (!py.frame_type)
		return NULL;
	*what = "PyExc_RecursionError";
	PyObject *const *recursion_error = symbol(search, *what);
	if (!recursion_error)
		return NULL;
	py.recursion_error = *recursion_error;
	*what = "_Py_TrueStruct";
	py.true_object = symbol(search, *what);
	if (!py.true_object)
		return NULL;
	*what = "PyUnstable_Code_SetExtra";
	if (!py.set_extra || !py.request_extra)
		return NULL;
	fill_numbers(&py, search);
	found = py;
	is_found = true;
	return &found;
}

/* Include/cpython/longintrepr.h of 3.12: behind PyObject and a tag. */
size_t pyapi_int_digit(const struct pyapi *py)
{
	static const uint32_t examples[] = {1, 300, 0x12345678};
	size_t digit = (py->free_threaded ? 32 : 16) + sizeof(uintptr_t);
	bool right = true;

	for (size_t i = 0; right && i < sizeof examples / sizeof *examples; i++) {
		uint32_t value = 0;
		PyObject *number = py->PyLong_FromLong((long)examples[i]);
		right = number && pyapi_small_int(digit, number, &value) &&
		        value == examples[i];
		if (number)
			py->Py_DecRef(number);
		else
			py->PyErr_Clear();
	}
	return right ? digit : 0;
}

/* PyCFunctionObject of Include/cpython/methodobject.h, behind PyObject. */
struct builtin_function {
	const PyMethodDef *definition;
	PyObject *self, *module, *weak_references;
	pyapi_fast_func vectorcall; /* but its third parameter is a size_t */
};

void pyapi_call_directly(const struct pyapi *py, PyObject *function,
                         const PyMethodDef *definition)
{
	struct builtin_function *f = pyapi_field(function, py->free_threaded ? 32 : 16);
	if (f->definition == definition && !f->self && !f->module &&
	    !f->weak_references && f->vectorcall)
		f->vectorcall = (pyapi_fast_func)(void (*)(void))definition->ml_meth;
}

const char *pyapi_type_name(const struct pyapi *py, PyObject *type)
{
	const char *name = *(const char **)(void *)((char *)type + py->type_name);
	const char *dot = name ? strrchr(name, '.') : NULL;
	return dot ? dot + 1 : name ? name : "";
}
