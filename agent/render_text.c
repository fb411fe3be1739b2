/* SPDX-License-Identifier: MIT */
/* str and bytes, quoted as repr() quotes them: what a terminal would obey is escaped. */
#include "render.h"

#include "redact.h"

/* How far behind the cut is looked for a secret that begins before it. */
#define LOOK_AHEAD 64

static bool is_printable(uint32_t point)
{
	if (point < 0x7f)
		return point >= ' ';
	return point <= 0x10ffff && pyapi()->_PyUnicode_IsPrintable(point);
}

static void put_escaped(struct text *t, uint32_t point)
{
	static const char hex[] = "xuU";
	static const unsigned digits[] = {2, 4, 8};
	unsigned size = point < 0x100 ? 0 : point < 0x10000 ? 1 : 2;

	switch (point) {
	case '\t':
		text_put_literal(t, "\\t");
		return;
	case '\n':
		text_put_literal(t, "\\n");
		return;
	case '\r':
		text_put_literal(t, "\\r");
		return;
	default:
		text_put_char(t, '\\');
		text_put_char(t, hex[size]);
		text_put_hex(t, point, digits[size]);
	}
}

static void put_character(struct text *t, uint32_t point, char quote)
{
	if (point == '\\' || (quote && point == (unsigned char)quote)) {
		text_put_char(t, '\\');
		text_put_char(t, (char)point);
	} else if (!is_printable(point)) {
		put_escaped(t, point);
	} else {
		text_put_utf8(t, point);
	}
}

/* What is in a text, seen in one pass: most of all work on it is spared then. */
enum {
	HAS_SINGLE = 1, /* quotes */
	HAS_DOUBLE = 2,
	HAS_ESCAPE = 4, /* what is not shown as it is */
	HAS_DIGIT = 8,
	HAS_DASH = 16,   /* of known tokens, and of private keys */
	HAS_LETTER = 32, /* of web tokens (eyJ), and of those that have no dash (AKIA) */
	HAS_BLANK = 64,  /* behind "Bearer" */
};
static const uint8_t marks[256] = {
    [0 ... 8] = HAS_ESCAPE,   ['\t'] = HAS_ESCAPE | HAS_BLANK,
    [10 ... 31] = HAS_ESCAPE, [127 ... 255] = HAS_ESCAPE,
    ['\\'] = HAS_ESCAPE,      ['\''] = HAS_SINGLE,
    ['"'] = HAS_DOUBLE,       ['0' ... '9'] = HAS_DIGIT,
    ['-'] = HAS_DASH,         ['_'] = HAS_DASH,
    ['J'] = HAS_LETTER,       ['K'] = HAS_LETTER,
    [' '] = HAS_BLANK,
};

struct glance {
	unsigned marks; /* HAS_* */
	size_t digits;
};

static struct glance glance_at(const struct object_str *s, size_t count)
{
	struct glance g = {0};
	for (size_t i = 0; i < count; i++) {
		uint32_t c = object_character(s, i);
		unsigned mark = c < 256 ? marks[c] : HAS_ESCAPE;
		g.marks |= mark;
		g.digits += (mark & HAS_DIGIT) != 0;
	}
	return g;
}

static struct glance glance_at_narrow(const uint8_t *at, size_t count)
{
	struct glance g = {0};
	for (size_t i = 0; i < count; i++) {
		unsigned mark = marks[at[i]];
		g.marks |= mark;
		g.digits += mark >> 3 & 1;
	}
	return g;
}

/* The shortest of what redact.c knows has 12 digits, or 13 characters with a blank, or 20
 * with a dash or one of two letters. */
static bool may_be_secret(const struct glance *g, size_t count)
{
	return g->digits >= 12 || (count >= 13 && (g->marks & HAS_BLANK)) ||
	       (count >= 20 && (g->marks & (HAS_DASH | HAS_LETTER)));
}

/* Looked at in pieces that overlap, as ASCII. */
static bool looks_secret(const struct object_str *s, size_t count)
{
	char piece[512];
	size_t step = sizeof piece - 2 * LOOK_AHEAD;

	if (s->width == 1)
		return redact_looks_secret(s->data, count);
	for (size_t from = 0; from < count; from += step) {
		size_t n = count - from < sizeof piece ? count - from : sizeof piece;
		for (size_t i = 0; i < n; i++) {
			uint32_t c = object_character(s, from + i);
			piece[i] = c < 0x80 ? (char)c : '\x01';
		}
		if (redact_looks_secret(piece, n))
			return true;
	}
	return false;
}

/* Looks at the first `count` characters, and a bit behind.  False: they are to be hidden.
 */
static bool look(const struct object_str *s, size_t count, struct glance *g)
{
	count = count + LOOK_AHEAD < s->length ? count + LOOK_AHEAD : s->length;
	*g = s->width == 1 ? glance_at_narrow(s->data, count) : glance_at(s, count);
	return !may_be_secret(g, count) || !looks_secret(s, count);
}

/* ' as repr() does: " where there is a ' and no ". */
static char quote_of(const struct glance *g)
{
	return (g->marks & (HAS_SINGLE | HAS_DOUBLE)) == HAS_SINGLE ? '"' : '\'';
}

/* Most text is ASCII that needs no escape: as far as that goes, in one piece. */
static size_t plain_length(const struct object_str *s, size_t count, char quote)
{
	const uint8_t *at = s->data;
	size_t i = 0;

	if (s->width != 1)
		return 0;
	while (i < count && !(marks[at[i]] & HAS_ESCAPE) && at[i] != (uint8_t)quote)
		i++;
	return i;
}

static void put_characters(struct render *r, const struct object_str *s, size_t count,
                           char quote, bool plain)
{
	size_t i = plain ? count : plain_length(s, count, quote);
	size_t room = (size_t)(r->text->end - r->text->at);

	if (i > room) { /* as much as there is room for */
		text_put(r->text, s->data, room);
		r->text->full = true;
		return;
	}
	text_put(r->text, s->data, i);
	for (; i < count && !r->text->full; i++)
		put_character(r->text, object_character(s, i), quote);
}

/* Whether all of it can be shown as it is. */
static bool is_plain(const struct object_str *s, const struct glance *g, char quote)
{
	return s->width == 1 && !(g->marks & HAS_ESCAPE) &&
	       !(quote == '\'' && (g->marks & HAS_SINGLE));
}

void render_str(struct render *r, const void *str)
{
	struct object_str s = object_str(str);
	size_t count = s.length < r->extent->length ? s.length : r->extent->length;
	struct glance g;

	if (!look(&s, count, &g)) {
		text_put_literal(r->text, REDACT_TEXT);
		return;
	}
	char quote = quote_of(&g);
	text_put_char(r->text, quote);
	put_characters(r, &s, count, quote, is_plain(&s, &g, quote));
	text_put_char(r->text, quote);
	if (count < s.length)
		render_rest(r, s.length - count);
}

void render_plain_str(struct render *r, const void *str, size_t most)
{
	struct glance g;

	if (!str || !object_is_str(str))
		return;
	struct object_str s = object_str(str);
	size_t count = s.length < most ? s.length : most;

	if (!look(&s, count, &g)) {
		text_put_literal(r->text, REDACT_TEXT);
		return;
	}
	put_characters(r, &s, count, '\0', s.width == 1 && !(g.marks & HAS_ESCAPE));
	if (count < s.length)
		render_rest(r, s.length - count);
}

void render_name(struct render *r, const void *str)
{
	if (!str || !object_is_str(str))
		return;
	struct object_str s = object_str(str);
	size_t count = s.length < RENDER_NAME_MAX ? s.length : RENDER_NAME_MAX;
	put_characters(r, &s, count, '\0', false);
}

void render_bytes(struct render *r, const void *bytes, enum object_kind kind)
{
	size_t length = 0;
	struct text *t = r->text;

	if (!object_is_still(kind)) {
		text_put_literal(t, "bytearray(b'\xe2\x80\xa6')");
		return;
	}
	const char *data = object_bytes(bytes, kind, &length);
	struct object_str s = {data, length, 1};
	size_t count = length < r->extent->length ? length : r->extent->length;
	struct glance g;
	if (!look(&s, count, &g)) {
		text_put_literal(t, REDACT_TEXT);
		return;
	}
	char quote = quote_of(&g);
	if (kind == OBJECT_BYTEARRAY)
		text_put_literal(t, "bytearray(");
	text_put_char(t, 'b');
	text_put_char(t, quote);
	for (size_t i = 0; i < count && !t->full; i++) {
		unsigned char c = (unsigned char)data[i];
		if (c < 0x7f)
			put_character(t, c, quote);
		else
			put_escaped(t, c);
	}
	text_put_char(t, quote);
	if (kind == OBJECT_BYTEARRAY)
		text_put_char(t, ')');
	if (count < length)
		render_rest(r, length - count);
}

#define NAME_MAX_LENGTH 256

/* What was found of the names met lately: a name's hash, with the answer in its lowest
 * bit.  Any thread may write any place at any time; each is one word. */
#define NAMES 1024
static uint64_t names[NAMES];

static bool has_secret_word(const struct object_str *s)
{
	unsigned state = 0;

	for (size_t i = 0; i < s->length && i < NAME_MAX_LENGTH; i++) {
		if (redact_step(&state, object_character(s, i)))
			return true;
	}
	return false;
}

static bool is_secret_str(const void *name)
{
	int64_t hash = object_str_hash(name);
	uint64_t *place = &names[(uint64_t)hash >> 1 & (NAMES - 1)];
	uint64_t noted = __atomic_load_n(place, __ATOMIC_RELAXED);

	if (((noted ^ (uint64_t)hash) & ~1ull) == 0 && hash != 0)
		return noted & 1;
	struct object_str s = object_str(name);
	bool is = has_secret_word(&s);
	if (hash != -1)
		__atomic_store_n(place, ((uint64_t)hash & ~1ull) | is, __ATOMIC_RELAXED);
	return is;
}

/* A member of an Enum is known by its name as well as by its value. */
static bool is_secret_member(const void *object)
{
	const void *name, *value;

	if (object_is_c_type(object_type(object)) || !object_is_still(OBJECT_OTHER) ||
	    !render_enum(object, &name, &value))
		return false;
	return (name && object_is_str(name) && is_secret_str(name)) ||
	       (value && object_is_str(value) && is_secret_str(value));
}

bool render_is_secret_name(const void *object)
{
	if (object_is_str(object))
		return is_secret_str(object);
	enum object_kind kind = object_kind(object);
	struct object_str s;

	if (kind == OBJECT_OTHER)
		kind = object_base_kind(object_type(object));
	if (kind == OBJECT_STR) {
		s = object_str(object);
	} else if (kind == OBJECT_BYTES) {
		s.data = object_bytes(object, kind, &s.length);
		s.width = 1;
	} else {
		return is_secret_member(object);
	}
	return has_secret_word(&s);
}
