/* SPDX-License-Identifier: MIT */
/*
 * sys.monitoring (PEP 669), 3.12 and newer.  The interpreter instruments the code objects
 * themselves, so code that the filter excludes costs nothing: its callbacks answer
 * DISABLE, where they may.  None is immortal since 3.12, so it is returned without
 * counting.
 */
#include "hook.h"

#include "capture.h"
#include "tool.h"
#include "trace.h"

/* Here, to save a step for each event. */
static PyObject *none;
static size_t int_digit;

/* The answer to events that may be disabled. */
static PyObject *answer(bool wanted)
{
	return wanted ? none : tool_disable(pyapi());
}

/* Out of the way of what is done at each event. */
static __attribute__((noinline)) PyObject *tell(enum crumb_word_kind kind, void *code)
{
	return answer(trace_slow(kind, code, NULL));
}

static __attribute__((noinline)) PyObject *tell_line(PyObject *code, PyObject *line)
{
	uint32_t number = (uint32_t)pyapi()->PyLong_AsLong(line);
	return answer(trace_line(code, NULL, number));
}

/* Callbacks get (code, offset) and, where there is one, a value. */
#define UNUSED __attribute__((unused))
#define CALLBACK(name)                                                                   \
	static PyObject *name(PyObject *self UNUSED, PyObject *const *args,              \
	                      Py_ssize_t count UNUSED, PyObject *names UNUSED)

CALLBACK(py_start)
{
	if (__builtin_expect(trace_store(CRUMB_WORD_CALL, args[0]), 1))
		return none;
	return tell(CRUMB_WORD_CALL, args[0]);
}

CALLBACK(py_resume)
{
	if (__builtin_expect(trace_store(CRUMB_WORD_RESUME, args[0]), 1))
		return none;
	return tell(CRUMB_WORD_RESUME, args[0]);
}

CALLBACK(py_return)
{
	if (__builtin_expect(trace_store(CRUMB_WORD_RETURN, args[0]), 1))
		return none;
	return tell(CRUMB_WORD_RETURN, args[0]);
}

CALLBACK(py_yield)
{
	if (__builtin_expect(trace_store(CRUMB_WORD_YIELD, args[0]), 1))
		return none;
	return tell(CRUMB_WORD_YIELD, args[0]);
}

CALLBACK(py_throw)
{
	trace_event(CRUMB_WORD_RESUME, args[0], NULL);
	return none;
}

CALLBACK(py_unwind)
{
	trace_event(CRUMB_WORD_UNWIND, args[0], NULL);
	return none;
}

static __attribute__((noinline)) uint32_t line_by_frame_object(const struct pyapi *py)
{
	PyFrameObject *frame = py->PyThreadState_GetFrame(py->PyThreadState_Get());
	int line = frame ? py->PyFrame_GetLineNumber(frame) : 0;
	if (frame)
		py->Py_DecRef((PyObject *)frame);
	return line > 0 ? (uint32_t)line : 0;
}

/* The line that the running frame is at.  Not by the offset that the callback is
 * given: 3.13 to 3.15 give that of the instruction before a call which an exception comes
 * out of. */
static uint32_t current_line(const struct pyapi *py, const struct frame *frame,
                             int instruction)
{
	if (instruction < 0) /* its layout is not as it is known to be */
		return line_by_frame_object(py);
	uint32_t *note = trace_line_note(frame->code, instruction);
	if (note && *note)
		return *note;
	/* CPython reads the code's table of lines from its beginning. */
	int found = py->PyCode_Addr2Line((PyObject *)(uintptr_t)frame->code, instruction);
	uint32_t line = found > 0 ? (uint32_t)found : 0;
	if (note)
		*note = line;
	return line;
}

static __attribute__((noinline)) void tell_raise(const struct frame *frame,
                                                 int instruction, PyObject *exception,
                                                 const void *only_type)
{
	const struct pyapi *py = pyapi();
	PyObject *type = py->PyObject_Type(exception);
	const char *name = pyapi_type_name(py, type);
	uint32_t line = current_line(py, frame, instruction);

	capture_exception(frame->code, NULL, frame, type, exception);
	trace_exception(frame->code, NULL, line, name);
	if (only_type && instruction >= 0)
		trace_note_exception(frame->code, instruction, line, name, only_type);
	py->Py_DecRef(type);
}

CALLBACK(py_raise)
{
	if (!trace_wants(args[0], NULL))
		return none;
	const void *only_type = capture_only_type(args[2]);
	struct frame frame = frame_here(args[0]);
	int instruction = frame_instruction(&frame);
	if (!only_type || !trace_store_exception(args[0], instruction, only_type))
		tell_raise(&frame, instruction, args[2], only_type);
	return none;
}

/* (code, line) */
CALLBACK(py_line)
{
	uint32_t line;
	if (__builtin_expect(pyapi_small_int(int_digit, args[1], &line) &&
	                         trace_store_line(args[0], line),
	                     1))
		return none;
	return tell_line(args[0], args[1]);
}

/* The same with values, which take so much longer that nothing is inlined. */
CALLBACK(py_start_values)
{
	struct frame frame = frame_here(args[0]);
	if (capture_wants.locals)
		capture_call(args[0], NULL, &frame);
	return answer(trace_event(CRUMB_WORD_CALL, args[0], NULL));
}

static PyObject *leave(enum crumb_word_kind kind, PyObject *const *args)
{
	struct frame frame = frame_here(args[0]);
	capture_leave(kind, args[0], NULL, &frame, args[2]);
	return answer(trace_event(kind, args[0], NULL));
}

CALLBACK(py_return_values)
{
	return leave(CRUMB_WORD_RETURN, args);
}

CALLBACK(py_yield_values)
{
	return leave(CRUMB_WORD_YIELD, args);
}

CALLBACK(py_line_values)
{
	struct frame frame = frame_here(args[0]);
	if (capture_wants.locals)
		capture_line(args[0], NULL, &frame);
	return tell_line(args[0], args[1]);
}

/* Excluded code is not spared RAISE and PY_UNWIND, for which there is no DISABLE: they
 * are switched on when there is code that is recorded. */
enum { AT_ONCE = 5, WHEN_AWAKE = 2, LINES = 1 };
static const struct tool_callback callbacks[AT_ONCE + WHEN_AWAKE + LINES] = {
    TOOL_CALLBACK("PY_START", py_start),   TOOL_CALLBACK("PY_RESUME", py_resume),
    TOOL_CALLBACK("PY_RETURN", py_return), TOOL_CALLBACK("PY_YIELD", py_yield),
    TOOL_CALLBACK("PY_THROW", py_throw),   TOOL_CALLBACK("PY_UNWIND", py_unwind),
    TOOL_CALLBACK("RAISE", py_raise),      TOOL_CALLBACK("LINE", py_line),
};

static const struct tool_callback callbacks_values[AT_ONCE + WHEN_AWAKE + LINES] = {
    TOOL_CALLBACK("PY_START", py_start_values),
    TOOL_CALLBACK("PY_RESUME", py_resume),
    TOOL_CALLBACK("PY_RETURN", py_return_values),
    TOOL_CALLBACK("PY_YIELD", py_yield_values),
    TOOL_CALLBACK("PY_THROW", py_throw),
    TOOL_CALLBACK("PY_UNWIND", py_unwind),
    TOOL_CALLBACK("RAISE", py_raise),
    TOOL_CALLBACK("LINE", py_line_values),
};

static const char *unusable(const struct pyapi *py)
{
	if (py->minor < 12)
		return "it needs CPython 3.12 or newer";
	return NULL;
}

static bool install(const struct pyapi *py, struct hook_site *site)
{
	size_t lines = site->lines ? LINES : 0;
	none = py->none;
	if (lines)
		int_digit = pyapi_int_digit(py);
	bool values = capture_wants.locals || capture_wants.results;
	struct tool *t = tool_install(py, values ? callbacks_values : callbacks,
	                              AT_ONCE + WHEN_AWAKE + lines);
	if (t && tool_switch_on(py, t, AT_ONCE + WHEN_AWAKE, lines) &&
	    tool_switch_on(py, t, 0, AT_ONCE)) {
		site->state = t;
		return true;
	}
	tool_remove(py, t);
	return false;
}

static bool awakes(const struct pyapi *py, struct hook_site *site)
{
	return site->state && tool_switch_on(py, site->state, AT_ONCE, WHEN_AWAKE);
}

static void uninstall(const struct pyapi *py, struct hook_site *site)
{
	tool_remove(py, site->state);
	site->state = NULL;
}

static void pauses(const struct pyapi *py, struct hook_site *site, bool pause)
{
	if (site->state)
		tool_pause(py, site->state, pause);
}

const struct hook_ops hook_monitoring = {
    .name = "monitoring",
    .unusable = unusable,
    .install = install,
    .remove = uninstall,
    .awakes = awakes,
    .pause = pauses,
};
