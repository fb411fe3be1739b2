/* SPDX-License-Identifier: MIT */
/*
 * Walks from block to block.  One read of 72 bytes per block is enough: a block's trailer
 * and the next block's header lie side by side.
 *
 * Between blocks there may be zeros, up to gigabytes of them in a file that was reserved
 * ahead: holes are jumped over, the rest is read in large pieces.  What is neither zero
 * nor a block is damage; the next aligned block header that is valid goes on.  The walk
 * only moves forward, so it ends whatever the file holds.
 *
 * A file may grow while it is walked.  The end is looked up again when it is reached, a
 * limited number of times, so that a program that writes faster than we read cannot hold
 * us.
 */
#include "chain.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "error.h"
#include "file.h"

#define GROWTHS_MAX 64
#define PIECE_MIN   4096u

bool chain_is_block(const struct crumb_block *block)
{
	return block->magic == CRUMB_BLOCK_MAGIC && block->size >= sizeof(*block) &&
	       block->size <= CRUMB_BLOCK_MAX && block->size % CRUMB_ALIGN == 0 &&
	       block->check == crumb_block_check(block->kind, block->size);
}

bool chain_is_trimmed(const struct process *process, const struct crumb_block *block)
{
	return process->header.end_size != 0 &&
	       process->file.size >= process->header.end_size &&
	       block->kind != CRUMB_BLOCK_EVENTS;
}

struct chain chain_of(struct process *process)
{
	return (struct chain){.process = process, .offset = process->header.header_size};
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
	/* Each byte equals the one before it, and the first is zero. */
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Whether the file goes on after `offset`; looks its size up again when it does not. */
static int reaches(struct chain *chain, uint64_t offset, uint64_t size)
{
	struct process *process = chain->process;

	if (offset <= process->file.size && size <= process->file.size - offset)
		return 1;
	if (chain->growths >= GROWTHS_MAX)
		return 0;
	chain->growths++;
	int r = file_measure(process->trace, &process->file);
	if (r < 0)
		return r;
	return offset <= process->file.size && size <= process->file.size - offset;
}

/* Looks in chain->process->scratch, which holds `size` bytes of `offset`, for the first
 * piece that ends a stretch of zeros, or (with `in_garbage`) of anything but blocks. */
static size_t find_stop(const struct chain *chain, size_t size, bool in_garbage)
{
	struct crumb_block block;
	size_t i = 0;

	if (!in_garbage && is_zero(chain->process->scratch, size))
		return size;
	for (; i + sizeof(block) <= size; i += CRUMB_ALIGN) {
		memcpy(&block, chain->process->scratch + i, sizeof(block));
		if (in_garbage ? chain_is_block(&block)
		               : !is_zero(chain->process->scratch + i, sizeof(block)))
			return i;
	}
	return !in_garbage && !is_zero(chain->process->scratch + i, size - i) ? i : size;
}

/* Moves chain->offset over zeros, or over garbage to the next block.  Most stretches are
 * short: the pieces begin small, so that many stretches cost no more than a long one. */
static int skip(struct chain *chain, bool in_garbage)
{
	struct process *process = chain->process;

	for (size_t piece = PIECE_MIN;; piece *= 2) {
		uint64_t data =
		    file_skip_hole(process->trace, &process->file, chain->offset);
		if (data - data % CRUMB_ALIGN > chain->offset)
			chain->offset = data - data % CRUMB_ALIGN;
		if (piece > process->scratch_size)
			piece = process->scratch_size;
		ssize_t got = file_read_scratch(process, piece, chain->offset);
		if (got < 0)
			return (int)got;
		size_t stop = find_stop(chain, (size_t)got, in_garbage);
		chain->offset += stop - stop % CRUMB_ALIGN;
		if (stop < (size_t)got || (size_t)got < piece)
			return 0;
	}
}

static int skip_garbage(struct chain *chain)
{
	uint64_t start = chain->offset;

	chain->saw_garbage = true;
	chain->offset += CRUMB_ALIGN;
	int r = skip(chain, true);
	if (r < 0)
		return r;
	error_problem(chain->process, start, "%" PRIu64 " bytes are damaged and left out",
	              chain->offset - start);
	return 0;
}

/* The block header at chain->offset, which the last block's trailer may have brought. */
static int read_header(struct chain *chain)
{
	struct process *process = chain->process;

	if (chain->ahead_at == chain->offset && chain->ahead_at != 0) {
		chain->block = chain->ahead;
		chain->ahead_at = 0;
		return 1;
	}
	ssize_t got = file_read(process->trace, &process->file, &chain->block,
	                        sizeof(chain->block), chain->offset);
	if (got < 0)
		return (int)got;
	return (size_t)got == sizeof(chain->block);
}

/* Reads the last word of the block that was found, and with it the header that follows.
 */
static int read_trailer(struct chain *chain)
{
	struct process *process = chain->process;
	struct {
		uint64_t trailer;
		struct crumb_block next;
	} both = {0};

	ssize_t got = file_read(process->trace, &process->file, &both, sizeof(both),
	                        chain->offset - sizeof(both.trailer));
	if (got < 0)
		return (int)got;
	chain->trailer = (size_t)got >= sizeof(both.trailer) ? both.trailer : 0;
	chain->ahead_at = (size_t)got == sizeof(both) ? chain->offset : 0;
	chain->ahead = both.next;
	return 1;
}

/* A few bytes after the last block that are too short for one. */
static int finish(struct chain *chain)
{
	struct process *process = chain->process;
	unsigned char rest[sizeof(struct crumb_block)];

	ssize_t got =
	    file_read(process->trace, &process->file, rest, sizeof(rest), chain->offset);
	if (got < 0)
		return (int)got;
	/* All of a header is there by now: the file grew when we had seen enough of it.
	 */
	if ((size_t)got == sizeof(rest) || is_zero(rest, (size_t)got))
		return 0;
	chain->saw_garbage = true;
	if (process->shown.ended != CRUMB_ENDED_RUNNING)
		error_problem(process, chain->offset,
		              "the file is cut short inside a block's header");
	return 0;
}

int chain_next(struct chain *chain)
{
	for (;;) {
		int r = reaches(chain, chain->offset, sizeof(chain->block));
		if (r <= 0)
			return r < 0 ? r : finish(chain);
		r = read_header(chain);
		if (r <= 0)
			return r;
		if (chain_is_block(&chain->block))
			break;
		if (is_zero((const unsigned char *)&chain->block, sizeof(chain->block)))
			r = skip(chain, false);
		else
			r = skip_garbage(chain);
		if (r < 0)
			return r;
	}
	chain->at = chain->offset;
	int r = reaches(chain, chain->at, chain->block.size);
	if (r < 0)
		return r;
	chain->is_cut = r == 0 && !chain_is_trimmed(chain->process, &chain->block);
	chain->offset += chain->block.size;
	if (chain->block.kind == CRUMB_BLOCK_EVENTS && !chain->is_cut)
		return read_trailer(chain);
	return 1;
}
