/* SPDX-License-Identifier: MIT */
/* The open frames of one thread: how deep an event is, and how long a frame ran. */
#ifndef BREADCRUMB_READER_SPAN_H
#define BREADCRUMB_READER_SPAN_H

#include "reader_internal.h"

struct span_frame {
	uint32_t code;
	int64_t start_ns;
	uint64_t inside_ns; /* spent in recorded calls made from it */
};

struct span_count;

struct span_stack {
	struct span_frame *frames;
	size_t depth, room;
	/* How often each code is open; only kept from the first event on that does not
	 * match the top (see span.c). */
	struct span_count *counts;
	size_t count_used, count_room;
};

int span_enter_slowly(struct span_stack *stack, uint32_t code, int64_t ns);
int span_leave_slowly(struct span_stack *stack, int64_t ns, struct crumb_event *event,
                      uint32_t code);
void span_free(struct span_stack *stack);

/* A frame starts or goes on: sets event->depth.  0 or -ENOMEM. */
static inline int span_enter(struct span_stack *stack, uint32_t code, int64_t ns,
                             struct crumb_event *event)
{
	event->depth = (uint32_t)stack->depth;
	if (READER_UNLIKELY(stack->depth == stack->room || stack->counts))
		return span_enter_slowly(stack, code, ns);
	stack->frames[stack->depth++] = (struct span_frame){code, ns, 0};
	return 0;
}

/* Takes the top frame off, which is the event's. */
static inline void span_pop(struct span_stack *stack, int64_t ns,
                            struct crumb_event *event)
{
	struct span_frame *frame = &stack->frames[--stack->depth];
	uint64_t total = (uint64_t)ns - (uint64_t)frame->start_ns;

	uint64_t self = total - frame->inside_ns;

	/* Only a damaged clock makes a frame last for 292 years. */
	event->depth = (uint32_t)stack->depth;
	event->duration_ns = total > INT64_MAX ? INT64_MAX : (int64_t)total;
	event->self_ns = self > INT64_MAX ? INT64_MAX : (int64_t)self;
	if (stack->depth)
		frame[-1].inside_ns += total;
}

/* A frame ends or is suspended: sets event->depth, and duration_ns and self_ns where its
 * start was recorded.  0 or -ENOMEM. */
static inline int span_leave(struct span_stack *stack, uint32_t code, int64_t ns,
                             struct crumb_event *event)
{
	if (READER_UNLIKELY(!stack->depth ||
	                    stack->frames[stack->depth - 1].code != code ||
	                    stack->counts))
		return span_leave_slowly(stack, ns, event, code);
	span_pop(stack, ns, event);
	return 0;
}

/* The depth of an event inside a frame of `code`. */
static inline uint32_t span_depth(const struct span_stack *stack, uint32_t code)
{
	bool is_top = stack->depth && stack->frames[stack->depth - 1].code == code;

	return (uint32_t)(stack->depth - is_top);
}

#endif
