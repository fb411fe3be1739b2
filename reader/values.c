/* SPDX-License-Identifier: MIT */
/*
 * The texts of a block are kept as long as the block is read, since later ones may refer
 * to them: no more memory than the block has, three times when all of it is damaged text.
 * What is wrong in one record spoils the numbers of those behind it, so the rest of the
 * block goes without values then.
 */
#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "define.h"
#include "strtab.h"

/* Text of one event, what it refers to included: an agent makes a quarter of this. */
#define SHOWN_MAX ((size_t)512 * 1024)

struct bytes {
	const unsigned char *at, *end;
};

/* False: the bytes end inside of the number, or it is too large. */
static bool take_number(struct bytes *b, uint64_t *number)
{
	*number = 0;
	for (unsigned shift = 0; b->at < b->end && shift < 63; shift += 7) {
		unsigned char c = *b->at++;
		*number |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return true;
	}
	return false;
}

/* 1, 0: damaged, or -ENOMEM. */
static int take_text(struct values *values, struct bytes *b, const char **text)
{
	uint64_t number;

	if (!take_number(b, &number))
		return 0;
	if (number & 1) {
		if (number >> 1 >= values->shared_count)
			return 0;
		*text = values->shared[number >> 1];
		return 1;
	}
	uint64_t length = number >> 1;
	if (length > (uint64_t)(b->end - b->at))
		return 0;
	*text = strtab_text(&values->texts, (const char *)b->at, (size_t)length);
	b->at += length;
	if (!*text)
		return -ENOMEM;
	if (length < CRUMB_VALUE_SHORT)
		return 1;
	if (reader_grow(&values->shared, &values->shared_room, values->shared_count,
	                sizeof(*values->shared)))
		return -ENOMEM;
	values->shared[values->shared_count++] = *text;
	return 1;
}

/* 1, 0: damaged, or -ENOMEM. */
static int take_item(struct values *values, struct bytes *b)
{
	struct values_item item = {0};
	uint64_t which;
	int r = 1;

	if (!take_number(b, &which) || which > UINT32_MAX || which == 0)
		return 0;
	if (which == CRUMB_VALUE_MORE) {
		values->cut = true;
		return 1;
	}
	item.which = (uint32_t)which;
	if (which == CRUMB_VALUE_NAMED)
		r = take_text(values, b, &item.name);
	if (r > 0)
		r = take_text(values, b, &item.text);
	if (r <= 0)
		return r;
	values->shown += strlen(item.text);
	if (values->shown > SHOWN_MAX)
		return 0;
	if (reader_grow(&values->items, &values->room, values->count,
	                sizeof(*values->items)))
		return -ENOMEM;
	values->items[values->count++] = item;
	return 1;
}

static enum crumb_kind kind_of(unsigned word_kind)
{
	if (word_kind == CRUMB_WORD_LINE)
		return CRUMB_LINE;
	if (word_kind == CRUMB_WORD_EXCEPTION)
		return CRUMB_EXCEPTION;
	/* The others have the same numbers. */
	return word_kind <= CRUMB_WORD_UNWIND ? (enum crumb_kind)word_kind : 0;
}

void values_begin(struct values *values)
{
	strtab_free(&values->texts);
	values->shared_count = 0;
	values->count = 0;
	values->broken = false;
}

int values_take(struct values *values, const unsigned char *payload, size_t size)
{
	uint64_t head;

	values->count = 0;
	values->shown = 0;
	values->cut = false;
	values->kind = 0;
	if (size < sizeof(head) || values->broken)
		return size >= sizeof(head);
	memcpy(&head, payload, sizeof(head));
	struct bytes b = {payload + sizeof(head), payload + size};
	if (head >> CRUMB_TICKS_SHIFT > (uint64_t)(b.end - b.at)) {
		values->broken = true;
		return 0;
	}
	b.end = b.at + (head >> CRUMB_TICKS_SHIFT);
	while (b.at < b.end) {
		int r = take_item(values, &b);
		if (r <= 0) {
			values->count = 0;
			values->broken = true;
			return r;
		}
	}
	values->kind = kind_of(head & ((1u << CRUMB_KIND_BITS) - 1));
	values->code =
	    (uint32_t)(head >> CRUMB_KIND_BITS) & ((1u << CRUMB_CODE_BITS) - 1);
	return 1;
}

int values_emit(struct values *values, struct process *process, struct crumb_event *event)
{
	size_t locals = 0;

	for (size_t i = 0; i < values->count; i++) {
		const struct values_item *item = &values->items[i];
		const char *name = item->name;
		if (item->which == CRUMB_VALUE_RESULT) {
			event->result = item->text;
			continue;
		}
		if (item->which == CRUMB_VALUE_MESSAGE) {
			event->message = item->text;
			continue;
		}
		if (item->which >= CRUMB_VALUE_VARIABLES)
			name = define_variable(process, values->code,
			                       item->which - CRUMB_VALUE_VARIABLES);
		else if (item->which != CRUMB_VALUE_NAMED)
			continue; /* of a later agent */
		if (reader_grow(&values->locals, &values->local_room, locals,
		                sizeof(*values->locals)))
			return -ENOMEM;
		values->locals[locals++] =
		    (struct crumb_value){.name = name, .text = item->text};
	}
	event->locals = values->locals;
	event->local_count = locals;
	event->locals_cut = values->cut;
	return 0;
}

void values_free(struct values *values)
{
	strtab_free(&values->texts);
	free(values->shared);
	free(values->items);
	free(values->locals);
}
