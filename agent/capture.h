/* SPDX-License-Identifier: MIT */
/*
 * Which values belong to which event: arguments and variables when they are asked for,
 * results when they are, and what an exception says always.  Told just before the event.
 */
#ifndef BREADCRUMB_AGENT_CAPTURE_H
#define BREADCRUMB_AGENT_CAPTURE_H

#include "frame.h"
#include "trace.h"
#include "value.h"

struct capture_options {
	bool locals;  /* arguments at CALL, variables at LINE, RETURN, YIELD, EXCEPTION */
	bool results; /* what is returned and yielded */
	size_t event_bytes; /* for one event: 64 … PAYLOAD_BYTES_MAX */
	struct extent extent;
};

/* Before the first interpreter is traced; `options` lives as long as the process.  False:
 * this interpreter's values cannot be read, and none will be captured. */
bool capture_init(const struct pyapi *py, const struct capture_options *options);

/* Whether values can be read at all. */
bool capture_is_possible(void);
/* The limits that are in force. */
const struct extent *capture_extent(void);

/* Whether anything is captured of events that are no exceptions. */
extern struct capture_wants {
	bool locals, results;
} capture_wants;

/* The arguments of a frame that is entered. */
void capture_call(const void *code, void *hint, const struct frame *frame);

/* RETURN or YIELD: `result` is what is returned or yielded. */
void capture_leave(enum crumb_word_kind kind, const void *code, void *hint,
                   const struct frame *frame, const void *result);

void capture_line(const void *code, void *hint, const struct frame *frame);

/* The type of an exception of which no more than its type is told, each time: one that
 * lives as long as the process.  NULL: there may be more. */
const void *capture_only_type(const void *exception);

/* `exception`: one of this type, or, up to 3.11, what it will be made of. */
void capture_exception(const void *code, void *hint, const struct frame *frame,
                       const void *type, const void *exception);

#endif
