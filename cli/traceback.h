/* SPDX-License-Identifier: MIT */
/* Which way the exceptions of all threads have come, while events go by. */
#ifndef BREADCRUMB_CLI_TRACEBACK_H
#define BREADCRUMB_CLI_TRACEBACK_H

#include <stddef.h>

#include <breadcrumb/reader.h>

#include "flight.h"
#include "map.h"

/* All zero at first. */
struct traceback {
	struct map places; /* of threads in the array below, from 1 */
	struct flight_thread *threads;
	size_t count, room;
};

/* Takes the next event, of whichever thread. */
void traceback_event(struct traceback *traceback, const struct crumb_event *event);

/* Of the EXCEPTION that traceback_event() has just taken: where it rose is the first
 * stop, where it is now the last.  NULL where the start of its frame was not seen. */
const struct flight *traceback_of(struct traceback *traceback,
                                  const struct crumb_event *event);

void traceback_free(struct traceback *traceback);

#endif
