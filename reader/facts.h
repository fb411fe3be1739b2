/* SPDX-License-Identifier: MIT */
/* FACT records: a process as a whole. */
#ifndef BREADCRUMB_READER_FACTS_H
#define BREADCRUMB_READER_FACTS_H

#include "reader_internal.h"

/* Takes over a record of `size` bytes that lies wholly in memory.  1: taken or of a later
 * agent, 0: it contradicts itself, or -ENOMEM. */
int facts_take(struct process *process, const struct crumb_record_fact *fact,
               size_t size);

#endif
