/* SPDX-License-Identifier: MIT */
/* A pager between standard output and the terminal. */
#ifndef BREADCRUMB_CLI_PAGER_H
#define BREADCRUMB_CLI_PAGER_H

#include <stdbool.h>

/*
 * Starts $BREADCRUMB_PAGER, $PAGER, less or more, the first that can be run, and makes it
 * the reader of descriptor 1.  An empty variable or "cat" means none.  False: there is
 * none, and descriptor 1 is as it was.
 */
bool pager_start(void);

/* After descriptor 1 was closed: waits until the pager has given the terminal back. */
void pager_wait(void);

/* Whether a pager reads what we write. */
bool pager_running(void);

#endif
