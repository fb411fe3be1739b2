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

__extension__ typedef unsigned __int128 timeline_wide;

/* The time of `ticks`; never falls while they rise.  `*segment` remembers where the last
 * one was found and only moves forward: ticks must not fall between calls that share it.
 */
static inline int64_t timeline_ns(const struct timeline *timeline, size_t *segment,
                                  uint64_t ticks)
{
	while (READER_UNLIKELY(*segment + 1 < timeline->count &&
	                       ticks >= timeline->segments[*segment + 1].ticks))
		++*segment;
	/* As timeline_extend() does it where nothing can overflow: behind the segment's
	 * start, with less than a nanosecond a tick, or in nanoseconds. */
	const struct timeline_segment *s = &timeline->segments[*segment];
	uint64_t since = ticks - s->ticks;
	if (READER_LIKELY(ticks >= s->ticks && s->whole <= 1 && since < INT64_MAX / 4 &&
	                  s->ns < INT64_MAX / 2))
		return s->ns +
		       (int64_t)(since * s->whole +
		                 (uint64_t)(((timeline_wide)since * s->fraction) >> 64));
	return timeline_extend(s, ticks);
}

/* Likewise for a single look. */
int64_t timeline_once(const struct timeline *timeline, uint64_t ticks);

void timeline_free(struct timeline *timeline);

#endif
