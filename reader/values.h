/* SPDX-License-Identifier: MIT */
/* The values that belong to an event: VALUES records to names and texts. */
#ifndef BREADCRUMB_READER_VALUES_H
#define BREADCRUMB_READER_VALUES_H

#include "reader_internal.h"

struct values_item {
	uint32_t which;   /* CRUMB_VALUE_* of format.h */
	const char *name; /* of CRUMB_VALUE_NAMED; else NULL */
	const char *text;
};

/* Of one thread, while its blocks are read in order. */
struct values {
	struct strtab texts; /* of the block */
	const char **shared; /* those that can be referred to, by their number */
	size_t shared_count, shared_room;
	bool broken; /* the rest of the block's values cannot be relied on */

	/* The last record. */
	enum crumb_kind kind; /* of its event; 0: of one that is not known */
	uint32_t code;
	struct values_item *items;
	size_t count, room, shown;
	bool cut; /* there were more */

	/* What crumb_event points at. */
	struct crumb_value *locals;
	size_t local_room;
};

/* A new block begins. */
void values_begin(struct values *values);

/* Takes the payload of a VALUES record.  1, 0 when it is damaged (it holds nothing then),
 * or -ENOMEM. */
int values_take(struct values *values, const unsigned char *payload, size_t size);

/* Fills what the record says into *event.  0 or
 * -ENOMEM. */
int values_emit(struct values *values, struct process *process,
                struct crumb_event *event);

void values_free(struct values *values);

#endif
