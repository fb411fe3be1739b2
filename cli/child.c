/* SPDX-License-Identifier: MIT */
/*
 * Runs a command in this process group, so that whatever comes from the terminal (^C, ^\,
 * ^Z, a new window size, a hang-up) reaches it without help; such a signal comes from the
 * kernel and is not passed on a second time, unless the command has gone to a process
 * group of its own.  A signal that a process sends to this one is passed on.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

/* Those that are about this process itself are left alone. */
static void all_signals(sigset_t *set)
{
	static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGTRAP,
	                          SIGSYS,  SIGTTIN, SIGTTOU, SIGPROF};

	sigfillset(set);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(set, own[i]);
}

static _Noreturn void become(char **argv, const sigset_t *mask, bool no_children,
                             int report)
{
	if (no_children)
		signal(SIGCHLD, SIG_IGN);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	int error = errno;
	ssize_t ignored = write(report, &error, sizeof(error));
	(void)ignored;
	_exit(127);
}

/* Returns 0 once the command is running, else the errno of execvp(). */
static int wait_for_exec(int report)
{
	int error = 0;
	ssize_t got;

	while ((got = read(report, &error, sizeof(error))) < 0 && errno == EINTR)
		;
	return got == sizeof(error) ? error : 0;
}

static void pass_on(pid_t child, const siginfo_t *info)
{
	bool from_process = info->si_code <= 0;

	if (from_process ? info->si_pid == child : getpgid(child) == getpgrp())
		return;
	if (info->si_code == SI_QUEUE)
		sigqueue(child, info->si_signo, info->si_value);
	else
		kill(child, info->si_signo);
}

/*
 * Whether to stop because the command has.  A stop from the keyboard, or of a job that
 * wants the terminal, is noticed and undone by a shell that watches this process. SIGSTOP
 * may come from anybody who will continue the command alone: then this process would stay
 * behind for ever, unless a shell has it in the foreground.
 */
static bool stops_too(int number)
{
	if (number != SIGSTOP)
		return true;
	int terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (terminal < 0)
		return false;
	bool foreground = tcgetpgrp(terminal) == getpgrp();
	close(terminal);
	return foreground;
}

/* What is known of the command while it runs. */
struct watch {
	bool woken; /* it was continued, and not by us */
	bool by_us; /* we have continued it; it will be told */
};

/* Looks what became of the child; true when it has ended. */
static bool look(struct child_end *end, struct watch *watch)
{
	int status;

	while (waitpid(end->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0) {
		if (WIFCONTINUED(status)) {
			watch->woken = !watch->by_us;
			watch->by_us = false;
		} else if (WIFSTOPPED(status)) {
			*watch = (struct watch){0};
			if (stops_too(WSTOPSIG(status)))
				kill(getpid(), SIGSTOP);
		} else {
			end->status = status;
			return true;
		}
	}
	return false;
}

static void supervise(struct child_end *end, const sigset_t *signals)
{
	struct watch watch = {0};

	for (;;) {
		siginfo_t info;
		int number = sigwaitinfo(signals, &info);
		if (look(end, &watch))
			return;
		if (number <= 0 || number == SIGCHLD)
			continue;
		/* `fg` continues the whole group: then the command goes on already. */
		if (number == SIGCONT && watch.woken) {
			watch.woken = false;
			continue;
		}
		watch.by_us = number == SIGCONT;
		pass_on(end->pid, &info);
	}
}

void child_run(char **argv, struct child_end *end)
{
	struct sigaction children = {.sa_handler = SIG_DFL}, before;
	sigset_t signals, mask;
	int report[2];

	memset(end, 0, sizeof(*end));
	/* Where SIGCHLD is ignored the kernel would take the status away. */
	sigaction(SIGCHLD, &children, &before);
	all_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, &mask);
	if (pipe2(report, O_CLOEXEC) < 0)
		util_fail("cannot run '%s': %s", argv[0], strerror(errno));
	end->pid = fork();
	if (end->pid < 0)
		util_fail("cannot run '%s': %s", argv[0], strerror(errno));
	if (end->pid == 0)
		become(argv, &mask, before.sa_handler == SIG_IGN, report[1]);
	close(report[1]);
	end->error = wait_for_exec(report[0]);
	close(report[0]);
	supervise(end, &signals);
}
