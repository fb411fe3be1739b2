/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error, for work that takes longer than a second. */
#ifndef BREADCRUMB_CLI_PROGRESS_H
#define BREADCRUMB_CLI_PROGRESS_H

#include <stdint.h>

/* `done` of `total` bytes were read.  Cheap, but not for every event: about every 10,000.
 * Shows nothing when standard error is no terminal, or the output is on one. */
void progress_show(uint64_t done, uint64_t total);

/* Takes the bar away, if there is one. */
void progress_clear(void);

#endif
