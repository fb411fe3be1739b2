/* SPDX-License-Identifier: MIT */
/*
 * A frame-evaluation hook makes each Python call use C stack, which from 3.11 on it would
 * not. So programs that recurse deeply must find the last quarter of their stack
 * untouched.
 *
 * The main thread's limit is taken from RLIMIT_STACK: pthread_getattr_np() would read
 * /proc/self/maps for it.
 */
#include "stack.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#define LARGEST ((size_t)1 << 30) /* what "unlimited" is taken for */

extern void *__libc_stack_end; /* of ld.so: where the main thread's stack began */

void stack_measure(struct buffer *b)
{
	void *low = NULL;
	size_t size = 0, guard = 0;

	if (gettid() == getpid()) {
		struct rlimit limit;
		if (getrlimit(RLIMIT_STACK, &limit) == 0)
			size =
			    limit.rlim_cur < LARGEST ? (size_t)limit.rlim_cur : LARGEST;
		low = (char *)__libc_stack_end - size;
	} else {
		pthread_attr_t attributes;
		if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
			pthread_attr_getstack(&attributes, &low, &size);
			pthread_attr_getguardsize(&attributes, &guard);
			pthread_attr_destroy(&attributes);
		}
	}
	b->stack_low = (uintptr_t)low;
	b->stack_reserve = size / 4 + guard;
}
