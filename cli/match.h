/* SPDX-License-Identifier: MIT */
/* What a user says of a value that is looked for. */
#ifndef BREADCRUMB_CLI_MATCH_H
#define BREADCRUMB_CLI_MATCH_H

#include <regex.h>
#include <stdbool.h>

struct match {
	enum { MATCH_CONTAINS, MATCH_EQUALS, MATCH_REGEX } how;
	const char *text;
	regex_t regex;
};

/* Reads TEXT, =TEXT or /REGEX/ (extended); `exact`: a bare TEXT means =TEXT.  NULL, or
 * what is wrong with it, to be freed.  `text` has to live as long as the match. */
char *match_read(struct match *match, const char *text, bool exact);

/* Whether a value's text is meant.  A str is equal with its quotes and without. */
bool match_value(const struct match *match, const char *value);

void match_free(struct match *match);

#endif
