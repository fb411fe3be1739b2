/* SPDX-License-Identifier: MIT */
/*
 * Every symbol of CPython that the agent uses, found at run time, and every difference
 * between versions that is a number.  CPython's headers are included for their types
 * only: a macro that reaches into an object would fix this library to one version.
 */
#ifndef BREADCRUMB_AGENT_PYAPI_H
#define BREADCRUMB_AGENT_PYAPI_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030a0000
#endif
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int (*pyapi_trace_func)(PyObject *, PyFrameObject *, int, PyObject *);
/* The frame is a PyFrameObject on 3.10, an _PyInterpreterFrame on 3.11. */
typedef PyObject *(*pyapi_eval_func)(PyThreadState *, void *frame, int throwing);
/* METH_FASTCALL | METH_KEYWORDS */
typedef PyObject *(*pyapi_fast_func)(PyObject *, PyObject *const *, Py_ssize_t,
                                     PyObject *);
typedef int (*pyapi_audit_func)(const char *event, PyObject *args, void *data);

/* PyMemAllocatorEx (since 3.5), and the domain of PyMem_RawMalloc(). */
struct pyapi_allocator {
	void *context;
	void *(*malloc)(void *context, size_t size);
	void *(*calloc)(void *context, size_t count, size_t size);
	void *(*realloc)(void *context, void *memory, size_t size);
	void (*free)(void *context, void *memory);
};
#define PYAPI_DOMAIN_RAW 0

/* result, name, parameters: of functions that every supported version has. */
#define PYAPI_FUNCTIONS(X)                                                               \
	X(void, Py_IncRef, (PyObject *))                                                 \
	X(void, Py_DecRef, (PyObject *))                                                 \
	X(int, Py_IsInitialized, (void))                                                 \
	X(int, Py_GetRecursionLimit, (void))                                             \
	X(void, PyMem_GetAllocator, (int, struct pyapi_allocator *))                     \
	X(void, PyMem_SetAllocator, (int, const struct pyapi_allocator *))               \
	X(PyThreadState *, PyThreadState_Get, (void))                                    \
	X(const char *, Py_GetVersion, (void))                                           \
	X(int, PySys_AddAuditHook, (pyapi_audit_func, void *))                           \
	X(PyObject *, PySys_GetObject, (const char *))                                   \
	X(PyObject *, PyErr_Occurred, (void))                                            \
	X(void, PyErr_Clear, (void))                                                     \
	X(void, PyErr_Fetch, (PyObject **, PyObject **, PyObject **))                    \
	X(void, PyErr_Restore, (PyObject *, PyObject *, PyObject *))                     \
	X(PyObject *, PyObject_GetAttrString, (PyObject *, const char *))                \
	X(PyObject *, PyObject_Type, (PyObject *))                                       \
	X(PyObject *, PyObject_GenericGetDict, (PyObject *, void *))                     \
	X(PyObject *, PyObject_CallFunctionObjArgs, (PyObject *, ...))                   \
	X(unsigned long, PyType_GetFlags, (PyTypeObject *))                              \
	X(long, PyLong_AsLong, (PyObject *))                                             \
	X(PyObject *, PyLong_FromLong, (long))                                           \
	X(PyObject *, PyLong_FromUnsignedLongLong, (unsigned long long))                 \
	X(const char *, PyUnicode_AsUTF8AndSize, (PyObject *, Py_ssize_t *))             \
	X(PyObject *, PyUnicode_AsEncodedString,                                         \
	  (PyObject *, const char *, const char *))                                      \
	X(PyObject *, PyUnicode_FromString, (const char *))                              \
	X(int, PyBytes_AsStringAndSize, (PyObject *, char **, Py_ssize_t *))             \
	X(PyObject *, PyTuple_GetItem, (PyObject *, Py_ssize_t))                         \
	X(Py_ssize_t, PyTuple_Size, (PyObject *))                                        \
	X(PyObject *, PyDict_GetItem, (PyObject *, PyObject *))                          \
	X(PyObject *, PyDict_GetItemString, (PyObject *, const char *))                  \
	X(PyObject *, PyModule_GetDict, (PyObject *))                                    \
	X(PyObject *, Py_BuildValue, (const char *, ...))                                \
	X(PyObject *, PyDict_New, (void))                                                \
	X(PyObject *, Py_CompileStringExFlags,                                           \
	  (const char *, const char *, int, void *, int))                                \
	X(PyObject *, PyEval_EvalCode, (PyObject *, PyObject *, PyObject *))             \
	X(char *, PyOS_double_to_string, (double, char, int, int, int *))                \
	X(void, PyMem_Free, (void *))                                                    \
	X(int, _PyUnicode_IsPrintable, (const uint32_t))                                 \
	X(int, PyImport_AppendInittab, (const char *, PyObject *(*)(void)))              \
	X(PyObject *, PyModuleDef_Init, (PyModuleDef *))                                 \
	X(void, PyErr_WriteUnraisable, (PyObject *))                                     \
	X(PyObject *, PyException_GetTraceback, (PyObject *))                            \
	X(int, PyErr_ExceptionMatches, (PyObject *))                                     \
	X(int, PyErr_BadArgument, (void))                                                \
	X(PyObject *, PyUnicode_DecodeUTF8, (const char *, Py_ssize_t, const char *))    \
	X(PyObject *, PyUnicode_DecodeFSDefault, (const char *))                         \
	X(int, PyDict_SetItem, (PyObject *, PyObject *, PyObject *))                     \
	X(int, PyDict_SetItemString, (PyObject *, const char *, PyObject *))             \
	X(PyObject *, PyBool_FromLong, (long))                                           \
	X(PyObject *, PyLong_FromVoidPtr, (void *))                                      \
	X(PyThreadState *, PyEval_SaveThread, (void))                                    \
	X(void, PyEval_RestoreThread, (PyThreadState *))                                 \
	X(PyObject *, PyCMethod_New,                                                     \
	  (PyMethodDef *, PyObject *, PyObject *, PyTypeObject *))                       \
	X(PyInterpreterState *, PyInterpreterState_Get, (void))                          \
	X(int64_t, PyInterpreterState_GetID, (PyInterpreterState *))                     \
	X(PyObject *, PyEval_GetGlobals, (void))                                         \
	X(void, PyEval_SetTrace, (pyapi_trace_func, PyObject *))                         \
	X(int, PyCode_Addr2Line, (PyObject *, int))                                      \
	X(PyObject *, PyFrame_GetCode, (PyFrameObject *))                                \
	X(PyFrameObject *, PyFrame_GetBack, (PyFrameObject *))                           \
	X(PyFrameObject *, PyThreadState_GetFrame, (PyThreadState *))                    \
	X(int, PyFrame_GetLineNumber, (PyFrameObject *))                                 \
	X(PyObject *, _PyEval_EvalFrameDefault, (PyThreadState *, void *, int))          \
	X(pyapi_eval_func, _PyInterpreterState_GetEvalFrameFunc, (PyInterpreterState *)) \
	X(void, _PyInterpreterState_SetEvalFrameFunc,                                    \
	  (PyInterpreterState *, pyapi_eval_func))

/* Functions that some versions lack or call otherwise: member, result, parameters, name,
 * and the other name. */
#define PYAPI_VARYING(X)                                                                 \
	X(request_extra, Py_ssize_t, (void (*)(void *)),                                 \
	  "_PyEval_RequestCodeExtraIndex", "PyUnstable_Eval_RequestCodeExtraIndex")      \
	X(set_extra, int, (PyObject *, Py_ssize_t, void *), "_PyCode_SetExtra",          \
	  "PyUnstable_Code_SetExtra")                                                    \
	X(dict_text_item, int, (PyObject *, const char *, PyObject **),                  \
	  "PyDict_GetItemStringRef", NULL)                                               \
	X(dict_item, int, (PyObject *, PyObject *, PyObject **), "PyDict_GetItemRef",    \
	  NULL)                                                                          \
	X(frame_lasti, int, (PyFrameObject *), "PyFrame_GetLasti", NULL)                 \
	X(interpreter_frame_lasti, int, (const void *),                                  \
	  "PyUnstable_InterpreterFrame_GetLasti", NULL)                                  \
	X(code_bytes, PyObject *, (PyObject *), "PyCode_GetCode", NULL)

/* Numbers of instructions, 3.11 and newer. */
struct pyapi_opcodes {
	unsigned minor;
	unsigned resume, yield_value, return_value;
	unsigned return_const; /* as return_value where there is none */
};

/* Where fields lie that have no accessor (bytes): 3.10 and 3.11 only. */
struct pyapi_layout {
	size_t frame_code; /* f_code and f_globals of what an eval function is given */
	size_t frame_globals;
	size_t frame_lasti; /* f_lasti (int, in instructions), prev_instr (pointer) */
	size_t frame_object_frame; /* 3.11: PyFrameObject.f_frame */
	size_t code_flags;         /* co_flags */
	size_t code_bytecode;      /* 3.11: co_code_adaptive */
	size_t code_warmup;        /* 3.11: co_warmup */
	size_t thread_tracefunc;   /* PyThreadState.c_tracefunc */
};

/* Of 3.10: Include/cpython/frameobject.h, code.h; of 3.11: internal/pycore_frame.h,
 * cpython/code.h, pystate.h.  The same in every release of the minor version, debug
 * builds included.
 * Here, because the frame hook is made for each of the two. */
static const struct pyapi_layout pyapi_layout_310 = {
    .frame_code = 32,
    .frame_globals = 48,
    .frame_lasti = 96,
    .code_flags = 36,
    .thread_tracefunc = 64,
};
static const struct pyapi_layout pyapi_layout_311 = {
    .frame_code = 32,
    .frame_globals = 8,
    .frame_lasti = 56,
    .frame_object_frame = 24,
    .code_flags = 48,
    .code_bytecode = 184,
    .code_warmup = 52,
    .thread_tracefunc = 72,
};

struct pyapi {
#define MEMBER(result, name, parameters) result(*name) parameters;
	PYAPI_FUNCTIONS(MEMBER)
#undef MEMBER
#define MEMBER(member, result, parameters, name, other) result(*member) parameters;
	PYAPI_VARYING(MEMBER)
#undef MEMBER
	PyObject *none;                   /* Py_None */
	PyObject *code_type, *frame_type; /* PyCode_Type, PyFrame_Type */
	PyObject *recursion_error;        /* PyExc_RecursionError */
	PyObject *true_object;            /* Py_True */
	unsigned hex;                     /* PY_VERSION_HEX */
	unsigned minor;                   /* 10 … 15 */
	bool free_threaded;
	size_t type_name; /* offset of tp_name in a type */
	struct pyapi_opcodes opcode;
	struct pyapi_layout layout;
};

/* Where the first digit of an int lies (3.12 and newer); 0: it is not where it is known
 * to be. */
size_t pyapi_int_digit(const struct pyapi *py);

/* The value of a small positive int, when that is what it is.  `digit` is what
 * pyapi_int_digit() said. */
static inline bool pyapi_small_int(size_t digit, PyObject *number, uint32_t *value)
{
	/* _PyLongValue: a tag (count of digits << 3 | flag << 2 | sign), then digits. */
	const char *at = (const char *)number + digit;
	if (!digit ||
	    (*(const uintptr_t *)(const void *)(at - 8) & ~(uintptr_t)4) != 1 << 3)
		return false;
	*value = *(const uint32_t *)(const void *)at;
	return true;
}

/*
 * Makes a built-in function of this definition (METH_FASTCALL | METH_KEYWORDS) be called
 * at once, without what CPython does around any C function: it counts recursion, checks
 * keywords.  The function must not mind.  Nothing changes when the object does not look
 * as it is known to.
 */
void pyapi_call_directly(const struct pyapi *py, PyObject *function,
                         const PyMethodDef *definition);

#define PYAPI_GENERATOR_FLAGS                                                            \
	0x2a0u /* CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR */

static inline void *pyapi_field(const void *object, size_t offset)
{
	return (char *)(uintptr_t)object + offset;
}

static inline const struct pyapi_layout *pyapi_layout_of(unsigned minor)
{
	return minor == 10 ? &pyapi_layout_310 : &pyapi_layout_311;
}

/*
 * What an eval function's frame tells, on 3.10 and 3.11.
 *
 * 3.10: PyFrameObject.f_state.  3.11: _PyInterpreterFrame.owner; and gi_frame_state of
 * the generator that the frame lies in (gi_iframe at 80, gi_frame_state at 75).
 */
#define PYAPI_FRAME_STATE_310      108
#define PYAPI_FRAME_OWNER_311      69
#define PYAPI_OWNED_BY_GENERATOR   1
#define PYAPI_GENERATOR_STATE_311  (75 - 80)
#define PYAPI_SUSPENDED            (-1) /* FRAME_SUSPENDED, both versions */
#define PYAPI_RETURN_GENERATOR_311 75

/* 3.11: the call of a generator function is evaluated as a frame of its own, which makes
 * the generator and returns it.  No call has happened then, as the program sees it.
 * `flags` are its code's co_flags. */
static inline bool pyapi_frame_makes_generator(unsigned minor, const void *frame,
                                               unsigned flags)
{
	return minor == 11 && (flags & PYAPI_GENERATOR_FLAGS) &&
	       *(const char *)pyapi_field(frame, PYAPI_FRAME_OWNER_311) !=
	           PYAPI_OWNED_BY_GENERATOR;
}

/* Whether the frame, of a generator, ran before and goes on now.  `throwing`: as the eval
 * function is told. */
static inline bool pyapi_frame_goes_on(unsigned minor, const void *frame, int throwing)
{
	if (minor == 10)
		return *(const int *)pyapi_field(frame, pyapi_layout_310.frame_lasti) >=
		       0;
	if (throwing)
		return true;
	/* A new generator's frame stands at the instruction that made it. */
	const unsigned char *instruction =
	    *(unsigned char *const *)pyapi_field(frame, pyapi_layout_311.frame_lasti);
	return instruction[0] != PYAPI_RETURN_GENERATOR_311;
}

/* Whether the frame, of a generator, has just suspended itself. */
static inline bool pyapi_frame_suspended(unsigned minor, const void *frame)
{
	if (minor == 10)
		return *(const signed char *)pyapi_field(frame, PYAPI_FRAME_STATE_310) ==
		       PYAPI_SUSPENDED;
	return ((const signed char *)frame)[PYAPI_GENERATOR_STATE_311] == PYAPI_SUSPENDED;
}

/* The line that it is at; 0: none. */
unsigned pyapi_frame_line(const struct pyapi *py, const void *frame, PyObject *code);

/*
 * 3.11.0 to 3.11.3 specialize a subscription into a call of the class's __getitem__ that
 * no frame-evaluation function is asked about (python/cpython#104405).  Keeps this code
 * object, which is about to run for the first time, from being specialized, when it
 * subscribes at all.
 */
void pyapi_code_keep_general(const struct pyapi *py, PyObject *code);

/* Why there is no API. */
enum pyapi_failure {
	PYAPI_ABSENT,      /* no Python in this process, or none to be found */
	PYAPI_UNSUPPORTED, /* a version that this agent does not know */
	PYAPI_INCOMPLETE,  /* a symbol is missing */
};

/*
 * Finds the interpreter's symbols: among the program's own, or, where `search` is given,
 * in every loaded object, those loaded with RTLD_LOCAL included.  NULL: *failure and
 * *what (a version or a symbol, static text) say why.  The result lives as long as the
 * process.
 */
const struct pyapi *pyapi_find(bool search, enum pyapi_failure *failure,
                               const char **what);

/* What pyapi_find() found; NULL before. */
const struct pyapi *pyapi(void);

/* The address of a function in whatever object has it, other than `except`; NULL:
 * nowhere. */
void *pyapi_symbol(const char *name, const void *except);

/* The address of a datum of the interpreter that pyapi_find() found; NULL: it has none
 * of that name. */
const void *pyapi_data(const char *name);

/* tp_name without what is before its last dot: what type.__name__ says of a built-in
 * type, and all there is of others. */
const char *pyapi_type_name(const struct pyapi *py, PyObject *type);

#endif
