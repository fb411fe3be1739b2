/* SPDX-License-Identifier: MIT */
/*
 * How long single events take, the slowest ones above all:
 *
 *     stalls FILE EVENTS
 *
 * stores that many events into FILE and times each of them; before that, as many times
 * nothing, which shows what the machine itself does to a loop (interrupts, other
 * processes).  Prints one line of JSON; times in nanoseconds.
 */
#include "clock.h"
#include "filter.h"
#include "sink.h"
#include "thread.h"
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMED(literal) ((struct intern_text){literal, sizeof literal - 1})
#define PLACES         65536 /* of the table of times, a tick each; the last has the rest */

struct times {
	uint64_t count[PLACES];
	uint64_t slowest, total;
};

static struct times nothing, event;

static bool describe(const void *code, void *hint, struct intern_code *out)
{
	(void)code, (void)hint;
	out->name = out->qualname = NAMED("function");
	out->module = NAMED("bench");
	out->filename = NAMED("bench.py");
	return true;
}

static void release(struct intern_code *out)
{
	(void)out;
}

static bool remember(const void *code, struct intern_record *record)
{
	(void)code, (void)record;
	return true;
}

static size_t thread_name(char *out, size_t size)
{
	(void)size;
	out[0] = 'T';
	return 1;
}

static bool in_fork(void)
{
	return false;
}

static const struct trace_source source = {
    .describe = describe,
    .release = release,
    .remember = remember,
    .thread_name = thread_name,
    .open = sink_open,
    .in_fork = in_fork,
};

static void note(struct times *t, uint64_t ticks)
{
	t->count[ticks < PLACES ? ticks : PLACES - 1]++;
	t->total += ticks;
	if (ticks > t->slowest)
		t->slowest = ticks;
}

/* Below which a part of the events stays, in ticks (exact below PLACES). */
static uint64_t below(const struct times *t, uint64_t events, double part)
{
	uint64_t wanted = (uint64_t)((double)events * part), sum = 0, i = 0;
	while (i < PLACES - 1 && (sum += t->count[i]) < wanted)
		i++;
	return i;
}

static void tell(const char *name, const struct times *t, uint64_t events, double ns)
{
	printf("\"%s\": {\"mean\": %.1f, \"median\": %.0f, \"p9999\": %.0f, "
	       "\"slowest\": %.0f}",
	       name, (double)t->total / (double)events * ns,
	       (double)below(t, events, 0.5) * ns, (double)below(t, events, 0.9999) * ns,
	       (double)t->slowest * ns);
}

int main(int count, char **arguments)
{
	static const int code[2];
	uint64_t events = count == 3 ? strtoull(arguments[2], NULL, 10) : 0;
	if (!events || !clock_has_counter()) {
		fprintf(stderr, "usage: stalls FILE EVENTS (on a CPU with an invariant "
		                "counter)\n");
		return 2;
	}
	struct sink_options options = {.pattern = arguments[1], .counter = true};
	clock_start(true);
	uint64_t began = clock_counter();
	uint64_t began_ns = clock_nanoseconds();
	sink_init(&options);
	filter_init("", "");
	if (!thread_init(true, trace_thread_ended))
		return 1;
	trace_init(&source, true);
	for (uint64_t i = 0; i < events; i++) {
		uint64_t before = clock_counter();
		note(&nothing, clock_counter() - before);
	}
	for (uint64_t i = 0; i < events; i++) {
		uint64_t before = clock_counter();
		trace_event(i & 1 ? CRUMB_WORD_RETURN : CRUMB_WORD_CALL, code, NULL);
		note(&event, clock_counter() - before);
	}
	double ns =
	    (double)(clock_nanoseconds() - began_ns) / (double)(clock_counter() - began);
	trace_finish(0);
	printf("{\"events\": %" PRIu64 ", ", events);
	tell("nothing", &nothing, events, ns);
	printf(", ");
	tell("event", &event, events, ns);
	printf("}\n");
	return 0;
}
