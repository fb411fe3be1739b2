/* SPDX-License-Identifier: MIT */
/*
 * breadcrumb dump: every event of a trace, in time order over all threads and files.
 */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "options.h"
#include "out.h"
#include "select.h"
#include "show.h"
#include "traceback.h"
#include "util.h"
#include "writer.h"

enum {
	OPTION_JSON = 1,
	OPTION_UTC,
	OPTION_EVENT,
};

#define THREAD_WIDTH_MAX 20

static const struct option_row dump_options[] = {
    {OPTION_JSON, 'j', "json", NULL, "one JSON object per event and line"},
    {OPTION_UTC, 'u', "utc", NULL, "times as UTC instead of seconds since the start"},
    {OPTION_EVENT, 'e', "event", "KIND", "only these kinds of events: call,return,..."},
    {0},
};

struct dump {
	const struct writer *writer;
	struct writer_view view;
	struct select select;
	struct options_look look;
	struct traceback traceback;
	unsigned kinds; /* bits by enum crumb_kind; 0: all */
};

static bool take_kind(struct dump *dump, const char *name)
{
	for (unsigned kind = 0; kind < CRUMB_KINDS; kind++) {
		const char *known = crumb_kind_name((enum crumb_kind)kind);
		if (known && strcmp(known, name) == 0) {
			dump->kinds |= 1u << kind;
			return true;
		}
	}
	return false;
}

static void take_kinds(struct dump *dump, const struct options *options)
{
	char *copy = util_format("%s", options->value), *rest = copy, *name;
	char *known = util_format("%s", "");

	for (unsigned kind = 0; kind < CRUMB_KINDS; kind++) {
		const char *one = crumb_kind_name((enum crumb_kind)kind);
		char *shorter = known;
		if (!one)
			continue;
		known = util_format("%s%s%s", shorter, *shorter ? ", " : "", one);
		free(shorter);
	}
	while ((name = strsep(&rest, ",")))
		if (!take_kind(dump, name))
			options_bad_value(options, known);
	free(copy);
	free(known);
}

static void take_options(struct dump *dump, struct options *options)
{
	int key;

	while ((key = options_next(options)) != OPTIONS_DONE) {
		switch (key) {
		case OPTION_JSON:
			dump->writer = &writer_json;
			break;
		case OPTION_UTC:
			dump->view.utc = true;
			break;
		case OPTION_EVENT:
			take_kinds(dump, options);
			break;
		default:
			if (!select_take(&dump->select, options, key))
				options_take_look(&dump->look, options, key);
		}
	}
}

static bool shows_kind(const struct dump *dump, enum crumb_kind kind)
{
	return dump->kinds == 0 || dump->kinds & 1u << kind;
}

/* What is not shown is part of an exception's way, too. */
static void follow_exceptions(struct dump *dump, const struct crumb_event *event)
{
	if (dump->view.traceback && select_thread(&dump->select, event->thread))
		traceback_event(dump->view.traceback, event);
}

static void measure(struct dump *dump, const struct crumb_trace *trace)
{
	dump->view.processes = crumb_trace_processes(trace) > 1;
	dump->view.thread_width = show_threads_width(trace);
	if (dump->view.thread_width > THREAD_WIDTH_MAX)
		dump->view.thread_width = THREAD_WIDTH_MAX;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct dump dump = {.writer = &writer_text};
	struct options options;
	struct input input;
	struct crumb_event event;

	options_init(&options, cmd, argc, argv);
	take_options(&dump, &options);
	input_open(&input, &options);
	select_ready(&dump.select, &input);
	options_apply_look(&dump.look);
	dump.view.origin_ns = input.start_ns;
	measure(&dump, input.trace);
	if (dump.writer->wants_traceback && shows_kind(&dump, CRUMB_EXCEPTION))
		dump.view.traceback = &dump.traceback;
	input_walk(&input, NULL);
	while (input_next(&input, &event)) {
		if (event.time_ns >= dump.select.to_ns)
			break;
		follow_exceptions(&dump, &event);
		if (shows_kind(&dump, event.kind) && select_event(&dump.select, &event))
			dump.writer->event(&dump.view, &event);
	}
	int status = input_close(&input);
	traceback_free(&dump.traceback);
	select_done(&dump.select);
	return status;
}

static const struct option_row *const tables[] = {dump_options, select_options,
                                                  options_view, NULL};

const struct cmd cmd_dump = {
    .name = "dump",
    .summary = "show every event, one on a line",
    .synopsis = "[OPTION...] FILE...",
    .about =
	"Shows the events of trace files, one on a line, in time order over all threads "
	"and files: time, thread, kind, function, file and line; then the exception, or "
	"the duration of what ended. A folder means all *.crumb files in it.",
    .examples = "  breadcrumb dump app.crumb\n"
		"  breadcrumb dump --event exception --utc app.crumb\n"
		"  breadcrumb dump --json --from 1.5s --to 2s app.crumb | jq .qualname\n",
    .options = tables,
    .run = run,
};
