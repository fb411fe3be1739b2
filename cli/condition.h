/* SPDX-License-Identifier: MIT */
/* What has to be so in a call that `find` finds: --value --arg --returned --raised
 * --marked. */
#ifndef BREADCRUMB_CLI_CONDITION_H
#define BREADCRUMB_CLI_CONDITION_H

#include <stdbool.h>

#include <breadcrumb/reader.h>

#include "match.h"
#include "options.h"

enum {
	OPTION_VALUE = 800,
	OPTION_ARG,
	OPTION_RETURNED,
	OPTION_RAISED,
	OPTION_MARKED,
};

#define CONDITIONS_MAX 16

struct condition {
	int key;
	struct match match; /* of all but RAISED */
	char *name;         /* ARG */
	const char *type;   /* RAISED */
};

/* All zero: none. */
struct conditions {
	struct condition items[CONDITIONS_MAX];
	unsigned count;
};

/* The rows for a command's tables. */
extern const struct option_row condition_options[];

/* Keeps an option; true when the key was one of these.  Ends the process when it cannot
 * be understood. */
bool condition_take(struct conditions *conditions, const struct options *options,
                    int key);

/* Those that are met at an event, as bits; `was_left`: an exception that is told now has
 * come out of another call. */
unsigned condition_met(const struct conditions *conditions,
                       const struct crumb_event *event, bool was_left);

/* Whether these are all. */
bool condition_all(const struct conditions *conditions, unsigned met);

void condition_free(struct conditions *conditions);

#endif
