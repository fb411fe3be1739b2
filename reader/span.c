/* SPDX-License-Identifier: MIT */
/*
 * Frames of a thread form a stack: CALL and RESUME push, RETURN, YIELD and UNWIND pop.
 * Events may be missing (recording stopped for a while, a block was damaged), so an end
 * may not match the top.  When its code is further down, the frames above it ended unseen
 * and are dropped; what their recorded calls took is passed on, so that the self times of
 * all frames still add up to the total.  When it is not there its start was not seen, and
 * the event has no duration.  Nothing is invented.
 *
 * Looking down a deep stack at every such event would make a damaged file take forever.
 * So from the first one on the stack counts how often each code is open: one that is not
 * is known at once, and each step of a search that finds its code drops a frame.
 */
#include "span.h"

#include <errno.h>
#include <stdlib.h>

struct span_count {
	uint32_t code;
	uint32_t is_used;
	uint64_t open;
};

static struct span_count *find_count(struct span_stack *stack, uint32_t code)
{
	size_t mask = stack->count_room - 1;
	size_t at = (size_t)((code * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & mask;

	while (stack->counts[at].is_used && stack->counts[at].code != code)
		at = (at + 1) & mask;
	return &stack->counts[at];
}

/* A table of twice the size, at least, with what was in the old one. */
static int widen_counts(struct span_stack *stack)
{
	struct span_stack wide = {.count_room =
	                              stack->count_room ? stack->count_room * 2 : 64};

	wide.counts = calloc(wide.count_room, sizeof(*wide.counts));
	if (!wide.counts)
		return -ENOMEM;
	for (size_t i = 0; i < stack->count_room; i++)
		if (stack->counts[i].open) {
			*find_count(&wide, stack->counts[i].code) = stack->counts[i];
			wide.count_used++;
		}
	free(stack->counts);
	stack->counts = wide.counts;
	stack->count_room = wide.count_room;
	stack->count_used = wide.count_used;
	return 0;
}

static int count_open(struct span_stack *stack, uint32_t code)
{
	if ((stack->count_used + 1) * 2 > stack->count_room && widen_counts(stack) < 0)
		return -ENOMEM;
	struct span_count *count = find_count(stack, code);
	if (!count->is_used) {
		*count = (struct span_count){.code = code, .is_used = 1};
		stack->count_used++;
	}
	count->open++;
	return 0;
}

static void stop_counting(struct span_stack *stack)
{
	free(stack->counts);
	stack->counts = NULL;
	stack->count_room = stack->count_used = 0;
}

static int start_counting(struct span_stack *stack)
{
	int r = widen_counts(stack);

	for (size_t i = 0; r == 0 && i < stack->depth; i++)
		r = count_open(stack, stack->frames[i].code);
	if (r < 0)
		stop_counting(stack);
	return r;
}

int span_enter_slowly(struct span_stack *stack, uint32_t code, int64_t ns)
{
	if (reader_grow(&stack->frames, &stack->room, stack->depth,
	                sizeof(*stack->frames)))
		return -ENOMEM;
	if (stack->counts && count_open(stack, code) < 0)
		return -ENOMEM;
	stack->frames[stack->depth++] = (struct span_frame){code, ns, 0};
	return 0;
}

static void drop_top(struct span_stack *stack)
{
	struct span_frame *frame = &stack->frames[--stack->depth];

	find_count(stack, frame->code)->open--;
	frame[-1].inside_ns += frame->inside_ns;
}

int span_leave_slowly(struct span_stack *stack, int64_t ns, struct crumb_event *event,
                      uint32_t code)
{
	event->depth = (uint32_t)stack->depth;
	if (stack->depth == 0)
		return 0;
	if (!stack->counts && start_counting(stack) < 0)
		return -ENOMEM;
	struct span_count *count = find_count(stack, code);
	if (!count->open)
		return 0;
	while (stack->frames[stack->depth - 1].code != code)
		drop_top(stack);
	count->open--;
	span_pop(stack, ns, event);
	if (stack->depth == 0)
		stop_counting(stack);
	return 0;
}

void span_free(struct span_stack *stack)
{
	stop_counting(stack);
	free(stack->frames);
	*stack = (struct span_stack){0};
}
