/* SPDX-License-Identifier: MIT */
/* What must be as it was when the agent has been at work in a thread of the program's. */
#ifndef BREADCRUMB_AGENT_GUARD_H
#define BREADCRUMB_AGENT_GUARD_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

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

struct guard_write {
	sigset_t before, pending;
};

/* Between the two, a write to a pipe that nobody reads, or past the limit on file sizes,
 * raises no signal in the program.  `error` is what it failed with, or 0. */
static inline struct guard_write guard_write_enter(void)
{
	struct guard_write g;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	sigpending(&g.pending);
	pthread_sigmask(SIG_BLOCK, &set, &g.before);
	return g;
}

static inline void guard_write_leave(const struct guard_write *g, int error)
{
	const struct timespec at_once = {0};
	int number = error == EPIPE ? SIGPIPE : error == EFBIG ? SIGXFSZ : 0;
	sigset_t set;

	if (number && !sigismember(&g->pending, number)) {
		sigemptyset(&set);
		sigaddset(&set, number);
		sigtimedwait(&set, NULL, &at_once);
	}
	pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}

#endif
