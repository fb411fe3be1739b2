/* SPDX-License-Identifier: MIT */
/* Ticks of a process to nanoseconds since 1970. */
#ifndef BREADCRUMB_READER_TIMELINE_H
#define BREADCRUMB_READER_TIMELINE_H

#include "reader_internal.h"

/* Adds a moment that is known on both clocks, in any order.  0 or -ENOMEM. */
int timeline_add(struct timeline *timeline, uint64_t ticks, int64_t ns);

/* To be called after the last timeline_add() (there must have been one), before
 * timeline_ns(). Returns how many moments contradicted the others and were left out. */
size_t timeline_finish(struct timeline *timeline, uint64_t ticks_per_second);

/* The time of `ticks`, with any segment of the clock. */
int64_t timeline_extend(const struct timeline_segment *segment, uint64_t ticks);

/* The time of `ticks`; never falls while they rise.  `*segment` remembers where the last
 * one was found and only moves forward: ticks must not fall between calls that share it.
 */
static inline int64_t timeline_ns(const struct timeline *timeline, size_t *segment,
                                  uint64_t ticks)
{
	while (READER_UNLIKELY(*segment + 1 < timeline->count &&
	                       ticks >= timeline->segments[*segment + 1].ticks))
		++*segment;
	return timeline_extend(&timeline->segments[*segment], ticks);
}

/* Likewise for a single look. */
int64_t timeline_once(const struct timeline *timeline, uint64_t ticks);

void timeline_free(struct timeline *timeline);

#endif
