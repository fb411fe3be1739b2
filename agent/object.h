/* SPDX-License-Identifier: MIT */
/*
 * What is inside of Python's objects, read as memory: nothing of the program's can run,
 * no reference is taken, nothing is allocated, and nothing is changed.
 *
 * The layouts are those of CPython 3.10 to 3.15 (64 bits).  All functions are called with
 * the interpreter's lock held, and what they return is valid only as long as it is not
 * given up.
 */
#ifndef BREADCRUMB_AGENT_OBJECT_H
#define BREADCRUMB_AGENT_OBJECT_H

#include "pyapi.h"

enum object_kind {
	OBJECT_OTHER, /* nothing is known of it but its type */
	/* Singletons. */
	OBJECT_NONE,
	OBJECT_ELLIPSIS,
	OBJECT_NOT_IMPLEMENTED,
	/* Of exactly these types. */
	OBJECT_BOOL,
	OBJECT_INT,
	OBJECT_FLOAT,
	OBJECT_COMPLEX,
	OBJECT_STR,
	OBJECT_BYTES,
	OBJECT_BYTEARRAY,
	OBJECT_LIST,
	OBJECT_TUPLE,
	OBJECT_DICT,
	OBJECT_SET,
	OBJECT_FROZENSET,
	OBJECT_RANGE,
	OBJECT_SLICE,
	OBJECT_TYPE,
	OBJECT_FUNCTION,
	OBJECT_METHOD,
	OBJECT_BUILTIN,
	OBJECT_MODULE,
	OBJECT_GENERATOR,
	OBJECT_COROUTINE,
	OBJECT_ASYNC_GENERATOR,
	OBJECT_CELL,
	OBJECT_CODE,
	OBJECT_EXCEPTION, /* of BaseException or a type below it */
	OBJECT_KINDS,
};

/* Takes the layouts of this version.  False: the interpreter says that they are others
 * (3.13 and newer do), and nothing else here may be called. */
bool object_init(const struct pyapi *py);

/* Whether other threads cannot change the object while it is looked at. */
bool object_is_still(enum object_kind kind);

/* Bytes of an object's head: what other layouts are counted from. */
size_t object_head(void);

const void *object_type(const void *object);
/* By its type; a type below a built-in one, an exception aside, is OBJECT_OTHER. */
enum object_kind object_kind(const void *object);
/* The nearest built-in type above a type, as a kind: OBJECT_OTHER where there is none. */
enum object_kind object_base_kind(const void *type);

size_t object_size_of(const void *type);        /* tp_basicsize */
const void *object_type_base(const void *type); /* tp_base */
bool object_is_heap_type(const void *type);
/* Whether the type of an exception is this one, or below it. */
enum object_error {
	OBJECT_OS_ERROR,
	OBJECT_KEY_ERROR,
	OBJECT_STOP_ITERATION,
	OBJECT_ERRORS
};
bool object_is_error(const void *type, enum object_error which);
const void *object_error(enum object_error which); /* the type itself */
/* Whether no class statement can have made the type. */
bool object_is_c_type(const void *type);
/* tp_name: with the module before a dot for a type that is written in C, without it for
 * others. */
const char *object_type_name(const void *type);
/* The module and the qualified name of a type that is none of C's: str objects, or
 * NULL. */
const void *object_type_module(const void *type);
const void *object_type_qualname(const void *type);
const void *object_type_dict(const void *type); /* tp_dict */
/* What a class statement has set in the class itself, among its first attributes. */
const void *object_type_entry(const void *type, const char *name);

/* A pointer, and a number, at an offset in an object. */
static inline const void *object_at(const void *object, size_t offset)
{
	return *(const void *const *)pyapi_field(object, offset);
}

static inline int64_t object_number_at(const void *object, size_t offset)
{
	return *(const int64_t *)pyapi_field(object, offset);
}

/* ob_size of what has one; a damaged count is 0. */
size_t object_length(const void *object);

struct object_int {
	const uint32_t *digits; /* of 30 bits, lowest first */
	size_t count;
	bool negative;
};
struct object_int object_int(const void *object);
double object_float(const void *object); /* PyFloat */

bool object_is_str(const void *object); /* of exactly this type */

/* The hash of a str, which is the same for the same text; -1: not known yet. */
int64_t object_str_hash(const void *str);

struct object_str {
	const void *data;
	size_t length;  /* characters */
	unsigned width; /* bytes of each: 1, 2, 4 */
};
struct object_str object_str(const void *object);

static inline uint32_t object_character(const struct object_str *s, size_t i)
{
	if (s->width == 1)
		return ((const uint8_t *)s->data)[i];
	return s->width == 2 ? ((const uint16_t *)s->data)[i]
	                     : ((const uint32_t *)s->data)[i];
}

/* Of bytes and bytearray: at least *length bytes. */
const char *object_bytes(const void *object, enum object_kind kind, size_t *length);

/* What is in a tuple, a list (by index), a set or a dict, one after the other.  It takes
 * a number of steps that depends on how many are asked for, not on how many there are. */
struct object_walk {
	size_t count;            /* how many there are */
	const void *key, *value; /* of the one that object_next() found; no key: NULL */
	/* Private. */
	enum { WALK_ARRAY, WALK_SET, WALK_DICT, WALK_SPLIT } how;
	const char *entries;
	const void *const *values;
	const uint8_t *order;
	size_t stride, value_at, at, end, steps;
};
struct object_walk object_items(const void *object, enum object_kind kind);
/* False: there are no more, or they are too far apart to be found. */
bool object_next(struct object_walk *walk);

/* The attributes in an object's own dict, which need not exist as one. */
struct object_walk object_attributes(const void *object);

/* Each slot of an object's classes, the most derived first. */
struct object_slots {
	const char *name; /* of the one that object_next_slot() found */
	const void *value;
	/* Private. */
	const void *object, *mro;
	const char *member;
	size_t at, left;
};
struct object_slots object_slots(const void *object);
bool object_next_slot(struct object_slots *slots);

/* The value of an attribute in the object's own dict or of a slot; NULL: none. */
const void *object_attribute(const void *object, const char *name);

/* Whether a str is this ASCII text. */
bool object_str_equals(const void *str, const char *text, size_t length);

static inline bool object_str_is(const void *str, const char *text)
{
	return object_str_equals(str, text, __builtin_strlen(text));
}

#endif
