/* SPDX-License-Identifier: MIT */
/*
 * Words for everything that can go wrong.  A failure is what a function of the library
 * returns an error for; its text is on the trace until the next call.  A problem is
 * damage that was passed over; problems are kept, but no more than a hundred for each
 * file: one flipped bit may cause thousands, and nobody reads more.
 *
 * A path may contain anything; control characters in it are shown as \xNN, so that a
 * message is one line and cannot steer a terminal.
 */
#include "error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t append_path(char *to, size_t size, const char *path)
{
	size_t used = 0;

	/* Half of the room is left for the message. */
	for (; *path && used + 5 < size / 2; path++) {
		unsigned char c = (unsigned char)*path;
		if (c < 0x20 || c == 0x7f)
			used += (size_t)snprintf(to + used, size - used, "\\x%02x", c);
		else
			to[used++] = (char)c;
	}
	to[used] = '\0';
	return used;
}

static void compose(char *to, size_t size, const char *path, uint64_t offset,
                    const char *format, va_list args)
    __attribute__((format(printf, 5, 0)));

static void compose(char *to, size_t size, const char *path, uint64_t offset,
                    const char *format, va_list args)
{
	size_t used = append_path(to, size, path);

	if (offset == ERROR_NOWHERE)
		used += (size_t)snprintf(to + used, size - used, ": ");
	else
		used += (size_t)snprintf(to + used, size - used,
		                         ": at byte %" PRIu64 ": ", offset);
	vsnprintf(to + used, size - used, format, args);
}

int error_fail(struct crumb_trace *trace, int code, const char *path, uint64_t offset,
               const char *format, ...)
{
	va_list args;

	va_start(args, format);
	compose(trace->error, sizeof(trace->error), path, offset, format, args);
	va_end(args);
	return code;
}

int error_system(struct crumb_trace *trace, int code, const char *path)
{
	char words[128];

	return error_fail(trace, code, path, ERROR_NOWHERE, "%s",
	                  strerror_r(-code, words, sizeof(words)));
}

static void keep(struct crumb_trace *trace, const struct process *process,
                 const char *text)
{
	char *copy = strdup(text);

	if (!copy || reader_grow(&trace->problems, &trace->problem_room,
	                         trace->problem_count, sizeof(*trace->problems))) {
		free(copy);
		trace->starved = true;
		return;
	}
	trace->problems[trace->problem_count++] = (struct problem){copy, process};
}

static bool is_known(const struct process *process, const char *text)
{
	const struct crumb_trace *trace = process->trace;

	for (size_t i = 0; i < trace->problem_count; i++)
		if (trace->problems[i].process == process &&
		    strcmp(trace->problems[i].text, text) == 0)
			return true;
	return false;
}

void error_problem(struct process *process, uint64_t offset, const char *format, ...)
{
	char text[sizeof(process->trace->error)];
	va_list args;

	if (process->problems >= ERROR_PROBLEMS_MAX)
		return;
	va_start(args, format);
	compose(text, sizeof(text), process->file.path, offset, format, args);
	va_end(args);
	if (is_known(process, text))
		return;
	if (++process->problems == ERROR_PROBLEMS_MAX) {
		size_t used = append_path(text, sizeof(text), process->file.path);
		snprintf(text + used, sizeof(text) - used,
		         ": there are more problems than the %d told here",
		         ERROR_PROBLEMS_MAX - 1);
	}
	keep(process->trace, process, text);
}

void error_keep(struct crumb_trace *trace)
{
	keep(trace, NULL, trace->error);
}

void error_forget(struct process *process)
{
	struct crumb_trace *trace = process->trace;
	size_t left = 0;

	for (size_t i = 0; i < trace->problem_count; i++) {
		if (trace->problems[i].process == process)
			free(trace->problems[i].text);
		else
			trace->problems[left++] = trace->problems[i];
	}
	trace->problem_count = left;
	process->problems = 0;
}

void error_free(struct crumb_trace *trace)
{
	for (size_t i = 0; i < trace->problem_count; i++)
		free(trace->problems[i].text);
	free(trace->problems);
}

const char *crumb_trace_error(const struct crumb_trace *trace)
{
	return trace->error;
}

const char *crumb_trace_problem(const struct crumb_trace *trace, size_t i)
{
	return i < trace->problem_count ? trace->problems[i].text : NULL;
}

const char *crumb_kind_name(enum crumb_kind kind)
{
	static const char *const names[CRUMB_KINDS] = {
	    [CRUMB_CALL] = "call",
	    [CRUMB_RETURN] = "return",
	    [CRUMB_YIELD] = "yield",
	    [CRUMB_RESUME] = "resume",
	    [CRUMB_UNWIND] = "unwind",
	    [CRUMB_EXCEPTION] = "exception",
	    [CRUMB_LINE] = "line",
	    [CRUMB_THREAD_START] = "thread_start",
	    [CRUMB_THREAD_END] = "thread_end",
	    [CRUMB_EXEC] = "exec",
	    [CRUMB_LOST] = "lost",
	    [CRUMB_MARK] = "mark",
	};

	return (unsigned)kind < CRUMB_KINDS ? names[kind] : NULL;
}

const char *crumb_loss_name(unsigned cause)
{
	static const char *const names[CRUMB_LOSS_CAUSES] = {
	    [CRUMB_LOSS_DISK_FULL] = "disk full",
	    [CRUMB_LOSS_MAX_SIZE] = "BREADCRUMB_MAX_SIZE reached",
	    [CRUMB_LOSS_KEEP_FREE] = "less than BREADCRUMB_KEEP_FREE left on the disk",
	    [CRUMB_LOSS_FILE_LIMIT] = "file size limit (RLIMIT_FSIZE) reached",
	    [CRUMB_LOSS_NO_WINDOW] = "no memory for a thread's events",
	    [CRUMB_LOSS_WRITE_ERROR] = "trace file could not be written",
	    [CRUMB_LOSS_TOO_MANY_IDS] = "too many functions",
	    [CRUMB_LOSS_VALUES] = "no room for values",
	    [CRUMB_LOSS_LOW_STACK] = "stack running short",
	    [CRUMB_LOSS_TAKEN_OVER] = "program set its own trace function",
	    [CRUMB_LOSS_SUBINTERPRETER] = "sub-interpreter not followed",
	    [CRUMB_LOSS_NO_DEFINITION] = "function could not be described",
	    [CRUMB_LOSS_PAUSED] = "paused by the program",
	};

	return cause < CRUMB_LOSS_CAUSES && names[cause] ? names[cause] : "unknown cause";
}
