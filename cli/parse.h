/* SPDX-License-Identifier: MIT */
/* Durations, moments and globs as a user writes them; sizes and times as a user reads
 * them. */
#ifndef BREADCRUMB_CLI_PARSE_H
#define BREADCRUMB_CLI_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is accepted, for messages. */
#define PARSE_DURATION_FORM "a number and ns, us, ms, s, m or h, such as 1.5ms"
#define PARSE_MOMENT_FORM                                                                \
	"a time since the start such as 1.5s or 250ms, or UTC such as "                  \
	"2026-01-31T12:00:00.5Z"

/* "1.5ms", "10us", "2m"; without a unit: seconds.  False when it is none, or negative. */
bool parse_duration(const char *text, int64_t *ns);

/* A moment is relative to the start of a trace that is not open yet. */
struct parse_moment {
	bool given;
	bool absolute; /* ns counts from 1970 UTC, else from the trace's start */
	int64_t ns;
};
bool parse_moment(const char *text, struct parse_moment *moment);

/* A number from 0 on; false when it is none or too large. */
bool parse_number(const char *text, uint64_t *number);

/* Whether text matches a glob of *, ? and [...]. */
bool parse_glob(const char *glob, const char *text);

/* The same for a module: "app.*" covers app itself and all below it. */
bool parse_module_glob(const char *glob, const char *module);

/* Room for the longest result of the functions below. */
#define PARSE_TEXT 48

/* "12.3 MB"; powers of ten. */
const char *parse_show_size(uint64_t bytes, char room[PARSE_TEXT]);
/* "1,234,567" */
const char *parse_show_count(uint64_t number, char room[PARSE_TEXT]);
/* "1.23 ms": three digits. */
const char *parse_show_short(int64_t ns, char room[PARSE_TEXT]);
/* "  1.234 ms": ten columns, the points below each other. */
const char *parse_show_duration(int64_t ns, char room[PARSE_TEXT]);
/* "2026-01-31T12:00:00.123456789Z": always this long, 64 bits of nanoseconds end in 2262.
 */
#define PARSE_UTC_LENGTH 30
const char *parse_show_utc(int64_t ns, char room[PARSE_TEXT]);

#endif
