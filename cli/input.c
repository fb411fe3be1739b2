/* SPDX-License-Identifier: MIT */
/*
 * Opens and walks trace files for the commands.  A file that is damaged or missing never
 * hides the others: it is told on standard error and in the exit status.
 */
#include "input.h"

#include <string.h>

#include <breadcrumb/format.h>

#include "out.h"
#include "progress.h"
#include "util.h"

#define EVENTS_BETWEEN_PROGRESS 16384

static void say_error(const struct crumb_trace *trace, const char *path, int error)
{
	const char *text = crumb_trace_error(trace);

	if (*text)
		util_say("%s", text);
	else
		util_say("%s: %s", path, strerror(-error));
}

/* A snapshot and the file it was made from hold the same events. */
static void warn_of_doubles(const struct crumb_trace *trace)
{
	size_t count = crumb_trace_processes(trace);

	for (size_t i = 1; i < count && count < 1000; i++) {
		const struct crumb_process *process = crumb_trace_process(trace, i);
		for (size_t j = 0; j < i; j++) {
			const struct crumb_process *other = crumb_trace_process(trace, j);
			if (process->trace_id != other->trace_id)
				continue;
			util_say("%s: is of the same process as %s: what is in both is "
			         "shown twice",
			         process->path, other->path);
			break;
		}
	}
}

void input_open(struct input *input, const struct options *options)
{
	size_t count;

	*input = (struct input){.trace = crumb_trace_new(), .start_ns = INT64_MAX};
	if (!input->trace)
		util_fail("out of memory");
	if (options->operands == 0)
		util_misuse(options->cmd->name, "no trace file was given");
	for (int i = 1; i <= options->operands; i++) {
		int result = crumb_trace_add(input->trace, options->argv[i]);
		if (result < 0) {
			say_error(input->trace, options->argv[i], result);
			input->failed = true;
		}
	}
	count = crumb_trace_processes(input->trace);
	for (size_t i = 0; i < count; i++) {
		const struct crumb_process *p = crumb_trace_process(input->trace, i);
		input->total += p->file_bytes;
		if (p->start_ns < input->start_ns)
			input->start_ns = p->start_ns;
	}
	warn_of_doubles(input->trace);
	if (count == 0) {
		crumb_trace_free(input->trace);
		util_exit(UTIL_FAILED);
	}
}

static void end_walk(struct input *input)
{
	uint64_t done, total;

	if (!input->cursor)
		return;
	crumb_cursor_progress(input->cursor, &done, &total);
	input->done += total;
	crumb_cursor_free(input->cursor);
	input->cursor = NULL;
}

void input_walk(struct input *input, const struct crumb_thread *thread)
{
	end_walk(input);
	input->cursor = crumb_cursor_new(input->trace, thread);
	if (!input->cursor)
		util_fail("out of memory");
}

static void show_progress(struct input *input)
{
	uint64_t done, total;

	input->until_progress = EVENTS_BETWEEN_PROGRESS;
	crumb_cursor_progress(input->cursor, &done, &total);
	progress_show(input->done + done, input->total);
}

bool input_next(struct input *input, struct crumb_event *event)
{
	if (input->until_progress-- == 0)
		show_progress(input);
	int result = crumb_cursor_next(input->cursor, event);
	if (result > 0)
		return true;
	if (result < 0) {
		say_error(input->trace, "trace", result);
		input->failed = true;
	}
	end_walk(input);
	return false;
}

int64_t input_open_until(const struct crumb_thread *thread, int64_t last_ns)
{
	static const unsigned stops[] = {
	    CRUMB_LOSS_DISK_FULL,  CRUMB_LOSS_MAX_SIZE,  CRUMB_LOSS_KEEP_FREE,
	    CRUMB_LOSS_FILE_LIMIT, CRUMB_LOSS_NO_WINDOW, CRUMB_LOSS_WRITE_ERROR,
	};
	const struct crumb_process *process = thread->process;

	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		if (process->lost[stops[i]])
			return last_ns;
	return process->end_ns > last_ns ? process->end_ns : last_ns;
}

int input_close(struct input *input)
{
	const char *problem;

	end_walk(input);
	out_finish();
	for (size_t i = 0; (problem = crumb_trace_problem(input->trace, i)); i++) {
		util_say("%s", problem);
		input->failed = true;
	}
	crumb_trace_free(input->trace);
	return input->failed ? UTIL_FAILED : UTIL_DONE;
}
