/* SPDX-License-Identifier: MIT */
/*
 * A frame-evaluation hook, and a trace function on 3.10, add to the C stack that a Python
 * call needs; on 3.11 a call would otherwise need none.  A program that recurses as
 * deeply as its stack allows must still find it.  Hooks are therefore free in the first
 * part of a thread's stack only, and beyond it as long as the recursion limit keeps the
 * program from using the stack up.
 *
 * The main thread's limit is taken from RLIMIT_STACK: pthread_getattr_np() would read
 * /proc/self/maps for it.
 */
#include "stack.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>

#define LARGEST ((size_t)1 << 30) /* what "unlimited" is taken for */

extern void *__libc_stack_end; /* of ld.so: where the main thread's stack began */

/* By address: in a child that a thread forked, the only thread runs on that thread's
 * stack. */
static bool is_main_stack(const char *low)
{
	const char *here = __builtin_frame_address(0);
	return low <= here && here < (const char *)__libc_stack_end;
}

struct stack_bounds stack_bounds(void)
{
	size_t size = 0, guard = 0;
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) == 0)
		size = limit.rlim_cur < LARGEST ? (size_t)limit.rlim_cur : LARGEST;
	void *low = (char *)__libc_stack_end - size;
	if (!is_main_stack(low)) {
		pthread_attr_t attributes;
		low = NULL;
		size = 0;
		if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
			pthread_attr_getstack(&attributes, &low, &size);
			pthread_attr_getguardsize(&attributes, &guard);
			pthread_attr_destroy(&attributes);
		}
	}
	return (struct stack_bounds){(uintptr_t)low, size, guard};
}

void stack_measure(struct buffer *b, unsigned part)
{
	struct stack_bounds s = stack_bounds();
	b->stack_low = s.low;
	b->stack_size = s.size;
	b->stack_reserve = s.size - s.size / part + s.guard + 1;
}
