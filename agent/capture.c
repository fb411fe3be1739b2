/* SPDX-License-Identifier: MIT */
/*
 * Values are told before their event, and only when it is recorded: excluded code is not
 * looked into.  Where a frame cannot be read as it is known to be, its variables are left
 * out.
 */
#include "capture.h"

#include "object.h"
#include "redact.h"

#include <errno.h>

struct capture_wants capture_wants;

static const struct capture_options *options;
static bool readable; /* this interpreter's values */

bool capture_init(const struct pyapi *py, const struct capture_options *given)
{
	options = given;
	readable = value_init(py, &given->extent);
	if (!readable)
		return false;
	frame_init(py);
	capture_wants.locals = given->locals;
	capture_wants.results = given->results;
	return true;
}

bool capture_is_possible(void)
{
	return readable;
}

const struct extent *capture_extent(void)
{
	return &options->extent;
}

/* Names of the code's variables, once for each file. */
static void tell_variables(struct payload *p, const void *code)
{
	struct intern_text names[INTERN_VARIABLES_MAX];
	struct text text = text_in(p->text, sizeof p->text);
	unsigned count = frame_variables(code);

	if (count > INTERN_VARIABLES_MAX)
		count = INTERN_VARIABLES_MAX;
	for (unsigned i = 0; i < count; i++) {
		const void *name = frame_variable_name(code, i);
		size_t from = text_length(&text);
		if (name)
			value_render_name(&text, name);
		names[i] =
		    (struct intern_text){p->text + from, text_length(&text) - from};
	}
	trace_variables(code, names, count);
}

static void add(struct payload *p, unsigned which, const void *value, bool secret)
{
	struct text text = payload_text(p);
	if (secret)
		text_put_literal(&text, REDACT_TEXT);
	else
		value_render(&text, value, &p->memo);
	payload_add(p, which, NULL, &text);
}

static void add_variables(struct payload *p, const struct frame *f, unsigned count)
{
	if (!trace_knows_variables(f->code))
		tell_variables(p, f->code);
	bool more = count > INTERN_VARIABLES_MAX;
	if (more)
		count = INTERN_VARIABLES_MAX;
	for (unsigned i = 0; i < count && !p->cut; i++) {
		const void *value = frame_variable(f, i);
		const void *name = value ? frame_variable_name(f->code, i) : NULL;
		if (name)
			add(p, CRUMB_VALUE_VARIABLES + i, value,
			    value_is_secret_name(name));
	}
	if (more)
		payload_more(p);
}

#define NAMES_MAX 1000 /* of a module or class body that are looked at */

/* What a module or class body has defined: not what every module has. */
static void add_namespace(struct payload *p, const void *names)
{
	struct object_walk walk = object_items(names, OBJECT_DICT);
	char place[256];
	unsigned looked = 0;

	while (!p->cut && object_next(&walk)) {
		if (looked++ == NAMES_MAX) {
			payload_more(p);
			break;
		}
		struct text name = text_in(place, sizeof place);
		if (object_kind(walk.key) != OBJECT_STR)
			continue;
		value_render_name(&name, walk.key);
		if (text_length(&name) > 2 && memcmp(place, "__", 2) == 0)
			continue;
		struct text text = payload_text(p);
		value_render_named(&text, place, text_length(&name), walk.value,
		                   &p->memo);
		payload_add(p, CRUMB_VALUE_NAMED, &name, &text);
	}
}

static void add_locals(struct payload *p, const struct frame *f)
{
	const void *names = frame_namespace(f);
	if (names && object_is_still(OBJECT_DICT))
		add_namespace(p, names);
	else
		add_variables(p, f, frame_variables(f->code));
}

void capture_call(const void *code, void *hint, const struct frame *frame)
{
	int saved = errno;
	unsigned count = frame->place ? frame_arguments(code) : 0;
	struct payload *p = count ? trace_values(code, hint, options->event_bytes) : NULL;
	if (p) {
		add_variables(p, frame, count);
		trace_values_end(p, CRUMB_WORD_CALL, code);
	}
	errno = saved;
}

void capture_leave(enum crumb_word_kind kind, const void *code, void *hint,
                   const struct frame *frame, const void *result)
{
	int saved = errno;
	struct payload *p = trace_values(code, hint, options->event_bytes);
	if (p) {
		if (capture_wants.results && result)
			add(p, CRUMB_VALUE_RESULT, result, false);
		if (capture_wants.locals && frame->place)
			add_locals(p, frame);
		trace_values_end(p, kind, code);
	}
	errno = saved;
}

void capture_line(const void *code, void *hint, const struct frame *frame)
{
	int saved = errno;
	struct payload *p =
	    frame->place ? trace_values(code, hint, options->event_bytes) : NULL;
	if (p) {
		add_locals(p, frame);
		trace_values_end(p, CRUMB_WORD_LINE, code);
	}
	errno = saved;
}

const void *capture_only_type(const void *exception)
{
	if (!readable || capture_wants.locals)
		return NULL;
	const void *type = object_type(exception);
	return type == object_error(OBJECT_STOP_ITERATION) ? type : NULL;
}

void capture_exception(const void *code, void *hint, const struct frame *frame,
                       const void *type, const void *exception)
{
	bool says = readable && exception && value_has_message(type, exception);
	if (!says && !(capture_wants.locals && frame->place))
		return;
	int saved = errno;
	struct payload *p = trace_values(code, hint, options->event_bytes);
	if (p) {
		if (says) {
			struct text text = payload_text(p);
			value_render_message(&text, type, exception);
			if (text_length(&text))
				payload_add(p, CRUMB_VALUE_MESSAGE, NULL, &text);
		}
		if (capture_wants.locals && frame->place)
			add_locals(p, frame);
		trace_values_end(p, CRUMB_WORD_EXCEPTION, code);
	}
	errno = saved;
}
