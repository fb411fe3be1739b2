/* SPDX-License-Identifier: MIT */
/* What the trace file is called. */
#ifndef BREADCRUMB_AGENT_SINK_NAME_H
#define BREADCRUMB_AGENT_SINK_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Remembers the pattern (BREADCRUMB_OUTPUT, which must outlive the process) and the
 * working directory that a relative one starts from. */
void sink_name_init(const char *pattern);

/*
 * Expands the pattern for this process and creates the file, writing its absolute path to
 * `path`.  A name that is taken gets -2, -3, … before its extension.  Returns a
 * descriptor, or -1 with errno; `path` then still says which name was tried.
 */
int sink_name_create(char *path, size_t size);

/* Writes "PATH.N" to `out`.  Safe in a signal handler. */
void sink_name_numbered(char *out, size_t size, const char *path, unsigned n);

#endif
