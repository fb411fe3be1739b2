/* SPDX-License-Identifier: MIT */
/*
 * Objects of classes: by what is in their own dict and slots.  Properties, descriptors
 * and what a metaclass adds would have to be called: they are not shown.
 */
#include "render.h"

#include "redact.h"

static void put_type_name(struct render *r, const void *type, const void *qualname)
{
	const void *module = object_type_module(type);

	if (module && object_is_str(module) && !object_str_is(module, "builtins")) {
		render_name(r, module);
		text_put_char(r->text, '.');
	}
	render_name(r, qualname);
}

/* Whether the note is of this type: another one may have its address by now, but not its
 * dict and its qualified name as well. */
static bool is_noted(const struct extent_name *n, const void *type, const void *qualname)
{
	if (n->type != type || !n->length || n->dict != object_type_dict(type) ||
	    !object_is_str(qualname))
		return false;
	struct object_str s = object_str(qualname);
	return s.width == 1 && s.length == (size_t)(n->length - n->qualname) &&
	       memcmp(s.data, n->text + n->qualname, s.length) == 0;
}

static void note(struct extent_name *n, const struct text *t, const char *from,
                 const void *type, const void *qualname)
{
	size_t length = (size_t)(t->at - from);

	n->length = 0;
	if (t->full || length > sizeof n->text || !object_is_str(qualname))
		return;
	struct object_str s = object_str(qualname);
	if (s.width != 1 || s.length > length)
		return;
	n->type = type;
	n->dict = object_type_dict(type);
	n->qualname = (uint8_t)(length - s.length);
	memcpy(n->text, from, length);
	n->length = (uint8_t)length;
}

/* "module.qualname"; as Python does, without the module `builtins`. */
void render_type_name(struct render *r, const void *type)
{
	const void *qualname = object_type_qualname(type);
	const char *from = r->text->at;

	if (!qualname) {
		text_put_string(r->text, object_type_name(type));
		return;
	}
	struct extent_name *n =
	    r->memo ? &r->memo->names[(uintptr_t)type / 64 % EXTENT_NAMES] : NULL;
	if (n && is_noted(n, type, qualname)) {
		text_put(r->text, n->text, n->length);
		return;
	}
	put_type_name(r, type, qualname);
	if (n)
		note(n, r->text, from, type, qualname);
}

static void put_address(struct render *r, const void *object)
{
	text_put_literal(r->text, " at 0x");
	text_put_hex(r->text, (uintptr_t)object, 1);
}

/* " name=value" */
static void put_named(struct render *r, const void *name, const void *value)
{
	text_put_char(r->text, ' ');
	render_name(r, name);
	text_put_char(r->text, '=');
	render_unless(r, render_is_secret_name(name), value);
}

/* " name=value" for each attribute; true when there was any. */
static bool put_attributes(struct render *r, const void *object)
{
	struct object_walk walk = object_attributes(object);
	struct object_slots slots = object_slots(object);
	unsigned shown = 0;

	while (shown < render_limit(r) && !r->text->full && object_next(&walk)) {
		if (!walk.key)
			continue;
		shown++;
		put_named(r, walk.key, walk.value);
	}
	if (shown < walk.count) {
		text_put_char(r->text, ' ');
		render_rest(r, walk.count - shown);
		return true;
	}
	while (!r->text->full && object_next_slot(&slots)) {
		if (shown++ == render_limit(r)) {
			text_put_literal(r->text, " \xe2\x80\xa6");
			break;
		}
		size_t length = strlen(slots.name);
		text_put_char(r->text, ' ');
		text_put(r->text, slots.name, length);
		text_put_char(r->text, '=');
		render_unless(r, redact_name(slots.name, length), slots.value);
	}
	return shown != 0;
}

/* What an object of a type below list, dict, int, … holds, as that type's own would be
 * shown.  False: it is below none of these. */
static bool put_content(struct render *r, const void *object, enum object_kind kind)
{
	struct text *t = r->text;

	if (kind < OBJECT_INT || kind > OBJECT_FROZENSET)
		return false;
	text_put_char(t, ' ');
	if (render_scalar(r, object, kind))
		return true;
	switch (kind) {
	case OBJECT_LIST:
	case OBJECT_TUPLE:
		text_put_char(t, kind == OBJECT_LIST ? '[' : '(');
		render_items(r, object_items(object, kind));
		text_put_char(t, kind == OBJECT_LIST ? ']' : ')');
		break;
	case OBJECT_DICT:
	case OBJECT_SET:
	case OBJECT_FROZENSET:
		text_put_char(t, '{');
		render_items(r, object_items(object, kind));
		text_put_char(t, '}');
		break;
	default:
		return false;
	}
	return true;
}

/* The names of a named tuple's fields, when it is one: a tuple as long as the object. */
static const void *field_names(const void *object, const void *type)
{
	const void *names = NULL;

	for (unsigned i = 0; type && !names && i < 64; i++) {
		names = object_type_entry(type, "_fields");
		type = object_type_base(type);
	}
	if (!names || object_kind(names) != OBJECT_TUPLE ||
	    object_length(names) != object_length(object))
		return NULL;
	return names;
}

/* A tuple with slots is one of C (time.struct_time): its items are in them, by name. */
static bool has_slots(const void *object)
{
	struct object_slots slots = object_slots(object);
	return object_next_slot(&slots);
}

static void put_fields(struct render *r, const void *object, const void *names)
{
	struct object_walk name = object_items(names, OBJECT_TUPLE);
	struct object_walk value = object_items(object, OBJECT_TUPLE);
	unsigned shown = 0;

	while (shown < render_limit(r) && object_next(&name) && object_next(&value)) {
		shown++;
		if (name.value)
			put_named(r, name.value, value.value);
	}
	if (shown < value.count) {
		text_put_char(r->text, ' ');
		render_rest(r, value.count - shown);
	}
}

void render_instance(struct render *r, const void *object)
{
	const void *type = object_type(object);
	enum object_kind kind = object_base_kind(type);
	struct text *t = r->text;

	text_put_char(t, '<');
	render_type_name(r, type);
	if (!object_is_still(OBJECT_OTHER)) {
		put_address(r, object);
		text_put_char(t, '>');
		return;
	}
	if (!render_enter(r, object, " ", ">"))
		return;
	bool any = true;
	const void *names = kind == OBJECT_TUPLE ? field_names(object, type) : NULL;
	if (names)
		put_fields(r, object, names);
	else if (kind == OBJECT_TUPLE && has_slots(object))
		any = false;
	else
		any = put_content(r, object, kind);
	any |= put_attributes(r, object);
	if (!any)
		put_address(r, object);
	text_put_char(t, '>');
	render_leave(r);
}

/* As repr() of an exception: its type's name and what it was made with. */
void render_exception(struct render *r, const void *exception)
{
	const void *type = object_type(exception);
	const void *args = object_at(exception, object_head() + 8);
	const void *qualname = object_type_qualname(type);
	const char *name = object_type_name(type);
	const char *dot = strrchr(name, '.');

	if (qualname)
		render_name(r, qualname);
	else
		text_put_string(r->text, dot ? dot + 1 : name);
	if (!args || object_kind(args) != OBJECT_TUPLE) {
		text_put_literal(r->text, "()");
		return;
	}
	if (!render_enter(r, exception, "(", ")"))
		return;
	text_put_char(r->text, '(');
	render_items(r, object_items(args, OBJECT_TUPLE));
	text_put_char(r->text, ')');
	render_leave(r);
}

static void put_function(struct render *r, const void *function)
{
	size_t head = object_head();
	const void *module = object_at(function, head + 88);
	const void *qualname = object_at(function, head + 24);

	if (module && object_kind(module) == OBJECT_STR) {
		render_name(r, module);
		text_put_char(r->text, '.');
	}
	render_name(r, qualname);
}

static void put_builtin(struct render *r, const void *function)
{
	size_t head = object_head();
	const void *definition = object_at(function, head);
	const void *module = object_at(function, head + 16);

	text_put_literal(r->text, "<built-in function ");
	if (module && object_kind(module) == OBJECT_STR &&
	    !object_str_is(module, "builtins")) {
		render_name(r, module);
		text_put_char(r->text, '.');
	}
	if (definition)
		text_put_string(r->text, object_at(definition, 0));
	text_put_char(r->text, '>');
}

static void put_module(struct render *r, const void *module)
{
	size_t moved = pyapi()->minor >= 15 ? 8 : 0;
	text_put_literal(r->text, "<module '");
	render_name(r, object_at(module, object_head() + 32 - moved));
	text_put_literal(r->text, "'>");
}

static void put_generator(struct render *r, const void *generator, const char *what)
{
	static const uint8_t qualname[] = {32, 24, 16, 16, 16, 16};
	text_put_char(r->text, '<');
	text_put_string(r->text, what);
	text_put_char(r->text, ' ');
	render_name(r,
	            object_at(generator, object_head() + qualname[pyapi()->minor - 10]));
	text_put_char(r->text, '>');
}

static void put_parts(struct render *r, const void *object, size_t count)
{
	size_t head = object_head();
	for (size_t i = 0; i < count; i++) {
		if (i)
			text_put_literal(r->text, ", ");
		render_object(r, object_at(object, head + 8 * i));
	}
	text_put_char(r->text, ')');
}

static void put_range(struct render *r, const void *range)
{
	const void *step = object_at(range, object_head() + 16);
	struct object_int one = {0};

	if (step && object_kind(step) == OBJECT_INT)
		one = object_int(step);
	bool plain = one.count == 1 && !one.negative && one.digits[0] == 1;
	text_put_literal(r->text, "range(");
	put_parts(r, range, plain ? 2 : 3);
}

void render_known_object(struct render *r, const void *object, enum object_kind kind)
{
	struct text *t = r->text;
	const void *inside;

	switch (kind) {
	case OBJECT_RANGE:
		put_range(r, object);
		break;
	case OBJECT_SLICE:
		if (!render_enter(r, object, "slice(", ")"))
			break;
		text_put_literal(t, "slice(");
		put_parts(r, object, 3);
		render_leave(r);
		break;
	case OBJECT_TYPE:
		text_put_literal(t, "<class '");
		render_type_name(r, object);
		text_put_literal(t, "'>");
		break;
	case OBJECT_FUNCTION:
		text_put_literal(t, "<function ");
		put_function(r, object);
		text_put_char(t, '>');
		break;
	case OBJECT_METHOD:
		inside = object_at(object, object_head());
		text_put_literal(t, "<bound method ");
		if (inside && object_kind(inside) == OBJECT_FUNCTION)
			put_function(r, inside);
		text_put_char(t, '>');
		break;
	case OBJECT_BUILTIN:
		put_builtin(r, object);
		break;
	case OBJECT_MODULE:
		put_module(r, object);
		break;
	case OBJECT_GENERATOR:
		put_generator(r, object, "generator");
		break;
	case OBJECT_COROUTINE:
		put_generator(r, object, "coroutine");
		break;
	case OBJECT_ASYNC_GENERATOR:
		put_generator(r, object, "async_generator");
		break;
	default:
		text_put_char(t, '<');
		render_type_name(r, object_type(object));
		put_address(r, object);
		text_put_char(t, '>');
		break;
	}
}
