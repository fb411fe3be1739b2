/* SPDX-License-Identifier: MIT */
/* How much of the C stack is left. */
#ifndef BREADCRUMB_AGENT_STACK_H
#define BREADCRUMB_AGENT_STACK_H

#include "buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the calling thread's stack lies: its lowest address and its size, and how much of
 * it is a guard; 0: not known. */
struct stack_bounds {
	uintptr_t low;
	size_t size, guard;
};
struct stack_bounds stack_bounds(void);

/* Finds out where the calling thread's stack lies and fills in its buffer's stack_*:
 * hooks are free in the first 1/part of it. */
void stack_measure(struct buffer *b, unsigned part);

/* How much of the stack is left.  Meaningless, but large, on a stack that the thread has
 * switched to by itself (fibers). */
static inline size_t stack_left(const struct buffer *b)
{
	return (uintptr_t)__builtin_frame_address(0) - b->stack_low;
}

/* Whether the thread is in the part of its stack that hooks should keep away from.  True
 * before stack_measure(). */
static inline bool stack_is_used(const struct buffer *b)
{
	return stack_left(b) < b->stack_reserve;
}

/* Whether so many Python calls fit into a stack of this size when each takes so many
 * bytes, with some to spare; and into that of the buffer's thread. */
static inline bool stack_fits(size_t size, int calls, size_t each)
{
	return calls > 0 && (size_t)calls < size / 8 * 7 / each;
}

static inline bool stack_holds(const struct buffer *b, int calls, size_t each)
{
	return stack_fits(b->stack_size, calls, each);
}

#endif
