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
	bool is_cut;              /* the file ends inside the block */
	bool saw_garbage;         /* something was neither block nor zeros */
	unsigned growths;
	unsigned char *scratch; /* CRUMB_BLOCK_MAX bytes, for the caller too */
	struct crumb_block ahead;
	uint64_t ahead_at; /* where `ahead` was read; 0: nowhere */
};

/* 0 or -ENOMEM.  chain_close() frees it. */
int chain_open(struct chain *chain, struct process *process);
void chain_close(struct chain *chain);

/* The next block: 1 and chain->block, ->at and ->is_cut are set, 0 at the end of the
 * file, or a negative errno.  Damage between blocks is told as a problem. */
int chain_next(struct chain *chain);

/* Whether a block header is one: magic, check, and a size that a block can have. */
bool chain_is_block(const struct crumb_block *block);

#endif
