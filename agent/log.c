/* SPDX-License-Identifier: MIT */
/*
 * The agent's only voice.  It speaks on standard error, because standard output belongs
 * to the program, and in whole lines with one write(2) each, because other threads and
 * other processes write there too.
 */
#include "log.h"

#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum log_level highest = LOG_ERROR;
static struct stat known; /* standard error, as it was at the start */
static bool is_known;

void log_set_level(enum log_level level)
{
	highest = level;
}

void log_start(void)
{
	is_known = fstat(STDERR_FILENO, &known) == 0;
}

/* Whether descriptor 2 is what it was, or something that lines are written to. */
static bool may_write(void)
{
	struct stat now;
	if (!is_known || fstat(STDERR_FILENO, &now) != 0)
		return false;
	if (now.st_dev == known.st_dev && now.st_ino == known.st_ino)
		return true;
	if (S_ISREG(now.st_mode))
		return (fcntl(STDERR_FILENO, F_GETFL) & O_APPEND) != 0;
	return S_ISCHR(now.st_mode) || S_ISFIFO(now.st_mode) || S_ISSOCK(now.st_mode);
}

void log_line(enum log_level level, const char *format, ...)
{
	static const char prefix[] = "breadcrumb: ";
	char line[1024] = "breadcrumb: ";
	int saved = errno;

	if (level > highest)
		return;
	va_list args;
	va_start(args, format);
	size_t room = sizeof line - sizeof prefix; /* leaves one byte for the newline */
	int n = vsnprintf(line + sizeof prefix - 1, room, format, args);
	va_end(args);
	size_t length = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
	length += sizeof prefix - 1;
	/* Values of variables and names of files may hold anything; a line stays a line.
	 */
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[length++] = '\n';
	if (may_write()) {
		struct guard_write guard = guard_write_enter();
		bool written = write(STDERR_FILENO, line, length) >= 0;
		guard_write_leave(&guard, written ? 0 : errno);
	}
	errno = saved;
}
