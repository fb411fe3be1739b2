/* SPDX-License-Identifier: MIT */
/* Which events the user wants to see: --thread --function --module --from --to. */
#ifndef BREADCRUMB_CLI_SELECT_H
#define BREADCRUMB_CLI_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include <breadcrumb/reader.h>

#include "input.h"
#include "map.h"
#include "options.h"
#include "parse.h"

enum {
	OPTION_THREAD = 900,
	OPTION_FUNCTION,
	OPTION_MODULE,
	OPTION_FROM,
	OPTION_TO,
};

struct select_list {
	char **items;
	size_t count, room;
};

struct select {
	struct select_list threads, functions, modules;
	struct parse_moment from, to;
	int64_t from_ns, to_ns; /* after select_ready(): events from <= time < to */
	struct map cache;       /* of what was decided about a code object or a thread */
	bool function_met;
};

/* The rows for a command's tables. */
extern const struct option_row select_options[];

/* Keeps an option; true when the key was one of these. */
bool select_take(struct select *select, const struct options *options, int key);

/* Once the files are open: finds the moments.  Ends the process when no thread is meant.
 */
void select_ready(struct select *select, const struct input *input);

bool select_thread(struct select *select, const struct crumb_thread *thread);

/* True without --function (--module), or when it is one that was asked for. */
bool select_function(struct select *select, const struct crumb_code *code);
bool select_module(struct select *select, const struct crumb_code *code);

/* All of it for one event; an event without function is wanted only where none is asked
 * for. */
bool select_event(struct select *select, const struct crumb_event *event);

/* At the end: says it when --function was given and no function met it; frees all. */
void select_done(struct select *select);

#endif
