/* SPDX-License-Identifier: MIT */
/*
 * breadcrumb info: which process a trace file is of, how it ended, what is in the file
 * and what is missing.
 */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "options.h"
#include "out.h"
#include "util.h"
#include "writer.h"

enum {
	OPTION_JSON = 1,
};

static const struct option_row info_options[] = {
    {OPTION_JSON, 'j', "json", NULL, "one JSON object per file and line"},
    {0},
};

/* Counts thread by thread: that needs no merging. */
static void count(struct input *input, struct writer_process *counted,
                  uint64_t *of_thread)
{
	struct crumb_event event;

	for (size_t i = 0; i < counted->process->threads; i++) {
		input_walk(input, crumb_process_thread(counted->process, i));
		while (input_next(input, &event)) {
			if ((unsigned)event.kind < CRUMB_KINDS)
				counted->kinds[event.kind]++;
			of_thread[i]++;
		}
		counted->events += of_thread[i];
	}
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	const struct writer *writer = &writer_text;
	struct options_look look = {0};
	struct options options;
	struct input input;
	int key;

	options_init(&options, cmd, argc, argv);
	while ((key = options_next(&options)) != OPTIONS_DONE) {
		if (key == OPTION_JSON)
			writer = &writer_json;
		else
			options_take_look(&look, &options, key);
	}
	input_open(&input, &options);
	options_apply_look(&look);
	for (size_t i = 0; i < crumb_trace_processes(input.trace); i++) {
		const struct crumb_process *process = crumb_trace_process(input.trace, i);
		uint64_t *of_thread = util_alloc(process->threads, sizeof(*of_thread));
		struct writer_process counted = {.process = process,
		                                 .thread_events = of_thread};
		count(&input, &counted, of_thread);
		if (i > 0 && writer == &writer_text)
			out_line();
		writer->process(&counted);
		free(of_thread);
	}
	return input_close(&input);
}

static const struct option_row *const tables[] = {info_options, options_view, NULL};

const struct cmd cmd_info = {
    .name = "info",
    .summary = "show what a trace file is of, and what is in it",
    .synopsis = "[OPTION...] FILE...",
    .about = "Shows the program, the interpreter, start and end of the process, its "
	     "threads, the number of events by kind, and what could not be recorded. A "
	     "folder means all *.crumb files in it.",
    .examples = "  breadcrumb info app.crumb\n"
		"  breadcrumb info --json traces/ | jq .ended\n",
    .options = tables,
    .run = run,
};
