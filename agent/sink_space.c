/* SPDX-License-Identifier: MIT */
/*
 * Space is handed out by moving `end` on, never back into what was passed over: a copy of
 * the growing file (sink_file.h) relies on later space lying behind earlier space.
 */
#include "sink_space.h"

#include "breadcrumb/format.h"
#include "sink_file.h"

#define AHEAD_FROM  ((uint64_t)1 << 20) /* smaller files have no room set aside */
#define AHEAD_MOST  ((uint64_t)4 << 20)
#define WASTED_PART 128 /* of the file, for the sake of alignment, at most */

static uint64_t end;       /* atomic */
static uint64_t wasted;    /* atomic */
static uint64_t set_aside; /* up to here; UINT64_MAX: it cannot be done; atomic */

static uint64_t up(uint64_t offset, size_t align)
{
	return (offset + align - 1) & ~(uint64_t)(align - 1);
}

void sink_space_begin(uint64_t used)
{
	end = used;
	wasted = 0;
	set_aside = 0;
}

uint64_t sink_space_take(size_t size, size_t align)
{
	uint64_t old = __atomic_load_n(&end, __ATOMIC_RELAXED), start;
	do {
		start = up(old, align);
	} while (!__atomic_compare_exchange_n(&end, &old, start + size, true,
	                                      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	return start;
}

/* The page cache takes what is aligned to its size as one large folio, which makes the
 * write cheaper by a third (ext4, Linux 6.18). */
uint64_t sink_space_take_large(size_t size)
{
	uint64_t old = sink_space_end();
	uint64_t waste = __atomic_load_n(&wasted, __ATOMIC_RELAXED) + up(old, size) - old;
	if (waste > old / WASTED_PART)
		return sink_space_take(size, CRUMB_ALIGN);
	__atomic_store_n(&wasted, waste, __ATOMIC_RELAXED);
	return sink_space_take(size, size);
}

void sink_space_give_back(uint64_t offset, size_t size)
{
	uint64_t last = offset + size;
	__atomic_compare_exchange_n(&end, &last, offset, false, __ATOMIC_RELAXED,
	                            __ATOMIC_RELAXED);
}

uint64_t sink_space_end(void)
{
	return __atomic_load_n(&end, __ATOMIC_ACQUIRE);
}

void sink_space_ahead(uint64_t upto)
{
	uint64_t from = __atomic_load_n(&set_aside, __ATOMIC_RELAXED);
	if (upto < AHEAD_FROM || upto <= from)
		return;
	uint64_t step = upto / 4 < AHEAD_MOST ? upto / 4 : AHEAD_MOST;
	uint64_t start = from > upto ? from : upto;
	if (__atomic_compare_exchange_n(&set_aside, &from, start + step, false,
	                                __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
	    !sink_file_set_aside(start, step))
		__atomic_store_n(&set_aside, UINT64_MAX, __ATOMIC_RELAXED);
}
