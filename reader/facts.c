/* SPDX-License-Identifier: MIT */
/*
 * What a file says of its process as a whole: its command, its interpreter, its host.  A
 * fact that comes again replaces the one before it (the backend may change while a
 * program runs); notes add up.
 */
#include "facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "strtab.h"

static int take_command(struct process *process, const char *bytes, size_t length)
{
	size_t argc = length > 0;

	/* The last argument may or may not have a NUL of its own. */
	if (length && bytes[length - 1] == '\0')
		length--;
	for (size_t i = 0; i < length; i++)
		argc += bytes[i] == '\0';
	const char **arguments = calloc(argc + 1, sizeof(*arguments));
	if (!arguments)
		return -ENOMEM;
	for (size_t i = 0; i < argc; i++) {
		const char *end = memchr(bytes, '\0', length);
		size_t n = end ? (size_t)(end - bytes) : length;
		arguments[i] = strtab_text(&process->strings, bytes, n);
		if (!arguments[i]) {
			free(arguments);
			return -ENOMEM;
		}
		bytes += n + (end != NULL);
		length -= n + (end != NULL);
	}
	free(process->arguments);
	process->arguments = arguments;
	process->shown.arguments = arguments;
	process->shown.argc = argc;
	return 1;
}

static const char **text_of_fact(struct crumb_process *shown, uint32_t fact)
{
	switch (fact) {
	case CRUMB_FACT_EXECUTABLE:
		return &shown->executable;
	case CRUMB_FACT_PYTHON:
		return &shown->python;
	case CRUMB_FACT_BACKEND:
		return &shown->backend;
	case CRUMB_FACT_HOST:
		return &shown->host;
	case CRUMB_FACT_DIRECTORY:
		return &shown->directory;
	case CRUMB_FACT_AGENT:
		return &shown->agent;
	case CRUMB_FACT_INCLUDE:
		return &shown->include;
	case CRUMB_FACT_EXCLUDE:
		return &shown->exclude;
	case CRUMB_FACT_PARENT_FILE:
		return &shown->parent_file;
	default:
		return NULL;
	}
}

int facts_take(struct process *process, const struct crumb_record_fact *fact, size_t size)
{
	const char *bytes = (const char *)(fact + 1);

	if (fact->length > size - sizeof(*fact))
		return 0;
	if (fact->fact == CRUMB_FACT_COMMAND)
		return take_command(process, bytes, fact->length);
	const char **to = text_of_fact(&process->shown, fact->fact);
	if (!to && fact->fact != CRUMB_FACT_NOTE)
		return 1; /* of a later agent */
	const char *text = strtab_text(&process->strings, bytes, fact->length);
	if (!text)
		return -ENOMEM;
	if (to) {
		*to = text;
		return 1;
	}
	/* One more than the notes, for the NULL at the end. */
	struct crumb_process *shown = &process->shown;
	if (reader_grow(&process->notes, &process->note_room, shown->note_count + 1,
	                sizeof(*process->notes)))
		return -ENOMEM;
	process->notes[shown->note_count++] = text;
	process->notes[shown->note_count] = NULL;
	shown->notes = process->notes;
	return 1;
}
