/* SPDX-License-Identifier: MIT */
/* What the rooms that render values share. */
#ifndef BREADCRUMB_AGENT_RENDER_H
#define BREADCRUMB_AGENT_RENDER_H

#include "extent.h"
#include "object.h"
#include "text.h"

struct render {
	struct text *text;
	const struct extent *extent;
	struct extent_memo *memo; /* NULL: none */
	unsigned depth;
	const void *path[EXTENT_DEPTH_MAX]; /* what the value is inside of */
};

/* Any value, NULL too (a place that was not filled yet). */
void render_object(struct render *r, const void *object);

/* The same, or that it is hidden. */
void render_unless(struct render *r, bool secret, const void *object);

/* What is shown as it is, whatever it is inside of: numbers, text and bytes.  False: the
 * kind is none of these. */
bool render_scalar(struct render *r, const void *object, enum object_kind kind);

/* Goes into a container or object.  False: it is too deep, or in itself, and that has
 * been said between `open` and `close`. */
bool render_enter(struct render *r, const void *object, const char *open,
                  const char *close);
void render_leave(struct render *r);

/* How many items the innermost container or object shows: half as many as the one that it
 * is in, and at least one. */
static inline unsigned render_limit(const struct render *r)
{
	unsigned items = r->extent->items >> (r->depth > 1 ? r->depth - 1 : 0);
	return items || !r->extent->items ? items : 1;
}

/* How much is not shown: "… 17 more". */
void render_rest(struct render *r, size_t count);

/* What a walk finds, between commas; "… N more" behind the limit.  With keys, "k: v". */
void render_items(struct render *r, struct object_walk walk);

/* render_text.c */
void render_str(struct render *r, const void *str);
void render_bytes(struct render *r, const void *bytes, enum object_kind kind);
/* A str without quotes, cut at `most` characters; nothing for what is no str. */
void render_plain_str(struct render *r, const void *str, size_t most);
/* A name, which nobody would hide and which is short: at most RENDER_NAME_MAX characters.
 */
void render_name(struct render *r, const void *str);
#define RENDER_NAME_MAX 200
/* Whether the text of a str or bytes object, as a name, is to be redacted. */
bool render_is_secret_name(const void *object);

/* render_number.c */
void render_int(struct render *r, const void *number);
void render_float(struct render *r, double number);
void render_complex(struct render *r, const void *number);

/* render_object.c */
void render_type_name(struct render *r, const void *type);
void render_instance(struct render *r, const void *object);
void render_exception(struct render *r, const void *exception);
void render_known_object(struct render *r, const void *object, enum object_kind kind);

/* render_library.c: what the standard library and numpy have written in C, and Path,
 * UUID and Enum.  False: the object is none of these. */
bool render_library(struct render *r, const void *object);
/* Whether an object is a member of an Enum: its name (a str, or NULL) and value. */
bool render_enum(const void *object, const void **name, const void **value);

#endif
