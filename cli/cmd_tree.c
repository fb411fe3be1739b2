/* SPDX-License-Identifier: MIT */
/*
 * breadcrumb tree: who called what, and how long it took, thread by thread or all threads
 * in one.
 */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

#include "flight.h"
#include "input.h"
#include "map.h"
#include "options.h"
#include "out.h"
#include "parse.h"
#include "select.h"
#include "show.h"
#include "tree.h"
#include "tree_line.h"
#include "util.h"

enum {
	OPTION_DEPTH = 1,
	OPTION_MIN_DURATION,
	OPTION_MERGE,
	OPTION_TIMES,
	OPTION_PLACES,
	OPTION_IMPORTS,
	OPTION_EXCEPTIONS,
};

#define THREAD_WIDTH_MAX 14

static const struct option_row tree_options[] = {
    {OPTION_DEPTH, 'd', "depth", "N", "only the N outermost levels"},
    {OPTION_MIN_DURATION, 0, "min-duration", "TIME",
     "only calls of at least 10us, 1.5ms, 2s"},
    {OPTION_MERGE, 0, "merge", NULL, "all threads in one tree, by time"},
    {OPTION_TIMES, 0, "times", NULL, "a column with the time since the start"},
    {OPTION_PLACES, 0, "places", NULL, "file and line of each function"},
    {OPTION_IMPORTS, 0, "imports", NULL, "also Python's own import machinery"},
    {OPTION_EXCEPTIONS, 0, "exceptions", NULL,
     "instead of calls, the way of each exception: raised, passed on, caught"},
    {0},
};

struct wanted {
	struct tree_style style;
	struct select select;
	struct options_look look;
	bool exceptions;
};

static void take_options(struct wanted *wanted, struct options *options)
{
	struct tree_style *style = &wanted->style;
	int key;

	while ((key = options_next(options)) != OPTIONS_DONE) {
		switch (key) {
		case OPTION_DEPTH:
			if (!parse_number(options->value, &style->depth))
				options_bad_value(options, "a number of levels");
			break;
		case OPTION_MIN_DURATION:
			if (!parse_duration(options->value, &style->min_ns))
				options_bad_value(options, PARSE_DURATION_FORM);
			break;
		case OPTION_MERGE:
			style->merged = true;
			break;
		case OPTION_TIMES:
			style->times = true;
			break;
		case OPTION_PLACES:
			style->places = true;
			break;
		case OPTION_IMPORTS:
			style->imports = true;
			break;
		case OPTION_EXCEPTIONS:
			wanted->exceptions = true;
			break;
		default:
			if (!select_take(&wanted->select, options, key))
				options_take_look(&wanted->look, options, key);
		}
	}
}

static void show_thread_by_thread(struct tree *tree, struct input *input)
{
	struct crumb_event event;

	for (size_t i = 0; i < crumb_trace_processes(input->trace); i++) {
		const struct crumb_process *process =
		    crumb_trace_process(input->trace, i);
		for (size_t j = 0; j < process->threads; j++) {
			struct tree_thread thread = {
			    .thread = crumb_process_thread(process, j)};
			if (!select_thread(tree->select, thread.thread))
				continue;
			input_walk(input, thread.thread);
			while (input_next(input, &event) &&
			       event.time_ns < tree->select->to_ns)
				tree_event(tree, &thread, &event);
			tree_end(tree, &thread);
		}
	}
}

/* One thread's exceptions, and what they are shown with. */
struct flights {
	struct flight_thread thread;
	struct tree *tree;
	bool titled;
};

static bool is_wanted(struct tree *tree, const struct flight *flight)
{
	if (flight->time_ns < tree->select->from_ns)
		return false;
	for (size_t i = 0; i < flight->count; i++)
		if (select_function(tree->select, flight->stops[i].code) &&
		    select_module(tree->select, flight->stops[i].code))
			return true;
	return false;
}

static void put_stop(const char *how, const struct flight_stop *stop)
{
	out_printf("    %-10s", how);
	out_text(show_function(stop->code));
	out_char('(');
	if (stop->arguments)
		out_text(stop->arguments);
	out_char(')');
	if (*stop->code->filename) {
		out_role(OUT_FAINT);
		out_raw("  ", 2);
		out_text(show_file(stop->code));
		if (stop->line)
			out_printf(":%u", stop->line);
		out_role(OUT_PLAIN);
	}
	out_line();
}

static void show_flight(void *context, const struct flight *flight, enum flight_end end)
{
	struct flights *flights = context;
	struct tree *tree = flights->tree;
	size_t last = flight->count - 1;

	if (!is_wanted(tree, flight))
		return;
	tree_title(tree, flights->thread.thread, &flights->titled);
	tree->any = true;
	tree_time(tree, flight->time_ns);
	out_role(OUT_BAD);
	out_text(flight->type ? flight->type : "an exception");
	out_role(OUT_PLAIN);
	if (flight->message && *flight->message) {
		out_raw(": ", 2);
		out_text(flight->message);
	}
	out_line();
	for (size_t i = 0; i < flight->count; i++) {
		bool caught = i == last && end == FLIGHT_CAUGHT;
		if (i == 0)
			put_stop("raised in", &flight->stops[i]);
		else if (!caught)
			put_stop("through", &flight->stops[i]);
		if (caught)
			put_stop("caught in", &flight->stops[i]);
	}
	if (end != FLIGHT_CAUGHT) {
		out_role(OUT_WARN);
		out_str(end == FLIGHT_LEFT ? "    not caught in what was recorded"
		                           : "    ... what came then was not recorded");
		out_role(OUT_PLAIN);
		out_line();
	}
}

/* Between the exceptions, what the program said. */
static void show_mark_between(struct flights *flights, const struct crumb_event *event)
{
	struct tree *tree = flights->tree;

	if (!select_event(tree->select, event))
		return;
	tree_title(tree, flights->thread.thread, &flights->titled);
	tree->any = true;
	tree_time(tree, event->time_ns);
	tree_line_mark(event);
	out_line();
}

static void show_exceptions(struct tree *tree, struct input *input)
{
	struct crumb_event event;

	for (size_t i = 0; i < crumb_trace_processes(input->trace); i++) {
		const struct crumb_process *process =
		    crumb_trace_process(input->trace, i);
		for (size_t j = 0; j < process->threads; j++) {
			struct flights flights = {
			    .thread = {.thread = crumb_process_thread(process, j),
			               .ended = show_flight},
			    .tree = tree};
			if (!select_thread(tree->select, flights.thread.thread))
				continue;
			flights.thread.context = &flights;
			input_walk(input, flights.thread.thread);
			while (input_next(input, &event) &&
			       event.time_ns < tree->select->to_ns) {
				flight_event(&flights.thread, &event);
				if (event.kind == CRUMB_MARK)
					show_mark_between(&flights, &event);
			}
			flight_finish(&flights.thread);
		}
	}
}

struct all_threads {
	struct tree_thread *items;
	size_t count;
	struct map index; /* thread to its place in items, from 1 */
};

static void collect_threads(struct all_threads *all, const struct tree *tree,
                            const struct crumb_trace *trace)
{
	size_t room = 0;

	for (size_t i = 0; i < crumb_trace_processes(trace); i++) {
		const struct crumb_process *process = crumb_trace_process(trace, i);
		for (size_t j = 0; j < process->threads; j++) {
			const struct crumb_thread *thread =
			    crumb_process_thread(process, j);
			if (!select_thread(tree->select, thread))
				continue;
			all->items = util_grow(all->items, &room, all->count + 1,
			                       sizeof(*all->items));
			all->items[all->count++].thread = thread;
			*map_at(&all->index, thread) = (uint32_t)all->count;
		}
	}
}

static void show_merged(struct tree *tree, struct input *input)
{
	struct all_threads all = {0};
	struct crumb_event event;

	collect_threads(&all, tree, input->trace);
	input_walk(input, NULL);
	while (input_next(input, &event) && event.time_ns < tree->select->to_ns) {
		uint32_t place = *map_at(&all.index, event.thread);
		if (place)
			tree_event(tree, &all.items[place - 1], &event);
	}
	for (size_t i = 0; i < all.count; i++)
		tree_end(tree, &all.items[i]);
	map_free(&all.index);
	free(all.items);
}

static void measure(struct tree_style *style, const struct input *input)
{
	style->origin_ns = input->start_ns;
	style->processes = crumb_trace_processes(input->trace) > 1;
	style->thread_width = show_threads_width(input->trace);
	if (out_width() > 0 && style->thread_width > THREAD_WIDTH_MAX)
		style->thread_width = THREAD_WIDTH_MAX;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct wanted wanted = {.style = {.depth = UINT64_MAX}};
	struct options options;
	struct input input;
	struct tree tree;

	options_init(&options, cmd, argc, argv);
	take_options(&wanted, &options);
	input_open(&input, &options);
	select_ready(&wanted.select, &input);
	options_apply_look(&wanted.look);
	measure(&wanted.style, &input);
	tree_init(&tree, &wanted.style, &wanted.select);
	if (wanted.exceptions)
		show_exceptions(&tree, &input);
	else if (wanted.style.merged)
		show_merged(&tree, &input);
	else
		show_thread_by_thread(&tree, &input);
	tree_finish(&tree);
	int status = input_close(&input);
	select_done(&wanted.select);
	return status;
}

static const struct option_row *const tables[] = {tree_options, select_options,
                                                  options_view, NULL};

const struct cmd cmd_tree = {
    .name = "tree",
    .summary = "show who called what, and how long it took",
    .synopsis = "[OPTION...] FILE...",
    .about = "Shows the calls of each thread, indented, with their duration. A call in "
	     "which nothing was recorded is one line; '! ValueError' marks an exception, "
	     "at the end of a call one that left it; 'yields', 'awaits' and 'resumed' "
	     "are of generators and coroutines. With --function, these functions' calls "
	     "and all below them. A folder means all *.crumb files in it.",
    .examples = "  breadcrumb tree app.crumb\n"
		"  breadcrumb tree --depth 4 --min-duration 1ms app.crumb\n"
		"  breadcrumb tree --function 'Shop.*' --thread MainThread app.crumb\n"
		"  breadcrumb tree --from 1.5s --to 2s --merge --times traces/\n",
    .options = tables,
    .run = run,
};
