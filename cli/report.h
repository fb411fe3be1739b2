/* SPDX-License-Identifier: MIT */
/* Time and calls added up by function, module or thread.  Nothing is printed here. */
#ifndef BREADCRUMB_CLI_REPORT_H
#define BREADCRUMB_CLI_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include <breadcrumb/reader.h>

#include "input.h"
#include "select.h"

enum report_by {
	REPORT_BY_FUNCTION,
	REPORT_BY_MODULE,
	REPORT_BY_THREAD,
};

/*
 * One line of a report.  An activation is the time from CALL or RESUME to RETURN, YIELD
 * or UNWIND: a call, or for a generator one piece of it.  `total` counts the outermost
 * activation of a recursion only, `self` is less the time in recorded calls made from it.
 * What was not seen from its start to its end (it was cut by --from or --to, or it had
 * not ended when the recording did: see input_open_until()) counts in total and self, and
 * in `partial`; sum, least and most are of those seen whole.
 */
struct report_row {
	const struct crumb_code *code; /* by function, module: one that belongs to it */
	const struct crumb_thread *thread; /* by thread */
	uint64_t calls;
	uint64_t whole, partial; /* activations */
	int64_t total_ns, self_ns;
	int64_t sum_ns, least_ns, most_ns;
};

/* Mean of one whole activation, -1 when none was seen whole. */
int64_t report_mean(const struct report_row *row);

struct report;

/* Reads all that is selected.  Free it with report_free(). */
struct report *report_make(struct input *input, struct select *select, enum report_by by);
void report_free(struct report *report);

/* What rows can be sorted by: "total", "self", "calls", ..., NULL ends the list. */
extern const char *const report_fields[];

/*
 * The rows with a call or time in them, sorted by the given fields (indices into
 * report_fields, the first counts most): numbers from large to small, names from a to z.
 * The array belongs to the report.
 */
const struct report_row *const *report_rows(struct report *report, const unsigned *fields,
                                            size_t field_count, size_t *count);

/* The name of a row; may be gone after the next call but one. */
const char *report_name(const struct report_row *row, enum report_by by);

#endif
