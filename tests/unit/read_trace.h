/* SPDX-License-Identifier: MIT */
/* What the reader makes of a trace, as text that a test can compare. */
#ifndef BREADCRUMB_UNIT_READ_TRACE_H
#define BREADCRUMB_UNIT_READ_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include <breadcrumb/reader.h>

/* All that was seen of a trace, with a cursor to its end. */
struct seen {
	struct crumb_trace *trace;
	int added;  /* what crumb_trace_add() returned, for the last path */
	int result; /* the last result of crumb_cursor_next() */
	size_t events;
	/* One line per event: "THREAD KIND QUALNAME +NS DEPTH", then where it has them
	 * " :LINE", " took NS self NS", " TYPE", " \"MESSAGE\"", " -> RESULT",
	 * " NAME=VALUE", " ...", " lost CAUSE COUNT".  NS counts from
	 * MAKE_START_NS; QUALNAME is "-" where there is none. */
	char *text;
	char *problems; /* one per line */
};

/* Paths inside a folder of this test's own.  temp_setup() and temp_teardown() are a
 * checked fixture.  The result lives until the teardown; at most 16 are kept. */
void temp_setup(void);
void temp_teardown(void);
const char *temp_path(const char *name);

/* Adds one file, or `count` of them, and walks all events.  Fails the test when an event
 * breaks a promise of reader.h.  To be freed with seen_free(). */
struct seen seen_of(const char *path);
struct seen seen_of_all(const char *const *paths, size_t count);
/* Likewise without keeping text, which is faster. */
struct seen seen_only(const char *path);
void seen_free(struct seen *seen);

/* Fails the test unless `seen` has exactly these events and no problem, and frees it. */
void seen_is(struct seen seen, const char *text);

#endif
