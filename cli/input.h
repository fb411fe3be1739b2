/* SPDX-License-Identifier: MIT */
/* The trace files of a command line, walked with progress, and what was wrong with them.
 */
#ifndef BREADCRUMB_CLI_INPUT_H
#define BREADCRUMB_CLI_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <breadcrumb/reader.h>

#include "options.h"

struct input {
	struct crumb_trace *trace;
	struct crumb_cursor *cursor;
	bool failed;      /* a file could not be read, or not wholly */
	int64_t start_ns; /* when the first of the processes began */
	uint64_t total;   /* bytes of all files, and how many lie behind the cursor */
	uint64_t done;
	unsigned until_progress;
};

/* Opens the operands of a command line.  Says what is wrong with a file and goes on with
 * the others; ends the process when none is left. */
void input_open(struct input *input, const struct options *options);

/* Starts a walk over a thread, or over all by time when it is NULL. */
void input_walk(struct input *input, const struct crumb_thread *thread);

/* The next event of the walk; false at its end. */
bool input_next(struct input *input, struct crumb_event *event);

/*
 * Until when a call counts that was still open after its thread's last event, which was
 * at `last_ns`: the end of the process, or that event where recording may have stopped
 * before.
 */
int64_t input_open_until(const struct crumb_thread *thread, int64_t last_ns);

/* Finishes the output, says what was damaged, and frees all; returns the exit status. */
int input_close(struct input *input);

#endif
