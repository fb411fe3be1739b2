/* SPDX-License-Identifier: MIT */
/*
 * The agent's only voice.  It speaks on standard error, because standard output belongs
 * to the program, and in whole lines with one write(2) each, because other threads and
 * other processes write there too.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level highest = LOG_ERROR;

void log_set_level(enum log_level level)
{
	highest = level;
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
	ssize_t ignored = write(STDERR_FILENO, line, length);
	(void)ignored; /* nowhere to tell it */
	errno = saved;
}
