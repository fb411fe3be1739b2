/* SPDX-License-Identifier: MIT */
/*
 * Layouts of frames and code objects: Include/internal/pycore_frame.h and
 * Include/cpython/code.h of 3.11 to 3.15, Include/cpython/frameobject.h of 3.10.
 *
 * A variable that an inner function uses is in a cell.  When a frame begins, 3.10 has
 * made them already and 3.11, whose first instructions make them, has not.
 */
#include "frame.h"

#include "object.h"

static const struct pyapi *py;

static struct {
	size_t current; /* PyThreadState: the frame that runs */
	size_t frame_code, frame_func, frame_locals_dict, variables;
	size_t object_frame; /* PyFrameObject.f_frame */
	size_t arguments;    /* co_argcount; co_kwonlyargcount is 8 bytes behind */
	size_t flags, names, kinds, count;
	/* 3.10 */
	size_t locals, cells, frees, cell_arguments;
} at;

/* Bits of co_localspluskinds. */
#define KIND_HIDDEN 0x10
#define KIND_CELL   0x40
#define KIND_FREE   0x80

#define CO_OPTIMIZED   0x1
#define CO_VARARGS     0x4
#define CO_VARKEYWORDS 0x8

void frame_init(const struct pyapi *given)
{
	size_t head = object_head(), moved = head - 16;

	py = given;
	if (py->minor == 10) {
		at.frame_code = 32;
		at.frame_locals_dict = 56;
		at.variables = 352;
		at.arguments = 16;
		at.flags = 36;
		at.count = 28; /* co_nlocals */
		at.locals = 72;
		at.frees = 80;
		at.cells = 88;
		at.cell_arguments = 96;
		return;
	}
	at.current = py->minor >= 13 ? 72 : 56;
	at.frame_code = py->minor == 11 ? 32 : 0;
	at.frame_func = py->minor == 11 ? 0 : 16;
	at.frame_locals_dict = py->minor == 11 ? 24 : 40;
	at.variables = py->minor >= 14 ? 80 : 72;
	at.object_frame = 24 + moved;
	at.arguments = (py->minor == 11 ? 56 : 52) + moved;
	at.flags = 48 + moved;
	at.names = 96 + moved;
	at.kinds = 104 + moved;
	at.count = (py->minor == 11 ? 76 : 72) + moved; /* co_nlocalsplus */
}

static int number(const void *code, size_t where)
{
	return *(const int *)pyapi_field(code, where);
}

/* 3.14 and newer mark references that are not counted in the lowest bit. */
static const void *without_tag(const void *reference)
{
	uintptr_t bits = (uintptr_t)reference;
	if (py->minor < 14)
		return reference;
	return (bits & 3) == 3 ? NULL : (const void *)(bits & ~(uintptr_t)1);
}

static const void *code_of(const char *place)
{
	return without_tag(object_at(place, at.frame_code));
}

struct frame frame_here(const void *code)
{
	if (!py)
		return (struct frame){.code = code};
	const char *place = object_at(py->PyThreadState_Get(), at.current);
	if (py->minor <= 12) /* by way of a _PyCFrame, where it is first (3.12) */
		place = place ? object_at(place, py->minor == 12 ? 0 : 8) : NULL;
	bool is = place && code_of(place) == code;
	return (struct frame){is ? place : NULL, code, false};
}

int frame_instruction(const struct frame *f)
{
	if (!f->place || !py->interpreter_frame_lasti)
		return -1;
	return py->interpreter_frame_lasti(f->place);
}

struct frame frame_of_eval(const void *given, const void *code, bool begins)
{
	/* A generator's frame has begun when it was made. */
	bool new = begins && py->minor == 11 &&
	           *(const char *)pyapi_field(given, PYAPI_FRAME_OWNER_311) !=
	               PYAPI_OWNED_BY_GENERATOR;
	return (struct frame){given, code, new};
}

struct frame frame_of_object(const PyFrameObject *object, const void *code)
{
	const char *place = (const char *)object;
	if (py->minor > 10)
		place = object_at(object, at.object_frame);
	bool is = place && code_of(place) == code;
	return (struct frame){is ? place : NULL, code, false};
}

unsigned frame_arguments(const void *code)
{
	int flags = number(code, at.flags);
	int count = number(code, at.arguments) + number(code, at.arguments + 8);
	count += ((flags & CO_VARARGS) != 0) + ((flags & CO_VARKEYWORDS) != 0);
	return count > 0 ? (unsigned)count : 0;
}

static unsigned tuple_length(const void *code, size_t where)
{
	const void *tuple = object_at(code, where);
	return tuple ? (unsigned)object_length(tuple) : 0;
}

unsigned frame_variables(const void *code)
{
	int count = number(code, at.count);
	unsigned n = count > 0 ? (unsigned)count : 0;
	if (py->minor == 10)
		n += tuple_length(code, at.cells) + tuple_length(code, at.frees);
	return n;
}

static const void *item(const void *tuple, unsigned i)
{
	if (!tuple || i >= object_length(tuple))
		return NULL;
	struct object_walk walk = object_items(tuple, OBJECT_TUPLE);
	walk.at = i;
	object_next(&walk);
	return walk.value;
}

/* 3.10: which of its three tuples has variable i; i becomes the place in it. */
static const void *part_of(const void *code, unsigned *i)
{
	unsigned locals = (unsigned)number(code, at.count);
	unsigned cells = tuple_length(code, at.cells);
	if (*i < locals)
		return object_at(code, at.locals);
	*i -= locals;
	if (*i < cells)
		return object_at(code, at.cells);
	*i -= cells;
	return object_at(code, at.frees);
}

const void *frame_variable_name(const void *code, unsigned i)
{
	const void *names =
	    py->minor == 10 ? part_of(code, &i) : object_at(code, at.names);
	const void *name = item(names, i);
	return name && object_kind(name) == OBJECT_STR ? name : NULL;
}

static const void *unwrapped(const void *value)
{
	if (value && object_kind(value) == OBJECT_CELL)
		return py->free_threaded ? NULL : object_at(value, object_head());
	return value;
}

/* An argument that is in a cell has left its place empty: co_cell2arg says which cell. */
static const void *variable_310(const struct frame *f, unsigned i)
{
	const void *const *values = pyapi_field(f->place, at.variables);
	unsigned locals = (unsigned)number(f->code, at.count);
	const int64_t *arguments = object_at(f->code, at.cell_arguments);
	unsigned cells = tuple_length(f->code, at.cells);

	if (i >= locals) {
		/* As an argument it was shown in its own place. */
		if (i - locals < cells && arguments && arguments[i - locals] >= 0)
			return NULL;
		return unwrapped(values[i]);
	}
	if (values[i] || !arguments)
		return values[i];
	for (unsigned c = 0; c < cells; c++) {
		if (arguments[c] == (int64_t)i)
			return unwrapped(values[locals + c]);
	}
	return NULL;
}

/* A free variable of a frame that has not begun: it is in the function still. */
static const void *from_closure(const struct frame *f, const uint8_t *kinds, unsigned i)
{
	const void *function = object_at(f->place, at.frame_func);
	unsigned place = 0;

	for (unsigned k = 0; k < i; k++)
		place += (kinds[k] & KIND_FREE) != 0;
	if (!function || object_kind(function) != OBJECT_FUNCTION)
		return NULL;
	const void *cell = item(object_at(function, object_head() + 56), place);
	return unwrapped(cell);
}

const void *frame_variable(const struct frame *f, unsigned i)
{
	if (py->minor == 10)
		return variable_310(f, i);
	const void *const *values = pyapi_field(f->place, at.variables);
	const void *kinds_object = object_at(f->code, at.kinds);
	size_t length = 0;
	const uint8_t *kinds =
	    kinds_object ? (const void *)object_bytes(kinds_object, OBJECT_BYTES, &length)
			 : NULL;
	unsigned kind = i < length ? kinds[i] : 0;

	if (kind & KIND_HIDDEN)
		return NULL;
	if (f->new && (kind & KIND_FREE))
		return from_closure(f, kinds, i);
	const void *value = without_tag(values[i]);
	if (!f->new && (kind & (KIND_CELL | KIND_FREE)))
		value = unwrapped(value);
	return value;
}

const void *frame_namespace(const struct frame *f)
{
	if (number(f->code, at.flags) & CO_OPTIMIZED)
		return NULL;
	const void *names = object_at(f->place, at.frame_locals_dict);
	return names && object_kind(names) == OBJECT_DICT ? names : NULL;
}
