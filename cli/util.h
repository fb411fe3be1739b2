/* SPDX-License-Identifier: MIT */
/*
 * What every part of the command needs: messages to the user, the end of the process,
 * memory that is there or the process is not, and small helpers on text.
 */
#ifndef BREADCRUMB_CLI_UTIL_H
#define BREADCRUMB_CLI_UTIL_H

#include <stddef.h>

/* Exit statuses: done, bad data or failure, wrong use. */
enum util_status {
	UTIL_DONE = 0,
	UTIL_FAILED = 1,
	UTIL_USAGE = 2,
};

/* "breadcrumb: MESSAGE" on standard error, in one write.  Keeps errno. */
void util_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same after all output is out and the pager has gone, then exit(1). */
_Noreturn void util_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for wrong use: names the help of `command` (NULL: of breadcrumb), exit(2). */
_Noreturn void util_misuse(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the process.  Output still in the buffer is dropped: call out_finish() before. */
_Noreturn void util_exit(int status);

/* Ends the process by the signal, as a command that ran did; never leaves a core. */
_Noreturn void util_exit_by_signal(int signal);

/* Memory that is there; zeroed.  Free it with free(). */
void *util_alloc(size_t count, size_t size);

/* Grows an array of `*room` elements of `size` bytes to at least `need` of them: returns
 * where it is now, with *room updated; what is new is zeroed. */
void *util_grow(void *array, size_t *room, size_t need, size_t size);

/* A formatted string of its own; free it with free(). */
char *util_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Of the candidates (NULL ends them) the one that `word` was probably meant to be: at
 * most a third of its letters differ, or it begins like it.  NULL when none is near.
 */
const char *util_nearest(const char *word, const char *const *candidates);

#endif
