/* SPDX-License-Identifier: MIT */
/*
 * A Python value as text, as its repr() would be for what is built in.  None of the
 * program's code runs, no reference is kept, no memory allocated, no exception left.
 * Rendering takes a number of steps that the limits bound, however large the value is.
 *
 * All functions are called with the interpreter's lock held.
 */
#ifndef BREADCRUMB_AGENT_VALUE_H
#define BREADCRUMB_AGENT_VALUE_H

#include "extent.h"
#include "pyapi.h"
#include "text.h"

/* False: this interpreter's objects are not laid out as they are known to be, and no
 * value may be rendered.  Called once, before the interpreter is traced. */
bool value_init(const struct pyapi *py, const struct extent *extent);

/* Appends the text of a value.  What does not fit is cut, and said so in the text. `memo`
 * is the calling thread's, or NULL. */
void value_render(struct text *text, const void *object, struct extent_memo *memo);

/* The same, for the value of a name that is told to the user: a name that is to be
 * redacted hides the value. */
void value_render_named(struct text *text, const char *name, size_t length,
                        const void *object, struct extent_memo *memo);

/* A str as it is, without quotes: the name of a variable. */
void value_render_name(struct text *text, const void *name);
/* Whether the value of such a name is to be redacted. */
bool value_is_secret_name(const void *name);

/* What str() says of an exception, where its class has no __str__ of its own.  Most that
 * are no errors (StopIteration) say nothing. */
bool value_has_message(const void *type, const void *exception);
void value_render_message(struct text *text, const void *type, const void *exception);

#endif
