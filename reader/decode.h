/* SPDX-License-Identifier: MIT */
/* Event words to plain values.  Knows nothing of files, clocks or functions. */
#ifndef BREADCRUMB_READER_DECODE_H
#define BREADCRUMB_READER_DECODE_H

#include "reader_internal.h"

/* One decoded record. */
struct decode_record {
	enum crumb_kind kind;
	uint32_t code; /* 0: none */
	int32_t line;  /* LINE words: relative to the function's first line */
	bool line_is_relative;
	uint32_t text;  /* EXCEPTION: string id of the type's name */
	uint32_t site;  /* EXCEPTION: the site that says code, line and text; 0: they are
	                   here */
	unsigned cause; /* LOST */
	uint64_t lost;
	uint32_t bytes; /* MARK: of text, behind the first payload word */
};

enum decode_result {
	DECODE_EVENT, /* *record is filled */
	DECODE_SKIP,  /* nothing to show: TIME, or something that a later agent wrote */
	DECODE_LONG,  /* EXTENDED: see decode_extended() */
	DECODE_END,   /* the zero word */
	DECODE_BACK,  /* TIME, but earlier than *ticks, which stays */
	DECODE_SHORT, /* EXTENDED, with less payload than its subtype or itself says */
};

static inline uint64_t decode_later(uint64_t ticks, uint64_t by)
{
	return ticks <= UINT64_MAX - by ? ticks + by : UINT64_MAX;
}

/* Decodes the first (and, but for DECODE_LONG, only) word of a record and moves `*ticks`,
 * the time of the thread's previous event, to this one's. */
static inline enum decode_result decode_word(uint64_t word, uint64_t *ticks,
                                             struct decode_record *record)
{
	unsigned kind = word & ((1u << CRUMB_KIND_BITS) - 1);

	if (READER_LIKELY(kind >= CRUMB_WORD_CALL && kind <= CRUMB_WORD_UNWIND)) {
		/* The words' kinds and the events' have the same numbers. */
		record->kind = (enum crumb_kind)kind;
		record->code =
		    (uint32_t)(word >> CRUMB_KIND_BITS) & ((1u << CRUMB_CODE_BITS) - 1);
		*ticks = decode_later(*ticks, word >> CRUMB_TICKS_SHIFT);
		return DECODE_EVENT;
	}
	if (kind == CRUMB_WORD_LINE) {
		uint32_t line =
		    (uint32_t)(word >> CRUMB_LINE_SHIFT) & ((1u << CRUMB_LINE_BITS) - 1);
		uint32_t sign = 1u << (CRUMB_LINE_BITS - 1);
		record->kind = CRUMB_LINE;
		record->code = (uint32_t)(word >> CRUMB_KIND_BITS) &
		               ((1u << CRUMB_LINE_CODE_BITS) - 1);
		record->line = (int32_t)(line ^ sign) - (int32_t)sign;
		record->line_is_relative = true;
		*ticks = decode_later(*ticks, word >> CRUMB_LINE_TICKS_SHIFT);
		return DECODE_EVENT;
	}
	if (kind == CRUMB_WORD_EXCEPTION) {
		*record = (struct decode_record){
		    .kind = CRUMB_EXCEPTION,
		    .site = (uint32_t)(word >> CRUMB_KIND_BITS) &
		            ((1u << CRUMB_CODE_BITS) - 1),
		};
		*ticks = decode_later(*ticks, word >> CRUMB_TICKS_SHIFT);
		return DECODE_EVENT;
	}
	if (kind == CRUMB_WORD_TIME) {
		uint64_t now = word >> CRUMB_KIND_BITS;
		if (now < *ticks)
			return DECODE_BACK;
		*ticks = now;
		return DECODE_SKIP;
	}
	if (kind == CRUMB_WORD_EXTENDED) {
		*ticks = decode_later(*ticks, word >> CRUMB_TICKS_SHIFT);
		return DECODE_LONG;
	}
	return word ? DECODE_SKIP : DECODE_END;
}

static inline unsigned decode_subtype(uint64_t word)
{
	return (word >> CRUMB_KIND_BITS) & 0xff;
}

/* Payload words that follow an EXTENDED word. */
static inline size_t decode_payload(uint64_t word)
{
	return (word >> CRUMB_EXT_WORDS_SHIFT) & 0xffff;
}

/* How many of them decode_extended() looks at: 0 … DECODE_NEED_MAX. */
size_t decode_need(uint64_t word);
#define DECODE_NEED_MAX 2

/* Decodes an EXTENDED record; `payload` has decode_need(word) words.  DECODE_EVENT,
 * DECODE_SHORT, or DECODE_SKIP for a subtype that is not known. */
enum decode_result decode_extended(uint64_t word, const uint64_t *payload,
                                   struct decode_record *record);

/* What a run of words holds. */
struct decode_summary {
	size_t words;   /* of whole records before the zero word, the end or damage */
	uint64_t ticks; /* time of the last one */
	enum crumb_kind last; /* kind of the last event; 0 when there was none */
};

/* Walks over `count` words without showing them. */
struct decode_summary decode_scan(const uint64_t *words, size_t count, uint64_t ticks);

#endif
