/* SPDX-License-Identifier: MIT */
/*
 * What is known of a thread waits in its thread-specific data until its first event; the
 * destructor of that datum is how its end is noticed.  A thread that never runs Python
 * has no more than that.
 */
#include "thread.h"

#include "clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct started {
	void *(*routine)(void *);
	void *argument;
	uint64_t ticks;
	uint32_t parent_native_id;
	bool seen;
};

static pthread_key_t key;
static bool have_key, use_counter;
static void (*on_end)(void);
static struct started not_ours; /* stands for threads that were not wrapped */

static uint32_t native_id(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static void at_end(void *data)
{
	struct started *s = data;
	if (s == &not_ours || s->seen)
		on_end();
	if (s != &not_ours)
		free(s);
}

bool thread_init(bool counter, void (*ended)(void))
{
	use_counter = counter;
	on_end = ended;
	if (!have_key)
		have_key = pthread_key_create(&key, at_end) == 0;
	return have_key;
}

void thread_here(struct thread_start *out)
{
	struct started *s = have_key ? pthread_getspecific(key) : NULL;

	out->native_id = native_id();
	out->ident = (uint64_t)pthread_self();
	out->parent_native_id = 0;
	out->ticks = clock_ticks(use_counter);
	if (s && s != &not_ours) {
		/* A second time: the thread ran Python after it was thought to have
		 * ended. */
		if (!s->seen)
			out->ticks = s->ticks;
		out->parent_native_id = s->parent_native_id;
		s->seen = true;
	} else if (have_key && !s) {
		pthread_setspecific(key, &not_ours);
	}
}

static void *start(void *data)
{
	struct started *s = data;
	s->ticks = clock_ticks(use_counter);
	if (!have_key || pthread_setspecific(key, s) != 0) {
		void *(*routine)(void *) = s->routine;
		void *argument = s->argument;
		thread_unwrap(start, s);
		return routine(argument);
	}
	return s->routine(s->argument);
}

void thread_wrap(void *(**routine)(void *), void **argument)
{
	struct started *s = malloc(sizeof *s);
	if (!s)
		return;
	*s = (struct started){
	    .routine = *routine, .argument = *argument, .parent_native_id = native_id()};
	*routine = start;
	*argument = s;
}

void thread_unwrap(void *(*routine)(void *), void *argument)
{
	if (routine == start)
		free(argument);
}

void thread_forked(void)
{
	struct started *s = have_key ? pthread_getspecific(key) : NULL;
	if (s && s != &not_ours) {
		s->seen = true; /* so it begins when it is first asked about */
		s->parent_native_id = 0;
	}
}
