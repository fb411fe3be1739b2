/* SPDX-License-Identifier: MIT */
/*
 * The call tree.  A call is printed when something happens in it (`f() {`), or when it
 * ends and nothing did (`f()`, with its duration).  So only the innermost call waits;
 * with a least duration all open calls may have to, because a call is known to be long
 * enough only when it ends: then everything above it is printed first.  Memory is bounded
 * by the depth of the stack, never by the number of events.
 */
#include "tree.h"

#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "out.h"
#include "parse.h"
#include "show.h"

/* In struct frame, `number` is the level of indentation and `flags` are: */
enum {
	VISIBLE = 1,
	INSIDE = 2, /* in the subtree of a call that --function asked for */
	RAISED = 4, /* an exception came by and was not printed yet */
};

#define LEVELS_MAX    60
#define CO_COROUTINE  0x80
#define RUN_WIDTH_MAX 78

void tree_init(struct tree *tree, const struct tree_style *style, struct select *select)
{
	*tree = (struct tree){.style = style, .select = select, .levels = LEVELS_MAX};
	/* On a terminal the names have to be on the screen. */
	if (out_width() > 0 && out_width() / 5 < LEVELS_MAX)
		tree->levels = out_width() / 5;
}

/* ---- lines --------------------------------------------------------------------------
 */

static void end_run(struct tree *tree)
{
	if (tree->run)
		out_line();
	tree->run = false;
}

static void title(struct tree *tree, struct tree_thread *thread)
{
	const struct crumb_thread *t = thread->thread;

	thread->titled = true;
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

static void put_time(const struct tree *tree, int64_t ns)
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

/* Everything before the text of a line: heading, columns, indentation.  A duration below
 * 0 is left blank. */
static void begin_line(struct tree *tree, struct tree_thread *thread, uint32_t level,
                       int64_t time_ns, int64_t duration_ns)
{
	end_run(tree);
	if (!thread->titled)
		title(tree, thread);
	tree->any = true;
	if (tree->style->times)
		put_time(tree, time_ns);
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

static void put_call(const struct tree *tree, const struct frame *frame)
{
	if (frame->resumed) {
		out_role(OUT_GOOD);
		out_str("resumed ");
		out_role(OUT_PLAIN);
	}
	out_text(show_function(frame->code));
	out_raw("()", 2);
	if (tree->style->places) {
		const char *file = frame->code->filename;
		const char *slash = out_width() > 0 ? strrchr(file, '/') : NULL;
		out_role(OUT_FAINT);
		out_str(" (");
		out_text(slash ? slash + 1 : file);
		out_printf(":%u)", frame->code->first_line);
		out_role(OUT_PLAIN);
	}
}

static void put_exception(const char *type, uint32_t line)
{
	out_role(OUT_BAD);
	out_raw("! ", 2);
	out_text(type && *type ? type : "left by an exception");
	out_role(OUT_PLAIN);
	if (line)
		out_printf(" (line %u)", line);
}

/* How a call ended, where it did not just return. */
static void put_end(const struct frame *frame, const struct crumb_event *event,
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
		put_exception(frame->exception, frame->flags & RAISED ? frame->line : 0);
	}
}

/* `f() {` for every open call that is to be seen and is not out yet, except the innermost
 * `but` ones. */
static void open_calls(struct tree *tree, struct tree_thread *thread, size_t but)
{
	for (; thread->printed + but < thread->frames.count; thread->printed++) {
		const struct frame *frame = &thread->frames.items[thread->printed];
		if (!(frame->flags & VISIBLE))
			continue;
		begin_line(tree, thread, frame->number, frame->start_ns, -1);
		put_call(tree, frame);
		out_raw(" {", 2);
		if (frame->start_ns < tree->select->from_ns) {
			char room[PARSE_TEXT];
			out_role(OUT_FAINT);
			out_printf("  ... began %s before",
			           parse_show_short(
				       tree->select->from_ns - frame->start_ns, room));
			out_role(OUT_PLAIN);
		}
		out_line();
	}
}

/* ---- events -------------------------------------------------------------------------
 */

static bool in_time(const struct tree *tree, const struct crumb_event *event)
{
	return event->time_ns >= tree->select->from_ns;
}

/* The level of a line inside the innermost call. */
static uint32_t level_inside(const struct tree_thread *thread)
{
	const struct frame *top = frames_top(&thread->frames);

	if (!top)
		return 0;
	return top->number + (top->flags & VISIBLE ? 1 : 0);
}

/* Whether something inside the innermost call is to be shown now: it is itself, and it is
 * not waiting for its duration. */
static bool shows_inside(const struct tree *tree, const struct tree_thread *thread)
{
	const struct frame *top = frames_top(&thread->frames);

	if (!top)
		return tree->select->functions.count == 0;
	return top->flags & VISIBLE &&
	       (tree->style->min_ns == 0 || thread->printed == thread->frames.count);
}

/* An exception that did not leave its function gets a line of its own. */
static void settle_exception(struct tree *tree, struct tree_thread *thread)
{
	struct frame *top = frames_top(&thread->frames);

	if (!top || !(top->flags & RAISED))
		return;
	top->flags &= ~(uint32_t)RAISED;
	if (!shows_inside(tree, thread))
		return;
	open_calls(tree, thread, 0);
	begin_line(tree, thread, level_inside(thread), thread->last_ns, -1);
	put_exception(top->exception, top->line);
	out_line();
}

static void end_call(struct tree *tree, struct tree_thread *thread,
                     const struct crumb_event *event, const char *unfinished)
{
	struct frame *frame = frames_top(&thread->frames);
	bool opened = thread->printed == thread->frames.count;
	int64_t spent = event->time_ns - frame->start_ns;

	if (frame->flags & VISIBLE &&
	    (opened || unfinished || spent >= tree->style->min_ns)) {
		open_calls(tree, thread, 1);
		begin_line(tree, thread, frame->number,
		           opened ? event->time_ns : frame->start_ns,
		           unfinished ? -1 : spent);
		if (opened) {
			out_str("} ");
			out_role(OUT_FAINT);
			out_text(show_function(frame->code));
			out_role(OUT_PLAIN);
		} else {
			put_call(tree, frame);
		}
		put_end(frame, event, unfinished);
		out_line();
	}
	frames_pop(&thread->frames);
	if (thread->printed > thread->frames.count)
		thread->printed = thread->frames.count;
}

/* A call that lies before --from is over without a trace. */
static void forget_call(struct tree_thread *thread)
{
	frames_pop(&thread->frames);
	if (thread->printed > thread->frames.count)
		thread->printed = thread->frames.count;
}

/*
 * Every import statement calls up to twenty functions of importlib, which bury what the
 * program does.  They are left out, not what they call: the bodies of the modules.
 */
static bool is_machinery(struct tree *tree, const struct crumb_code *code)
{
	static const char *const modules[] = {
	    "_frozen_importlib",    "_frozen_importlib_external",    "zipimport",
	    "importlib._bootstrap", "importlib._bootstrap_external",
	};
	const struct select *select = tree->select;

	if (tree->style->imports || select->modules.count > 0)
		return false;
	uint32_t *known = map_at(&tree->machinery, code);
	if (!*known) {
		*known = 1;
		for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
			if (strcmp(code->module, modules[i]) == 0)
				*known = 2;
		if (select->functions.count > 0 && select_function(tree->select, code))
			*known = 1;
	}
	return *known == 2;
}

static void open_event(struct tree *tree, struct tree_thread *thread,
                       const struct crumb_event *event)
{
	uint32_t level = level_inside(thread);
	const struct frame *caller = frames_top(&thread->frames);
	bool inside = tree->select->functions.count == 0 ||
	              (caller && caller->flags & INSIDE) ||
	              select_function(tree->select, event->code);

	bool visible = inside && level < tree->style->depth &&
	               select_module(tree->select, event->code);

	if (visible && is_machinery(tree, event->code)) {
		visible = false;
		if (in_time(tree, event) && event->kind == CRUMB_CALL)
			tree->left_out++;
	}
	/* What is called goes below its caller, unless it is short and not shown. */
	if (visible && in_time(tree, event) && tree->style->min_ns == 0)
		open_calls(tree, thread, 0);
	struct frame *frame = frames_push(&thread->frames, event);
	frame->number = level;
	frame->flags = (inside ? INSIDE : 0) | (visible ? VISIBLE : 0);
}

/* The end of a call whose start is not in the file: its duration is not known. */
static void close_unknown(struct tree *tree, struct tree_thread *thread,
                          const struct crumb_event *event)
{
	if (!in_time(tree, event) || tree->style->min_ns > 0 ||
	    !select_function(tree->select, event->code) ||
	    !select_module(tree->select, event->code) ||
	    level_inside(thread) >= tree->style->depth || is_machinery(tree, event->code))
		return;
	open_calls(tree, thread, 0);
	begin_line(tree, thread, level_inside(thread), event->time_ns,
	           event->duration_ns);
	out_str("} ");
	out_role(OUT_FAINT);
	out_text(show_function(event->code));
	out_role(OUT_PLAIN);
	put_end(&(struct frame){0}, event, NULL);
	out_role(OUT_FAINT);
	out_str("  ... start not recorded");
	out_role(OUT_PLAIN);
	out_line();
}

static void line_event(struct tree *tree, struct tree_thread *thread,
                       const struct crumb_event *event)
{
	if (!shows_inside(tree, thread) || !frames_top(&thread->frames))
		return;
	if (tree->run && tree->current == thread && out_column() < RUN_WIDTH_MAX - 6) {
		out_printf(" %u", event->line);
		return;
	}
	open_calls(tree, thread, 0);
	begin_line(tree, thread, level_inside(thread), event->time_ns, -1);
	out_role(OUT_FAINT);
	out_str("lines");
	out_role(OUT_PLAIN);
	out_printf(" %u", event->line);
	tree->run = true;
}

static void other_event(struct tree *tree, struct tree_thread *thread,
                        const struct crumb_event *event)
{
	char *text;

	if (event->kind != CRUMB_LOST && event->kind != CRUMB_EXEC)
		return;
	/* What is missing concerns every view of a thread, also one of single functions.
	 */
	open_calls(tree, thread, 0);
	begin_line(tree, thread, level_inside(thread), event->time_ns, -1);
	out_role(OUT_WARN);
	if (event->kind == CRUMB_LOST) {
		text = show_loss(event->loss, event->lost);
		out_printf("... lost %s", text);
		free(text);
	} else {
		out_str("... exec of another program");
	}
	out_role(OUT_PLAIN);
	out_line();
}

static void shown_event(struct tree *tree, struct tree_thread *thread,
                        const struct crumb_event *event)
{
	struct frame *frame = event->code ? frames_of(&thread->frames, event) : NULL;

	if (frames_opens(event)) {
		open_event(tree, thread, event);
	} else if (frames_closes(event)) {
		if (frame && in_time(tree, event))
			end_call(tree, thread, event, NULL);
		else if (frame)
			forget_call(thread);
		else
			close_unknown(tree, thread, event);
	} else if (event->kind == CRUMB_EXCEPTION && frame) {
		frame->exception = event->exception;
		frame->line = event->line;
		if (in_time(tree, event))
			frame->flags |= RAISED;
	} else if (in_time(tree, event)) {
		if (event->kind == CRUMB_LINE)
			line_event(tree, thread, event);
		else
			other_event(tree, thread, event);
	}
}

void tree_event(struct tree *tree, struct tree_thread *thread,
                const struct crumb_event *event)
{
	/* Another thread's line comes between: what waits in this one goes before it. */
	if (tree->current && tree->current != thread) {
		end_run(tree);
		settle_exception(tree, tree->current);
		if (tree->style->min_ns == 0 &&
		    tree->current->last_ns >= tree->select->from_ns)
			open_calls(tree, tree->current, 0);
	}
	tree->current = thread;
	if (event->kind != CRUMB_UNWIND)
		settle_exception(tree, thread);
	while (frames_stale(&thread->frames, event)) {
		struct crumb_event end = *event;
		end.time_ns = thread->last_ns;
		if (end.time_ns >= tree->select->from_ns)
			end_call(tree, thread, &end, "end not recorded");
		else
			forget_call(thread);
	}
	shown_event(tree, thread, event);
	thread->last_ns = event->time_ns;
}

void tree_end(struct tree *tree, struct tree_thread *thread)
{
	struct crumb_event end = {.thread = thread->thread};
	bool goes_on = false;

	settle_exception(tree, thread);
	end_run(tree);
	if (frames_top(&thread->frames)) {
		end.time_ns = input_open_until(thread->thread, thread->last_ns);
		goes_on = end.time_ns >= tree->select->to_ns;
		if (goes_on)
			end.time_ns = tree->select->to_ns;
	}
	while (frames_top(&thread->frames)) {
		if (end.time_ns >= tree->select->from_ns)
			end_call(tree, thread, &end,
			         goes_on ? "goes on" : "not finished");
		else
			forget_call(thread);
	}
	frames_free(&thread->frames);
	thread->printed = 0;
	if (tree->current == thread)
		tree->current = NULL;
}

void tree_finish(struct tree *tree)
{
	char room[PARSE_TEXT];

	map_free(&tree->machinery);
	if (tree->left_out == 0)
		return;
	out_line();
	out_role(OUT_FAINT);
	out_printf(
	    "Not shown: %s call%s of Python's import machinery (--imports shows %s)",
	    parse_show_count(tree->left_out, room), tree->left_out == 1 ? "" : "s",
	    tree->left_out == 1 ? "it" : "them");
	out_role(OUT_PLAIN);
	out_line();
}
