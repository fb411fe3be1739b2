/* SPDX-License-Identifier: MIT */
/* Which trace files appeared while a command ran. */
#ifndef BREADCRUMB_CLI_PRODUCED_H
#define BREADCRUMB_CLI_PRODUCED_H

#include <stddef.h>

struct produced;

/* Remembers what is there already under names that the pattern (absolute, as in
 * BREADCRUMB_OUTPUT) can give. */
struct produced *produced_begin(const char *pattern);

/* Says a line for each trace file that has come since; returns how many. */
size_t produced_tell(struct produced *produced);

void produced_free(struct produced *produced);

#endif
