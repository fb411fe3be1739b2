/* SPDX-License-Identifier: MIT */
/*
 * The same arguments, attributes and messages come again and again.  The last texts of a
 * thread are noted by their hash; one that is met again in the same block is stored as
 * its number in the block.  The notes point at the texts in the window itself, where they
 * are compared.  Each block stands for itself, so that a reader needs nothing but the
 * block.
 */
#include "payload.h"

#include "breadcrumb/format.h"
#include "hash.h"

#include <string.h>

#define NOTES (sizeof((struct payload *)0)->notes / sizeof(struct payload_note))
#define FRESH (sizeof((struct payload *)0)->fresh_notes / sizeof(uint16_t))

void payload_begin(struct payload *p, const struct buffer *b, size_t room)
{
	if (p->sequence != b->sequence || p->thread != b->thread) {
		memset(p->notes, 0, sizeof p->notes);
		p->sequence = b->sequence;
		p->thread = b->thread;
		p->count = 0;
	}
	p->before = p->count;
	p->fresh = 0;
	p->used = sizeof(uint64_t);
	p->rendered = 0;
	p->room = room + sizeof(uint64_t);
	p->cut = false;
}

static void put_number(struct payload *p, uint64_t n)
{
	while (n >= 0x80) {
		p->bytes[p->used++] = (char)(n | 0x80);
		n >>= 7;
	}
	p->bytes[p->used++] = (char)n;
}

/* Makes the note of a text that was just packed at `at`. */
static void note(struct payload *p, struct payload_note *n, uint64_t hash, size_t at,
                 size_t length)
{
	*n = (struct payload_note){hash, p->bytes + at, (uint32_t)length, p->count};
	if (p->fresh < FRESH)
		p->fresh_notes[p->fresh++] = (uint16_t)(n - p->notes);
	else
		n->length = 0; /* it could not be found again */
}

static void put_text(struct payload *p, const struct text *t)
{
	size_t length = text_length(t);
	if (length < CRUMB_VALUE_SHORT) {
		put_number(p, (uint64_t)length << 1);
		memcpy(p->bytes + p->used, t->start, length);
		p->used += length;
		return;
	}
	uint64_t hash = hash_of_text(t->start, length);
	struct payload_note *n = &p->notes[hash % NOTES];
	if (n->length == length && n->hash == hash &&
	    memcmp(n->at, t->start, length) == 0) {
		put_number(p, (uint64_t)n->index << 1 | 1);
		return;
	}
	put_number(p, (uint64_t)length << 1);
	memcpy(p->bytes + p->used, t->start, length);
	note(p, n, hash, p->used, length);
	p->count++;
	p->used += length;
}

void payload_more(struct payload *p)
{
	/* There is always room for this: bytes[] is larger than what may be used. */
	if (!p->cut)
		put_number(p, CRUMB_VALUE_MORE);
	p->cut = true;
}

bool payload_add(struct payload *p, unsigned which, const struct text *name,
                 const struct text *text)
{
	size_t length = text_length(text) + (name ? text_length(name) : 0);
	bool nothing_fit = text->full && text_length(text) == 0;

	if (p->cut)
		return false;
	p->rendered += length;
	if (nothing_fit || PAYLOAD_ITEM + length > p->room - p->used ||
	    p->rendered > PAYLOAD_AGAIN * p->room) {
		payload_more(p);
		return false;
	}
	put_number(p, which);
	if (name)
		put_text(p, name);
	put_text(p, text);
	return true;
}

const uint64_t *payload_words(struct payload *p, uint64_t head, size_t *words)
{
	head |= (uint64_t)(p->used - sizeof head) << CRUMB_TICKS_SHIFT;
	memcpy(p->bytes, &head, sizeof head);
	while (p->used % sizeof head)
		p->bytes[p->used++] = 0;
	*words = p->used / sizeof head;
	return (const uint64_t *)(const void *)p->bytes;
}

void payload_stored(struct payload *p, const uint64_t *at)
{
	for (uint32_t i = 0; i < p->fresh; i++) {
		struct payload_note *n = &p->notes[p->fresh_notes[i]];
		if (!at)
			n->length = 0;
		else if (n->at >= p->bytes && n->at < p->bytes + sizeof p->bytes)
			n->at = (const char *)at + (n->at - p->bytes);
	}
	if (!at)
		p->count = p->before;
}
