/* SPDX-License-Identifier: MIT */
/* Threads: when they start, who started them, and when they end. */
#ifndef BREADCRUMB_AGENT_THREAD_H
#define BREADCRUMB_AGENT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

struct thread_start {
	uint64_t ticks;            /* when the thread began, or was first asked about */
	uint64_t ident;            /* pthread_self(), which is threading.get_ident() */
	uint32_t native_id;        /* gettid() */
	uint32_t parent_native_id; /* 0: not known */
};

/* `ended` is called in each thread that thread_here() was asked about, when it ends.
 * False: the system has no thread-specific data left. */
bool thread_init(bool counter, void (*ended)(void));

/* Tells about the calling thread, and sees to it that its end is noticed. */
void thread_here(struct thread_start *out);

/*
 * For pthread_create(): wraps a start routine so that thread_here() can tell when and by
 * whom the thread was started.  On return *routine and *argument are what to start
 * instead; they are left alone when there is no memory.  Undo with thread_unwrap() when
 * no thread came of it.
 */
void thread_wrap(void *(**routine)(void *), void **argument);
void thread_unwrap(void *(*routine)(void *), void *argument);

/* In a forked child: the calling thread, the only one, was started by nobody here. */
void thread_forked(void);

#endif
