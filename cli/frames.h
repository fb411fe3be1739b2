/* SPDX-License-Identifier: MIT */
/*
 * The open frames of one thread, kept while its events go by.  Where events were lost the
 * depth that comes with each event shows which frames can no longer be open.
 */
#ifndef BREADCRUMB_CLI_FRAMES_H
#define BREADCRUMB_CLI_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <breadcrumb/reader.h>

struct frame {
	const struct crumb_code *code;
	int64_t start_ns; /* when this activation began: its CALL or RESUME */
	uint32_t depth;   /* as in struct crumb_event */
	bool resumed;
	/* For who walks; zero at first. */
	uint32_t flags;
	uint32_t number;
	uint32_t line;
	const char *exception;
	char *arguments; /* the frame's own, or NULL */
	char *message;   /* of the exception; likewise */
	int64_t inner_ns;
};

/* All zero is a thread without open frames. */
struct frames {
	struct frame *items; /* the outermost first */
	size_t count, room;
};

/* The innermost frame, NULL when there is none. */
struct frame *frames_top(const struct frames *frames);

/* The innermost frame when `event` shows that it has ended unseen, else NULL.  Ask again
 * after frames_pop(), until it is NULL, before an event is looked at. */
struct frame *frames_stale(const struct frames *frames, const struct crumb_event *event);

/* For CALL and RESUME: the new innermost frame. */
struct frame *frames_push(struct frames *frames, const struct crumb_event *event);

/* For all other events: the frame that it happened in, NULL when its start was not seen.
 */
struct frame *frames_of(const struct frames *frames, const struct crumb_event *event);

/* For EXCEPTION: keeps what it says in the frame. */
void frames_raised(struct frame *frame, const struct crumb_event *event);

void frames_pop(struct frames *frames);
void frames_free(struct frames *frames);

/* What an event does to the frames. */
static inline bool frames_opens(const struct crumb_event *event)
{
	return event->kind == CRUMB_CALL || event->kind == CRUMB_RESUME;
}

static inline bool frames_closes(const struct crumb_event *event)
{
	return event->kind == CRUMB_RETURN || event->kind == CRUMB_YIELD ||
	       event->kind == CRUMB_UNWIND;
}

#endif
