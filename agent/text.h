/* SPDX-License-Identifier: MIT */
/* Text that is put together in a place of limited size, without allocation. */
#ifndef BREADCRUMB_AGENT_TEXT_H
#define BREADCRUMB_AGENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	char *start, *at, *end;
	bool full; /* something did not fit: nothing is added any more */
};

static inline struct text text_in(char *place, size_t size)
{
	return (struct text){place, place, place + size, false};
}

static inline size_t text_length(const struct text *t)
{
	return (size_t)(t->at - t->start);
}

/* All of it, or nothing when there is no room. */
static inline void text_put(struct text *t, const char *what, size_t length)
{
	if (__builtin_expect(t->full || (size_t)(t->end - t->at) < length, 0)) {
		t->full = true;
		return;
	}
	memcpy(t->at, what, length);
	t->at += length;
}

#define text_put_literal(t, literal) text_put(t, literal, sizeof(literal) - 1)

static inline void text_put_char(struct text *t, char c)
{
	text_put(t, &c, 1);
}

void text_put_string(struct text *t, const char *string);
void text_put_unsigned(struct text *t, uint64_t number);
void text_put_signed(struct text *t, int64_t number);
/* With at least `digits` digits, zeros in front. */
void text_put_padded(struct text *t, uint64_t number, unsigned digits);
void text_put_hex(struct text *t, uint64_t number, unsigned digits);

/* A character as UTF-8; `point` below 0x110000 and no surrogate. */
void text_put_utf8(struct text *t, uint32_t point);

#endif
