/* SPDX-License-Identifier: MIT */
/*
 * Strings of a trace file.  Ids are handed out from 1 upward, so a sorted array is all
 * but always indexed directly; it costs memory for the strings that are there and not for
 * the largest id that a damaged file names.
 *
 * Users print these strings to terminals and into JSON, so they are valid UTF-8 whatever
 * the file holds.
 */
#include "strtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 16384u

struct strtab_chunk {
	struct strtab_chunk *next;
	size_t used, size;
	char bytes[];
};

static char *allocate(struct strtab *table, size_t size)
{
	struct strtab_chunk *chunk = table->chunks;

	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->next = table->chunks;
		chunk->used = 0;
		chunk->size = room;
		table->chunks = chunk;
	}
	chunk->used += size;
	return chunk->bytes + chunk->used - size;
}

/* Bytes of the valid UTF-8 sequence at `at`, 0 where there is none (RFC 3629, table 3-7
 * of the Unicode standard).  NUL is not valid here. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (at[0] >= 0x01 && at[0] <= 0x7f)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		length = 2;
	else if (at[0] >= 0xe0 && at[0] <= 0xef)
		length = 3;
	else if (at[0] >= 0xf0 && at[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (at[0] == 0xe0)
		low = 0xa0;
	else if (at[0] == 0xed)
		high = 0x9f;
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xf4)
		high = 0x8f;
	if (left < length || at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return length;
}

/* Copies with replacements to `to`, or only counts when it is NULL. */
static size_t copy_valid(char *to, const unsigned char *from, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		size_t n = sequence_length(from + i, length - i);
		if (to)
			memcpy(to + used, n ? (const char *)from + i : "\357\277\275",
			       n ? n : 3);
		used += n ? n : 3;
		i += n ? n : 1;
	}
	return used;
}

const char *strtab_text(struct strtab *table, const char *bytes, size_t length)
{
	const unsigned char *from = (const unsigned char *)bytes;
	size_t size = copy_valid(NULL, from, length);
	char *text = allocate(table, size + 1);

	if (!text)
		return NULL;
	copy_valid(text, from, length);
	text[size] = '\0';
	return text;
}

int strtab_add(struct strtab *table, uint32_t id, const char *bytes, size_t length)
{
	const char *text = strtab_text(table, bytes, length);

	if (!text || reader_grow(&table->entries, &table->room, table->count,
	                         sizeof(*table->entries)))
		return -ENOMEM;
	table->entries[table->count] =
	    (struct strtab_entry){id, (uint32_t)table->count, text};
	table->count++;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct strtab_entry *a = left, *b = right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

uint32_t strtab_sort(struct strtab *table)
{
	uint32_t twice = 0;
	size_t left = 0;

	if (table->count == 0)
		return 0;
	qsort(table->entries, table->count, sizeof(*table->entries), compare);
	for (size_t i = 1; i < table->count; i++) {
		if (table->entries[i].id != table->entries[left].id)
			table->entries[++left] = table->entries[i];
		else if (!twice)
			twice = table->entries[i].id;
	}
	table->count = left + 1;
	return twice;
}

const char *strtab_find(const struct strtab *table, uint32_t id)
{
	size_t low = 0, high = table->count;

	if (id - 1u < table->count && table->entries[id - 1u].id == id)
		return table->entries[id - 1u].text;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table->entries[middle].id == id)
			return table->entries[middle].text;
		if (table->entries[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void strtab_free(struct strtab *table)
{
	while (table->chunks) {
		struct strtab_chunk *chunk = table->chunks;
		table->chunks = chunk->next;
		free(chunk);
	}
	free(table->entries);
	*table = (struct strtab){0};
}
