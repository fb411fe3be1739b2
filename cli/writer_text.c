/* SPDX-License-Identifier: MIT */
/*
 * Text for people: columns that fit a terminal of 80, in full where the output is no
 * terminal.
 */
#include "writer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <breadcrumb/format.h>

#include "out.h"
#include "parse.h"
#include "show.h"

#define SECOND INT64_C(1000000000)

#define KIND_WIDTH     9
#define DURATION_WIDTH 12

static void put_event_time(const struct writer_view *view, int64_t ns)
{
	char room[PARSE_TEXT];
	int64_t since = ns - view->origin_ns;

	out_role(OUT_FAINT);
	if (view->utc) {
		out_raw(parse_show_utc(ns, room), PARSE_UTC_LENGTH);
	} else {
		uint64_t size = since < 0 ? -(uint64_t)since : (uint64_t)since;
		if (since < 0)
			out_char('-');
		out_u64_in(size / SECOND, since < 0 ? 3 : 4, ' ');
		out_char('.');
		out_u64_in(size % SECOND, 9, '0');
	}
	out_role(OUT_PLAIN);
	out_raw("  ", 2);
}

static void put_padded(const char *text, unsigned width)
{
	unsigned columns = out_text_width(text);

	if (columns > width && out_width() > 0) {
		out_text_in(text, width);
		return;
	}
	out_text(text);
	if (columns < width)
		out_fill(' ', width - columns);
}

/* Shortened in the middle where it is longer. */
static void put_at_most(const char *text, unsigned width)
{
	if (width < UINT_MAX && out_text_width(text) > width)
		out_text_in(text, width);
	else
		out_text(text);
}

static unsigned digits_of(uint64_t number)
{
	unsigned digits = 1;

	for (; number >= 10; number /= 10)
		digits++;
	return digits;
}

/*
 * Function, file and line.  On a terminal they share what the line has left besides the
 * exception or duration at its end: a long file name takes two fifths, the function the
 * rest.
 */
static void put_function(const struct crumb_event *event)
{
	const char *name = show_function(event->code), *file = show_file(event->code);
	unsigned name_width = UINT_MAX, file_width = UINT_MAX;

	if (out_width() > 0) {
		unsigned used = out_column() + 2;
		if (event->line)
			used += 1 + digits_of(event->line);
		if (event->kind == CRUMB_EXCEPTION && event->exception)
			used += 2 + out_text_width(event->exception);
		else if (event->duration_ns >= 0)
			used += DURATION_WIDTH;
		unsigned left = out_width() > used ? out_width() - used : 0;
		file_width = out_text_width(file);
		if (out_text_width(name) + file_width > left && file_width > left * 2 / 5)
			file_width = left * 2 / 5;
		name_width = left - file_width;
	}
	put_at_most(name, name_width);
	out_raw("  ", 2);
	out_role(OUT_FAINT);
	put_at_most(file, file_width);
	if (event->line) {
		out_char(':');
		out_u64(event->line);
	}
	out_role(OUT_PLAIN);
}

static enum out_role role_of(enum crumb_kind kind)
{
	switch (kind) {
	case CRUMB_UNWIND:
	case CRUMB_EXCEPTION:
	case CRUMB_LOST:
		return OUT_BAD;
	case CRUMB_YIELD:
	case CRUMB_RESUME:
		return OUT_GOOD;
	case CRUMB_MARK:
		return OUT_NAME;
	default:
		return OUT_PLAIN;
	}
}

static void put_detail(const struct crumb_event *event)
{
	char room[PARSE_TEXT];

	if (event->kind == CRUMB_EXCEPTION && event->exception) {
		out_raw("  ", 2);
		out_role(OUT_BAD);
		out_text(event->exception);
		out_role(OUT_PLAIN);
		if (event->message && *event->message) {
			out_raw(": ", 2);
			out_text(event->message);
		}
	} else if (event->duration_ns >= 0) {
		const char *text = parse_show_duration(event->duration_ns, room);
		out_raw("  ", 2);
		out_str(text + strspn(text, " "));
	} else if (event->kind == CRUMB_LOST) {
		char *text = show_loss(event->loss, event->lost);
		out_str(text);
		free(text);
	} else if (event->text) {
		out_text(event->text);
	}
}

static void put_values(const struct crumb_event *event)
{
	char *locals = show_locals(event);

	if (event->result) {
		out_str("  \342\206\222 ");
		out_text(event->result);
	}
	if (locals) {
		out_raw("  ", 2);
		out_text(locals);
	}
	free(locals);
}

static void put_event(const struct writer_view *view, const struct crumb_event *event)
{
	const char *kind = crumb_kind_name(event->kind);

	put_event_time(view, event->time_ns);
	if (view->processes) {
		out_u64_in(event->thread->process->pid, 7, ' ');
		out_raw("  ", 2);
	}
	put_padded(show_thread(event->thread), view->thread_width);
	out_raw("  ", 2);
	enum out_role role = role_of(event->kind);
	if (role != OUT_PLAIN)
		out_role(role);
	kind = kind ? kind : "?";
	size_t length = strlen(kind);
	out_raw(kind, length);
	if (length < KIND_WIDTH)
		out_fill(' ', KIND_WIDTH - length);
	if (role != OUT_PLAIN)
		out_role(OUT_PLAIN);
	if (event->code) {
		out_raw("  ", 2);
		put_function(event);
	} else if (event->kind == CRUMB_LOST || event->kind == CRUMB_MARK) {
		out_raw("  ", 2);
	}
	put_detail(event);
	put_values(event);
	out_line();
}

static void put_label(const char *label)
{
	out_raw("  ", 2);
	out_role(OUT_FAINT);
	out_str(label);
	out_role(OUT_PLAIN);
	size_t length = strlen(label);
	out_fill(' ', length < 12 ? 12 - length : 1);
}

static void put_row(const char *label, const char *text)
{
	if (!*text)
		return;
	put_label(label);
	out_text(text);
	out_line();
}

/* "2026-01-31 12:00:00.123456 UTC": for reading, where the nanoseconds say nothing. */
static void put_moment(int64_t ns)
{
	char room[PARSE_TEXT];

	parse_show_utc(ns, room);
	out_raw(room, 10);
	out_char(' ');
	out_raw(room + 11, 15);
	out_str(" UTC");
}

static void put_interpreter(const struct crumb_process *process)
{
	put_label("Python");
	if (*process->python) {
		out_text(process->python);
	} else {
		uint32_t hex = process->python_hex;
		out_printf("%u.%u.%u", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff);
	}
	if (process->flags & CRUMB_FLAG_FREE_THREADED)
		out_str(", free-threaded");
	if (process->flags & CRUMB_FLAG_DEBUG_BUILD)
		out_str(", debug build");
	out_line();
	put_row("Executable", process->executable);
	put_label("Backend");
	out_text(*process->backend ? process->backend : "?");
	if (process->flags & CRUMB_FLAG_LINES)
		out_str(", with lines");
	if (process->flags & CRUMB_FLAG_UNWIND_ONLY)
		out_str(", exceptions only where they leave a function");
	if (*process->agent) {
		out_str(" (agent ");
		out_text(process->agent);
		out_char(')');
	}
	out_line();
}

static void put_identity(const struct crumb_process *process)
{
	put_row("Host", process->host);
	put_row("Directory", process->directory);
	put_label("Process");
	out_printf("%u, child of %u", process->pid, process->parent_pid);
	out_line();
	put_row("Parent file", process->parent_file);
}

static void put_end(const struct crumb_process *process)
{
	char room[PARSE_TEXT];

	put_label("Started");
	put_moment(process->start_ns);
	out_line();
	bool known = process->ended != CRUMB_ENDED_RUNNING &&
	             process->ended != CRUMB_ENDED_UNKNOWN;
	put_label(known ? "Ended" : "Last event");
	put_moment(process->end_ns);
	out_printf(", after %s",
	           parse_show_short(process->end_ns - process->start_ns, room));
	out_line();
	put_label("End");
	switch (process->ended) {
	case CRUMB_ENDED_RUNNING:
		out_str("none yet: the process is running");
		break;
	case CRUMB_ENDED_CLEAN:
		out_role(process->exit_status > 0 ? OUT_WARN : OUT_GOOD);
		out_str("clean");
		if (process->exit_status >= 0)
			out_printf(", exit status %d", process->exit_status);
		break;
	case CRUMB_ENDED_EXEC:
		out_str("exec: replaced by another program");
		break;
	case CRUMB_ENDED_FATAL:
		out_role(OUT_BAD);
		out_str("fatal: abort()");
		break;
	case CRUMB_ENDED_UNKNOWN:
		out_role(OUT_WARN);
		out_str("unknown: killed, or the file was copied while it was written");
	}
	out_role(OUT_PLAIN);
	out_line();
}

static void put_threads(const struct writer_process *counted)
{
	const struct crumb_process *process = counted->process;
	char number[PARSE_TEXT];

	put_label("Threads");
	out_str(parse_show_count(process->threads, number));
	out_line();
	for (size_t i = 0; i < process->threads; i++) {
		const struct crumb_thread *thread = crumb_process_thread(process, i);
		out_fill(' ', 14);
		out_u64_in(thread->number, 3, ' ');
		out_raw("  ", 2);
		put_padded(show_thread(thread), 20);
		out_printf("  native id %-7u  %12s events", thread->native_id,
		           parse_show_count(counted->thread_events[i], number));
		out_line();
	}
}

static void put_counts(const struct writer_process *counted)
{
	const struct crumb_process *process = counted->process;
	char number[PARSE_TEXT];

	put_label("Events");
	out_str(parse_show_count(counted->events, number));
	out_line();
	for (unsigned kind = 0; kind < CRUMB_KINDS; kind++) {
		const char *name = crumb_kind_name((enum crumb_kind)kind);
		if (!name || counted->kinds[kind] == 0)
			continue;
		out_printf("%14s%-12s  %14s", "", name,
		           parse_show_count(counted->kinds[kind], number));
		out_line();
	}
	bool any = false;
	for (unsigned cause = 0; cause < CRUMB_LOSS_CAUSES; cause++) {
		if (process->lost[cause] == 0)
			continue;
		char *text = show_loss(cause, process->lost[cause]);
		put_label(any ? "" : "Lost");
		out_role(OUT_WARN);
		out_str(text);
		out_role(OUT_PLAIN);
		out_line();
		free(text);
		any = true;
	}
	if (!any)
		put_row("Lost", "nothing");
}

static void put_process(const struct writer_process *counted)
{
	const struct crumb_process *process = counted->process;
	char room[PARSE_TEXT], exact[PARSE_TEXT];
	char *command = show_command(process);

	out_role(OUT_HEADING);
	out_text(process->path);
	out_role(OUT_PLAIN);
	out_line();
	put_row("Program", command);
	free(command);
	put_interpreter(process);
	put_identity(process);
	put_end(process);
	put_row("Include", process->include);
	put_row("Exclude", process->exclude);
	put_threads(counted);
	put_counts(counted);
	put_label("Size");
	out_printf("%s (%s bytes)", parse_show_size(process->file_bytes, room),
	           parse_show_count(process->file_bytes, exact));
	if (counted->events)
		out_printf(", %.1f bytes per event",
		           (double)process->file_bytes / (double)counted->events);
	out_line();
	for (size_t i = 0; i < process->note_count; i++)
		put_row(i == 0 ? "Notes" : "", process->notes[i]);
}

static void put_figure(int64_t ns)
{
	char room[PARSE_TEXT];
	const char *text = ns < 0 ? "- " : parse_show_short(ns, room);

	/* The letter of a one-letter unit stands below the first of the others. */
	out_printf("%*s%s", text[strlen(text) - 2] == ' ' || ns < 0 ? 8 : 9, text,
	           text[strlen(text) - 2] == ' ' || ns < 0 ? " " : "");
}

static unsigned calls_width(const struct report_row *const *rows, size_t count)
{
	unsigned width = 6;

	for (size_t i = 0; i < count; i++) {
		unsigned digits = digits_of(rows[i]->calls);
		if (digits + 1 > width)
			width = digits + 1;
	}
	return width;
}

static void put_report_place(const struct report_row *row, enum report_by by)
{
	if (by == REPORT_BY_FUNCTION) {
		out_raw("  ", 2);
		out_role(OUT_FAINT);
		out_text(row->code->filename);
		out_printf(":%u", row->code->first_line);
		out_role(OUT_PLAIN);
	} else if (by == REPORT_BY_THREAD) {
		out_printf("  process %u, native id %u", row->thread->process->pid,
		           row->thread->native_id);
	}
}

static void put_report(const struct report_row *const *rows, size_t count,
                       enum report_by by)
{
	static const char *const titles[] = {"FUNCTION", "MODULE", "THREAD"};
	unsigned width = calls_width(rows, count);
	unsigned used = width + 5 * 9 + 2;
	bool narrow = out_width() > 0;
	unsigned left = out_width() > used + 12 ? out_width() - used : 12;

	out_role(OUT_HEADING);
	out_fill(' ', width - 5);
	out_printf("CALLS%9s%9s%9s%9s%9s  %s", "TOTAL  ", "SELF  ", "MEAN  ", "MIN  ",
	           "MAX  ", titles[by]);
	out_role(OUT_PLAIN);
	out_line();
	for (size_t i = 0; i < count; i++) {
		const struct report_row *row = rows[i];
		const char *name = report_name(row, by);
		out_u64_in(row->calls, width, ' ');
		put_figure(row->total_ns);
		put_figure(row->self_ns);
		put_figure(report_mean(row));
		put_figure(row->whole ? row->least_ns : -1);
		put_figure(row->whole ? row->most_ns : -1);
		out_raw("  ", 2);
		if (narrow && out_text_width(name) > left)
			out_text_in(name, left);
		else
			out_text(name);
		if (!narrow || out_width() >= 120 || by == REPORT_BY_THREAD)
			put_report_place(row, by);
		out_line();
	}
}

const struct writer writer_text = {
    .name = "text",
    .event = put_event,
    .process = put_process,
    .report = put_report,
};
