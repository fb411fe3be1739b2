/* SPDX-License-Identifier: MIT */
/*
 * What is in a trace file, by format.h alone: for what the reader would mend or pass
 * over in silence.  Whatever is wrong with the file fails the test.
 */
#ifndef BREADCRUMB_UNIT_RAW_TRACE_H
#define BREADCRUMB_UNIT_RAW_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <breadcrumb/format.h>

struct raw {
	unsigned char *bytes; /* followed by zeros: a block that is cut is whole here */
	uint64_t size;        /* of the file */
	const struct crumb_header *header;
};

struct raw raw_load(const char *path);
void raw_free(struct raw *raw);

/* The next block behind `after` (NULL: the first), NULL: none is left. */
const struct crumb_block *raw_block(const struct raw *raw,
                                    const struct crumb_block *after);
uint64_t raw_offset(const struct raw *raw, const void *at);
size_t raw_count_blocks(const struct raw *raw, enum crumb_block_kind kind);

/* All words of a thread, in order: those of its EVENTS blocks, which have to be numbered
 * without a gap, and those of its window, if they are in no such block.  To be freed. */
uint64_t *raw_words(const struct raw *raw, uint32_t thread, size_t *count);

/* How many events the words of all threads tell. */
size_t raw_count_events(const struct raw *raw);

/* The next record of this type (0: of any) behind `after` (NULL: the first); NULL: none
 * is left. */
const struct crumb_record *raw_record(const struct raw *raw,
                                      const struct crumb_record *after,
                                      enum crumb_record_type type);
size_t raw_count_records(const struct raw *raw, enum crumb_record_type type);

/* A copy of string `id`, terminated; "" for id 0.  To be freed. */
char *raw_string(const struct raw *raw, uint32_t id);

/* The definition of code object `id`, NULL: there is none. */
const struct crumb_record_code *raw_code(const struct raw *raw, uint32_t id);

#endif
