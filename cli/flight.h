/* SPDX-License-Identifier: MIT */
/* Where the exceptions of a thread rose, which frames they went through, who caught them.
 */
#ifndef BREADCRUMB_CLI_FLIGHT_H
#define BREADCRUMB_CLI_FLIGHT_H

#include <stdbool.h>

#include <breadcrumb/reader.h>

#include "frames.h"

/* One frame that an exception was in. */
struct flight_stop {
	const struct crumb_code *code;
	char *arguments; /* or NULL; only kept for ended() */
	uint32_t line;   /* 0: not known */
};

/* An exception, from where it rose. */
struct flight {
	const char *type; /* NULL: not known */
	char *message;    /* or NULL */
	int64_t time_ns;
	struct flight_stop *stops; /* where it rose first */
	size_t count, room;
	bool landed; /* it came to the last stop without having been told there */
};

/* How it ended. */
enum flight_end {
	FLIGHT_CAUGHT,  /* in the last stop */
	FLIGHT_LEFT,    /* left the outermost frame that was recorded */
	FLIGHT_UNKNOWN, /* what came then was not recorded */
};

struct flight_thread {
	const struct crumb_thread *thread;
	struct frames frames;
	struct flight **flights; /* of each frame, by its place in `frames`; NULL: none */
	size_t room;
	struct flight *moving; /* it has left a frame, and is in no other yet */
	/* NULL, or called for each exception whose way is over. */
	void (*ended)(void *context, const struct flight *flight, enum flight_end end);
	void *context;
};

/* Takes the next event of the thread. */
void flight_event(struct flight_thread *thread, const struct crumb_event *event);

/* The exception of the EXCEPTION that flight_event() has just taken, which is in its last
 * stop; until the next event.  NULL where the start of its frame was not seen. */
const struct flight *flight_of(const struct flight_thread *thread,
                               const struct crumb_event *event);

/* After the last event; frees all. */
void flight_finish(struct flight_thread *thread);

#endif
