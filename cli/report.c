/* SPDX-License-Identifier: MIT */
/*
 * Adds up time and calls.  Threads are read one after the other: then one stack and one
 * array "is this function open in this thread, and how often" is enough, whatever the
 * number of threads.  The same function of several processes is one row.
 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "map.h"
#include "show.h"
#include "util.h"

struct report {
	enum report_by by;
	struct select *select;
	struct report_row *rows; /* row 0 is for what is not selected, and never shown */
	size_t count, room;
	uint32_t *open; /* by row: its frames on the stack of this thread */
	size_t open_room;
	struct map row_of; /* code object or thread to row */
	uint32_t *table;   /* hash of names to row, for the same function elsewhere */
	size_t table_room;
	struct frames frames;
	int64_t last_ns;
	const struct report_row **sorted;
	unsigned fields[8];
	size_t field_count;
};

static uint64_t hash_text(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t hash_code(const struct report *report, const struct crumb_code *code)
{
	uint64_t h = hash_text(UINT64_C(0xcbf29ce484222325), code->module);

	if (report->by == REPORT_BY_FUNCTION) {
		h = hash_text(h, code->qualname);
		h = hash_text(h, code->filename) + code->first_line;
	}
	return h ^ h >> 29;
}

static bool same(const struct report *report, const struct crumb_code *a,
                 const struct crumb_code *b)
{
	if (strcmp(a->module, b->module) != 0)
		return false;
	if (report->by == REPORT_BY_MODULE)
		return true;
	return a->first_line == b->first_line && strcmp(a->qualname, b->qualname) == 0 &&
	       strcmp(a->name, b->name) == 0 && strcmp(a->filename, b->filename) == 0;
}

static uint32_t new_row(struct report *report)
{
	report->rows = util_grow(report->rows, &report->room, report->count + 1,
	                         sizeof(*report->rows));
	report->open = util_grow(report->open, &report->open_room, report->count + 1,
	                         sizeof(*report->open));
	report->rows[report->count].least_ns = INT64_MAX;
	return (uint32_t)report->count++;
}

/* Where a function's row is noted in the table, or is to be. */
static size_t place_of(const struct report *report, const struct crumb_code *code)
{
	size_t i = hash_code(report, code) & (report->table_room - 1);

	while (report->table[i] &&
	       !same(report, report->rows[report->table[i]].code, code))
		i = (i + 1) & (report->table_room - 1);
	return i;
}

static void grow_table(struct report *report)
{
	free(report->table);
	report->table_room = report->table_room ? report->table_room * 2 : 1024;
	report->table = util_alloc(report->table_room, sizeof(*report->table));
	for (size_t row = 1; row < report->count; row++)
		report->table[place_of(report, report->rows[row].code)] = (uint32_t)row;
}

static uint32_t find_row(struct report *report, const struct crumb_event *event)
{
	const struct crumb_code *code = event->code;

	if (!select_function(report->select, code) ||
	    !select_module(report->select, code))
		return 0;
	if (report->by == REPORT_BY_THREAD) {
		uint32_t row = new_row(report);
		report->rows[row].thread = event->thread;
		return row;
	}
	if (report->count * 2 >= report->table_room)
		grow_table(report);
	size_t place = place_of(report, code);
	if (!report->table[place]) {
		uint32_t row = new_row(report);
		report->rows[row].code = code;
		report->table[place] = row;
	}
	return report->table[place];
}

/* The row of an event's function or thread.  The map holds row + 1: 0 is "not known yet".
 */
static uint32_t row_of(struct report *report, const struct crumb_event *event)
{
	const void *key = event->code;

	if (report->by == REPORT_BY_THREAD) {
		if (!select_function(report->select, event->code) ||
		    !select_module(report->select, event->code))
			return 0;
		key = event->thread;
	}
	uint32_t *known = map_at(&report->row_of, key);
	if (!*known)
		*known = find_row(report, event) + 1;
	return *known - 1;
}

/* Ends the innermost frame at a moment; `seen` says that its end was recorded. */
static void close_frame(struct report *report, int64_t end_ns, bool seen)
{
	struct frame *frame = frames_top(&report->frames);
	struct report_row *row = &report->rows[frame->number];
	const struct select *select = report->select;
	bool whole = seen && frame->start_ns >= select->from_ns;
	int64_t start_ns =
	    frame->start_ns > select->from_ns ? frame->start_ns : select->from_ns;
	int64_t spent = end_ns > start_ns ? end_ns - start_ns : 0;

	row->self_ns += spent > frame->inner_ns ? spent - frame->inner_ns : 0;
	if (--report->open[frame->number] == 0)
		row->total_ns += spent;
	if (whole) {
		row->whole++;
		row->sum_ns += spent;
		if (spent < row->least_ns)
			row->least_ns = spent;
		if (spent > row->most_ns)
			row->most_ns = spent;
	} else if (end_ns >= select->from_ns) {
		row->partial++;
	}
	frames_pop(&report->frames);
	struct frame *caller = frames_top(&report->frames);
	if (caller)
		caller->inner_ns += spent;
}

static void take_event(struct report *report, const struct crumb_event *event)
{
	while (frames_stale(&report->frames, event))
		close_frame(report, report->last_ns, false);
	if (frames_opens(event)) {
		uint32_t row = row_of(report, event);
		frames_push(&report->frames, event)->number = row;
		report->open[row]++;
		if (event->kind == CRUMB_CALL &&
		    event->time_ns >= report->select->from_ns)
			report->rows[row].calls++;
	} else if (frames_closes(event) && frames_of(&report->frames, event)) {
		close_frame(report, event->time_ns, true);
	}
	report->last_ns = event->time_ns;
}

static void take_thread(struct report *report, struct input *input,
                        const struct crumb_thread *thread)
{
	struct crumb_event event;

	report->last_ns = thread->start_ns;
	input_walk(input, thread);
	while (input_next(input, &event) && event.time_ns < report->select->to_ns)
		take_event(report, &event);
	if (!frames_top(&report->frames))
		return;
	int64_t until = input_open_until(thread, report->last_ns);
	if (until > report->select->to_ns)
		until = report->select->to_ns;
	while (frames_top(&report->frames))
		close_frame(report, until, false);
}

struct report *report_make(struct input *input, struct select *select, enum report_by by)
{
	struct report *report = util_alloc(1, sizeof(*report));

	report->by = by;
	report->select = select;
	new_row(report);
	for (size_t i = 0; i < crumb_trace_processes(input->trace); i++) {
		const struct crumb_process *process =
		    crumb_trace_process(input->trace, i);
		for (size_t j = 0; j < process->threads; j++) {
			const struct crumb_thread *thread =
			    crumb_process_thread(process, j);
			if (select_thread(select, thread))
				take_thread(report, input, thread);
		}
	}
	return report;
}

void report_free(struct report *report)
{
	map_free(&report->row_of);
	frames_free(&report->frames);
	free(report->rows);
	free(report->open);
	free(report->table);
	free(report->sorted);
	free(report);
}

int64_t report_mean(const struct report_row *row)
{
	return row->whole ? row->sum_ns / (int64_t)row->whole : -1;
}

const char *const report_fields[] = {
    "total", "self", "calls", "mean", "min", "max", "name", NULL,
};

#define FIELD_NAME 6

static int64_t field(const struct report_row *row, unsigned number)
{
	switch (number) {
	case 0:
		return row->total_ns;
	case 1:
		return row->self_ns;
	case 2:
		return (int64_t)row->calls;
	case 3:
		return report_mean(row);
	case 4:
		return row->whole ? row->least_ns : -1;
	default:
		return row->whole ? row->most_ns : -1;
	}
}

const char *report_name(const struct report_row *row, enum report_by by)
{
	switch (by) {
	case REPORT_BY_THREAD:
		return show_thread(row->thread);
	case REPORT_BY_MODULE:
		return *row->code->module ? row->code->module : "?";
	default:
		return show_function(row->code);
	}
}

static int compare(const void *left, const void *right, void *context)
{
	const struct report_row *a = *(const struct report_row *const *)left;
	const struct report_row *b = *(const struct report_row *const *)right;
	const struct report *report = context;

	for (size_t i = 0; i < report->field_count; i++) {
		unsigned number = report->fields[i];
		if (number == FIELD_NAME) {
			int order = strcmp(report_name(a, report->by),
			                   report_name(b, report->by));
			if (order != 0)
				return order;
			continue;
		}
		int64_t x = field(a, number), y = field(b, number);
		if (x != y)
			return x < y ? 1 : -1;
	}
	int order = strcmp(report_name(a, report->by), report_name(b, report->by));
	/* Rows stand in the order in which their functions were met. */
	return order != 0 ? order : (a < b ? -1 : a > b);
}

const struct report_row *const *report_rows(struct report *report, const unsigned *fields,
                                            size_t field_count, size_t *count)
{
	report->field_count = 0;
	for (size_t i = 0;
	     i < field_count && i < sizeof(report->fields) / sizeof(unsigned); i++)
		report->fields[report->field_count++] = fields[i];
	free(report->sorted);
	report->sorted = util_alloc(report->count, sizeof(report->sorted[0]));
	*count = 0;
	for (size_t i = 1; i < report->count; i++) {
		const struct report_row *row = &report->rows[i];
		if (row->calls > 0 || row->whole > 0 || row->partial > 0)
			report->sorted[(*count)++] = row;
	}
	qsort_r(report->sorted, *count, sizeof(report->sorted[0]), compare, report);
	return report->sorted;
}
