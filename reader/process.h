/* SPDX-License-Identifier: MIT */
/* One file: its header, all that is known of its process, how it ended. */
#ifndef BREADCRUMB_READER_PROCESS_H
#define BREADCRUMB_READER_PROCESS_H

#include "reader_internal.h"

/* Reads all but the events of a file.  1 and *process is new, 0 when the trace has that
 * file already, or a negative errno as crumb_trace_add() says, with the trace's error
 * set. */
int process_open(struct crumb_trace *trace, const char *path, struct process **process);

/* NULL is allowed. */
void process_free(struct process *process);

#endif
