/* SPDX-License-Identifier: MIT */
/* What must be as it was when the agent has been at work in a thread of the program's. */
#ifndef BREADCRUMB_AGENT_GUARD_H
#define BREADCRUMB_AGENT_GUARD_H

#include <errno.h>
#include <pthread.h>

/* For every mutex of the agent: a fork() in a signal handler that has interrupted its
 * holder gets an error instead of waiting for itself. */
#define GUARD_MUTEX PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP

struct guard {
	int error, cancel;
};

/* Between the two, errno may change, and no pthread_cancel() takes effect: the thread
 * would die with locks held, at a place where the program has no cancellation point. */
static inline struct guard guard_enter(void)
{
	struct guard g = {.error = errno};
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &g.cancel);
	return g;
}

static inline void guard_leave(const struct guard *g)
{
	pthread_setcancelstate(g->cancel, NULL);
	errno = g->error;
}

#endif
