/* SPDX-License-Identifier: MIT */
/*
 * What the user asked for.  Globs are matched once for each function and thread, and the
 * answer is kept: names are strings, events are millions.
 */
#include "select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

const struct option_row select_options[] = {
    {OPTION_THREAD, 't', "thread", "THREAD",
     "only threads by name (glob), number or native id"},
    {OPTION_FUNCTION, 'f', "function", "GLOB",
     "only these functions: name, Class.name or app.name"},
    {OPTION_MODULE, 'm', "module", "GLOB", "only functions of these modules (app.*)"},
    {OPTION_FROM, 0, "from", "TIME", "from this time on: 1.5s, 250ms or UTC"},
    {OPTION_TO, 0, "to", "TIME", "until this time"},
    {0},
};

/* What the cache says of an address, all of them once DECIDED is set. */
enum {
	DECIDED = 1,
	FUNCTION = 2,
	MODULE = 4,
	THREAD = 8,
};

static void add(struct select_list *list, const char *text)
{
	list->items =
	    util_grow(list->items, &list->room, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = util_format("%s", text);
}

/* Globs may be joined by commas, as in BREADCRUMB_INCLUDE. */
static void add_globs(struct select_list *list, const struct options *options)
{
	char *copy = util_format("%s", options->value), *rest = copy, *item;

	while ((item = strsep(&rest, ",")))
		if (*item)
			add(list, item);
	free(copy);
	if (list->count == 0)
		options_bad_value(options, "a glob such as 'app.*'");
}

bool select_take(struct select *select, const struct options *options, int key)
{
	switch (key) {
	case OPTION_THREAD:
		add(&select->threads, options->value);
		return true;
	case OPTION_FUNCTION:
		add_globs(&select->functions, options);
		return true;
	case OPTION_MODULE:
		add_globs(&select->modules, options);
		return true;
	case OPTION_FROM:
	case OPTION_TO:
		if (!parse_moment(options->value,
		                  key == OPTION_FROM ? &select->from : &select->to))
			options_bad_value(options, PARSE_MOMENT_FORM);
		return true;
	default:
		return false;
	}
}

static int64_t absolute(const struct parse_moment *moment, int64_t start, int64_t missing)
{
	int64_t sum;

	if (!moment->given)
		return missing;
	if (moment->absolute)
		return moment->ns;
	return __builtin_add_overflow(start, moment->ns, &sum) ? INT64_MAX : sum;
}

static bool matches_thread(const char *wanted, const struct crumb_thread *thread)
{
	uint64_t number;

	if (parse_number(wanted, &number) &&
	    (number == thread->number || number == thread->native_id))
		return true;
	return parse_glob(wanted, thread->name);
}

/* Names of a few threads, for the message that none was met. */
static char *list_threads(const struct crumb_trace *trace)
{
	char *text = util_format("%s", "");
	size_t shown = 0;

	for (size_t i = 0; i < crumb_trace_processes(trace); i++) {
		const struct crumb_process *process = crumb_trace_process(trace, i);
		for (size_t j = 0; j < process->threads && shown <= 10; j++, shown++) {
			const struct crumb_thread *thread =
			    crumb_process_thread(process, j);
			char *shorter = text;
			if (shown < 10)
				text =
				    util_format("%s%s%u %s", shorter, shown ? ", " : "",
				                thread->number, thread->name);
			else
				text = util_format("%s, ...", shorter);
			free(shorter);
		}
	}
	return text;
}

void select_ready(struct select *select, const struct input *input)
{
	select->from_ns = absolute(&select->from, input->start_ns, INT64_MIN);
	select->to_ns = absolute(&select->to, input->start_ns, INT64_MAX);
	for (size_t k = 0; k < select->threads.count; k++) {
		bool met = false;
		for (size_t i = 0; i < crumb_trace_processes(input->trace); i++) {
			const struct crumb_process *process =
			    crumb_trace_process(input->trace, i);
			for (size_t j = 0; j < process->threads && !met; j++)
				met = matches_thread(select->threads.items[k],
				                     crumb_process_thread(process, j));
		}
		if (!met)
			util_fail("no thread is called '%s'; there are: %s",
			          select->threads.items[k], list_threads(input->trace));
	}
}

bool select_thread(struct select *select, const struct crumb_thread *thread)
{
	if (select->threads.count == 0)
		return true;
	uint32_t *known = map_at(&select->cache, thread);
	if (!*known) {
		*known = DECIDED;
		for (size_t i = 0; i < select->threads.count; i++)
			if (matches_thread(select->threads.items[i], thread))
				*known |= THREAD;
	}
	return *known & THREAD;
}

static bool matches_function(const char *glob, const struct crumb_code *code)
{
	if (parse_glob(glob, code->name) || parse_glob(glob, code->qualname))
		return true;
	char *whole = util_format("%s.%s", code->module, code->qualname);
	bool met = parse_glob(glob, whole);
	free(whole);
	return met;
}

static uint32_t decide(struct select *select, const struct crumb_code *code)
{
	uint32_t *known = map_at(&select->cache, code);

	if (*known)
		return *known;
	*known = DECIDED;
	for (size_t i = 0; i < select->functions.count; i++)
		if (matches_function(select->functions.items[i], code))
			*known |= FUNCTION;
	for (size_t i = 0; i < select->modules.count; i++)
		if (parse_module_glob(select->modules.items[i], code->module))
			*known |= MODULE;
	if (*known & FUNCTION)
		select->function_met = true;
	return *known;
}

bool select_function(struct select *select, const struct crumb_code *code)
{
	return select->functions.count == 0 || decide(select, code) & FUNCTION;
}

bool select_module(struct select *select, const struct crumb_code *code)
{
	return select->modules.count == 0 || decide(select, code) & MODULE;
}

bool select_event(struct select *select, const struct crumb_event *event)
{
	if (event->time_ns < select->from_ns || event->time_ns >= select->to_ns)
		return false;
	if (!select_thread(select, event->thread))
		return false;
	if (!event->code)
		return select->functions.count == 0 && select->modules.count == 0;
	return select_function(select, event->code) && select_module(select, event->code);
}

static void free_list(struct select_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void select_done(struct select *select)
{
	if (select->functions.count > 0 && !select->function_met)
		util_say("no call of '%s'%s was met", select->functions.items[0],
		         select->functions.count > 1 ? " and the like" : "");
	free_list(&select->threads);
	free_list(&select->functions);
	free_list(&select->modules);
	map_free(&select->cache);
}
