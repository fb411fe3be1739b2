/* SPDX-License-Identifier: MIT */
/* What must not get into the file: by its name, or by its looks. */
#ifndef BREADCRUMB_AGENT_REDACT_H
#define BREADCRUMB_AGENT_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#define REDACT_TEXT "[redacted]"

/*
 * `words`: separated by commas.  Letters' case does not count, and neither does what is
 * no letter or digit: api_key is also ApiKey and API-KEY.  False: they are too many;
 * those that fit are used.
 */
bool redact_init(const char *words);

/* Whether one of the words is in this name (UTF-8). */
bool redact_name(const char *name, size_t length);

/* The same, a character at a time: *state is 0 before the first.  True once one is met.
 */
bool redact_step(unsigned *state, unsigned character);

/* Whether a text holds what looks like a bearer token, a private key, or the number of a
 * payment card. */
bool redact_looks_secret(const char *text, size_t length);

#endif
