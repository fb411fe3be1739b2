/* SPDX-License-Identifier: MIT */
/*
 * The clock of a trace is a line through moments that were seen on both clocks: the
 * start, every clock record, the end.  Between two of them time is interpolated, so that
 * the two clocks may drift apart for weeks without an error that grows.
 *
 * After the last moment (the tail of a process that was killed) the slope of the last
 * stretch that is long enough to trust goes on.  Where that differs from the agent's own
 * estimate by more than a sixteenth, somebody set the system's clock in that stretch, and
 * the estimate is used.
 *
 * The system's clock may be set back while a program runs, and a bit of the file may be
 * wrong.  Either way a moment that lies before its predecessor is left out, or the
 * predecessor is where that one does not fit to its own neighbours: shown times never
 * fall.
 *
 * A slope is a 64-bit whole number and a 64-bit fraction; a product of 128 bits then is
 * exact to a nanosecond over any number of ticks.
 */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define LONG_ENOUGH   (NS_PER_SECOND / 100)

int timeline_add(struct timeline *timeline, uint64_t ticks, int64_t ns)
{
	if (reader_grow(&timeline->segments, &timeline->room, timeline->count,
	                sizeof(*timeline->segments)))
		return -ENOMEM;
	timeline->segments[timeline->count++] =
	    (struct timeline_segment){.ticks = ticks, .ns = ns};
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct timeline_segment *a = left, *b = right;

	if (a->ticks != b->ticks)
		return a->ticks < b->ticks ? -1 : 1;
	return a->ns < b->ns ? -1 : a->ns > b->ns;
}

/* Keeps of the sorted moments those that rise on both clocks. */
static size_t keep_rising(struct timeline *timeline)
{
	struct timeline_segment *s = timeline->segments;
	size_t kept = 0, left_out = 0;

	for (size_t i = 0; i < timeline->count; i++) {
		if (kept && s[i].ticks == s[kept - 1].ticks) {
			left_out += s[i].ns != s[kept - 1].ns;
			continue;
		}
		if (kept && s[i].ns < s[kept - 1].ns) {
			left_out++;
			if (kept > 1 && s[i].ns < s[kept - 2].ns)
				continue;
			/* The first moment is the header's: it is the anchor. */
			if (kept == 1)
				continue;
			kept--;
		}
		s[kept++] = s[i];
	}
	timeline->count = kept;
	return left_out;
}

static void set_slope(struct timeline_segment *s, uint64_t ns, uint64_t ticks)
{
	s->whole = ns / ticks;
	s->fraction = (uint64_t)(((timeline_wide)(ns % ticks) << 64) / ticks);
}

/* Whether ns / ticks is within a sixteenth of the estimate. */
static bool is_near(uint64_t ns, uint64_t ticks, uint64_t ticks_per_second)
{
	timeline_wide measured = (timeline_wide)ns * ticks_per_second;
	timeline_wide expected = (timeline_wide)ticks * NS_PER_SECOND;
	timeline_wide apart =
	    measured > expected ? measured - expected : expected - measured;

	return apart <= expected / 16;
}

static void set_last_slope(struct timeline *timeline, uint64_t ticks_per_second)
{
	struct timeline_segment *last = &timeline->segments[timeline->count - 1];

	for (size_t i = timeline->count - 1; i-- > 0;) {
		uint64_t ns = (uint64_t)last->ns - (uint64_t)timeline->segments[i].ns;
		uint64_t ticks = last->ticks - timeline->segments[i].ticks;
		if (ns < LONG_ENOUGH)
			continue;
		if (is_near(ns, ticks, ticks_per_second)) {
			set_slope(last, ns, ticks);
			return;
		}
		break;
	}
	set_slope(last, NS_PER_SECOND, ticks_per_second);
}

size_t timeline_finish(struct timeline *timeline, uint64_t ticks_per_second)
{
	size_t left_out;

	if (timeline->count > 1)
		qsort(timeline->segments, timeline->count, sizeof(*timeline->segments),
		      compare);
	left_out = keep_rising(timeline);
	for (size_t i = 0; i + 1 < timeline->count; i++) {
		struct timeline_segment *s = &timeline->segments[i];
		set_slope(s, (uint64_t)s[1].ns - (uint64_t)s->ns, s[1].ticks - s->ticks);
	}
	set_last_slope(timeline, ticks_per_second ? ticks_per_second : NS_PER_SECOND);
	return left_out;
}

int64_t timeline_extend(const struct timeline_segment *segment, uint64_t ticks)
{
	int64_t ns;

	if (READER_LIKELY(ticks >= segment->ticks)) {
		uint64_t since = ticks - segment->ticks;
		timeline_wide far =
		    (timeline_wide)since * segment->whole +
		    (uint64_t)(((timeline_wide)since * segment->fraction) >> 64);
		if (far > INT64_MAX ||
		    __builtin_add_overflow(segment->ns, (int64_t)far, &ns))
			return INT64_MAX;
		return ns;
	}
	uint64_t before = segment->ticks - ticks;
	timeline_wide far =
	    (timeline_wide)before * segment->whole +
	    (uint64_t)(((timeline_wide)before * segment->fraction) >> 64) +
	    (segment->fraction != 0);
	if (far > INT64_MAX || __builtin_sub_overflow(segment->ns, (int64_t)far, &ns))
		return INT64_MIN;
	return ns;
}

int64_t timeline_once(const struct timeline *timeline, uint64_t ticks)
{
	size_t low = 0, high = timeline->count;

	/* The last segment that starts at or before `ticks`, else the first one. */
	while (low + 1 < high) {
		size_t middle = low + (high - low) / 2;
		if (timeline->segments[middle].ticks <= ticks)
			low = middle;
		else
			high = middle;
	}
	return timeline_extend(&timeline->segments[low], ticks);
}

void timeline_free(struct timeline *timeline)
{
	free(timeline->segments);
	*timeline = (struct timeline){0};
}
