/* SPDX-License-Identifier: MIT */
/*
 * Layouts of Python's objects.  Where the numbers come from: the headers in
 * Include/cpython and Include/internal of 3.10.13 to 3.15.2.  What moved from one version
 * to another is in `at`, filled once; what never did is written where it is used, counted
 * from the object's head (16 bytes; 32 in a free-threaded build).
 *
 * Any pointer may be NULL (a tuple that is being filled, an attribute that was not set
 * yet), and a count may be of a moment when the object was half made: both are looked at.
 */
#include "object.h"

#include <string.h>

#define HEAP_TYPE      (1ul << 9)
#define IMMUTABLE_TYPE (1ul << 8)
#define INLINE_VALUES  (1ul << 2) /* 3.13+ */
#define MANAGED_DICT   (1ul << 4) /* 3.11+ */

/* Objects with more entries than this are shared keys of 3.11+ never. */
#define SPLIT_MAX 30

static const struct pyapi *py;

static struct {
	unsigned minor;
	size_t head;
	size_t tuple;       /* the first item */
	size_t wide;        /* the characters of a str that is not ASCII */
	size_t narrow;      /* of one that is */
	unsigned str_shift; /* of the bits of a str's state */
	size_t tp;          /* how much later a type's fields are than in 3.10 */
	size_t ht_qualname, ht_keys;
} at;

/* Types that are known by their address. */
static const struct {
	const char *symbol;
	enum object_kind kind;
} known_types[] = {
    {"PyBool_Type", OBJECT_BOOL},
    {"PyLong_Type", OBJECT_INT},
    {"PyFloat_Type", OBJECT_FLOAT},
    {"PyComplex_Type", OBJECT_COMPLEX},
    {"PyUnicode_Type", OBJECT_STR},
    {"PyBytes_Type", OBJECT_BYTES},
    {"PyByteArray_Type", OBJECT_BYTEARRAY},
    {"PyList_Type", OBJECT_LIST},
    {"PyTuple_Type", OBJECT_TUPLE},
    {"PyDict_Type", OBJECT_DICT},
    {"PySet_Type", OBJECT_SET},
    {"PyFrozenSet_Type", OBJECT_FROZENSET},
    {"PyRange_Type", OBJECT_RANGE},
    {"PySlice_Type", OBJECT_SLICE},
    {"PyType_Type", OBJECT_TYPE},
    {"PyFunction_Type", OBJECT_FUNCTION},
    {"PyMethod_Type", OBJECT_METHOD},
    {"PyCFunction_Type", OBJECT_BUILTIN},
    {"PyModule_Type", OBJECT_MODULE},
    {"PyGen_Type", OBJECT_GENERATOR},
    {"PyCoro_Type", OBJECT_COROUTINE},
    {"PyAsyncGen_Type", OBJECT_ASYNC_GENERATOR},
    {"PyCell_Type", OBJECT_CELL},
    {"PyCode_Type", OBJECT_CODE},
};
#define KNOWN (sizeof known_types / sizeof *known_types)

/* A table of places by address: each type in the first free place from its own on. */
#define PLACES 128
static struct place {
	const void *type;
	enum object_kind kind;
} places[PLACES];

static const void *none, *ellipsis, *not_implemented, *str_type;
static const void *errors[OBJECT_ERRORS];
static const char *const error_symbols[OBJECT_ERRORS] = {
    [OBJECT_OS_ERROR] = "PyExc_OSError",
    [OBJECT_KEY_ERROR] = "PyExc_KeyError",
    [OBJECT_STOP_ITERATION] = "PyExc_StopIteration",
};

static size_t place_of(const void *type)
{
	/* Static types lie a few hundred bytes apart. */
	return ((uintptr_t)type >> 5 ^ (uintptr_t)type >> 10) % PLACES;
}

static bool add_type(const char *symbol, enum object_kind kind)
{
	const void *type = pyapi_data(symbol);
	size_t i = place_of(type);
	if (!type)
		return false;
	while (places[i].type && places[i].type != type)
		i = (i + 1) % PLACES;
	places[i] = (struct place){type, kind};
	return true;
}

static enum object_kind kind_of_type(const void *type)
{
	for (size_t i = place_of(type); places[i].type; i = (i + 1) % PLACES) {
		if (places[i].type == type)
			return places[i].kind;
	}
	return OBJECT_OTHER;
}

size_t object_head(void)
{
	return at.head;
}

const void *object_type(const void *object)
{
	return object_at(object, at.head - sizeof(void *));
}

static uint64_t flags_of(const void *type)
{
	return (uint64_t)object_number_at(type, at.tp + 168);
}

#define EXCEPTION_SUBCLASS (1ul << 30) /* Py_TPFLAGS_BASE_EXC_SUBCLASS */
#define TYPE_SUBCLASS      (1ul << 31)

enum object_kind object_kind(const void *object)
{
	const void *type = object_type(object);
	enum object_kind kind = kind_of_type(type);

	if (__builtin_expect(kind != OBJECT_OTHER, 1))
		return kind;
	if (object == none)
		return OBJECT_NONE;
	if (object == ellipsis)
		return OBJECT_ELLIPSIS;
	if (object == not_implemented)
		return OBJECT_NOT_IMPLEMENTED;
	if (flags_of(type) & EXCEPTION_SUBCLASS)
		return OBJECT_EXCEPTION;
	return flags_of(type) & TYPE_SUBCLASS ? OBJECT_TYPE : OBJECT_OTHER;
}

const void *object_type_base(const void *type)
{
	return object_at(type, at.tp + 256);
}

enum object_kind object_base_kind(const void *type)
{
	for (unsigned i = 0; type && i < 64; i++) {
		enum object_kind kind = kind_of_type(type);
		if (kind != OBJECT_OTHER)
			return kind;
		type = object_type_base(type);
	}
	return OBJECT_OTHER;
}

size_t object_size_of(const void *type)
{
	return (size_t)object_number_at(type, at.tp + 32);
}

bool object_is_error(const void *type, enum object_error which)
{
	for (unsigned i = 0; type && i < 64; i++) {
		if (type == errors[which])
			return true;
		type = object_type_base(type);
	}
	return false;
}

const void *object_error(enum object_error which)
{
	return errors[which];
}

bool object_is_heap_type(const void *type)
{
	return flags_of(type) & HEAP_TYPE;
}

bool object_is_c_type(const void *type)
{
	return (flags_of(type) & (HEAP_TYPE | IMMUTABLE_TYPE)) != HEAP_TYPE;
}

const char *object_type_name(const void *type)
{
	const char *name = object_at(type, at.tp + 24);
	return name ? name : "?";
}

/* __module__ is the first that a class body sets; a named tuple's is behind its fields.
 */
#define ENTRIES_MAX 64

static const void *own_dict_entry(const void *dict, const char *name)
{
	struct object_walk walk = object_items(dict, OBJECT_DICT);
	while (object_next(&walk)) {
		if (walk.key && object_str_is(walk.key, name))
			return walk.value;
		if (walk.at > ENTRIES_MAX)
			break;
	}
	return NULL;
}

const void *object_type_entry(const void *type, const char *name)
{
	/* Of a free-threaded build any thread may be changing it. */
	if (py->free_threaded)
		return NULL;
	const void *dict = object_at(type, at.tp + 264); /* tp_dict */
	if (!object_is_heap_type(type) || !dict || object_kind(dict) != OBJECT_DICT)
		return NULL;
	return own_dict_entry(dict, name);
}

const void *object_type_module(const void *type)
{
	return object_type_entry(type, "__module__");
}

const void *object_type_qualname(const void *type)
{
	return object_is_heap_type(type) ? object_at(type, at.ht_qualname) : NULL;
}

size_t object_length(const void *object)
{
	int64_t length = object_number_at(object, at.head);
	return length > 0 ? (size_t)length : 0;
}

struct object_int object_int(const void *object)
{
	struct object_int i;
	if (at.minor < 12) {
		int64_t size = object_number_at(object, at.head);
		i.negative = size < 0;
		i.count = (size_t)(size < 0 ? -size : size);
	} else {
		uint64_t tag = (uint64_t)object_number_at(object, at.head);
		i.negative = (tag & 3) == 2;
		i.count = (tag & 3) == 1 ? 0 : tag >> 3;
	}
	i.digits = pyapi_field(object, at.head + 8);
	return i;
}

double object_float(const void *object)
{
	return *(const double *)pyapi_field(object, at.head);
}

bool object_is_str(const void *object)
{
	return object_type(object) == str_type;
}

int64_t object_str_hash(const void *str)
{
	return object_number_at(str, at.head + 8);
}

/* The low byte of the state, as of 3.12: kind:3 from bit 2, compact, ascii. */
#define STR_KIND(state) ((state) >> 2 & 7)
#define STR_COMPACT     (1u << 5)
#define STR_ASCII       (1u << 6)

struct object_str object_str(const void *object)
{
	uint32_t state =
	    *(const uint32_t *)pyapi_field(object, at.head + 16) >> at.str_shift;
	struct object_str s = {
	    .length = object_length(object),
	    .width = STR_KIND(state),
	};
	if (!s.width) { /* up to 3.11, made by an old C function: wide characters */
		s.data = object_at(object, at.head + 24);
		s.length = (size_t)object_number_at(object, at.head + 48);
		s.width = sizeof(wchar_t);
	} else if (!(state & STR_COMPACT)) {
		s.data = object_at(object, at.wide);
	} else {
		s.data = pyapi_field(object, state & STR_ASCII ? at.narrow : at.wide);
	}
	if (!s.data || (s.width != 1 && s.width != 2 && s.width != 4))
		s = (struct object_str){"", 0, 1};
	return s;
}

bool object_str_equals(const void *str, const char *text, size_t length)
{
	if (!object_is_str(str))
		return false;
	struct object_str s = object_str(str);
	return s.width == 1 && s.length == length && memcmp(s.data, text, length) == 0;
}

const void *object_type_dict(const void *type)
{
	return object_at(type, at.tp + 264);
}

const char *object_bytes(const void *object, enum object_kind kind, size_t *length)
{
	*length = object_length(object);
	if (kind == OBJECT_BYTES)
		return pyapi_field(object, at.head + 16);
	const char *start = object_at(object, at.head + 24); /* ob_start */
	if (!start)
		*length = 0;
	return start;
}

/* PyDictKeysObject and what is behind it. */
struct keys {
	const char *entries;
	size_t count, stride, key, value;
};

static struct keys keys_of(const char *k)
{
	struct keys keys = {.stride = 24, .key = 8, .value = 16};
	if (at.minor == 10) {
		uint64_t size = (uint64_t)object_number_at(k, 8);
		size_t width = size <= 0xff         ? 1
		               : size <= 0xffff     ? 2
		               : size <= 0xffffffff ? 4
		                                    : 8;
		keys.entries = k + 40 + size * width;
		keys.count = (size_t)object_number_at(k, 32);
		return keys;
	}
	keys.entries = k + 32 + ((size_t)1 << ((const uint8_t *)k)[9]);
	keys.count = (size_t)object_number_at(k, 24);
	if (k[10] != 0) { /* all keys are str: their hashes are not repeated here */
		keys.stride = 16;
		keys.key = 0;
		keys.value = 8;
	}
	return keys;
}

/* Attributes whose keys are shared with other objects of the class.  `values` is what
 * follows the bytes of order up to 3.12, and what has them in it from 3.13 on. */
static struct object_walk split_walk(const char *shared, const char *values, size_t used)
{
	struct object_walk walk = {.how = WALK_SPLIT};
	struct keys keys = keys_of(shared);

	walk.entries = keys.entries + keys.key;
	walk.stride = keys.stride;
	if (at.minor == 10) {
		walk.count = used;
		walk.values = (const void *const *)(const void *)values;
	} else if (at.minor <= 12) {
		walk.count = ((const uint8_t *)values)[-2];
		walk.values = (const void *const *)(const void *)values;
		walk.order = (const uint8_t *)values - 3;
	} else {
		size_t capacity = ((const uint8_t *)values)[0];
		walk.count = ((const uint8_t *)values)[1];
		walk.values = (const void *const *)(const void *)(values + 8);
		walk.order = (const uint8_t *)values + 8 + 8 * capacity;
	}
	if (walk.count > keys.count)
		walk.count = keys.count;
	if (at.minor > 10 && walk.count > SPLIT_MAX)
		walk.count = SPLIT_MAX;
	walk.end = walk.count;
	return walk;
}

static struct object_walk dict_walk(const void *dict)
{
	struct object_walk walk = {.how = WALK_DICT};
	const char *shared = object_at(dict, at.head + 16);
	const char *values = object_at(dict, at.head + 24);

	if (!shared)
		return walk;
	if (values)
		return split_walk(shared, values, object_length(dict));
	struct keys keys = keys_of(shared);
	walk.count = object_length(dict);
	walk.entries = keys.entries + keys.key;
	walk.value_at = keys.value - keys.key;
	walk.stride = keys.stride;
	walk.end = keys.count;
	return walk;
}

struct object_walk object_items(const void *object, enum object_kind kind)
{
	struct object_walk walk = {.how = WALK_ARRAY, .stride = sizeof(void *)};
	switch (kind) {
	case OBJECT_TUPLE:
		walk.entries = pyapi_field(object, at.tuple);
		break;
	case OBJECT_LIST:
		walk.entries = object_at(object, at.head + 8);
		break;
	case OBJECT_SET:
	case OBJECT_FROZENSET:
		walk.how = WALK_SET;
		walk.stride = 16;
		walk.count = (size_t)object_number_at(object, at.head + 8);
		walk.end = (size_t)object_number_at(object, at.head + 16) + 1;
		walk.entries = object_at(object, at.head + 24);
		if (!walk.entries)
			walk.count = walk.end = 0;
		return walk;
	case OBJECT_DICT:
		return dict_walk(object);
	default:
		return walk;
	}
	walk.count = walk.end = walk.entries ? object_length(object) : 0;
	return walk;
}

/* Places that are looked at for the next item of a set or dict, most of which were
 * deleted. */
#define STEPS_MAX 512

static bool next_split(struct object_walk *walk)
{
	size_t i = walk->at++;
	if (walk->order)
		i = at.minor <= 12 ? *(walk->order - i) : walk->order[i];
	if (walk->order && i >= SPLIT_MAX)
		return false;
	walk->key = object_at(walk->entries, i * walk->stride);
	walk->value = walk->values[i];
	return true;
}

bool object_next(struct object_walk *walk)
{
	walk->key = walk->value = NULL;
	while (walk->at < walk->end && walk->steps < STEPS_MAX) {
		if (walk->how == WALK_SPLIT) {
			if (!next_split(walk))
				return false;
			if (walk->value && walk->key)
				return true;
			continue;
		}
		const char *entry = walk->entries + walk->stride * walk->at++;
		if (walk->how == WALK_ARRAY) {
			walk->value = *(const void *const *)(const void *)entry;
			return true;
		}
		if (walk->how == WALK_SET) {
			walk->value = *(const void *const *)(const void *)entry;
			/* A deleted one has the hash -1, which no other has. */
			if (walk->value && object_number_at(entry, 8) != -1)
				return true;
		} else {
			walk->key = *(const void *const *)(const void *)entry;
			walk->value = object_at(entry, walk->value_at);
			if (walk->value && walk->key)
				return true;
		}
		walk->steps++;
	}
	walk->key = walk->value = NULL;
	return false;
}

/* 3.11 and later: the class says that its objects have their dict before their head. */
static struct object_walk managed_attributes(const void *object, const void *type)
{
	struct object_walk none_at_all = {.how = WALK_ARRAY};
	const char *o = object, *keys = object_at(type, at.ht_keys), *values = NULL;
	const void *dict;

	if (at.minor == 11) {
		values = object_at(o - 32, 0);
		dict = object_at(o - 24, 0);
	} else if (at.minor == 12) {
		uintptr_t both = (uintptr_t)object_at(o - 24, 0);
		values = both & 1 ? (const char *)both + 1 : NULL;
		dict = both & 1 ? NULL : (const void *)both;
	} else {
		dict = object_at(py->free_threaded ? o - 8 : o - 24, 0);
		if (!dict && (flags_of(type) & INLINE_VALUES)) {
			values = o + object_size_of(type);
			if (!values[3]) /* not valid */
				values = NULL;
		}
	}
	if (values && keys)
		return split_walk(keys, values, 0);
	return dict ? dict_walk(dict) : none_at_all;
}

struct object_walk object_attributes(const void *object)
{
	struct object_walk none_at_all = {.how = WALK_ARRAY};
	const void *type = object_type(object);
	int64_t offset = object_number_at(type, at.tp + 288); /* tp_dictoffset */

	if (at.minor >= 11 && (flags_of(type) & MANAGED_DICT))
		return managed_attributes(object, type);
	if (offset == 0)
		return none_at_all;
	if (offset < 0) { /* from the end of an object of varying size */
		int64_t items = object_number_at(object, at.head);
		if (at.minor >= 12 && object_base_kind(type) == OBJECT_INT)
			items >>= 3;
		items = items < 0 ? -items : items;
		int64_t size = (int64_t)object_size_of(type) +
		               items * object_number_at(type, at.tp + 40);
		offset += (size + 7) / 8 * 8;
	}
	const void *dict = object_at(object, (size_t)offset);
	if (!dict || object_base_kind(object_type(dict)) != OBJECT_DICT)
		return none_at_all;
	return dict_walk(dict);
}

/* PyMemberDef */
#define MEMBER_SIZE 40
#define MEMBER_TYPE 8
#define MEMBER_AT   16
#define T_OBJECT    6
#define T_OBJECT_EX 16
#define CLASSES_MAX 64
#define MEMBERS_MAX 256

struct object_slots object_slots(const void *object)
{
	const void *mro = object_at(object_type(object), at.tp + 344);
	struct object_slots slots = {.object = object, .mro = mro};
	if (!mro || object_kind(mro) != OBJECT_TUPLE)
		slots.mro = NULL;
	return slots;
}

/* Goes to the next class; false when there is none. */
static bool next_class(struct object_slots *slots)
{
	const void *const *classes = pyapi_field(slots->mro, at.tuple);
	size_t i = slots->at++;

	if (i >= CLASSES_MAX || i >= object_length(slots->mro) || !classes[i])
		return false;
	slots->left = MEMBERS_MAX;
	slots->member = object_is_c_type(classes[i])
	                    ? NULL
	                    : object_at(classes[i], at.tp + 240); /* tp_members */
	return true;
}

bool object_next_slot(struct object_slots *slots)
{
	if (!slots->mro)
		return false;
	for (;;) {
		const char *member = slots->member;
		const char *name = member ? object_at(member, 0) : NULL;
		if (!name || !slots->left--) {
			if (!next_class(slots))
				return false;
			continue;
		}
		slots->member += MEMBER_SIZE;
		int type = *(const int *)pyapi_field(member, MEMBER_TYPE);
		if (type != T_OBJECT && type != T_OBJECT_EX)
			continue;
		slots->name = name;
		slots->value =
		    object_at(slots->object, (size_t)object_number_at(member, MEMBER_AT));
		if (slots->value)
			return true;
	}
}

const void *object_attribute(const void *object, const char *name)
{
	struct object_walk walk = object_attributes(object);
	while (object_next(&walk)) {
		if (object_str_is(walk.key, name))
			return walk.value;
	}
	struct object_slots slots = object_slots(object);
	while (object_next_slot(&slots)) {
		if (strcmp(slots.name, name) == 0)
			return slots.value;
	}
	return NULL;
}

/* What _PyRuntime says of itself, 3.13 and newer: where in it (bytes), and the number
 * that this room relies on.  Its own layout is one for each minor version. */
static bool is_as_told(void)
{
	static const struct {
		unsigned minor;
		uint16_t head, type_flags, tuple, dict_values, int_digit, str_length,
		    str_size;
	} tables[] = {
	    {13, 352, 392, 408, 464, 504, 552, 560},
	    {14, 400, 440, 456, 544, 584, 632, 640},
	    {15, 464, 504, 552, 640, 680, 728, 736},
	};
	const char *runtime = pyapi_data("_PyRuntime");

	if (at.minor < 13)
		return true;
	if (!runtime || memcmp(runtime, "xdebugpy", 8) != 0 ||
	    (uint64_t)object_number_at(runtime, 8) >> 16 != (0x0300u | at.minor))
		return false;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		if (tables[i].minor != at.minor)
			continue;
		const struct {
			uint16_t where;
			size_t is;
		} facts[] = {
		    {tables[i].head, at.head},
		    {tables[i].type_flags, at.tp + 168},
		    {tables[i].tuple, at.tuple},
		    {tables[i].dict_values, at.head + 24},
		    {tables[i].int_digit, at.head + 8},
		    {tables[i].str_length, at.head},
		    {tables[i].str_size, at.narrow},
		};
		for (size_t f = 0; f < sizeof facts / sizeof *facts; f++) {
			if ((size_t)object_number_at(runtime, facts[f].where) !=
			    facts[f].is)
				return false;
		}
		return true;
	}
	return false;
}

static void fill_layout(void)
{
	/* ht_module of PyHeapTypeObject; what else is needed lies right before it. */
	static const uint16_t ht_module[] = {880, 880, 888, 888, 888, 896};

	at.minor = py->minor;
	at.tp = py->free_threaded ? 16 : 0;
	at.head = 16 + at.tp;
	at.tuple = at.head + (at.minor >= 14 ? 16 : 8);
	at.narrow = at.head + (at.minor >= 12 ? 24 : 32);
	at.wide = at.head + (at.minor >= 12 ? 40 : 56);
	at.str_shift = at.minor >= 14 && py->free_threaded ? 6 : 0;
	size_t module = ht_module[at.minor - 10] + at.tp;
	at.ht_keys = module - 8;
	at.ht_qualname = module - 16;
}

bool object_init(const struct pyapi *given)
{
	bool all = true;

	py = given;
	fill_layout();
	for (size_t i = 0; i < KNOWN; i++)
		all &= add_type(known_types[i].symbol, known_types[i].kind);
	none = py->none;
	str_type = pyapi_data("PyUnicode_Type");
	for (size_t i = 0; i < OBJECT_ERRORS; i++) {
		const void *const *error = pyapi_data(error_symbols[i]);
		errors[i] = error ? *error : NULL;
		all &= errors[i] != NULL;
	}
	ellipsis = pyapi_data("_Py_EllipsisObject");
	not_implemented = pyapi_data("_Py_NotImplementedStruct");
	return all && is_as_told();
}

bool object_is_still(enum object_kind kind)
{
	if (!py->free_threaded)
		return true;
	switch (kind) {
	case OBJECT_BYTEARRAY:
	case OBJECT_LIST:
	case OBJECT_DICT:
	case OBJECT_SET:
	case OBJECT_OTHER:
		return false;
	default:
		return true;
	}
}
