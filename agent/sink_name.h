/* SPDX-License-Identifier: MIT */
/* What the trace file is called. */
#ifndef BREADCRUMB_AGENT_SINK_NAME_H
#define BREADCRUMB_AGENT_SINK_NAME_H

#include <stdbool.h>
#include <stdbool.h>
#include <stddef.h>

/* Remembers the pattern (BREADCRUMB_OUTPUT, which must outlive the process) and the
 * working directory that a relative one starts from. */
void sink_name_init(const char *pattern);

/*
 * Expands the pattern for this process into `path`, absolute, and opens a file for it.
 * *linked says whether it has that name already; when not, it has none, and
 * sink_name_link() gives it one when its beginning is written, so that no death leaves
 * half a file.  Returns a descriptor, or -1 with errno; `path` then still says which name
 * was tried.
 */
int sink_name_open(char *path, size_t size, bool *linked);

/* Gives the file its name; one that is taken gets -2, -3, … before its extension.  0, or
 * an errno value. */
int sink_name_link(int fd, char *path, size_t size);

/* Writes "PATH.N" to `out`.  Safe in a signal handler. */
void sink_name_numbered(char *out, size_t size, const char *path, unsigned n);

#endif
