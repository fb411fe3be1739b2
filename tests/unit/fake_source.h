/* SPDX-License-Identifier: MIT */
/*
 * An interpreter for tests: what trace.h asks of the side that knows Python is answered
 * from plain structs.
 */
#ifndef BREADCRUMB_UNIT_FAKE_SOURCE_H
#define BREADCRUMB_UNIT_FAKE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink.h"
#include "trace.h"

/* A code object.  Its address is what trace.h gets. */
struct fake {
	const char *qualname, *module;
	uint32_t first_line;
	bool generator;
	bool undescribed;              /* describe() fails */
	bool forgettable;              /* remember() fails */
	struct intern_record *record;  /* what remember() was given */
	const struct fake *inner;      /* a constant of this code object */
	unsigned described, forgotten; /* how often */
};

/* What the interpreter does, and what it was asked. */
extern struct fake_interpreter {
	const char *thread_name; /* NULL: not known yet */
	bool cannot_open;
	bool in_fork;
	bool asleep;                 /* accepts() says no */
	bool codes_know_their_names; /* nested() is not needed; before fake_begin() */
	void (*in_describe)(void);   /* runs once within describe(): a finalizer, say */
	void (*in_thread_name)(void);
	unsigned names_asked, opened, released, accepted;
} fake_interpreter;

/* Begins as attach.c does, with a file of the fixture's options; events are recorded into
 * it from the first one on.  Fork handlers are in place.  Ticks are nanoseconds, and
 * stand still (fault_clock_advance()) since MAKE_START_NS. */
void fake_begin(void);

/* Likewise with options of the test's own. */
void fake_begin_with(const struct sink_options *options);

bool fake_call(struct fake *code);
bool fake_return(struct fake *code);

/* The code object dies. */
void fake_dies(struct fake *code);

#endif
