/* SPDX-License-Identifier: MIT */
/* What the suites of the agent's rooms share. */
#ifndef BREADCRUMB_UNIT_AGENT_FIXTURE_H
#define BREADCRUMB_UNIT_AGENT_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sink.h"

/* As ck_assert(), which writes to a file whenever it is passed: not for inner loops. */
#define must(condition)                                                                  \
	do {                                                                             \
		if (!(condition))                                                        \
			ck_abort_msg("%s", #condition);                                  \
	} while (0)

/* A checked fixture: a folder of the test's own (read_trace.h: temp_path()), and clocks
 * and calls as they are. */
void fixture_setup(void);
void fixture_teardown(void);

/* Options for the file `name` of the folder: without limits, nanoseconds as ticks. */
struct sink_options fixture_options(const char *name);

/* Opens the sink with fixture_options(); returns the file's path. */
const char *fixture_open(const char *name);

/* From the first on, standard error goes nowhere but into what the second returns, which
 * lives until the next capture_begin().  The agent speaks only in between. */
void capture_begin(void);
const char *capture_end(void);

/* Runs `body` in a forked child, and fails the test unless it returns there. */
void in_child(void (*body)(void));

/* Ends a forked child without what exit() would do for the parent. */
_Noreturn void leave_child(int status);

/* Fails the test unless the child ends with this status, -N: by signal N. */
void child_ends(pid_t child, int status);

/* Whether `text` is one line with `words` in it. */
bool is_line_with(const char *text, const char *words);

/* Says that a test could not be made here, in the form that scripts/test looks for. */
void say_skipped(const char *test, const char *why);

/* How many entries the folder has. */
size_t count_files(void);

/* Runs the suite; to be returned by main(). */
int run_suite(Suite *suite);

/* A test case with the fixture above, added to the suite. */
TCase *add_case(Suite *suite, const char *name);

#endif
