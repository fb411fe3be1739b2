/* SPDX-License-Identifier: MIT */
/* Plain values to the words and definition records of format.h. */
#ifndef BREADCRUMB_AGENT_RECORD_H
#define BREADCRUMB_AGENT_RECORD_H

#include "breadcrumb/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_TICKS_LIMIT (1ull << CRUMB_TICKS_BITS)
#define RECORD_TEXT_MAX    65535u /* longer text is cut */

/* CALL, RETURN, YIELD, RESUME, UNWIND (EXCEPTION: site); code at most CRUMB_CODE_UNKNOWN,
 * ticks < RECORD_TICKS_LIMIT. */
static inline uint64_t record_word(enum crumb_word_kind kind, uint32_t code,
                                   uint64_t ticks)
{
	return (uint64_t)kind | (uint64_t)code << CRUMB_KIND_BITS |
	       ticks << CRUMB_TICKS_SHIFT;
}

/* Whether a LINE word can hold these; `line` is relative to the code's first. */
static inline bool record_line_fits(uint32_t code, int32_t line, uint64_t ticks)
{
	return code < 1u << CRUMB_LINE_CODE_BITS &&
	       (uint32_t)line + (1u << (CRUMB_LINE_BITS - 1)) < 1u << CRUMB_LINE_BITS &&
	       ticks < 1ull << CRUMB_LINE_TICKS_BITS;
}

static inline uint64_t record_line(uint32_t code, int32_t line, uint64_t ticks)
{
	uint64_t field = (uint32_t)line & ((1u << CRUMB_LINE_BITS) - 1);
	return CRUMB_WORD_LINE | (uint64_t)code << CRUMB_KIND_BITS |
	       field << CRUMB_LINE_SHIFT | ticks << CRUMB_LINE_TICKS_SHIFT;
}

static inline uint64_t record_time(uint64_t ticks)
{
	return CRUMB_WORD_TIME | ticks << CRUMB_KIND_BITS;
}

static inline uint64_t record_extended(enum crumb_extended subtype, unsigned words,
                                       uint64_t ticks)
{
	return CRUMB_WORD_EXTENDED | (uint64_t)subtype << CRUMB_KIND_BITS |
	       (uint64_t)words << CRUMB_EXT_WORDS_SHIFT | ticks << CRUMB_TICKS_SHIFT;
}

/* How many events `count` words hold (payload and TIME words are none). */
size_t record_count_events(const uint64_t *words, size_t count);

/* How much of a text is recorded: at most RECORD_TEXT_MAX bytes, whole characters. */
size_t record_cut(const char *text, size_t length);

/* Each adds one definition to the file; false when the file has no room for it. */
bool record_string(uint32_t id, const char *text, size_t length);
bool record_code(const struct crumb_record_code *code);
bool record_site(const struct crumb_record_site *site);
bool record_variables(uint32_t code, const uint32_t *names, uint32_t count);
bool record_thread(const struct crumb_record_thread *thread);
bool record_thread_name(uint32_t number, uint32_t name);
bool record_fact(enum crumb_fact fact, const char *text, size_t length);

#endif
