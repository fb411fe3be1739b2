/* SPDX-License-Identifier: MIT */
/*
 * Makes calls of the C library fail, runs a function of the test's just before one, and
 * sets the clocks.  A program that wants this is linked with fault.c and with the
 * --wrap options of tests/Makefile.am.  Calls are counted from the last fault_none() on,
 * those of the test itself included.
 */
#ifndef BREADCRUMB_UNIT_FAULT_H
#define BREADCRUMB_UNIT_FAULT_H

#include <stddef.h>
#include <stdint.h>

enum fault_call {
	FAULT_ACCESS,
	FAULT_CLOSE,
	FAULT_COPY_FILE_RANGE,
	FAULT_FALLOCATE,
	FAULT_FCNTL,
	FAULT_FSTAT,
	FAULT_FSTATVFS,
	FAULT_FTRUNCATE,
	FAULT_GETCWD,
	FAULT_GETRANDOM,
	FAULT_GETRLIMIT,
	FAULT_KEY_CREATE,
	FAULT_LINKAT,
	FAULT_MADVISE,
	FAULT_MALLOC,
	FAULT_MMAP,
	FAULT_OPEN,
	FAULT_PREAD,
	FAULT_PWRITE,
	FAULT_PWRITEV,
	FAULT_READ,
	FAULT_SETRLIMIT,
	FAULT_SETSPECIFIC,
	FAULT_STRDUP,
	FAULT_THREAD_ATTRIBUTES,
	FAULT_UNAME,
	FAULT_WRITE,
	FAULT_CALLS,
};

#define FAULT_ALWAYS (~0u)

/* The `times` calls after the next `skip` fail with errno `error` (pthread functions
 * return it).  Error 0: they succeed with a result of 0 and do nothing. */
void fault_fail(enum fault_call call, unsigned skip, unsigned times, int error);

/* Runs `before` once, just before the call after the next `skip`. */
void fault_before(enum fault_call call, unsigned skip, void (*before)(void));

/* COPY_FILE_RANGE, PWRITE, PWRITEV and WRITE take at most so many bytes at once; 0: any.
 */
void fault_shorten(enum fault_call call, size_t most);

/* getrlimit() says that RLIMIT_NOFILE is this, soft and hard. */
void fault_descriptor_limit(unsigned limit);

/* How often it was called. */
unsigned fault_count(enum fault_call call);

/* Calls are as they were; counts are 0. */
void fault_none(void);

/* Check looks at the clock when a test function returns: what it sees then should not be
 * far from the truth, so call fault_clock_run() where it is. */

/* From now on CLOCK_MONOTONIC and CLOCK_REALTIME stand still, except for
 * fault_clock_advance(), which moves both, and fault_clock_step(): CLOCK_REALTIME. */
void fault_clock_stop(int64_t monotonic_ns, int64_t realtime_ns);
void fault_clock_advance(int64_t ns);
void fault_clock_step(int64_t ns);

/* The clocks run as ever. */
void fault_clock_run(void);

/* The next `count` readings of any clock give these. */
void fault_clock_script(const int64_t *readings, unsigned count);

#endif
