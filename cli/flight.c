/* SPDX-License-Identifier: MIT */
/*
 * An exception belongs to the frame that it is in: what is called there meanwhile (a
 * `finally`, an __exit__) may raise others, in frames of its own.  When its frame is
 * unwound it moves; the next event of the thread says where it came to: it is told again
 * in the caller, or the caller has caught it (code that was not recorded may lie
 * between).  A mark says nothing of that: such code may have made it.
 */
#include "flight.h"

#include <stdlib.h>
#include <string.h>

#include <breadcrumb/format.h>

#include "show.h"
#include "util.h"

static void add_stop(struct flight *flight, const struct frame *frame, uint32_t line)
{
	flight->stops = util_grow(flight->stops, &flight->room, flight->count + 1,
	                          sizeof(*flight->stops));
	flight->stops[flight->count++] = (struct flight_stop){
	    .code = frame->code,
	    .arguments = frame->arguments ? util_format("%s", frame->arguments) : NULL,
	    .line = line,
	};
}

static struct flight *begin(const struct frame *frame, const struct crumb_event *event)
{
	struct flight *flight = util_alloc(1, sizeof(*flight));

	*flight = (struct flight){
	    .type = event->exception,
	    .message = event->message ? util_format("%s", event->message) : NULL,
	    .time_ns = event->time_ns,
	};
	add_stop(flight, frame, event->line);
	return flight;
}

static void end(struct flight_thread *thread, struct flight *flight, enum flight_end how)
{
	if (!flight)
		return;
	if (thread->ended)
		thread->ended(thread->context, flight, how);
	for (size_t i = 0; i < flight->count; i++)
		free(flight->stops[i].arguments);
	free(flight->stops);
	free(flight->message);
	free(flight);
}

/* The place of the innermost frame's exception. */
static struct flight **of_top(struct flight_thread *thread)
{
	return &thread->flights[thread->frames.count - 1];
}

static void pop(struct flight_thread *thread, enum flight_end how)
{
	end(thread, *of_top(thread), how);
	*of_top(thread) = NULL;
	frames_pop(&thread->frames);
}

static void push(struct flight_thread *thread, const struct crumb_event *event)
{
	struct frame *frame = frames_push(&thread->frames, event);

	if (thread->ended)
		frame->arguments = show_locals(event);
	thread->flights = util_grow(thread->flights, &thread->room, thread->frames.count,
	                            sizeof(*thread->flights));
	*of_top(thread) = NULL;
}

/* What moved was not told in another frame: it has come to the innermost one, which has
 * caught it, unless it is seen to leave that, too. */
static void land(struct flight_thread *thread, const struct crumb_event *event)
{
	struct frame *top = frames_top(&thread->frames);
	struct flight *flight = thread->moving;

	thread->moving = NULL;
	if (!flight)
		return;
	if (!top || !event->code || event->depth < top->depth) {
		end(thread, flight, top ? FLIGHT_UNKNOWN : FLIGHT_LEFT);
		return;
	}
	end(thread, *of_top(thread), FLIGHT_CAUGHT);
	*of_top(thread) = flight;
	add_stop(flight, top, 0);
	flight->landed = true;
}

static bool is_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Where exceptions are told only when they leave a frame, one that landed in this frame
 * and leaves it now is told there for the first time. */
static bool leaves_now(const struct flight_thread *thread, const struct flight *flight,
                       const struct crumb_event *event)
{
	return flight && flight->landed &&
	       (thread->thread->process->flags & CRUMB_FLAG_UNWIND_ONLY) &&
	       is_text(flight->type, event->exception) &&
	       is_text(flight->message, event->message);
}

/* Whether an exception told in this frame is the one that has just left another. */
static bool is_the_same(const struct flight *flight, const struct crumb_event *event)
{
	return flight && flight->type && event->exception &&
	       strcmp(flight->type, event->exception) == 0;
}

static void raised(struct flight_thread *thread, const struct frame *frame,
                   const struct crumb_event *event)
{
	struct flight **here = of_top(thread);

	if (is_the_same(thread->moving, event)) {
		end(thread, *here, FLIGHT_CAUGHT); /* an older one was handled here */
		*here = thread->moving;
		thread->moving = NULL;
		add_stop(*here, frame, event->line);
		return;
	}
	land(thread, event);
	if (leaves_now(thread, *here, event)) {
		(*here)->stops[(*here)->count - 1].line = event->line;
		(*here)->landed = false;
		return;
	}
	end(thread, *here, FLIGHT_CAUGHT);
	*here = begin(frame, event);
}

static void unwound(struct flight_thread *thread, const struct frame *frame,
                    const struct crumb_event *event)
{
	struct flight **here = of_top(thread);

	land(thread, event);
	thread->moving = *here ? *here : begin(frame, event);
	*here = NULL;
	frames_pop(&thread->frames);
}

void flight_event(struct flight_thread *thread, const struct crumb_event *event)
{
	struct frame *frame;

	while (frames_stale(&thread->frames, event)) {
		land(thread, event);
		pop(thread, FLIGHT_UNKNOWN);
	}
	frame = event->code ? frames_of(&thread->frames, event) : NULL;
	if (event->kind == CRUMB_EXCEPTION && frame) {
		raised(thread, frame, event);
	} else if (event->kind == CRUMB_UNWIND && frame) {
		unwound(thread, frame, event);
	} else if (frames_opens(event)) {
		land(thread, event);
		push(thread, event);
	} else if (frame && frames_closes(event)) {
		land(thread, event);
		pop(thread, FLIGHT_CAUGHT);
	} else if (event->kind == CRUMB_LINE) {
		land(thread, event);
	}
}

const struct flight *flight_of(const struct flight_thread *thread,
                               const struct crumb_event *event)
{
	return event->code && frames_of(&thread->frames, event)
	           ? thread->flights[thread->frames.count - 1]
	           : NULL;
}

void flight_finish(struct flight_thread *thread)
{
	struct flight *flight = thread->moving;

	thread->moving = NULL;
	end(thread, flight, frames_top(&thread->frames) ? FLIGHT_UNKNOWN : FLIGHT_LEFT);
	while (frames_top(&thread->frames))
		pop(thread, FLIGHT_UNKNOWN);
	frames_free(&thread->frames);
	free(thread->flights);
}
