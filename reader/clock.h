/* SPDX-License-Identifier: MIT */
/* Ticks of a process to nanoseconds since 1970. */
#ifndef BREADCRUMB_READER_CLOCK_H
#define BREADCRUMB_READER_CLOCK_H

#include "reader_internal.h"

/* Adds a moment that is known on both clocks, in any order.  0 or -ENOMEM. */
int clock_add(struct clock *clock, uint64_t ticks, int64_t ns);

/* To be called after the last clock_add() (there must have been one), before clock_ns().
 * Returns how many moments contradicted the others and were left out. */
size_t clock_finish(struct clock *clock, uint64_t ticks_per_second);

/* The time of `ticks`, with any segment of the clock. */
int64_t clock_extend(const struct clock_segment *segment, uint64_t ticks);

/* The time of `ticks`; never falls while they rise.  `*segment` remembers where the last
 * one was found and only moves forward: ticks must not fall between calls that share it.
 */
static inline int64_t clock_ns(const struct clock *clock, size_t *segment, uint64_t ticks)
{
	while (READER_UNLIKELY(*segment + 1 < clock->count &&
	                       ticks >= clock->segments[*segment + 1].ticks))
		++*segment;
	return clock_extend(&clock->segments[*segment], ticks);
}

/* Likewise for a single look. */
int64_t clock_once(const struct clock *clock, uint64_t ticks);

void clock_free(struct clock *clock);

#endif
