/* SPDX-License-Identifier: MIT */
/*
 * JSON, one object on a line.  It is valid whatever the names in a trace are: what is not
 * UTF-8 becomes U+FFFD.  A key is always there, null where the trace does not know its
 * value; only `exception`, `lost` and `text` are left out of events that are none, and
 * `locals` and `return_value` where no values were captured.
 */
#include "writer.h"

#include <stdlib.h>
#include <string.h>

#include <breadcrumb/format.h>

#include "out.h"
#include "parse.h"
#include "show.h"
#include "text.h"

#define STOPS_MAX 100 /* an even number */

static void put_escape(unsigned char c)
{
	switch (c) {
	case '"':
		out_raw("\\\"", 2);
		break;
	case '\\':
		out_raw("\\\\", 2);
		break;
	case '\n':
		out_raw("\\n", 2);
		break;
	case '\t':
		out_raw("\\t", 2);
		break;
	default:
		out_printf("\\u%04x", c);
	}
}

static void put_string(const char *text)
{
	out_char('"');
	while (*text) {
		size_t plain = 0;
		uint32_t c;
		for (;; plain++) {
			unsigned char byte = (unsigned char)text[plain];
			if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\')
				break;
		}
		out_raw(text, plain);
		text += plain;
		if ((unsigned char)*text >= 0x80) {
			size_t length = text_decode(text, &c);
			if (c == TEXT_INVALID)
				out_raw("\xef\xbf\xbd", 3);
			else
				out_raw(text, length);
			text += length;
		} else if (*text) {
			put_escape((unsigned char)*text++);
		}
	}
	out_char('"');
}

/* `"key":` with what stands before it: a brace or a comma. */
#define KEY(before, name)                                                                \
	out_raw(before "\"" name "\":", sizeof(before "\"" name "\":") - 1)

static void put_text(const char *text)
{
	if (*text)
		put_string(text);
	else
		out_raw("null", 4);
}

/* Null where it is negative: not known. */
static void put_ns(int64_t ns)
{
	if (ns < 0)
		out_raw("null", 4);
	else
		out_u64((uint64_t)ns);
}

static void put_time(int64_t ns)
{
	char room[PARSE_TEXT];

	out_char('"');
	out_raw(parse_show_utc(ns, room), PARSE_UTC_LENGTH);
	out_char('"');
}

static void put_function(const struct crumb_code *code)
{
	if (!code) {
		out_str(",\"function_name\":null,\"qualname\":null,\"module\":null,"
		        "\"filename\":null");
		return;
	}
	KEY(",", "function_name");
	put_text(code->name);
	KEY(",", "qualname");
	put_text(code->qualname);
	KEY(",", "module");
	put_text(code->module);
	KEY(",", "filename");
	put_text(code->filename);
}

/* A number that is not known where it is 0. */
static void put_known(uint64_t number)
{
	if (number)
		out_u64(number);
	else
		out_raw("null", 4);
}

static void put_known_text(const char *text)
{
	if (text)
		put_text(text);
	else
		out_raw("null", 4);
}

/* By name; what did not fit is under a name that no variable has. */
static void put_locals(const struct crumb_event *event)
{
	KEY(",", "locals");
	out_char('{');
	for (size_t i = 0; i < event->local_count; i++) {
		if (i > 0)
			out_char(',');
		put_text(event->locals[i].name);
		out_char(':');
		put_text(event->locals[i].text);
	}
	if (event->locals_cut)
		out_str(event->local_count ? ",\"...\":null" : "\"...\":null");
	out_char('}');
}

static void put_place(const struct crumb_code *code, uint32_t line)
{
	char *text = show_place(code, line);

	put_string(text);
	free(text);
}

/* The stops below number `from` down to number `until`: the way is told backwards. */
static void put_stops(const struct flight *flight, size_t from, size_t until)
{
	for (size_t i = from; i-- > until;) {
		if (i + 1 < flight->count)
			out_char(',');
		put_place(flight->stops[i].code, flight->stops[i].line);
	}
}

/* Where the exception has come from, as Python's tracebacks show it: this frame first,
 * where it rose last.  It may leave thousands of frames, and is told in each of them: of
 * a long way the middle is left out. */
static void put_stack_trace(const struct writer_view *view,
                            const struct crumb_event *event)
{
	const struct flight *flight = traceback_of(view->traceback, event);

	KEY(",", "stack_trace");
	out_char('[');
	if (!flight) {
		put_place(event->code, event->line);
	} else if (flight->count <= STOPS_MAX) {
		put_stops(flight, flight->count, 0);
	} else {
		put_stops(flight, flight->count, flight->count - STOPS_MAX / 2);
		out_printf(",\"[%zu more frames]\"", flight->count - STOPS_MAX);
		put_stops(flight, STOPS_MAX / 2, 0);
	}
	out_char(']');
}

/* What only some kinds of events have. */
static void put_event_details(const struct writer_view *view,
                              const struct crumb_event *event)
{
	if (event->duration_ns >= 0) {
		KEY(",", "duration_ns");
		out_u64((uint64_t)event->duration_ns);
	}
	if (event->self_ns >= 0) {
		KEY(",", "self_ns");
		out_u64((uint64_t)event->self_ns);
	}
	if (event->kind == CRUMB_EXCEPTION) {
		KEY(",", "exception");
		KEY("{", "type");
		put_text(event->exception ? event->exception : "");
		KEY(",", "message");
		put_known_text(event->message);
		put_stack_trace(view, event);
		out_char('}');
	}
	if (event->local_count > 0 || event->locals_cut)
		put_locals(event);
	if (event->result) {
		KEY(",", "return_value");
		put_text(event->result);
	}
	if (event->kind == CRUMB_LOST) {
		KEY(",", "lost");
		KEY("{", "cause");
		put_string(crumb_loss_name(event->loss));
		KEY(",", "count");
		put_known(event->lost);
		out_char('}');
	}
	if (event->text) {
		KEY(",", "text");
		put_string(event->text);
	}
}

static void put_event(const struct writer_view *view, const struct crumb_event *event)
{
	const char *kind = crumb_kind_name(event->kind);

	KEY("{", "event_type");
	put_text(kind ? kind : "");
	KEY(",", "timestamp");
	put_time(event->time_ns);
	KEY(",", "pid");
	out_u64(event->thread->process->pid);
	KEY(",", "thread_id");
	out_u64(event->thread->ident);
	KEY(",", "native_id");
	out_u64(event->thread->native_id);
	KEY(",", "thread_name");
	put_text(event->thread->name);
	put_function(event->code);
	KEY(",", "line_number");
	put_known(event->line);
	KEY(",", "depth");
	if (event->code || event->kind == CRUMB_MARK)
		out_u64(event->depth);
	else
		out_raw("null", 4);
	put_event_details(view, event);
	out_char('}');
	out_line();
}

static void put_strings(const char *const *strings, size_t count)
{
	out_char('[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			out_char(',');
		put_string(strings[i]);
	}
	out_char(']');
}

static void put_bool(bool value)
{
	out_str(value ? "true" : "false");
}

static void put_threads(const struct writer_process *counted)
{
	KEY(",", "threads");
	out_char('[');
	for (size_t i = 0; i < counted->process->threads; i++) {
		const struct crumb_thread *thread =
		    crumb_process_thread(counted->process, i);
		if (i > 0)
			out_char(',');
		KEY("{", "number");
		out_u64(thread->number);
		KEY(",", "name");
		put_text(thread->name);
		KEY(",", "thread_id");
		out_u64(thread->ident);
		KEY(",", "native_id");
		out_u64(thread->native_id);
		KEY(",", "parent_native_id");
		put_known(thread->parent_native_id);
		KEY(",", "start");
		put_time(thread->start_ns);
		KEY(",", "events");
		out_u64(counted->thread_events[i]);
		out_char('}');
	}
	out_char(']');
}

static void put_counts(const struct writer_process *counted)
{
	bool first = true;

	KEY(",", "events");
	out_u64(counted->events);
	KEY(",", "events_by_kind");
	out_char('{');
	for (unsigned kind = 0; kind < CRUMB_KINDS; kind++) {
		const char *name = crumb_kind_name((enum crumb_kind)kind);
		if (!name)
			continue;
		out_printf("%s\"%s\":", first ? "" : ",", name);
		out_u64(counted->kinds[kind]);
		first = false;
	}
	out_char('}');
	KEY(",", "lost");
	out_char('{');
	first = true;
	for (unsigned cause = 0; cause < CRUMB_LOSS_CAUSES; cause++) {
		if (!counted->process->lost[cause])
			continue;
		if (!first)
			out_char(',');
		put_string(crumb_loss_name(cause));
		out_char(':');
		out_u64(counted->process->lost[cause]);
		first = false;
	}
	out_char('}');
}

static void put_process_text(const struct crumb_process *process)
{
	const struct {
		const char *key, *value;
	} texts[] = {
	    {"executable", process->executable},   {"python", process->python},
	    {"backend", process->backend},         {"host", process->host},
	    {"directory", process->directory},     {"agent", process->agent},
	    {"include", process->include},         {"exclude", process->exclude},
	    {"parent_file", process->parent_file},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		out_printf(",\"%s\":", texts[i].key);
		put_text(texts[i].value);
	}
}

/* As text: it has 64 bits, of which most readers of JSON keep 53. */
static void put_trace_id(uint64_t id)
{
	if (id)
		out_printf("\"%016llx\"", (unsigned long long)id);
	else
		out_raw("null", 4);
}

static void put_process(const struct writer_process *counted)
{
	const struct crumb_process *process = counted->process;

	KEY("{", "file");
	put_string(process->path);
	KEY(",", "size");
	out_u64(process->file_bytes);
	KEY(",", "trace_id");
	put_trace_id(process->trace_id);
	KEY(",", "parent_id");
	put_trace_id(process->parent_id);
	KEY(",", "pid");
	out_u64(process->pid);
	KEY(",", "parent_pid");
	out_u64(process->parent_pid);
	KEY(",", "arguments");
	put_strings(process->arguments, process->argc);
	put_process_text(process);
	KEY(",", "python_hex");
	out_u64(process->python_hex);
	KEY(",", "lines");
	put_bool(process->flags & CRUMB_FLAG_LINES);
	KEY(",", "free_threaded");
	put_bool(process->flags & CRUMB_FLAG_FREE_THREADED);
	KEY(",", "debug_build");
	put_bool(process->flags & CRUMB_FLAG_DEBUG_BUILD);
	KEY(",", "unwind_only");
	put_bool(process->flags & CRUMB_FLAG_UNWIND_ONLY);
	KEY(",", "start");
	put_time(process->start_ns);
	KEY(",", "end");
	put_time(process->end_ns);
	KEY(",", "ended");
	put_string(show_end(process->ended));
	KEY(",", "exit_status");
	put_ns(process->exit_status);
	put_threads(counted);
	put_counts(counted);
	KEY(",", "bytes_per_event");
	if (counted->events)
		out_printf("%.2f", (double)process->file_bytes / (double)counted->events);
	else
		out_raw("null", 4);
	KEY(",", "notes");
	put_strings(process->notes, process->note_count);
	out_char('}');
	out_line();
}

static void put_row_name(const struct report_row *row, enum report_by by)
{
	switch (by) {
	case REPORT_BY_THREAD:
		KEY("{", "pid");
		out_u64(row->thread->process->pid);
		KEY(",", "thread_id");
		out_u64(row->thread->ident);
		KEY(",", "native_id");
		out_u64(row->thread->native_id);
		KEY(",", "thread_name");
		put_text(row->thread->name);
		break;
	case REPORT_BY_MODULE:
		KEY("{", "module");
		put_text(row->code->module);
		break;
	case REPORT_BY_FUNCTION:
		KEY("{", "function_name");
		put_text(row->code->name);
		KEY(",", "qualname");
		put_text(row->code->qualname);
		KEY(",", "module");
		put_text(row->code->module);
		KEY(",", "filename");
		put_text(row->code->filename);
		KEY(",", "line_number");
		out_u64(row->code->first_line);
	}
}

static void put_report(const struct report_row *const *rows, size_t count,
                       enum report_by by)
{
	for (size_t i = 0; i < count; i++) {
		const struct report_row *row = rows[i];
		put_row_name(row, by);
		KEY(",", "calls");
		out_u64(row->calls);
		KEY(",", "total_ns");
		put_ns(row->total_ns);
		KEY(",", "self_ns");
		put_ns(row->self_ns);
		KEY(",", "mean_ns");
		put_ns(report_mean(row));
		KEY(",", "min_ns");
		put_ns(row->whole ? row->least_ns : -1);
		KEY(",", "max_ns");
		put_ns(row->whole ? row->most_ns : -1);
		KEY(",", "activations");
		out_u64(row->whole + row->partial);
		KEY(",", "partial");
		out_u64(row->partial);
		out_char('}');
		out_line();
	}
}

const struct writer writer_json = {
    .name = "json",
    .wants_traceback = true,
    .event = put_event,
    .process = put_process,
    .report = put_report,
};
