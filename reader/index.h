/* SPDX-License-Identifier: MIT */
/* Where the blocks of a file are: walks the chain once and keeps 32 bytes for each. */
#ifndef BREADCRUMB_READER_INDEX_H
#define BREADCRUMB_READER_INDEX_H

#include "reader_internal.h"

/* Fills process->index from its file, whose header was read: the blocks that hold events,
 * sorted by thread and sequence, each event once; the words of the windows; the places of
 * the definitions.  Damage is told as problems.  0 or a negative errno. */
int index_build(struct process *process);

/* The window at `offset` (of a BLOCK_WINDOW entry). */
const struct window *index_window(const struct index *index, uint64_t offset);

void index_free(struct index *index);

#endif
