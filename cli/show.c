/* SPDX-License-Identifier: MIT */
/* Names and plain words, kept in one place so that all commands say the same. */
#include "show.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <breadcrumb/format.h>

#include "out.h"
#include "parse.h"
#include "util.h"

/* Two names are compared at times, so there is room for two. */
static char *room_for(size_t length)
{
	static struct {
		char *text;
		size_t room;
	} rooms[2];
	static unsigned next;

	next ^= 1;
	rooms[next].text = util_grow(rooms[next].text, &rooms[next].room, length, 1);
	return rooms[next].text;
}

const char *show_function(const struct crumb_code *code)
{
	const char *name = *code->qualname ? code->qualname : code->name;
	size_t module = strlen(code->module), length = strlen(name);

	if (module == 0 || strcmp(code->module, "__main__") == 0)
		return *name ? name : "?";
	char *room = room_for(module + length + 2);
	memcpy(room, code->module, module);
	room[module] = '.';
	memcpy(room + module + 1, name, length + 1);
	return room;
}

const char *show_thread(const struct crumb_thread *thread)
{
	if (*thread->name)
		return thread->name;
	char *room = room_for(24);
	snprintf(room, 24, "thread %u", thread->number);
	return room;
}

unsigned show_threads_width(const struct crumb_trace *trace)
{
	unsigned widest = 0;

	for (size_t i = 0; i < crumb_trace_processes(trace); i++) {
		const struct crumb_process *process = crumb_trace_process(trace, i);
		for (size_t j = 0; j < process->threads; j++) {
			unsigned width =
			    out_text_width(show_thread(crumb_process_thread(process, j)));
			if (width > widest)
				widest = width;
		}
	}
	return widest;
}

char *show_place(const struct crumb_code *code, uint32_t line)
{
	const char *file = *code->filename ? code->filename : "?";
	const char *name = *code->qualname ? code->qualname : code->name;

	if (!*name)
		name = "?";
	if (line == 0)
		return util_format("File \"%s\", in %s", file, name);
	return util_format("File \"%s\", line %u, in %s", file, line, name);
}

const char *show_file(const struct crumb_code *code)
{
	const char *slash = out_width() > 0 ? strrchr(code->filename, '/') : NULL;

	return slash ? slash + 1 : code->filename;
}

static bool needs_quotes(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+./,:=@%^";

	return *word == '\0' || word[strspn(word, plain)] != '\0';
}

char *show_command(const struct crumb_process *process)
{
	size_t room = 1, used = 0;

	if (process->argc == 0)
		return util_format("%s", process->executable);
	/* Quoting makes four bytes of a quote and adds two and a blank to a word. */
	for (size_t i = 0; i < process->argc; i++)
		room += strlen(process->arguments[i]) * 4 + 3;
	char *text = util_alloc(room, 1);
	for (size_t i = 0; i < process->argc; i++) {
		const char *word = process->arguments[i];
		bool quote = needs_quotes(word);
		if (i > 0)
			text[used++] = ' ';
		if (quote)
			text[used++] = '\'';
		for (; *word; word++) {
			if (*word == '\'') {
				memcpy(text + used, "'\\''", 4);
				used += 4;
			} else {
				text[used++] = *word;
			}
		}
		if (quote)
			text[used++] = '\'';
	}
	return text;
}

static const struct {
	const char *one, *many, *why;
} losses[] = {
    [CRUMB_LOSS_DISK_FULL] = {"event", "events", "the disk was full"},
    [CRUMB_LOSS_MAX_SIZE] = {"event", "events", "BREADCRUMB_MAX_SIZE was reached"},
    [CRUMB_LOSS_KEEP_FREE] = {"event", "events",
                              "the disk had less than BREADCRUMB_KEEP_FREE left"},
    [CRUMB_LOSS_FILE_LIMIT] = {"event", "events",
                               "the limit of a file's size (ulimit -f) was reached"},
    [CRUMB_LOSS_NO_WINDOW] = {"event", "events", "no memory for a thread's window"},
    [CRUMB_LOSS_WRITE_ERROR] = {"event", "events", "the file could not be written"},
    [CRUMB_LOSS_TOO_MANY_IDS] = {"event", "events",
                                 "more functions than a trace file can name"},
    [CRUMB_LOSS_LOW_STACK] = {"stretch", "stretches",
                              "the stack was short, hooks were taken out"},
    [CRUMB_LOSS_TAKEN_OVER] = {"stretch", "stretches",
                               "the program set a trace function of its own"},
    [CRUMB_LOSS_SUBINTERPRETER] = {"interpreter", "interpreters",
                                   "a sub-interpreter could not be followed"},
    [CRUMB_LOSS_NO_DEFINITION] = {"time", "times", "a function could not be described"},
    [CRUMB_LOSS_VALUES] = {"event", "events", "no room for its values"},
    [CRUMB_LOSS_PAUSED] = {"stretch", "stretches", "the program paused the recording"},
};

char *show_loss(unsigned cause, uint64_t count)
{
	char number[PARSE_TEXT];
	bool known = cause < sizeof(losses) / sizeof(losses[0]);
	const char *one = known ? losses[cause].one : "event";
	const char *many = known ? losses[cause].many : "events";
	const char *why = known ? losses[cause].why : crumb_loss_name(cause);

	if (count == 0)
		return util_format("some %s: %s", many, why);
	return util_format("%s %s: %s", parse_show_count(count, number),
	                   count == 1 ? one : many, why);
}

char *show_mark(const struct crumb_event *event)
{
	static const char dashes[] = "\342\224\200\342\224\200";

	return util_format("%s mark: %s %s", dashes, event->text, dashes);
}

char *show_locals(const struct crumb_event *event)
{
	static const char more[] = "\342\200\246"; /* an ellipsis */
	size_t room = sizeof(more) + 2, used = 0;

	if (event->local_count == 0 && !event->locals_cut)
		return NULL;
	for (size_t i = 0; i < event->local_count; i++)
		room += strlen(event->locals[i].name) + strlen(event->locals[i].text) + 3;
	char *text = util_alloc(room, 1);
	for (size_t i = 0; i < event->local_count; i++) {
		const struct crumb_value *value = &event->locals[i];
		used += (size_t)snprintf(text + used, room - used, "%s%s=%s",
		                         i > 0 ? ", " : "", value->name, value->text);
	}
	if (event->locals_cut)
		snprintf(text + used, room - used, "%s%s", used ? ", " : "", more);
	return text;
}

const char *show_end(enum crumb_ended ended)
{
	switch (ended) {
	case CRUMB_ENDED_RUNNING:
		return "running";
	case CRUMB_ENDED_CLEAN:
		return "clean";
	case CRUMB_ENDED_EXEC:
		return "exec";
	case CRUMB_ENDED_FATAL:
		return "fatal";
	default:
		return "unknown";
	}
}
