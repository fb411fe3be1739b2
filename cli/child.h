/* SPDX-License-Identifier: MIT */
/* Runs a command as if this process were not there. */
#ifndef BREADCRUMB_CLI_CHILD_H
#define BREADCRUMB_CLI_CHILD_H

#include <sys/types.h>

struct child_end {
	pid_t pid;
	int error;  /* errno of execvp() when the command could not be run, else 0 */
	int status; /* as waitpid() tells it */
};

/*
 * Runs argv in the present environment, passes signals on and waits until it has ended.
 * Stops when the command is stopped and goes on when it does.  Signals stay blocked after
 * it: what comes once the command has ended is dropped.
 */
void child_run(char **argv, struct child_end *end);

#endif
