/* SPDX-License-Identifier: MIT */
/*
 * How a line of the tree looks: heading, columns, indentation, names, and what stands at
 * the end of a call.
 */
#include "tree_line.h"

#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "parse.h"
#include "show.h"

#define CO_COROUTINE 0x80

void tree_line_end_run(struct tree *tree)
{
	if (tree->run)
		out_line();
	tree->run = 0;
}

void tree_title(struct tree *tree, const struct crumb_thread *t, bool *titled)
{
	if (*titled)
		return;
	*titled = true;
	if (tree->style->merged)
		return;
	if (tree->any)
		out_line();
	out_role(OUT_HEADING);
	out_printf("Thread %u  ", t->number);
	if (*t->name) {
		out_text(show_thread(t));
		out_raw("  ", 2);
	}
	out_printf("(native id %u)", t->native_id);
	if (tree->style->processes) {
		char *command = show_command(t->process);
		out_printf("  process %u: ", t->process->pid);
		out_text(command);
		free(command);
	}
	out_role(OUT_PLAIN);
	out_line();
}

void tree_time(const struct tree *tree, int64_t ns)
{
	int64_t since = ns - tree->style->origin_ns;
	uint64_t size = since < 0 ? -(uint64_t)since : (uint64_t)since;

	out_role(OUT_FAINT);
	out_printf("%s%*llu.%09llu", since < 0 ? "-" : "", since < 0 ? 3 : 4,
	           (unsigned long long)(size / 1000000000),
	           (unsigned long long)(size % 1000000000));
	out_role(OUT_PLAIN);
	out_raw("  ", 2);
}

void tree_line_begin(struct tree *tree, struct tree_thread *thread, uint32_t level,
                     int64_t time_ns, int64_t duration_ns)
{
	tree_line_end_run(tree);
	tree_title(tree, thread->thread, &thread->titled);
	tree->any = true;
	if (tree->style->times)
		tree_time(tree, time_ns);
	if (duration_ns >= 0) {
		char text[PARSE_TEXT];
		enum out_role role = duration_ns >= 1000000000 ? OUT_WARN : OUT_PLAIN;
		if (role != OUT_PLAIN)
			out_role(role);
		out_str(parse_show_duration(duration_ns, text));
		if (role != OUT_PLAIN)
			out_role(OUT_PLAIN);
	} else {
		out_fill(' ', 10);
	}
	out_raw("  ", 2);
	if (tree->style->merged) {
		if (tree->style->processes)
			out_printf("%7u ", thread->thread->process->pid);
		out_role(OUT_FAINT);
		out_text_in(show_thread(thread->thread), tree->style->thread_width);
		out_role(OUT_PLAIN);
		out_raw("  ", 2);
	}
	if (level <= tree->levels) {
		out_fill(' ', (size_t)level * 2);
		return;
	}
	out_fill(' ', (size_t)tree->levels * 2);
	out_role(OUT_FAINT);
	out_printf("[%u] ", level);
	out_role(OUT_PLAIN);
}

void tree_line_call(const struct tree *tree, const struct frame *frame)
{
	if (frame->resumed) {
		out_role(OUT_GOOD);
		out_str("resumed ");
		out_role(OUT_PLAIN);
	}
	out_text(show_function(frame->code));
	out_char('(');
	if (frame->arguments)
		out_text(frame->arguments);
	out_char(')');
	if (tree->style->places) {
		out_role(OUT_FAINT);
		out_str(" (");
		out_text(show_file(frame->code));
		out_printf(":%u)", frame->code->first_line);
		out_role(OUT_PLAIN);
	}
}

void tree_line_exception(const char *type, const char *message, uint32_t line)
{
	out_role(OUT_BAD);
	out_raw("! ", 2);
	out_text(type && *type ? type : "left by an exception");
	out_role(OUT_PLAIN);
	if (message && *message) {
		out_raw(": ", 2);
		out_text(message);
	}
	if (line)
		out_printf(" (line %u)", line);
}

void tree_line_end(const struct frame *frame, const struct crumb_event *event,
                   const char *unfinished)
{
	if (unfinished) {
		char room[PARSE_TEXT];
		out_role(OUT_WARN);
		out_printf("  ... %s", unfinished);
		if (event->time_ns > frame->start_ns)
			out_printf(
			    ", at least %s",
			    parse_show_short(event->time_ns - frame->start_ns, room));
		out_role(OUT_PLAIN);
	} else if (event->kind == CRUMB_YIELD) {
		out_role(OUT_GOOD);
		out_str(event->code->flags & CO_COROUTINE ? " awaits" : " yields");
		out_role(OUT_PLAIN);
	} else if (event->kind == CRUMB_UNWIND) {
		out_char(' ');
		tree_line_exception(frame->exception, frame->message, frame->line);
	}
	if (!unfinished && event->result) {
		out_str(event->kind == CRUMB_YIELD ? " " : " \342\206\222 ");
		out_text(event->result);
	}
}

void tree_line_closing(const struct crumb_code *code)
{
	out_str("} ");
	out_role(OUT_FAINT);
	out_text(show_function(code));
	out_role(OUT_PLAIN);
}

void tree_line_mark(const struct crumb_event *event)
{
	char *text = show_mark(event);

	out_role(OUT_NAME);
	out_text(text);
	out_role(OUT_PLAIN);
	free(text);
}

void tree_line_numbers(const uint32_t *lines, unsigned count)
{
	out_role(OUT_FAINT);
	out_str("lines");
	out_role(OUT_PLAIN);
	for (unsigned i = 0; i < count; i++)
		out_printf(" %u", lines[i]);
}

void tree_line_left_out(uint64_t calls)
{
	char room[PARSE_TEXT];

	out_line();
	out_role(OUT_FAINT);
	out_printf(
	    "Not shown: %s call%s of Python's import machinery (--imports shows %s)",
	    parse_show_count(calls, room), calls == 1 ? "" : "s",
	    calls == 1 ? "it" : "them");
	out_role(OUT_PLAIN);
	out_line();
}
