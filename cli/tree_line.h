/* SPDX-License-Identifier: MIT */
/* The parts of a line of the call tree. */
#ifndef BREADCRUMB_CLI_TREE_LINE_H
#define BREADCRUMB_CLI_TREE_LINE_H

#include <stdint.h>

#include "frames.h"
#include "tree.h"

/* Everything before the text of a line: the thread's heading if it is not out, columns,
 * indentation.  A duration below 0 is left blank.  End it with out_line(). */
void tree_line_begin(struct tree *tree, struct tree_thread *thread, uint32_t level,
                     int64_t time_ns, int64_t duration_ns);

/* The heading of a thread, unless it is out. */
void tree_title(struct tree *tree, const struct crumb_thread *thread, bool *titled);

/* The time since the start, as a column. */
void tree_time(const struct tree *tree, int64_t time_ns);

/* `f(x=1)`, with what --places adds. */
void tree_line_call(const struct tree *tree, const struct frame *frame);

/* `} f` */
void tree_line_closing(const struct crumb_code *code);

/* How a call ended, where it did not just return.  `unfinished` says in words why its end
 * is not there; `event` then has the last moment at which it was open. */
void tree_line_end(const struct frame *frame, const struct crumb_event *event,
                   const char *unfinished);

/* `! ValueError: why (line 12)`; the message may be NULL, the line 0. */
void tree_line_exception(const char *type, const char *message, uint32_t line);

/* What the program said. */
void tree_line_mark(const struct crumb_event *event);

/* `lines 12 13` */
void tree_line_numbers(const uint32_t *lines, unsigned count);

/* Ends a line of line numbers that was left open for more. */
void tree_line_end_run(struct tree *tree);

/* How many calls are not shown. */
void tree_line_left_out(uint64_t calls);

#endif
