/* SPDX-License-Identifier: MIT */
/* Names of things in a trace, as every text output shows them. */
#ifndef BREADCRUMB_CLI_SHOW_H
#define BREADCRUMB_CLI_SHOW_H

#include <stddef.h>
#include <stdint.h>

#include <breadcrumb/reader.h>

/* "app.Shop.open"; functions of the script itself (__main__) without the module.  The
 * text may be gone after the next call but one. */
const char *show_function(const struct crumb_code *code);

/* The thread's name, else "thread 3"; likewise. */
const char *show_thread(const struct crumb_thread *thread);

/* How many columns the longest of these names takes. */
unsigned show_threads_width(const struct crumb_trace *trace);

/* A function and a line of it (0: not known) as Python's tracebacks have them, 'File
 * "app.py", line 3, in Shop.open'; free it with free(). */
char *show_place(const struct crumb_code *code, uint32_t line);

/* The file of a function; without its folders where lines are cut, which a reader can do
 * without. */
const char *show_file(const struct crumb_code *code);

/* The command line of a process, quoted as a shell would want it; free it with free(). */
char *show_command(const struct crumb_process *process);

/* What a count of losses means, by its cause: "1,234 events: the disk was full"; free it
 * with free().  A count of 0 is not known. */
char *show_loss(unsigned cause, uint64_t count);

/* A line for a mark, "── mark: text ──"; free it with free(). */
char *show_mark(const struct crumb_event *event);

/* The variables of an event, "x=1, y='a'"; NULL when it has none.  Free it with free().
 */
char *show_locals(const struct crumb_event *event);

/* How a process ended. */
const char *show_end(enum crumb_ended ended);

#endif
