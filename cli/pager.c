/* SPDX-License-Identifier: MIT */
/*
 * Starts a pager and waits for it.  While it runs the terminal belongs to it: an
 * interrupt from the keyboard is its business (less stops reading, and does not end), so
 * this process does not die of one and leave it alone with the terminal.
 */
#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pager;

/* In the child: runs the words of `command`, or the shell where it has more than words.
 */
static void run(const char *command)
{
	char *words[64];
	size_t count = 0;
	char *copy = strdup(command);

	if (!copy)
		return;
	if (strpbrk(command, "|&;<>()$`\\\"'*?[#~=%")) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		return;
	}
	for (char *rest = copy, *word; (word = strsep(&rest, " \t\n"));)
		if (*word && count + 1 < sizeof(words) / sizeof(words[0]))
			words[count++] = word;
	words[count] = NULL;
	if (count)
		execvp(words[0], words);
	free(copy);
}

/* Starts one candidate; returns its pid once it is known that it runs, or -1. */
static pid_t try_one(const char *command, int input)
{
	int report[2];
	char failed;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		dup2(input, STDIN_FILENO);
		/* What fits on one screen needs no keystroke, and it stays there; colours
		 * come through. */
		setenv("LESS", "FRX", 0);
		setenv("MORE", "-e", 0);
		setenv("LV", "-c", 0);
		run(command);
		ssize_t ignored = write(report[1], "x", 1);
		(void)ignored;
		_exit(127);
	}
	close(report[1]);
	if (pid > 0) {
		ssize_t got;
		while ((got = read(report[0], &failed, 1)) < 0 && errno == EINTR)
			;
		if (got > 0) {
			waitpid(pid, NULL, 0);
			pid = -1;
		}
	}
	close(report[0]);
	return pid;
}

bool pager_start(void)
{
	const char *wanted = getenv("BREADCRUMB_PAGER");
	int ends[2];

	if (!wanted)
		wanted = getenv("PAGER");
	if (wanted &&
	    (wanted[strspn(wanted, " \t")] == '\0' || strcmp(wanted, "cat") == 0))
		return false;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	const char *const candidates[] = {wanted ? wanted : "less", "less", "more"};
	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		pager = try_one(candidates[i], ends[0]);
		if (pager > 0)
			break;
	}
	close(ends[0]);
	if (pager > 0) {
		signal(SIGINT, SIG_IGN);
		signal(SIGQUIT, SIG_IGN);
		signal(SIGPIPE, SIG_IGN);
		dup2(ends[1], STDOUT_FILENO);
	}
	close(ends[1]);
	return pager > 0;
}

void pager_wait(void)
{
	if (pager <= 0)
		return;
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
}

bool pager_running(void)
{
	return pager > 0;
}
