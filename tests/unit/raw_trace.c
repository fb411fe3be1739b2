/* SPDX-License-Identifier: MIT */
/*
 * Reads trace files as naively as format.h allows, so that it shares no mistake with the
 * reader.
 */
#include "raw_trace.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent_fixture.h"
#include "make_trace.h"

struct raw raw_load(const char *path)
{
	size_t size;
	unsigned char *file = make_load(path, &size);
	struct raw raw = {.bytes = calloc(1, size + CRUMB_BLOCK_MAX), .size = size};

	ck_assert_ptr_nonnull(raw.bytes);
	memcpy(raw.bytes, file, size);
	free(file);
	raw.header = (const struct crumb_header *)(void *)raw.bytes;
	ck_assert_mem_eq(raw.header->magic, CRUMB_MAGIC, sizeof(raw.header->magic));
	ck_assert_uint_eq(raw.header->version, CRUMB_FORMAT);
	ck_assert_uint_eq(raw.header->header_size, CRUMB_HEADER_SIZE);
	ck_assert_uint_ge(size, CRUMB_HEADER_SIZE);
	return raw;
}

void raw_free(struct raw *raw)
{
	free(raw->bytes);
	raw->bytes = NULL;
}

uint64_t raw_offset(const struct raw *raw, const void *at)
{
	return (uint64_t)((const unsigned char *)at - raw->bytes);
}

static bool is_zero(const unsigned char *at, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (at[i])
			return false;
	}
	return true;
}

/* A block that a killed process had reserved may be there in part: words of events
 * before its header are no block, and are met only behind that header. */
const struct crumb_block *raw_block(const struct raw *raw,
                                    const struct crumb_block *after)
{
	uint64_t at = after ? raw_offset(raw, after) + after->size : CRUMB_HEADER_SIZE;

	for (; at < raw->size; at += CRUMB_ALIGN) {
		const unsigned char *start = raw->bytes + at;
		const struct crumb_block *block = (const void *)start;
		if (block->magic != CRUMB_BLOCK_MAGIC) {
			if (!is_zero(start, CRUMB_ALIGN))
				ck_abort_msg("no block at %llu", (unsigned long long)at);
			continue;
		}
		must(block->check == crumb_block_check(block->kind, block->size));
		must(block->size >= sizeof(*block));
		must(block->size <= CRUMB_BLOCK_MAX);
		must(block->size % CRUMB_ALIGN == 0);
		must(is_zero((const void *)block->reserved, sizeof(block->reserved)));
		return block;
	}
	return NULL;
}

size_t raw_count_blocks(const struct raw *raw, enum crumb_block_kind kind)
{
	const struct crumb_block *block = NULL;
	size_t count = 0;

	while ((block = raw_block(raw, block)))
		count += block->kind == kind;
	return count;
}

/* Whether the block was written to its end. */
static bool is_complete(const struct crumb_block *block)
{
	const uint64_t *words = (const void *)(block + 1);
	size_t room = (block->size - sizeof(*block)) / 8;

	must(block->used % 8 == 0);
	must(block->used < room * 8);
	if (words[room - 1] != crumb_trailer(block->thread, block->sequence, block->used))
		return false;
	must(is_zero((const unsigned char *)words + block->used,
	             (room - 1) * 8 - block->used));
	return true;
}

/* The EVENTS block of this number, NULL: there is none. */
static const struct crumb_block *find_events(const struct raw *raw, uint32_t thread,
                                             uint64_t sequence)
{
	const struct crumb_block *block = NULL, *found = NULL;

	while ((block = raw_block(raw, block))) {
		if (block->kind != CRUMB_BLOCK_EVENTS || block->thread != thread ||
		    block->sequence != sequence || !is_complete(block))
			continue;
		must(!found);
		found = block;
	}
	return found;
}

/* The window that holds block number `sequence` of the thread, as long as that is not in
 * the file otherwise. */
static const struct crumb_block *find_window(const struct raw *raw, uint32_t thread,
                                             uint64_t sequence)
{
	const struct crumb_block *block = NULL, *found = NULL;

	while ((block = raw_block(raw, block))) {
		if (block->kind != CRUMB_BLOCK_WINDOW || block->thread != thread)
			continue;
		must(block->sequence <= sequence);
		if (block->sequence < sequence)
			continue;
		must(!found);
		found = block;
	}
	return found;
}

static size_t words_in_window(const struct crumb_block *window)
{
	const uint64_t *words = (const void *)(window + 1);
	size_t room = (window->size - sizeof(*window)) / 8, n = 0;

	while (n < room && words[n]) {
		size_t more = 1;
		if ((words[n] & 15) == CRUMB_WORD_EXTENDED)
			more += words[n] >> CRUMB_EXT_WORDS_SHIFT & 0xffff;
		n += more;
	}
	must(n < room); /* a word stays free for the trailer */
	return n;
}

static void add_words(uint64_t **all, size_t *count, const struct crumb_block *block,
                      size_t words)
{
	*all = realloc(*all, (*count + words + 1) * sizeof(**all));
	must(*all);
	memcpy(*all + *count, block + 1, words * sizeof(**all));
	*count += words;
}

/* Blocks with a number past the last one in the row would be events after a gap. */
static void has_no_gap(const struct raw *raw, uint32_t thread, uint64_t end)
{
	const struct crumb_block *block = NULL;

	while ((block = raw_block(raw, block))) {
		if (block->kind == CRUMB_BLOCK_EVENTS && block->thread == thread &&
		    is_complete(block))
			must(block->sequence < end);
	}
}

uint64_t *raw_words(const struct raw *raw, uint32_t thread, size_t *count)
{
	const struct crumb_block *block;
	uint64_t *all = NULL, sequence = 0;

	*count = 0;
	while ((block = find_events(raw, thread, sequence))) {
		add_words(&all, count, block, block->used / 8);
		sequence++;
	}
	has_no_gap(raw, thread, sequence);
	block = find_window(raw, thread, sequence);
	if (block)
		add_words(&all, count, block, words_in_window(block));
	return all;
}

size_t raw_count_events(const struct raw *raw)
{
	const struct crumb_block *block = NULL;
	uint32_t last = 0;
	size_t events = 0;

	while ((block = raw_block(raw, block)))
		last = block->thread > last ? block->thread : last;
	for (uint32_t thread = 1; thread <= last; thread++) {
		size_t count, i = 0;
		uint64_t *words = raw_words(raw, thread, &count);
		while (i < count) {
			unsigned kind = words[i] & 15;
			events += kind != CRUMB_WORD_TIME;
			i += 1 + (kind == CRUMB_WORD_EXTENDED
			              ? words[i] >> CRUMB_EXT_WORDS_SHIFT & 0xffff
			              : 0);
		}
		must(i == count);
		free(words);
	}
	return events;
}

static const struct crumb_block *block_of(const struct raw *raw, const void *at)
{
	const struct crumb_block *block = NULL;

	while ((block = raw_block(raw, block))) {
		if (raw_offset(raw, at) < raw_offset(raw, block) + block->size)
			return block;
	}
	return NULL;
}

/* The record at `at`, or the first one of a later block. */
static const struct crumb_record *
first_from(const struct raw *raw, const struct crumb_block *block, const void *at)
{
	for (;;) {
		const struct crumb_record *r = at;
		const unsigned char *end = (const unsigned char *)block + block->size;
		if ((const unsigned char *)at < end && r->type) {
			must(r->size >= sizeof(*r));
			must(r->size % 8 == 0);
			must(r->size <= (size_t)(end - (const unsigned char *)at));
			return r;
		}
		do {
			block = raw_block(raw, block);
			if (!block)
				return NULL;
		} while (block->kind != CRUMB_BLOCK_DEFINITIONS);
		at = block + 1;
	}
}

const struct crumb_record *raw_record(const struct raw *raw,
                                      const struct crumb_record *after,
                                      enum crumb_record_type type)
{
	const struct crumb_record *r = after;
	const struct crumb_block *block = after ? block_of(raw, after) : NULL;

	if (!r) {
		block = raw_block(raw, NULL);
		while (block && block->kind != CRUMB_BLOCK_DEFINITIONS)
			block = raw_block(raw, block);
		if (!block)
			return NULL;
		r = first_from(raw, block, block + 1);
	} else {
		r = first_from(raw, block, (const unsigned char *)r + r->size);
	}
	while (r && type && r->type != (uint32_t)type)
		r = first_from(raw, block_of(raw, r), (const unsigned char *)r + r->size);
	return r;
}

size_t raw_count_records(const struct raw *raw, enum crumb_record_type type)
{
	const struct crumb_record *r = NULL;
	size_t count = 0;

	while ((r = raw_record(raw, r, type)))
		count++;
	return count;
}

char *raw_string(const struct raw *raw, uint32_t id)
{
	const struct crumb_record *r = NULL;

	if (!id)
		return strdup("");
	while ((r = raw_record(raw, r, CRUMB_RECORD_STRING))) {
		const struct crumb_record_string *s = (const void *)r;
		if (s->id == id)
			return strndup((const char *)(s + 1), s->length);
	}
	ck_abort_msg("string %u is not defined", id);
}

const struct crumb_record_code *raw_code(const struct raw *raw, uint32_t id)
{
	const struct crumb_record *r = NULL;
	const struct crumb_record_code *found = NULL;

	while ((r = raw_record(raw, r, CRUMB_RECORD_CODE))) {
		const struct crumb_record_code *code = (const void *)r;
		if (code->id != id)
			continue;
		must(!found);
		found = code;
	}
	return found;
}
