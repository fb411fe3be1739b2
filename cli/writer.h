/* SPDX-License-Identifier: MIT */
/* What the commands hand to an output format: one writer_*.c each. */
#ifndef BREADCRUMB_CLI_WRITER_H
#define BREADCRUMB_CLI_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <breadcrumb/reader.h>

#include "report.h"
#include "traceback.h"

/* How events are to be shown. */
struct writer_view {
	int64_t origin_ns;           /* times are counted from here ... */
	bool utc;                    /* ... or shown as UTC */
	bool processes;              /* there are several: say which one */
	unsigned thread_width;       /* of the column of thread names */
	struct traceback *traceback; /* has taken the events so far; NULL: not needed */
};

/* A process and what was counted in its file. */
struct writer_process {
	const struct crumb_process *process;
	uint64_t events;
	uint64_t kinds[CRUMB_KINDS];
	const uint64_t *thread_events; /* process->threads of them */
};

struct writer {
	const char *name;
	bool wants_traceback; /* in its view, for event() */
	void (*event)(const struct writer_view *view, const struct crumb_event *event);
	void (*process)(const struct writer_process *counted);
	void (*report)(const struct report_row *const *rows, size_t count,
	               enum report_by by);
};

extern const struct writer writer_text, writer_json;

#endif
