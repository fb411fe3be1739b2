/* SPDX-License-Identifier: MIT */
/*
 * The library says how deep an event is; this keeps what a command wants to remember of
 * each open frame.  It holds as many frames as are open at once, never more.
 */
#include "frames.h"

#include <stdlib.h>

#include "util.h"

struct frame *frames_top(const struct frames *frames)
{
	return frames->count > 0 ? &frames->items[frames->count - 1] : NULL;
}

struct frame *frames_stale(const struct frames *frames, const struct crumb_event *event)
{
	struct frame *top = frames_top(frames);

	if (!top || !event->code)
		return NULL;
	if (top->depth > event->depth)
		return top;
	if (top->depth == event->depth &&
	    (frames_opens(event) || top->code != event->code))
		return top;
	return NULL;
}

struct frame *frames_push(struct frames *frames, const struct crumb_event *event)
{
	frames->items = util_grow(frames->items, &frames->room, frames->count + 1,
	                          sizeof(*frames->items));
	struct frame *frame = &frames->items[frames->count++];
	*frame = (struct frame){
	    .code = event->code,
	    .start_ns = event->time_ns,
	    .depth = event->depth,
	    .resumed = event->kind == CRUMB_RESUME,
	};
	return frame;
}

struct frame *frames_of(const struct frames *frames, const struct crumb_event *event)
{
	struct frame *top = frames_top(frames);

	return top && top->depth == event->depth && top->code == event->code ? top : NULL;
}

void frames_raised(struct frame *frame, const struct crumb_event *event)
{
	free(frame->message);
	frame->message = event->message ? util_format("%s", event->message) : NULL;
	frame->exception = event->exception;
	frame->line = event->line;
}

void frames_pop(struct frames *frames)
{
	struct frame *top = &frames->items[--frames->count];

	free(top->arguments);
	free(top->message);
}

void frames_free(struct frames *frames)
{
	while (frames->count > 0)
		frames_pop(frames);
	free(frames->items);
	*frames = (struct frames){0};
}
