/* SPDX-License-Identifier: MIT */
/* The time of events: ticks of the CPU's counter, or nanoseconds where it has none. */
#ifndef BREADCRUMB_AGENT_CLOCK_H
#define BREADCRUMB_AGENT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

/* Whether this CPU has a counter that runs at one rate on all cores and in all sleep
 * states.  The answer does not change while the process runs. */
bool clock_has_counter(void);

/* CLOCK_REALTIME in nanoseconds. */
int64_t clock_realtime(void);

/* CLOCK_BOOTTIME in nanoseconds: what the start times of /proc are counted by. */
int64_t clock_boot(void);

/* Reads both clocks as nearly at one moment as it can: *ticks and *realtime
 * (nanoseconds). */
void clock_pair(bool counter, uint64_t *ticks, int64_t *realtime);

/* Remembers a first moment on both clocks, and from a later one tells the ticks per
 * second (exact when there is no counter; else good to about 1e-5 after 10 ms). */
void clock_start(bool counter);
uint64_t clock_frequency(bool counter);

static inline uint64_t clock_nanoseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The CPU's counter; only where clock_has_counter(). */
static inline uint64_t clock_counter(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return 0;
#endif
}

/* The time now, in ticks.  `counter` is what clock_has_counter() said; the caller keeps
 * it where it is at hand, since this runs for each event. */
static inline uint64_t clock_ticks(bool counter)
{
	return __builtin_expect(counter, 1) ? clock_counter() : clock_nanoseconds();
}

#endif
