/* SPDX-License-Identifier: MIT */
/*
 * A set of threads, each with the exceptions that are on their way in it.  What is kept
 * is what the open frames need: an exception that is over is forgotten.
 */
#include "traceback.h"

#include <stdlib.h>

#include "util.h"

static struct flight_thread *thread_of(struct traceback *traceback,
                                       const struct crumb_thread *thread)
{
	uint32_t *place = map_at(&traceback->places, thread);

	if (!*place) {
		traceback->threads =
		    util_grow(traceback->threads, &traceback->room, traceback->count + 1,
		              sizeof(*traceback->threads));
		traceback->threads[traceback->count] =
		    (struct flight_thread){.thread = thread};
		*place = (uint32_t)++traceback->count;
	}
	return &traceback->threads[*place - 1];
}

void traceback_event(struct traceback *traceback, const struct crumb_event *event)
{
	flight_event(thread_of(traceback, event->thread), event);
}

const struct flight *traceback_of(struct traceback *traceback,
                                  const struct crumb_event *event)
{
	return flight_of(thread_of(traceback, event->thread), event);
}

void traceback_free(struct traceback *traceback)
{
	for (size_t i = 0; i < traceback->count; i++)
		flight_finish(&traceback->threads[i]);
	free(traceback->threads);
	map_free(&traceback->places);
}
