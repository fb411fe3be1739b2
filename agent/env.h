/* SPDX-License-Identifier: MIT */
/* The BREADCRUMB_* variables, read once. */
#ifndef BREADCRUMB_AGENT_ENV_H
#define BREADCRUMB_AGENT_ENV_H

#include "log.h"

#include <stdbool.h>
#include <stdint.h>

struct env {
	const char *output;  /* BREADCRUMB_OUTPUT: pattern of the file's name */
	const char *backend; /* BREADCRUMB_BACKEND: one of the names in env.c */
	const char
	    *include; /* BREADCRUMB_INCLUDE, _EXCLUDE: comma-separated module globs */
	const char *exclude;
	bool lines;         /* BREADCRUMB_CAPTURE_LINES */
	bool locals;        /* BREADCRUMB_CAPTURE_LOCALS */
	bool returns;       /* BREADCRUMB_CAPTURE_RETURNS */
	const char *redact; /* BREADCRUMB_REDACT: comma-separated words */
	/* BREADCRUMB_VALUE_LENGTH, _ITEMS, _DEPTH, BREADCRUMB_EVENT_BYTES */
	uint64_t value_length, value_items, value_depth, event_bytes;
	int signal;         /* BREADCRUMB_SIGNAL: number, 0: none */
	uint64_t max_size;  /* BREADCRUMB_MAX_SIZE: bytes, 0: no limit */
	uint64_t keep_free; /* BREADCRUMB_KEEP_FREE: bytes */
	enum log_level log; /* BREADCRUMB_LOG */
	bool disable;       /* BREADCRUMB_DISABLE */
	bool manual;        /* BREADCRUMB_START: only when the program says so */
};

/*
 * Reads the environment (secure_getenv: nothing is read in a setuid program) and sets the
 * log level.  A value that cannot be understood gives one line and the default.  The
 * result and its text live as long as the process; they do not change when the
 * environment does.
 */
const struct env *env_read(void);

#endif
