/* SPDX-License-Identifier: MIT */
/* The chain of blocks in a file, over holes, zeros and damage. */
#ifndef BREADCRUMB_READER_CHAIN_H
#define BREADCRUMB_READER_CHAIN_H

#include "reader_internal.h"

struct chain {
	struct process *process;
	uint64_t offset;          /* where the next block may start */
	struct crumb_block block; /* the one that chain_next() found */
	uint64_t at;              /* its offset */
	uint64_t trailer;         /* EVENTS: its last word, where the file has it */
	bool is_cut;              /* the file ends inside the block, and should not */
	bool saw_garbage;         /* something was neither block nor zeros */
	unsigned growths;
	struct crumb_block ahead;
	uint64_t ahead_at; /* where `ahead` was read; 0: nowhere */
};

/* A walk that begins at the first block.  It uses process->scratch, and so may the caller
 * between two steps. */
struct chain chain_of(struct process *process);

/* The next block: 1 and chain->block, ->at and ->is_cut are set, 0 at the end of the
 * file, or a negative errno.  Damage between blocks is told as a problem. */
int chain_next(struct chain *chain);

/* Whether a block header is one: magic, check, and a size that a block can have. */
bool chain_is_block(const struct crumb_block *block);

/* Whether a block of this kind may be shorter than its size where the file ends: a
 * process that ends cleanly cuts off what its last WINDOW or DEFINITIONS block does not
 * use. */
bool chain_is_trimmed(const struct process *process, const struct crumb_block *block);

#endif
