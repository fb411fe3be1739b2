/* SPDX-License-Identifier: MIT */
/*
 * The texts that belong to one event, packed for the file (format.h: CRUMB_EXT_VALUES).
 * A text that the thread's block has already is packed as a reference to it.
 */
#ifndef BREADCRUMB_AGENT_PAYLOAD_H
#define BREADCRUMB_AGENT_PAYLOAD_H

#include "buffer.h"
#include "extent.h"
#include "text.h"

#define PAYLOAD_BYTES_MAX 32768u /* of one event */
#define PAYLOAD_AGAIN     4u     /* times as much may be rendered */
#define PAYLOAD_ITEM      30u    /* at most, of an item without its texts */

struct payload {
	/* The texts that this block had lately. */
	uint32_t thread;   /* number; 0: of none */
	uint64_t sequence; /* of the block */
	uint32_t count;    /* texts in it that can be referred to */
	uint32_t before;   /* of these, those before this event */
	uint32_t fresh;    /* notes of this event's own texts */
	struct payload_note {
		uint64_t hash;
		const char *at;
		uint32_t length; /* 0: none */
		uint32_t index;
	} notes[256];
	uint16_t fresh_notes[64];
	struct extent_memo memo; /* for the texts' maker */
	/* What is being packed. */
	size_t used, room; /* bytes */
	size_t rendered;   /* bytes of texts, those that were stored before included */
	bool cut;          /* not all was packed */
	char text[PAYLOAD_BYTES_MAX];
	char bytes[PAYLOAD_BYTES_MAX + 16] __attribute__((aligned(8)));
};

/* Begins the texts of one event; at most `room` bytes of them. */
void payload_begin(struct payload *p, const struct buffer *b, size_t room);

/* Where the next text can be rendered. */
static inline struct text payload_text(struct payload *p)
{
	size_t room = p->room - p->used, left = PAYLOAD_AGAIN * p->room - p->rendered;
	if (room > left)
		room = left;
	return text_in(p->text, room > PAYLOAD_ITEM ? room - PAYLOAD_ITEM : 0);
}

/* Adds a text: `which` says what it is (CRUMB_VALUE_*).  `name` is that of
 * CRUMB_VALUE_NAMED, else NULL.  False: there is no room; further ones are not added. */
bool payload_add(struct payload *p, unsigned which, const struct text *name,
                 const struct text *text);

/* There is more than could be added. */
void payload_more(struct payload *p);

/* Whether there is anything to store. */
static inline bool payload_any(const struct payload *p)
{
	return p->used > sizeof(uint64_t);
}

/* The words to store: the first is `head`, with the count of bytes added. */
const uint64_t *payload_words(struct payload *p, uint64_t head, size_t *words);

/* They have been stored in the window: at `at`.  NULL: they were not. */
void payload_stored(struct payload *p, const uint64_t *at);

#endif
