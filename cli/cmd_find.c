/* SPDX-License-Identifier: MIT */
/*
 * breadcrumb find: the calls in which a value was, or that returned or raised something.
 *
 * A call is looked at as a whole: each condition may be met at any of its events, and it
 * is found when it ends and all were.  With --context the trace is walked twice: first to
 * number the calls of each thread and note those that are found, then to show those
 * around them, in the order in which they began.
 */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "condition.h"
#include "frames.h"
#include "input.h"
#include "map.h"
#include "options.h"
#include "out.h"
#include "parse.h"
#include "select.h"
#include "show.h"
#include "util.h"

enum {
	OPTION_CONTEXT = 1,
};

#define THREAD_WIDTH_MAX 20

/* With --context so many are kept, and so much of what is shown behind them: 30 MB. */
#define FOUND_MAX 100000
#define END_MAX   200

static const struct option_row find_options[] = {
    {OPTION_CONTEXT, 'C', "context", "N",
     "also N calls before and behind, by when they began"},
    {0},
};

/* A call that was found, for --context. */
struct found {
	uint32_t thread; /* its place in `threads` */
	uint64_t number; /* of the call within its thread */
	char *end;       /* what is shown behind it */
};

struct find_thread {
	const struct crumb_thread *thread;
	struct frames frames; /* frame->flags: conditions met; inner_ns: its number */
	uint64_t calls;
	bool was_left; /* the last event was an UNWIND: an exception that comes now
	                  was raised elsewhere */
	/* In the second walk: the calls before this one, of which some may be shown. */
	uint64_t shown; /* up to this number all are dealt with */
};

struct find {
	struct conditions conditions;
	uint64_t context;
	struct select select;
	struct options_look look;
	struct map places; /* of threads in the array below, from 1 */
	struct find_thread *threads;
	size_t thread_count, thread_room;
	struct found *found;
	size_t found_count, found_room;
	uint64_t matches;
	int64_t origin_ns;
	unsigned thread_width;
	bool processes;
};

static void take_options(struct find *find, struct options *options)
{
	int key;

	while ((key = options_next(options)) != OPTIONS_DONE) {
		switch (key) {
		case OPTION_CONTEXT:
			if (!parse_number(options->value, &find->context))
				options_bad_value(options, "a number");
			break;
		default:
			if (!condition_take(&find->conditions, options, key) &&
			    !select_take(&find->select, options, key))
				options_take_look(&find->look, options, key);
		}
	}
	if (find->conditions.count == 0)
		util_misuse(options->cmd->name,
		            "nothing to look for: give --value, --arg, --returned, "
		            "--raised or --marked");
}

/* A mark belongs to a call, and is looked at although it names no function. */
static bool is_wanted(struct find *find, const struct crumb_event *event)
{
	struct select *select = &find->select;

	if (event->kind != CRUMB_MARK)
		return select_event(select, event);
	return event->time_ns >= select->from_ns && event->time_ns < select->to_ns &&
	       select_thread(select, event->thread);
}

static struct find_thread *thread_of(struct find *find, const struct crumb_thread *thread)
{
	uint32_t *place = map_at(&find->places, thread);

	if (!*place) {
		find->threads = util_grow(find->threads, &find->thread_room,
		                          find->thread_count + 1, sizeof(*find->threads));
		find->threads[find->thread_count] =
		    (struct find_thread){.thread = thread};
		*place = (uint32_t)++find->thread_count;
	}
	return &find->threads[*place - 1];
}

static void look_at(struct find *find, struct find_thread *thread, struct frame *frame,
                    const struct crumb_event *event)
{
	frame->flags |= condition_met(&find->conditions, event, thread->was_left);
	if (event->kind == CRUMB_EXCEPTION)
		frames_raised(frame, event);
}

/* " → 3  1.2 us  app.py:10" */
static char *end_text(const struct frame *frame, const struct crumb_event *event,
                      const char *unfinished)
{
	char room[PARSE_TEXT];
	char *what;

	if (unfinished)
		what = util_format("  ... %s", unfinished);
	else if (event->kind == CRUMB_UNWIND)
		what = util_format(
		    " ! %s%s%s",
		    frame->exception ? frame->exception : "left by an exception",
		    frame->message ? ": " : "", frame->message ? frame->message : "");
	else if (event->result)
		what = util_format(
		    "%s%s", event->kind == CRUMB_YIELD ? " yields " : " \342\206\222 ",
		    event->result);
	else
		what = util_format("%s", event->kind == CRUMB_YIELD ? " yields" : "");
	if (unfinished)
		return what;
	char *text = util_format(
	    "%s  %s", what, parse_show_short(event->time_ns - frame->start_ns, room));
	free(what);
	return text;
}

/* What stands before the text of a line; `sign` says whether it was found. */
static void put_begin(const struct find *find, const struct crumb_thread *thread,
                      const char *sign, int64_t time_ns, uint32_t depth)
{
	int64_t since = time_ns - find->origin_ns;

	out_printf("%s%lld.%09lld  ", sign, (long long)(since / 1000000000),
	           (long long)(since < 0 ? -since : since) % 1000000000);
	if (find->processes)
		out_printf("%u  ", thread->process->pid);
	out_text_in(show_thread(thread), find->thread_width);
	out_raw("  ", 2);
	if (find->context)
		out_fill(' ', depth < 30 ? (size_t)depth * 2 : 60);
}

static void put_call(const struct find *find, const struct crumb_thread *thread,
                     const struct frame *frame, const char *sign, const char *end)
{
	put_begin(find, thread, sign, frame->start_ns, frame->depth);
	out_role(OUT_NAME);
	out_text(show_function(frame->code));
	out_role(OUT_PLAIN);
	out_char('(');
	if (frame->arguments)
		out_text(frame->arguments);
	out_char(')');
	if (end)
		out_text(end);
	if (frame->code->filename[0]) {
		out_raw("  ", 2);
		out_role(OUT_FAINT);
		out_text(frame->code->filename);
		out_printf(":%u", frame->line ? frame->line : frame->code->first_line);
		out_role(OUT_PLAIN);
	}
	out_line();
}

/* For the second walk; `end` is taken over. */
static void keep_found(struct find *find, const struct find_thread *thread,
                       const struct frame *frame, char *end)
{
	if (find->found_count == FOUND_MAX) {
		free(end);
		return;
	}
	if (strlen(end) > END_MAX) {
		int length = END_MAX;
		while (length > 0 && ((unsigned char)end[length] & 0xc0) == 0x80)
			length--; /* whole characters */
		char *shorter = util_format("%.*s%s", length, end, out_ellipsis());
		free(end);
		end = shorter;
	}
	find->found = util_grow(find->found, &find->found_room, find->found_count + 1,
	                        sizeof(*find->found));
	find->found[find->found_count++] = (struct found){
	    (uint32_t)(thread - find->threads), (uint64_t)frame->inner_ns, end};
}

/* The innermost call is over: found, or not. */
static void end_call(struct find *find, struct find_thread *thread,
                     const struct crumb_event *event, const char *unfinished)
{
	struct frame *frame = frames_top(&thread->frames);

	if (condition_all(&find->conditions, frame->flags)) {
		char *end = end_text(frame, event, unfinished);
		if (event->kind != CRUMB_UNWIND) /* an exception's that was handled */
			frame->line = 0;
		find->matches++;
		if (!find->context) {
			put_call(find, thread->thread, frame, "", end);
			free(end);
		} else {
			keep_found(find, thread, frame, end);
		}
	}
	frames_pop(&thread->frames);
}

/* The call that an event belongs to: a mark names none, and is of the innermost one, if
 * that is among those that are looked at. */
static struct frame *call_of(const struct find_thread *thread,
                             const struct crumb_event *event)
{
	struct frame *top = frames_top(&thread->frames);

	if (event->kind == CRUMB_MARK)
		return top && top->depth + 1 == event->depth ? top : NULL;
	return frames_of(&thread->frames, event);
}

static void take_event(struct find *find, const struct crumb_event *event)
{
	struct find_thread *thread = thread_of(find, event->thread);
	struct frame *frame;

	while (frames_stale(&thread->frames, event))
		end_call(find, thread, event, "end not recorded");
	if (frames_opens(event)) {
		frame = frames_push(&thread->frames, event);
		frame->inner_ns = (int64_t)thread->calls++;
		frame->arguments = show_locals(event);
		look_at(find, thread, frame, event);
	} else if ((frame = call_of(thread, event))) {
		look_at(find, thread, frame, event);
		if (frames_closes(event))
			end_call(find, thread, event, NULL);
	}
	/* A mark may be made on an exception's way, by what was not recorded. */
	bool goes_on = event->kind == CRUMB_EXCEPTION || event->kind == CRUMB_MARK;
	thread->was_left = event->kind == CRUMB_UNWIND || (goes_on && thread->was_left);
}

static void measure(struct find *find, const struct input *input)
{
	find->processes = crumb_trace_processes(input->trace) > 1;
	find->origin_ns = input->start_ns;
	find->thread_width = show_threads_width(input->trace);
	if (find->thread_width > THREAD_WIDTH_MAX)
		find->thread_width = THREAD_WIDTH_MAX;
}

static int compare_found(const void *left, const void *right)
{
	const struct found *a = left, *b = right;

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* The first call found in a thread at or behind `number`. */
static const struct found *found_from(const struct find *find, size_t thread,
                                      uint64_t number)
{
	size_t low = 0, high = find->found_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct found *f = &find->found[middle];
		if (f->thread < thread || (f->thread == thread && f->number < number))
			low = middle + 1;
		else
			high = middle;
	}
	return low < find->found_count && find->found[low].thread == thread
	           ? &find->found[low]
	           : NULL;
}

/* Whether a call is found, or near to one that is. */
static bool is_near(const struct find *find, const struct find_thread *thread,
                    uint64_t number)
{
	uint64_t n = find->context;
	const struct found *near = found_from(find, (size_t)(thread - find->threads),
	                                      number < n ? 0 : number - n);

	return near && near->number <= number + n;
}

/* What comes now stands before this call; a gap, where others were left out. */
static void begin_near(struct find *find, struct find_thread *thread, uint64_t number)
{
	if (find->matches && thread->shown != number)
		out_line();
	find->matches = 1;
	thread->shown = number;
}

static void show_near(struct find *find, const struct crumb_event *event)
{
	struct find_thread *thread = thread_of(find, event->thread);
	uint64_t number = thread->calls++;

	if (!is_near(find, thread, number))
		return;
	const struct found *at =
	    found_from(find, (size_t)(thread - find->threads), number);
	bool is = at && at->number == number;
	struct frame frame = {.code = event->code,
	                      .start_ns = event->time_ns,
	                      .depth = event->depth,
	                      .arguments = show_locals(event)};
	begin_near(find, thread, number);
	thread->shown = number + 1;
	put_call(find, thread->thread, &frame, is ? "> " : "  ", is ? at->end : NULL);
	free(frame.arguments);
}

/* Between two calls of which one is shown. */
static void show_mark_near(struct find *find, const struct crumb_event *event)
{
	struct find_thread *thread = thread_of(find, event->thread);
	uint64_t next = thread->calls;

	if (!is_near(find, thread, next) && !(next && is_near(find, thread, next - 1)))
		return;
	begin_near(find, thread, next);
	put_begin(find, thread->thread, "  ", event->time_ns, event->depth);
	char *text = show_mark(event);
	out_role(OUT_NAME);
	out_text(text);
	out_role(OUT_PLAIN);
	out_line();
	free(text);
}

static void show_all_near(struct find *find, struct input *input)
{
	struct crumb_event event;

	if (find->found_count > 1)
		qsort(find->found, find->found_count, sizeof(*find->found),
		      compare_found);
	for (size_t i = 0; i < find->thread_count; i++)
		find->threads[i].calls = 0;
	find->matches = 0;
	/* Thread by thread: what is around a call is what its thread did. */
	for (size_t i = 0; i < find->thread_count; i++) {
		if (!found_from(find, i, 0))
			continue;
		input_walk(input, find->threads[i].thread);
		while (input_next(input, &event)) {
			if (!is_wanted(find, &event))
				continue;
			if (frames_opens(&event))
				show_near(find, &event);
			else if (event.kind == CRUMB_MARK)
				show_mark_near(find, &event);
		}
	}
}

static void end_all(struct find *find)
{
	struct crumb_event end = {0};

	for (size_t i = 0; i < find->thread_count; i++) {
		struct find_thread *thread = &find->threads[i];
		while (frames_top(&thread->frames))
			end_call(find, thread, &end, "not finished");
		frames_free(&thread->frames);
	}
}

static void free_all(struct find *find)
{
	condition_free(&find->conditions);
	for (size_t i = 0; i < find->found_count; i++)
		free(find->found[i].end);
	free(find->found);
	free(find->threads);
	map_free(&find->places);
	select_done(&find->select);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static struct find find;
	struct options options;
	struct input input;
	struct crumb_event event;

	options_init(&options, cmd, argc, argv);
	take_options(&find, &options);
	input_open(&input, &options);
	select_ready(&find.select, &input);
	options_apply_look(&find.look);
	measure(&find, &input);
	input_walk(&input, NULL);
	while (input_next(&input, &event)) {
		if (event.time_ns >= find.select.to_ns)
			break;
		if (is_wanted(&find, &event))
			take_event(&find, &event);
	}
	end_all(&find);
	bool any = find.matches > 0, some = find.matches > FOUND_MAX && find.context;
	if (find.context)
		show_all_near(&find, &input);
	int status = input_close(&input);
	if (!any)
		util_say("no call was found");
	if (some)
		util_say("only the first %d calls that were found are shown", FOUND_MAX);
	free_all(&find);
	return status;
}

static const struct option_row *const tables[] = {condition_options, find_options,
                                                  select_options, options_view, NULL};

const struct cmd cmd_find = {
    .name = "find",
    .summary = "which calls had, returned or raised something",
    .synopsis = "CONDITION... [OPTION...] FILE...",
    .about =
	"Shows the calls in trace files for which all conditions hold: when they began, "
	"in which thread, with what arguments, how they ended, how long they took. "
	"Values "
	"are those that were recorded ('breadcrumb record --locals --returns').",
    .examples = "  breadcrumb find --arg user=ann app.crumb\n"
		"  breadcrumb find --value timeout --context 3 app.crumb\n"
		"  breadcrumb find --returned =None --function 'shop.*' app.crumb\n"
		"  breadcrumb find --raised '*Error' app.crumb\n"
		"  breadcrumb find --marked 'order 17' app.crumb\n",
    .options = tables,
    .run = run,
};
