/* SPDX-License-Identifier: MIT */
/*
 * Messages, the end of the process, and memory.  This is the only place that exits: every
 * other part returns a status or says util_fail(), so that whatever is still in the
 * buffer is written and the pager has given the terminal back before an error is shown.
 */
#include "util.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "out.h"
#include "progress.h"
#include "text.h"

/* File names and command lines are in messages: they may not do anything to a terminal.
 */
static char *harmless(const char *text)
{
	char *copy = malloc(strlen(text) * (TEXT_ESCAPE_MAX - 1) + 1), *end = copy;

	while (copy && *text) {
		uint32_t c;
		size_t length = text_decode(text, &c);
		if (text_harmful(c)) {
			end += text_escape(c, (unsigned char)*text, end);
		} else {
			memcpy(end, text, length);
			end += length;
		}
		text += length;
	}
	if (copy)
		*end = '\0';
	return copy;
}

/* One write, so that lines of several processes on one terminal do not mix. */
static void say(const char *format, va_list arguments, const char *tail)
{
	int keep = errno;
	char *text = NULL, *shown = NULL, *line = NULL;

	progress_clear();
	if (vasprintf(&text, format, arguments) >= 0)
		shown = harmless(text);
	int length =
	    asprintf(&line, "breadcrumb: %s\n%s", shown ? shown : "out of memory", tail);
	if (length > 0) {
		ssize_t ignored = write(STDERR_FILENO, line, (size_t)length);
		(void)ignored;
		free(line);
	}
	free(shown);
	free(text);
	errno = keep;
}

void util_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments, "");
	va_end(arguments);
}

void util_fail(const char *format, ...)
{
	va_list arguments;

	out_finish();
	va_start(arguments, format);
	say(format, arguments, "");
	va_end(arguments);
	exit(UTIL_FAILED);
}

void util_misuse(const char *command, const char *format, ...)
{
	va_list arguments;
	char *tail = util_format("Try 'breadcrumb %s%s--help'.\n", command ? command : "",
	                         command ? " " : "");

	out_finish();
	va_start(arguments, format);
	say(format, arguments, tail);
	va_end(arguments);
	free(tail);
	exit(UTIL_USAGE);
}

void util_exit(int status)
{
	progress_clear();
	exit(status);
}

void util_exit_by_signal(int number)
{
	sigset_t only;

	progress_clear();
	/* The command has left a core of its own if it was to: one of ours helps nobody.
	 */
	prctl(PR_SET_DUMPABLE, 0);
	signal(number, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	exit(128 + number);
}

void *util_alloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		util_fail("out of memory");
	return memory;
}

void *util_grow(void *array, size_t *room, size_t need, size_t size)
{
	if (need <= *room)
		return array;
	size_t more = *room ? *room : 16;
	while (more < need && more <= SIZE_MAX / 2)
		more *= 2;
	array = reallocarray(array, more, size);
	if (!array || more < need)
		util_fail("out of memory");
	memset((char *)array + *room * size, 0, (more - *room) * size);
	*room = more;
	return array;
}

char *util_format(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		util_fail("out of memory");
	return text;
}

#define LONGEST_WORD 40

/* How many letters have to be put in, taken out or changed (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[LONGEST_WORD + 1];
	size_t columns = strlen(b);

	if (strlen(a) > LONGEST_WORD || columns > LONGEST_WORD)
		return SIZE_MAX;
	for (size_t i = 0; i <= columns; i++)
		row[i] = i;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < columns; j++) {
			size_t above = row[j + 1];
			size_t best = diagonal + (a[i] != b[j]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j + 1] = best;
			diagonal = above;
		}
	}
	return row[columns];
}

const char *util_nearest(const char *word, const char *const *candidates)
{
	const char *best = NULL;
	size_t least = SIZE_MAX, length = strlen(word);

	for (; *candidates; candidates++) {
		size_t far = distance(word, *candidates);
		if (length >= 2 && strncmp(word, *candidates, length) == 0)
			far = 0;
		if (far < least) {
			least = far;
			best = *candidates;
		}
	}
	size_t allowed = length < 4 ? 1 : (length + 2) / 3;
	return best && least <= allowed ? best : NULL;
}
