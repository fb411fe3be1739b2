/* SPDX-License-Identifier: MIT */
/* The agent's rendering of values as functions that ctypes can call: see fuzz/values. */
#include "object.h"
#include "redact.h"
#include "value.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int probe_init(unsigned length, unsigned items, unsigned depth, const char *words);
EXPORT size_t probe_render(const void *object, char *out, size_t size);
EXPORT size_t probe_message(const void *exception, char *out, size_t size);

static struct extent extent;
static struct extent_memo memo;

int probe_init(unsigned length, unsigned items, unsigned depth, const char *words)
{
	enum pyapi_failure failure;
	const char *what;
	const struct pyapi *py = pyapi_find(true, &failure, &what);

	extent = (struct extent){length, items, depth};
	return redact_init(words) && py && value_init(py, &extent);
}

size_t probe_render(const void *object, char *out, size_t size)
{
	struct text text = text_in(out, size);
	value_render(&text, object, &memo);
	return text_length(&text);
}

size_t probe_message(const void *exception, char *out, size_t size)
{
	struct text text = text_in(out, size);
	if (object_kind(exception) == OBJECT_EXCEPTION)
		value_render_message(&text, object_type(exception), exception);
	return text_length(&text);
}
