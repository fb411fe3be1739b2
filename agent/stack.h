/* SPDX-License-Identifier: MIT */
/* How much of the C stack is left. */
#ifndef BREADCRUMB_AGENT_STACK_H
#define BREADCRUMB_AGENT_STACK_H

#include "buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* Finds out where the calling thread's stack lies and fills in its buffer's stack_low and
 * stack_reserve. */
void stack_measure(struct buffer *b);

/*
 * Whether the thread is in the last part of its stack, which is left to the program.  A
 * stack that the thread switched to by itself (fibers) lies elsewhere and is never called
 * short.
 */
static inline bool stack_is_short(const struct buffer *b)
{
	return (uintptr_t)__builtin_frame_address(0) - b->stack_low < b->stack_reserve;
}

#endif
