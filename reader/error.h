/* SPDX-License-Identifier: MIT */
/* The last error of a trace, the problems found in its files, and numbers in words. */
#ifndef BREADCRUMB_READER_ERROR_H
#define BREADCRUMB_READER_ERROR_H

#include "reader_internal.h"

/* In place of an offset: the message is about the whole file. */
#define ERROR_NOWHERE UINT64_MAX

/* At most so many problems are kept for each file. */
#define ERROR_PROBLEMS_MAX 100

/* Sets the text that crumb_trace_error() returns: "PATH: at byte OFFSET: ...".  Returns
 * `code`, so that a failure is one statement. */
int error_fail(struct crumb_trace *trace, int code, const char *path, uint64_t offset,
               const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Likewise for a negative errno of the system, in its own words. */
int error_system(struct crumb_trace *trace, int code, const char *path);

/* Notes a problem of a file.  The same text is kept once.  Where there is no memory for
 * it trace->starved is set. */
void error_problem(struct process *process, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes the last error as a problem (of a file that was not added). */
void error_keep(struct crumb_trace *trace);

/* Forgets the problems of one file (which is walked again, or not added after all). */
void error_forget(struct process *process);

/* Frees all problems. */
void error_free(struct crumb_trace *trace);

#endif
