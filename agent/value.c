/* SPDX-License-Identifier: MIT */
/*
 * The way through a value: which kind it is, how deep it may go, what is left out.  Each
 * kind of text has a room of its own (render_*.c).
 */
#include "value.h"

#include "redact.h"
#include "render.h"

static const struct extent *extent;

void render_rest(struct render *r, size_t count)
{
	text_put_literal(r->text, "\xe2\x80\xa6 ");
	text_put_unsigned(r->text, count);
	text_put_literal(r->text, " more");
}

bool render_enter(struct render *r, const void *object, const char *open,
                  const char *close)
{
	const char *instead = NULL;

	for (unsigned i = 0; i < r->depth && !instead; i++) {
		if (r->path[i] == object)
			instead = "...";
	}
	if (!instead && r->depth >= r->extent->depth)
		instead = "\xe2\x80\xa6";
	if (instead) {
		text_put_string(r->text, open);
		text_put_string(r->text, instead);
		text_put_string(r->text, close);
		return false;
	}
	r->path[r->depth++] = object;
	return true;
}

void render_leave(struct render *r)
{
	r->depth--;
}

void render_items(struct render *r, struct object_walk walk)
{
	size_t shown = 0;

	while (shown < render_limit(r) && !r->text->full && object_next(&walk)) {
		if (shown++)
			text_put_literal(r->text, ", ");
		if (walk.key) {
			render_object(r, walk.key);
			text_put_literal(r->text, ": ");
		}
		render_unless(r, walk.key && render_is_secret_name(walk.key), walk.value);
	}
	if (shown < walk.count) {
		if (shown)
			text_put_literal(r->text, ", ");
		render_rest(r, walk.count - shown);
	}
}

/* Between brackets; `empty` where there is nothing. */
static void render_container(struct render *r, const void *object, enum object_kind kind,
                             const char *open, const char *close, const char *empty)
{
	struct object_walk walk;

	if (!object_is_still(kind)) { /* another thread may be changing it */
		text_put_string(r->text, open);
		text_put_literal(r->text, "\xe2\x80\xa6");
		text_put_string(r->text, close);
		return;
	}
	walk = object_items(object, kind);
	if (walk.count == 0) {
		text_put_string(r->text, empty);
		return;
	}
	if (!render_enter(r, object, open, close))
		return;
	text_put_string(r->text, open);
	render_items(r, walk);
	if (kind == OBJECT_TUPLE && walk.count == 1)
		text_put_char(r->text, ',');
	text_put_string(r->text, close);
	render_leave(r);
}

static void render_truth(struct render *r, const void *object)
{
	/* True has one digit, False none: as any int. */
	if (object_int(object).count)
		text_put_literal(r->text, "True");
	else
		text_put_literal(r->text, "False");
}

void render_unless(struct render *r, bool secret, const void *object)
{
	if (secret)
		text_put_literal(r->text, REDACT_TEXT);
	else
		render_object(r, object);
}

bool render_scalar(struct render *r, const void *object, enum object_kind kind)
{
	switch (kind) {
	case OBJECT_INT:
		render_int(r, object);
		return true;
	case OBJECT_FLOAT:
		render_float(r, object_float(object));
		return true;
	case OBJECT_COMPLEX:
		render_complex(r, object);
		return true;
	case OBJECT_STR:
		render_str(r, object);
		return true;
	case OBJECT_BYTES:
	case OBJECT_BYTEARRAY:
		render_bytes(r, object, kind);
		return true;
	default:
		return false;
	}
}

void render_object(struct render *r, const void *object)
{
	struct text *t = r->text;

	if (!object) {
		text_put_literal(t, "<nothing>");
		return;
	}
	if (t->full)
		return;
	enum object_kind kind = object_kind(object);
	if (render_scalar(r, object, kind))
		return;
	switch (kind) {
	case OBJECT_NONE:
		text_put_literal(t, "None");
		break;
	case OBJECT_ELLIPSIS:
		text_put_literal(t, "Ellipsis");
		break;
	case OBJECT_NOT_IMPLEMENTED:
		text_put_literal(t, "NotImplemented");
		break;
	case OBJECT_BOOL:
		render_truth(r, object);
		break;
	case OBJECT_LIST:
		render_container(r, object, kind, "[", "]", "[]");
		break;
	case OBJECT_TUPLE:
		render_container(r, object, kind, "(", ")", "()");
		break;
	case OBJECT_DICT:
		render_container(r, object, kind, "{", "}", "{}");
		break;
	case OBJECT_SET:
		render_container(r, object, kind, "{", "}", "set()");
		break;
	case OBJECT_FROZENSET:
		render_container(r, object, kind, "frozenset({", "})", "frozenset()");
		break;
	case OBJECT_EXCEPTION:
		render_exception(r, object);
		break;
	case OBJECT_OTHER:
		if (!render_library(r, object))
			render_instance(r, object);
		break;
	default:
		render_known_object(r, object, kind);
		break;
	}
}

static const char cut[] = "\xe2\x80\xa6";

/* False: there is no room for anything. */
static bool begin(struct render *r, struct text *text, struct extent_memo *memo)
{
	r->text = text;
	r->extent = extent;
	r->memo = memo;
	r->depth = 0;
	if (text->full || (size_t)(text->end - text->at) < sizeof cut) {
		text->full = true;
		return false;
	}
	text->end -= sizeof cut - 1;
	return true;
}

/* Says so where it had to stop. */
static void end(struct text *text)
{
	text->end += sizeof cut - 1;
	if (text->full) {
		text->full = false;
		text_put(text, cut, sizeof cut - 1);
		text->full = true;
	}
}

void value_render(struct text *text, const void *object, struct extent_memo *memo)
{
	struct render r;
	if (begin(&r, text, memo)) {
		render_object(&r, object);
		end(text);
	}
}

void value_render_named(struct text *text, const char *name, size_t length,
                        const void *object, struct extent_memo *memo)
{
	if (redact_name(name, length))
		text_put_literal(text, REDACT_TEXT);
	else
		value_render(text, object, memo);
}

void value_render_name(struct text *text, const void *name)
{
	struct render r;
	if (begin(&r, text, NULL)) {
		render_name(&r, name);
		end(text);
	}
}

bool value_is_secret_name(const void *name)
{
	return render_is_secret_name(name);
}

/* As str() of an exception made with these arguments. */
static void render_arguments(struct render *r, const void *args, bool is_key)
{
	struct object_walk walk = object_items(args, OBJECT_TUPLE);

	if (walk.count > 1) {
		render_object(r, args);
	} else if (walk.count == 1 && object_next(&walk) && walk.value) {
		if (object_kind(walk.value) == OBJECT_STR && !is_key)
			render_plain_str(r, walk.value, r->extent->length);
		else
			render_object(r, walk.value);
	}
}

/* "[Errno 2] No such file or directory: 'name'" */
static bool render_os_error(struct render *r, const void *exception)
{
	size_t at = object_head() + (pyapi()->minor == 10 ? 48 : 56);
	const void *number = object_at(exception, at);
	const void *reason = object_at(exception, at + 8);
	const void *names[] = {object_at(exception, at + 16),
	                       object_at(exception, at + 24)};

	if (!number || !reason)
		return false;
	text_put_literal(r->text, "[Errno ");
	render_object(r, number);
	text_put_literal(r->text, "] ");
	render_plain_str(r, reason, r->extent->length);
	for (size_t i = 0; i < 2; i++) {
		if (!names[i] || object_kind(names[i]) == OBJECT_NONE)
			continue;
		text_put_string(r->text, i ? " -> " : ": ");
		render_object(r, names[i]);
	}
	return true;
}

/* Up to 3.11 an exception may not have been made yet: there are only the arguments. */
static void render_message(struct render *r, const void *type, const void *exception)
{
	enum object_kind kind = object_kind(exception);
	bool is_key = object_is_error(type, OBJECT_KEY_ERROR);
	const void *args = exception;

	if (kind == OBJECT_EXCEPTION) {
		args = object_at(exception, object_head() + 8);
		if (object_is_error(type, OBJECT_OS_ERROR) &&
		    render_os_error(r, exception))
			return;
		if (args && object_kind(args) == OBJECT_TUPLE)
			render_arguments(r, args, is_key);
	} else if (kind == OBJECT_TUPLE) {
		render_arguments(r, args, is_key);
	} else if (kind == OBJECT_STR && !is_key) {
		render_plain_str(r, args, r->extent->length);
	} else if (kind != OBJECT_NONE) {
		render_object(r, args);
	}
}

bool value_has_message(const void *type, const void *exception)
{
	/* It carries a result, at each await of an async generator. */
	if (object_is_error(type, OBJECT_STOP_ITERATION))
		return false;
	if (object_type(exception) == type) {
		const void *args = object_at(exception, object_head() + 8);
		return args && object_length(args) > 0;
	}
	enum object_kind kind = object_kind(exception);
	return kind == OBJECT_TUPLE ? object_length(exception) > 0 : kind != OBJECT_NONE;
}

void value_render_message(struct text *text, const void *type, const void *exception)
{
	struct render r;
	if (begin(&r, text, NULL)) {
		render_message(&r, type, exception);
		end(text);
	}
}

/*
 * Values of all kinds, and how they are rendered: what is laid out otherwise shows here.
 * No class is made, which would stay until the next garbage collection; a class whose
 * objects have a dict that need not exist is there in any interpreter.
 */
static const char example[] =
    "d = {i: i for i in range(9)}\n"
    "for i in range(8): del d[i]\n"
    "e = ValueError('no', 1)\n"
    "v = (None, True, False, 0, 5, -5, 2 ** 70, -2 ** 31, 1.5, 1e100, 2j, 'a', "
    "'\\xe9', '\\u20ac', '\\U0001f600', b'b', bytearray(b'c'), [], [1, [2]], (), (3,), "
    "{}, {'k': 'v'}, {1: 2, 'x': 3}, d, {7}, set(), frozenset({8}), range(2), "
    "slice(1, None, 2), int, e, len, ...)\n"
    "M = type(__import__('sys').__spec__)\n"
    "s, t = M('a', None), M('a', None)\n"
    "for o in s, t: del o.name; o.extra = 1; o.name = 'b'\n"
    "w = '<%s.ModuleSpec ' % M.__module__ + ' '.join('%s=%r' % (k, t.__dict__[k]) "
    "for k in t.__dict__) + '>'\n";
static const char expected[] =
    "(None, True, False, 0, 5, -5, 1180591620717411303424, -2147483648, 1.5, 1e+100, 2j, "
    "'a', '\xc3\xa9', '\xe2\x82\xac', '\xf0\x9f\x98\x80', b'b', bytearray(b'c'), [], "
    "[1, [2]], (), (3,), {}, {'k': 'v'}, {1: 2, 'x': 3}, {8: 8}, {7}, set(), "
    "frozenset({8}), range(0, 2), slice(1, None, 2), <class 'int'>, ValueError('no', 1), "
    "<built-in function len>, Ellipsis)";
#define FILE_INPUT 257 /* Py_file_input */

static size_t render_example(char *place, size_t size, const void *value)
{
	static const struct extent wide = {100, 50, 5};
	struct text text = text_in(place, size);
	struct render r = {.text = &text, .extent = &wide};
	if (value)
		render_object(&r, value);
	return text_length(&text);
}

static bool is_rendered(const void *value, const char *as, size_t length)
{
	char place[1024];
	return value && render_example(place, sizeof place, value) == length &&
	       memcmp(place, as, length) == 0;
}

static bool is_as_expected(const struct pyapi *py, PyObject *names)
{
	const void *said = py->PyDict_GetItemString(names, "w");
	bool is = is_rendered(py->PyDict_GetItemString(names, "v"), expected,
	                      sizeof expected - 1);

	if (!is || !said || object_kind(said) != OBJECT_STR)
		return false;
	struct object_str s = object_str(said);
	return s.width == 1 &&
	       is_rendered(py->PyDict_GetItemString(names, "s"), s.data, s.length);
}

static bool try_example(const struct pyapi *py)
{
	PyObject *names = py->PyDict_New();
	PyObject *code =
	    py->Py_CompileStringExFlags(example, "<breadcrumb>", FILE_INPUT, NULL, -1);
	PyObject *result = names && code ? py->PyEval_EvalCode(code, names, names) : NULL;
	bool is = result && is_as_expected(py, names);
	PyObject *held[] = {result, code, names};

	for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
		if (held[i])
			py->Py_DecRef(held[i]);
	}
	if (py->PyErr_Occurred())
		py->PyErr_Clear();
	return is;
}

/* A free-threaded build keeps code until the next garbage collection, where the program
 * could count it; and of what other threads can change nothing is rendered. */
static bool try_values(const struct pyapi *py)
{
	static const char want[] =
	    "(None, 0, 5, -5, 1152921504606846976, 1.5, 'a', "
	    "'\xc3\xa9', '\xe2\x82\xac', '\xf0\x9f\x98\x80', b'b', "
	    "(), (3,))";
	PyObject *value = py->Py_BuildValue("(OiiiLdssssy()(i))", py->none, 0, 5, -5,
	                                    1ll << 60, 1.5, "a", "\xc3\xa9",
	                                    "\xe2\x82\xac", "\xf0\x9f\x98\x80", "b", 3);
	bool is = is_rendered(value, want, sizeof want - 1);

	if (value)
		py->Py_DecRef(value);
	else
		py->PyErr_Clear();
	return is;
}

bool value_init(const struct pyapi *py, const struct extent *given)
{
	PyObject *type, *value, *traceback;
	bool is;

	extent = given;
	if (!object_init(py))
		return false;
	py->PyErr_Fetch(&type, &value, &traceback); /* of an initialization that failed */
	is = py->free_threaded ? try_values(py) : try_example(py);
	py->PyErr_Restore(type, value, traceback);
	return is;
}
