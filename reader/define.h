/* SPDX-License-Identifier: MIT */
/* Definition records: strings, functions, threads, clock and facts of one process. */
#ifndef BREADCRUMB_READER_DEFINE_H
#define BREADCRUMB_READER_DEFINE_H

#include "reader_internal.h"

/* Reads the DEFINITIONS blocks that process->index found, and fills the process: strings,
 * codes, threads (one for each thread that has blocks, too), clock, facts.  Damage is
 * told as problems.  0 or a negative errno. */
int define_load(struct process *process);

/* The function of an id: a stand-in where the file does not define it. */
const struct crumb_code *define_code_slowly(struct process *process, uint32_t id);

static inline const struct crumb_code *define_code(struct process *process, uint32_t id)
{
	/* Ids are handed out from 1 upward: but for damage, this is where it is. */
	if (READER_LIKELY(id - 1u < process->code_count &&
	                  process->codes[id - 1u].id == id))
		return &process->codes[id - 1u];
	return define_code_slowly(process, id);
}

/* What an EXCEPTION word names; NULL where the file does not define it. */
const struct site *define_site(struct process *process, uint32_t id);

/* The name of variable i of a function, never NULL. */
const char *define_variable(const struct process *process, uint32_t code, uint32_t i);

/* Frees what define_load() filled. */
void define_free(struct process *process);

#endif
