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
#include "tree_line.h"

/* In struct frame, `number` is the level of indentation and `flags` are: */
enum {
	VISIBLE = 1,
	INSIDE = 2, /* in the subtree of a call that --function asked for */
	RAISED = 4, /* an exception came by and was not printed yet */
};

#define LEVELS_MAX    60
#define RUN_WIDTH_MAX 72

void tree_init(struct tree *tree, const struct tree_style *style, struct select *select)
{
	*tree = (struct tree){.style = style, .select = select, .levels = LEVELS_MAX};
	/* On a terminal the names have to be on the screen. */
	if (out_width() > 0 && out_width() / 5 < LEVELS_MAX)
		tree->levels = out_width() / 5;
}

/* The lines that waited for the call to be opened: a line that may go on. */
static void put_waiting(struct tree *tree, struct tree_thread *thread,
                        const struct frame *frame)
{
	struct tree_lines *lines = &thread->lines;

	tree_line_begin(tree, thread, frame->number + 1, lines->time_ns, -1);
	tree_line_numbers(lines->numbers, lines->count);
	tree->run = lines->of;
	lines->count = 0;
}

/* `f() {` for every open call that is to be seen and is not out yet, except the innermost
 * `but` ones. */
static void open_calls(struct tree *tree, struct tree_thread *thread, size_t but)
{
	for (; thread->printed + but < thread->frames.count; thread->printed++) {
		const struct frame *frame = &thread->frames.items[thread->printed];
		if (!(frame->flags & VISIBLE))
			continue;
		tree_line_begin(tree, thread, frame->number, frame->start_ns, -1);
		tree_line_call(tree, frame);
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
		if (thread->lines.count > 0 && thread->lines.of == thread->printed + 1)
			put_waiting(tree, thread, frame);
	}
}

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

/* Whether lines and exceptions in the innermost call are shown.  With a least duration
 * they are not: whether its call will be is known too late. */
static bool shows_inside(const struct tree *tree, const struct tree_thread *thread)
{
	const struct frame *top = frames_top(&thread->frames);

	return top && top->flags & VISIBLE && tree->style->min_ns == 0;
}

/* An exception that did not leave its function gets a line of its own. */
static void settle_exception(struct tree *tree, struct tree_thread *thread)
{
	struct frame *top = frames_top(&thread->frames);

	if (!top || !(top->flags & RAISED))
		return;
	top->flags &= ~(uint32_t)RAISED;
	uint32_t line = top->line;
	top->line = 0;
	if (!shows_inside(tree, thread))
		return;
	open_calls(tree, thread, 0);
	tree_line_begin(tree, thread, level_inside(thread), thread->last_ns, -1);
	tree_line_exception(top->exception, top->message, line);
	out_line();
}

/* The innermost call is over. */
static void pop_call(struct tree_thread *thread)
{
	if (thread->lines.of == thread->frames.count)
		thread->lines.count = 0;
	frames_pop(&thread->frames);
	if (thread->printed > thread->frames.count)
		thread->printed = thread->frames.count;
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
		tree_line_begin(tree, thread, frame->number,
		                opened ? event->time_ns : frame->start_ns,
		                unfinished ? -1 : spent);
		if (opened) {
			tree_line_closing(frame->code);
		} else {
			tree_line_call(tree, frame);
		}
		tree_line_end(frame, event, unfinished);
		if (thread->lines.count > 0 && thread->lines.of == thread->frames.count) {
			out_raw("  ", 2);
			tree_line_numbers(thread->lines.numbers, thread->lines.count);
		}
		out_line();
	}
	pop_call(thread);
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
	if (visible)
		frame->arguments = show_locals(event);
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
	tree_line_begin(tree, thread, level_inside(thread), event->time_ns,
	                event->duration_ns);
	tree_line_closing(event->code);
	tree_line_end(&(struct frame){0}, event, NULL);
	out_role(OUT_FAINT);
	out_str("  ... start not recorded");
	out_role(OUT_PLAIN);
	out_line();
}

/* Lines of a call that is not opened yet wait: maybe it has nothing but lines. */
static bool waits(struct tree_thread *thread, const struct crumb_event *event)
{
	struct tree_lines *lines = &thread->lines;

	if (thread->printed == thread->frames.count || lines->count == TREE_LINES_MAX)
		return false;
	if (lines->count == 0)
		lines->time_ns = event->time_ns;
	lines->of = thread->frames.count;
	lines->numbers[lines->count++] = event->line;
	return true;
}

static void line_event(struct tree *tree, struct tree_thread *thread,
                       const struct crumb_event *event)
{
	if (!shows_inside(tree, thread) || waits(thread, event))
		return;
	open_calls(tree, thread, 0);
	if (tree->run == thread->frames.count && out_column() < RUN_WIDTH_MAX) {
		out_printf(" %u", event->line);
		return;
	}
	tree_line_begin(tree, thread, level_inside(thread), event->time_ns, -1);
	tree_line_numbers(&event->line, 1);
	tree->run = thread->frames.count;
}

/* What the program said is shown where a line of its innermost call would be. */
static bool shows_marks(const struct tree *tree, const struct tree_thread *thread)
{
	const struct frame *top = frames_top(&thread->frames);
	const struct select *select = tree->select;

	if (top)
		return top->flags & VISIBLE;
	return select->functions.count == 0 && select->modules.count == 0;
}

static void mark_event(struct tree *tree, struct tree_thread *thread,
                       const struct crumb_event *event)
{
	if (!shows_marks(tree, thread))
		return;
	open_calls(tree, thread, 0);
	tree_line_begin(tree, thread, level_inside(thread), event->time_ns, -1);
	tree_line_mark(event);
	out_line();
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
	tree_line_begin(tree, thread, level_inside(thread), event->time_ns, -1);
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
			pop_call(thread);
		else
			close_unknown(tree, thread, event);
	} else if (event->kind == CRUMB_EXCEPTION && frame) {
		frames_raised(frame, event);
		if (in_time(tree, event))
			frame->flags |= RAISED;
	} else if (in_time(tree, event)) {
		if (event->kind == CRUMB_LINE)
			line_event(tree, thread, event);
		else if (event->kind == CRUMB_MARK)
			mark_event(tree, thread, event);
		else
			other_event(tree, thread, event);
	}
}

void tree_event(struct tree *tree, struct tree_thread *thread,
                const struct crumb_event *event)
{
	/* Another thread's line comes between: what waits in this one goes before it. */
	if (tree->current && tree->current != thread) {
		tree_line_end_run(tree);
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
			pop_call(thread);
	}
	shown_event(tree, thread, event);
	thread->last_ns = event->time_ns;
}

void tree_end(struct tree *tree, struct tree_thread *thread)
{
	struct crumb_event end = {.thread = thread->thread};
	bool goes_on = false;

	settle_exception(tree, thread);
	tree_line_end_run(tree);
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
			pop_call(thread);
	}
	frames_free(&thread->frames);
	thread->printed = 0;
	if (tree->current == thread)
		tree->current = NULL;
}

void tree_finish(struct tree *tree)
{
	map_free(&tree->machinery);
	if (tree->left_out > 0)
		tree_line_left_out(tree->left_out);
}
