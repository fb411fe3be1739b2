/* SPDX-License-Identifier: MIT */
/* Waits for an interpreter, chooses a backend for it, and follows sub-interpreters. */
#ifndef BREADCRUMB_AGENT_ATTACH_H
#define BREADCRUMB_AGENT_ATTACH_H

#include "env.h"

#include <stdbool.h>

/*
 * Watches for an interpreter that is about to run, when this process has one among its
 * own symbols (or, with `search`, in any loaded object).  To be called before the
 * interpreter is initialized, and again before each further time.  False: no Python here.
 * Where there is one that cannot be traced, one line says so, once.  `started` is called
 * when the first interpreter is about to be recorded.
 */
bool attach_watch(const struct env *env, bool search, void (*started)(void));

/* Starts recording in the current interpreter, if that has not happened.  The
 * interpreter's lock is held.  For programs that embed Python, and so run no script. */
void attach_now(void);

/* Whether CPython is there and initialized. */
bool attach_is_initialized(void);

/* The address of a function of CPython's in whatever loaded object has it, other than
 * `except`; NULL: nowhere. */
void *attach_symbol(const char *name, const void *except);

/* Around fork(): takes the lock (false: this thread has it already), and lets it go. */
bool attach_before_fork(void);
void attach_after_fork(bool child, bool locked);

#endif
