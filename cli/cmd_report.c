/* SPDX-License-Identifier: MIT */
/*
 * breadcrumb report: where the time went.  The adding up is in report.c, the printing in
 * the writers.
 */
#include "cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "options.h"
#include "out.h"
#include "parse.h"
#include "report.h"
#include "select.h"
#include "util.h"
#include "writer.h"

enum {
	OPTION_BY = 1,
	OPTION_SORT,
	OPTION_LIMIT,
	OPTION_JSON,
};

static const struct option_row report_options[] = {
    {OPTION_BY, 'b', "by", "WHAT", "add up by function (default), module or thread"},
    {OPTION_SORT, 's', "sort", "FIELD[,...]",
     "total (default), self, calls, mean, min, max, name"},
    {OPTION_LIMIT, 'n', "limit", "N", "only the first N lines"},
    {OPTION_JSON, 'j', "json", NULL, "one JSON object per line"},
    {0},
};

#define FIELDS_MAX 8

struct wanted {
	enum report_by by;
	unsigned fields[FIELDS_MAX];
	size_t field_count;
	uint64_t limit;
	const struct writer *writer;
	struct select select;
	struct options_look look;
};

static void take_by(struct wanted *wanted, const struct options *options)
{
	static const char *const names[] = {"function", "module", "thread"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(options->value, names[i]) == 0) {
			wanted->by = (enum report_by)i;
			return;
		}
	}
	options_bad_value(options, "function, module or thread");
}

static void take_sort(struct wanted *wanted, const struct options *options)
{
	char *copy = util_format("%s", options->value), *rest = copy, *name;

	wanted->field_count = 0;
	while ((name = strsep(&rest, ","))) {
		unsigned i = 0;
		while (report_fields[i] && strcmp(report_fields[i], name) != 0)
			i++;
		if (!report_fields[i])
			options_bad_value(options,
			                  "total, self, calls, mean, min, max or name");
		if (wanted->field_count < FIELDS_MAX)
			wanted->fields[wanted->field_count++] = i;
	}
	free(copy);
}

static void take_options(struct wanted *wanted, struct options *options)
{
	int key;

	while ((key = options_next(options)) != OPTIONS_DONE) {
		switch (key) {
		case OPTION_BY:
			take_by(wanted, options);
			break;
		case OPTION_SORT:
			take_sort(wanted, options);
			break;
		case OPTION_LIMIT:
			if (!parse_number(options->value, &wanted->limit))
				options_bad_value(options, "a number of lines");
			break;
		case OPTION_JSON:
			wanted->writer = &writer_json;
			break;
		default:
			if (!select_take(&wanted->select, options, key))
				options_take_look(&wanted->look, options, key);
		}
	}
}

/* What the figures do not show by themselves. */
static void say_partial(const struct report_row *const *rows, size_t count)
{
	uint64_t partial = 0;
	char room[PARSE_TEXT];

	for (size_t i = 0; i < count; i++)
		partial += rows[i]->partial;
	if (partial == 0)
		return;
	out_role(OUT_FAINT);
	out_printf(
	    "%s call%s not seen from start to end: in total and self, not in mean, "
	    "min, max",
	    parse_show_count(partial, room), partial == 1 ? " was" : "s were");
	out_role(OUT_PLAIN);
	out_line();
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct wanted wanted = {
	    .field_count = 1, .limit = UINT64_MAX, .writer = &writer_text};
	struct options options;
	struct input input;
	size_t count;

	options_init(&options, cmd, argc, argv);
	take_options(&wanted, &options);
	input_open(&input, &options);
	select_ready(&wanted.select, &input);
	options_apply_look(&wanted.look);
	struct report *report = report_make(&input, &wanted.select, wanted.by);
	const struct report_row *const *rows =
	    report_rows(report, wanted.fields, wanted.field_count, &count);
	size_t shown = count < wanted.limit ? count : (size_t)wanted.limit;
	wanted.writer->report(rows, shown, wanted.by);
	if (wanted.writer == &writer_text)
		say_partial(rows, shown);
	report_free(report);
	int status = input_close(&input);
	select_done(&wanted.select);
	return status;
}

static const struct option_row *const tables[] = {report_options, select_options,
                                                  options_view, NULL};

const struct cmd cmd_report = {
    .name = "report",
    .summary = "show calls and time by function, module or thread",
    .synopsis = "[OPTION...] FILE...",
    .about = "Adds up calls and time. TOTAL is the time from call to return, of a "
	     "recursion that of the outermost call only; SELF is TOTAL less the time in "
	     "recorded calls made from there. MEAN, MIN and MAX are of one call or, for "
	     "a generator or coroutine, of one stretch between being resumed and giving "
	     "up. A folder means all *.crumb files in it.",
    .examples = "  breadcrumb report app.crumb\n"
		"  breadcrumb report --sort self --limit 10 app.crumb\n"
		"  breadcrumb report --by module --json traces/\n",
    .options = tables,
    .run = run,
};
