/* SPDX-License-Identifier: MIT */
/*
 * Which counter may be trusted, and how its ticks relate to the time of day.  The
 * time-stamp counter is used only when the CPU says that it is invariant; its rate is
 * measured, since few CPUs tell it.
 */
#include "clock.h"

#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

static uint64_t first_ticks, first_ns;

bool clock_has_counter(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned a, b, c, d;
	/* Leaf 0x80000007, EDX bit 8: invariant TSC (Intel SDM vol. 3, 17.17.1; AMD APM
	 * vol. 3). */
	return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d >> 8 & 1);
#elif defined(__aarch64__)
	return true; /* the generic timer is architected to be invariant */
#else
	return false;
#endif
}

static int64_t nanoseconds_of(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_realtime(void)
{
	return nanoseconds_of(CLOCK_REALTIME);
}

int64_t clock_boot(void)
{
	return nanoseconds_of(CLOCK_BOOTTIME);
}

/* Takes the narrowest of a few tries: a reading interrupted by the scheduler would be off
 * by as long as the thread was away. */
void clock_pair(bool counter, uint64_t *ticks, int64_t *realtime)
{
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < 5; i++) {
		uint64_t before = clock_ticks(counter);
		int64_t ns = clock_realtime();
		uint64_t width = clock_ticks(counter) - before;
		if (width < best) {
			best = width;
			*ticks = before + width / 2;
			*realtime = ns;
		}
	}
}

void clock_start(bool counter)
{
	first_ns = clock_nanoseconds();
	first_ticks = clock_ticks(counter);
}

uint64_t clock_frequency(bool counter)
{
	if (!counter)
		return 1000000000u;
#if defined(__aarch64__)
	uint64_t hz;
	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
#else
	/* A program that starts faster than this waits for nobody: the estimate is then
	 * coarser and the clock records mend it. */
	uint64_t ns = clock_nanoseconds() - first_ns;
	uint64_t ticks = clock_ticks(counter) - first_ticks;
	if (!ns)
		return 1000000000u;
	return (uint64_t)((double)ticks * 1e9 / (double)ns);
#endif
}
