/* SPDX-License-Identifier: MIT */
/* The call tree of threads as indented lines, made while their events go by. */
#ifndef BREADCRUMB_CLI_TREE_H
#define BREADCRUMB_CLI_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include <breadcrumb/reader.h>

#include "frames.h"
#include "map.h"
#include "select.h"

struct tree_style {
	uint64_t depth; /* how many levels are shown */
	int64_t min_ns; /* calls shorter than this are not shown; 0: all */
	bool times;     /* a column with the time since the start */
	bool places;    /* file and line of each function */
	bool merged;    /* all threads in one, with a column that says which */
	bool processes; /* there are several */
	bool imports;   /* also the functions by which Python itself imports modules */
	unsigned thread_width; /* of that column */
	int64_t origin_ns;
};

#define TREE_LINES_MAX 12

/* Lines of a call that has no line of its own yet. */
struct tree_lines {
	size_t of;       /* the number of frames with that call */
	int64_t time_ns; /* of the first */
	unsigned count;
	uint32_t numbers[TREE_LINES_MAX];
};

/* What is remembered of a thread; all zero but `thread` at first. */
struct tree_thread {
	const struct crumb_thread *thread;
	struct frames frames;
	struct tree_lines lines;
	size_t printed;  /* so many of them, from the outermost, were dealt with */
	int64_t last_ns; /* when its last event was */
	bool titled;     /* its heading is out */
};

struct tree {
	const struct tree_style *style;
	struct select *select;
	struct tree_thread *current; /* whose line was the last */
	size_t
	    run;  /* the last line is of line numbers, and open: number of frames; or 0 */
	bool any; /* something was printed */
	unsigned levels;      /* of indentation; deeper ones get a number */
	uint64_t left_out;    /* calls of the import machinery */
	struct map machinery; /* code object to: 1 it does not belong to it, 2 it does */
};

void tree_init(struct tree *tree, const struct tree_style *style, struct select *select);

/* Takes the next event of a thread; it lies before select->to_ns. */
void tree_event(struct tree *tree, struct tree_thread *thread,
                const struct crumb_event *event);

/* After the last thread: says what was left out, and frees what is remembered. */
void tree_finish(struct tree *tree);

/* The thread's events, or those before --to, are over: shows what had not ended. */
void tree_end(struct tree *tree, struct tree_thread *thread);

#endif
