/* SPDX-License-Identifier: MIT */
/*
 * Well-known types whose repr() says more than their attributes do.
 *
 * Those written in C are told by tp_name together with what no class statement can make
 * (a type that is static or immutable); what lies where is that of
 * Modules/_collectionsmodule.c, Include/datetime.h, Modules/_decimal/_decimal.c and
 * numpy's ndarraytypes.h.  Those written in Python (Enum, UUID, Path) are read as any
 * object is: by name.
 */
#include "render.h"

#include "redact.h"

static const void *field(const void *object, size_t offset)
{
	return object_at(object, object_head() + offset);
}

static int64_t number(const void *object, size_t offset)
{
	return object_number_at(object, object_head() + offset);
}

static int32_t small_number(const void *object, size_t offset)
{
	return *(const int32_t *)pyapi_field(object, object_head() + offset);
}

static const uint8_t *raw(const void *object, size_t offset)
{
	return pyapi_field(object, object_head() + offset);
}

#define BLOCK_ITEMS 64 /* of a deque; then the pointer to the block on its right */

static void put_deque(struct render *r, const void *object)
{
	size_t size = object_length(object), shown = 0;
	const char *block = field(object, 8);
	int64_t at = number(object, 24), longest = number(object, 48);

	text_put_literal(r->text, "deque([");
	while (shown < size && shown < render_limit(r) && block && at >= 0 &&
	       at < BLOCK_ITEMS && !r->text->full) {
		if (shown++)
			text_put_literal(r->text, ", ");
		render_object(r, object_at(block, 8 + 8 * (size_t)at));
		if (++at == BLOCK_ITEMS) {
			block = object_at(block, 8 + 8 * BLOCK_ITEMS);
			at = 0;
		}
	}
	if (shown < size) {
		if (shown)
			text_put_literal(r->text, ", ");
		render_rest(r, size - shown);
	}
	text_put_char(r->text, ']');
	if (longest >= 0) {
		text_put_literal(r->text, ", maxlen=");
		text_put_signed(r->text, longest);
	}
	text_put_char(r->text, ')');
}

static void put_dict(struct render *r, const void *object)
{
	text_put_char(r->text, '{');
	render_items(r, object_items(object, OBJECT_DICT));
	text_put_literal(r->text, "})");
}

static void put_defaultdict(struct render *r, const void *object)
{
	const void *factory = field(object, 32);
	text_put_literal(r->text, "defaultdict(");
	if (factory)
		render_object(r, factory);
	else
		text_put_literal(r->text, "None");
	text_put_literal(r->text, ", ");
	put_dict(r, object);
}

static void put_ordered_dict(struct render *r, const void *object)
{
	text_put_literal(r->text, "OrderedDict(");
	put_dict(r, object);
}

static void put_part(struct render *r, unsigned part)
{
	text_put_literal(r->text, ", ");
	text_put_unsigned(r->text, part);
}

static void put_year_month_day(struct render *r, const uint8_t *data)
{
	text_put_unsigned(r->text, (unsigned)data[0] << 8 | data[1]);
	put_part(r, data[2]);
	put_part(r, data[3]);
}

/* hour, minute and, as far as they are not 0, second and microsecond. */
static void put_clock(struct render *r, const uint8_t *data)
{
	unsigned micro = (unsigned)data[3] << 16 | (unsigned)data[4] << 8 | data[5];

	text_put_unsigned(r->text, data[0]);
	put_part(r, data[1]);
	if (data[2] || micro)
		put_part(r, data[2]);
	if (micro)
		put_part(r, micro);
}

/* fold, and the zone, which is there only when the object says so. */
static void put_zone(struct render *r, const void *object, unsigned fold, size_t zone)
{
	if (fold)
		text_put_literal(r->text, ", fold=1");
	if (*raw(object, 8)) {
		text_put_literal(r->text, ", tzinfo=");
		render_object(r, field(object, zone));
	}
	text_put_char(r->text, ')');
}

static void put_date(struct render *r, const void *object)
{
	text_put_literal(r->text, "datetime.date(");
	put_year_month_day(r, raw(object, 9));
	text_put_char(r->text, ')');
}

static void put_datetime(struct render *r, const void *object)
{
	text_put_literal(r->text, "datetime.datetime(");
	put_year_month_day(r, raw(object, 9));
	text_put_literal(r->text, ", ");
	put_clock(r, raw(object, 13));
	put_zone(r, object, *raw(object, 19), 24);
}

static void put_time(struct render *r, const void *object)
{
	text_put_literal(r->text, "datetime.time(");
	put_clock(r, raw(object, 9));
	put_zone(r, object, *raw(object, 15), 16);
}

static void put_timedelta(struct render *r, const void *object)
{
	static const char *const names[] = {"days=", "seconds=", "microseconds="};
	bool any = false;

	text_put_literal(r->text, "datetime.timedelta(");
	for (size_t i = 0; i < 3; i++) {
		int32_t part = small_number(object, 8 + 4 * i);
		if (!part)
			continue;
		if (any)
			text_put_literal(r->text, ", ");
		text_put_string(r->text, names[i]);
		text_put_signed(r->text, part);
		any = true;
	}
	text_put_string(r->text, any ? ")" : "0)");
}

static void put_timezone(struct render *r, const void *object)
{
	const void *offset = field(object, 0), *name = field(object, 8);
	bool utc = offset && !name && !small_number(offset, 8) &&
	           !small_number(offset, 12) && !small_number(offset, 16);

	if (utc) {
		text_put_literal(r->text, "datetime.timezone.utc");
		return;
	}
	text_put_literal(r->text, "datetime.timezone(");
	render_object(r, offset);
	if (name) {
		text_put_literal(r->text, ", ");
		render_object(r, name);
	}
	text_put_char(r->text, ')');
}

/* The coefficient is in words of 19 decimal digits, the lowest first. */
#define WORD_DIGITS   19
#define DECIMAL_WORDS 8

/* Coefficient and exponent as the specification's to-scientific-string has them. */
static void put_scientific(struct render *r, const char *digits, size_t count,
                           int64_t exp)
{
	int64_t left = exp + (int64_t)count; /* digits before the point */
	int64_t point = exp <= 0 && left > -6 ? left : 1;

	if (point <= 0) {
		text_put_literal(r->text, "0.");
		for (int64_t i = point; i < 0; i++)
			text_put_char(r->text, '0');
		text_put(r->text, digits, count);
	} else {
		size_t before = (size_t)point < count ? (size_t)point : count;
		text_put(r->text, digits, before);
		if (before < count) {
			text_put_char(r->text, '.');
			text_put(r->text, digits + before, count - before);
		}
	}
	if (left != point) {
		text_put_char(r->text, 'E');
		if (left > point)
			text_put_char(r->text, '+');
		text_put_signed(r->text, left - point);
	}
}

static void put_decimal(struct render *r, const void *object)
{
	char place[DECIMAL_WORDS * WORD_DIGITS + 1];
	struct text digits = text_in(place, sizeof place);
	unsigned flags = *raw(object, 8); /* 1 negative, 2 infinite, 4 nan, 8 snan */
	int64_t length = number(object, 32);
	const uint64_t *words = field(object, 48);

	char *from = r->text->at;

	text_put_literal(r->text, "Decimal('");
	if (flags & 1)
		text_put_char(r->text, '-');
	if (flags & 2) {
		text_put_literal(r->text, "Infinity");
	} else if (flags & 12) {
		text_put_string(r->text, flags & 8 ? "sNaN" : "NaN");
	} else if (!words || length < 1 || length > DECIMAL_WORDS) {
		text_put_literal(r->text, "\xe2\x80\xa6");
	} else {
		for (int64_t i = length; i-- > 0;)
			text_put_padded(&digits, words[i],
			                i + 1 == length ? 1 : WORD_DIGITS);
		if (redact_looks_secret(place, text_length(&digits))) {
			r->text->at = from;
			text_put_literal(r->text, REDACT_TEXT);
			return;
		}
		put_scientific(r, place, text_length(&digits), number(object, 16));
	}
	text_put_literal(r->text, "')");
}

/* PyArrayObject: nd, dimensions, descr.  Of the type of its items by the kind, and the
 * size, which numpy 2 has elsewhere than 1. */
static void put_dtype(struct render *r, const void *descr)
{
	static const struct {
		char kind;
		const char *name;
	} kinds[] = {{'i', "int"}, {'u', "uint"}, {'f', "float"},    {'c', "complex"},
	             {'S', "S"},   {'U', "<U"},   {'M', "datetime"}, {'m', "timedelta"}};
	char kind = (char)*raw(descr, 8);
	size_t type_size = object_size_of(object_type(descr));
	int64_t size = type_size >= 120 ? number(descr, 24) : small_number(descr, 16);

	if (kind == 'b' || kind == 'O' || kind == 'V') {
		text_put_string(r->text, kind == 'b'   ? "bool"
		                         : kind == 'O' ? "object"
		                                       : "void");
		return;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (kinds[i].kind != kind)
			continue;
		text_put_string(r->text, kinds[i].name);
		text_put_signed(r->text, kind == 'S'   ? size
		                         : kind == 'U' ? size / 4
		                                       : size * 8);
		return;
	}
	text_put_char(r->text, kind > ' ' && kind < 0x7f ? kind : '?');
}

#define DIMENSIONS_MAX 64

static void put_shape(struct render *r, const int64_t *dimensions, int32_t count)
{
	text_put_literal(r->text, "shape=(");
	for (int32_t i = 0; i < count; i++) {
		if (i)
			text_put_literal(r->text, ", ");
		text_put_signed(r->text, dimensions[i]);
	}
	text_put_string(r->text, count == 1 ? ",)" : ")");
}

static void put_array(struct render *r, const void *object)
{
	int32_t count = small_number(object, 8);
	const int64_t *dimensions = field(object, 16);
	const void *descr = field(object, 40);

	text_put_literal(r->text, "<numpy.ndarray ");
	if (count >= 0 && count <= DIMENSIONS_MAX && (dimensions || !count))
		put_shape(r, dimensions, count);
	if (descr && *raw(descr, 8)) {
		text_put_literal(r->text, " dtype=");
		put_dtype(r, descr);
	}
	text_put_char(r->text, '>');
}

/* Written in C.  Subclasses are shown by it too, inside of their own name. */
static const struct known {
	const char *name;
	const char *open; /* of a repr() whose inside is not shown; NULL: it is always */
	void (*put)(struct render *r, const void *object);
} known[] = {
    {"collections.deque", "deque(", put_deque},
    {"collections.defaultdict", "defaultdict(", put_defaultdict},
    {"collections.OrderedDict", "OrderedDict(", put_ordered_dict},
    {"datetime.date", NULL, put_date},
    {"datetime.datetime", "datetime.datetime(", put_datetime},
    {"datetime.time", "datetime.time(", put_time},
    {"datetime.timedelta", NULL, put_timedelta},
    {"datetime.timezone", "datetime.timezone(", put_timezone},
    {"decimal.Decimal", NULL, put_decimal},
    {"numpy.ndarray", NULL, put_array},
};

/* The nearest type above this one that is written in C. */
static const void *c_type(const void *type)
{
	for (unsigned i = 0; type && i < 64; i++) {
		if (object_is_c_type(type))
			return type;
		type = object_type_base(type);
	}
	return NULL;
}

/* OrderedDict's order is kept apart from its dict: after move_to_end() they differ, and
 * it is shown in the dict's. */
static bool put_known(struct render *r, const void *object, const void *type)
{
	const void *base = c_type(type);
	const char *name = base ? object_type_name(base) : "";

	if (!strchr(name, '.'))
		return false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		const char *open = known[i].open;
		if (open && !object_is_still(OBJECT_OTHER))
			return false;
		if (open && !render_enter(r, object, open, ")"))
			return true;
		if (base != type) {
			text_put_char(r->text, '<');
			render_type_name(r, type);
			text_put_char(r->text, ' ');
		}
		known[i].put(r, object);
		if (base != type)
			text_put_char(r->text, '>');
		if (open)
			render_leave(r);
		return true;
	}
	return false;
}

bool render_enum(const void *object, const void **name, const void **value)
{
	const void *meta = object_type(object_type(object));
	const char *meta_name = object_type_name(meta);

	if (object_is_c_type(meta) ||
	    (strcmp(meta_name, "EnumType") && strcmp(meta_name, "EnumMeta")))
		return false;
	*name = object_attribute(object, "_name_");
	*value = object_attribute(object, "_value_");
	return *value != NULL;
}

/* <Color.RED: 1> */
static bool put_enum(struct render *r, const void *object, const void *type)
{
	const void *name, *value;

	if (!render_enum(object, &name, &value))
		return false;
	if (!render_enter(r, object, "<", ">"))
		return true;
	text_put_char(r->text, '<');
	render_name(r, object_type_qualname(type));
	if (name && object_is_str(name)) {
		text_put_char(r->text, '.');
		render_name(r, name);
	}
	text_put_literal(r->text, ": ");
	render_unless(r, name && render_is_secret_name(name), value);
	text_put_char(r->text, '>');
	render_leave(r);
	return true;
}

/* UUID('…') */
static bool put_uuid(struct render *r, const void *object)
{
	const void *value = object_attribute(object, "int");
	uint64_t high = 0, low = 0;

	if (!value || object_kind(value) != OBJECT_INT)
		return false;
	struct object_int i = object_int(value);
	for (size_t d = i.count < 5 ? i.count : 5; d-- > 0;) {
		high = high << 30 | low >> 34;
		low = low << 30 | i.digits[d];
	}
	const struct {
		uint64_t number;
		unsigned digits;
	} parts[] = {{high >> 32, 8},
	             {high >> 16 & 0xffff, 4},
	             {high & 0xffff, 4},
	             {low >> 48, 4},
	             {low & 0xffffffffffff, 12}};
	text_put_literal(r->text, "UUID('");
	for (size_t p = 0; p < 5; p++) {
		if (p)
			text_put_char(r->text, '-');
		text_put_hex(r->text, parts[p].number, parts[p].digits);
	}
	text_put_literal(r->text, "')");
	return true;
}

#define PARTS_MAX 256 /* of a path that are looked at */

static bool is_absolute(const void *part)
{
	if (!part || object_kind(part) != OBJECT_STR)
		return false;
	struct object_str s = object_str(part);
	return s.length && object_character(&s, 0) == '/';
}

static void put_joined(struct render *r, const void *parts, enum object_kind kind)
{
	struct object_walk walk = object_items(parts, kind), last = walk;
	bool first = true, slash = true;

	/* What is before the last absolute one does not count. */
	if (walk.end > PARTS_MAX)
		walk.end = last.end = PARTS_MAX;
	for (struct object_walk w = walk; object_next(&w);) {
		if (is_absolute(w.value))
			walk = last;
		last = w;
	}
	while (!r->text->full && object_next(&walk)) {
		if (!walk.value || object_kind(walk.value) != OBJECT_STR)
			continue;
		struct object_str s = object_str(walk.value);
		if (!first && !slash)
			text_put_char(r->text, '/');
		render_plain_str(r, walk.value, r->extent->length);
		slash = s.length && object_character(&s, s.length - 1) == '/';
		first = false;
	}
	if (first)
		text_put_char(r->text, '.');
}

/* PosixPath('…'): as it was asked for last, or by its parts. */
static bool put_path(struct render *r, const void *object, const char *name)
{
	const void *whole = object_attribute(object, "_str");
	const void *parts = whole ? NULL : object_attribute(object, "_raw_paths");

	if (!whole && !parts)
		parts = object_attribute(object, "_parts"); /* 3.10, 3.11 */
	if (!whole && (!parts || object_kind(parts) != OBJECT_LIST))
		return false;
	text_put_string(r->text, name);
	text_put_literal(r->text, "('");
	if (whole)
		render_plain_str(r, whole, r->extent->length);
	else
		put_joined(r, parts, OBJECT_LIST);
	text_put_literal(r->text, "')");
	return true;
}

static bool put_pure(struct render *r, const void *object, const void *type)
{
	static const char *const paths[] = {"PosixPath", "PurePosixPath", "WindowsPath",
	                                    "PureWindowsPath"};
	const char *name = object_type_name(type);
	bool uuid = strcmp(name, "UUID") == 0, path = false;

	if (*name != 'U' && *name != 'P' && *name != 'W')
		return false;

	for (size_t i = 0; !uuid && !path && i < sizeof paths / sizeof *paths; i++)
		path = strcmp(name, paths[i]) == 0;
	const void *module = uuid || path ? object_type_module(type) : NULL;
	if (!module)
		return false;
	if (uuid)
		return object_str_is(module, "uuid") && put_uuid(r, object);
	return (object_str_is(module, "pathlib") ||
	        object_str_is(module, "pathlib._local")) &&
	       put_path(r, object, name);
}

bool render_library(struct render *r, const void *object)
{
	const void *type = object_type(object);

	if (put_known(r, object, type))
		return true;
	if (object_is_c_type(type) || !object_is_still(OBJECT_OTHER))
		return false;
	return put_enum(r, object, type) || put_pure(r, object, type);
}
