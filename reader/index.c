/* SPDX-License-Identifier: MIT */
/*
 * Which blocks of a file hold which events.
 *
 * The writer may be alive.  A window is copied when the walk comes by; every block that
 * its thread appended before lies further on in the file, so it is met later, whole.  A
 * window and an EVENTS block with the same thread and sequence hold the same events, the
 * block at least as many: the window is dropped.  What can still go wrong is a block that
 * was written behind our back, into space that we saw as zeros; its successor then tells
 * us (a sequence number is missing), and the walk is done again.
 *
 * Definitions are in the file before the events that use them, so for a file that may be
 * live their blocks are looked for again after the events were found.
 */
#include "index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "decode.h"
#include "error.h"
#include "file.h"

#define WALKS_MAX 3

static int add_block(struct index *index, const struct chain *chain, unsigned flags)
{
	if (reader_grow(&index->blocks, &index->room, index->count,
	                sizeof(*index->blocks)))
		return -ENOMEM;
	index->blocks[index->count++] = (struct block){
	    .offset = chain->at,
	    .sequence = chain->block.sequence,
	    .base_ticks = chain->block.base_ticks,
	    .thread = chain->block.thread,
	    .size = chain->block.size | flags,
	};
	return 0;
}

static bool is_sound(const struct chain *chain)
{
	const struct crumb_block *block = &chain->block;

	return block->thread != 0 && block->used % sizeof(uint64_t) == 0 &&
	       block->used <= block->size - sizeof(*block) - sizeof(uint64_t);
}

static int take_events(struct index *index, const struct chain *chain)
{
	const struct crumb_block *block = &chain->block;
	bool is_good = block->size > sizeof(*block) && is_sound(chain) &&
	               (chain->is_cut ||
	                chain->trailer ==
	                    crumb_trailer(block->thread, block->sequence, block->used));

	if (!is_good)
		return add_block(index, chain, BLOCK_TORN);
	return add_block(index, chain, chain->is_cut ? BLOCK_CUT : 0);
}

/* Reads the window at chain->at into process->scratch together with its header, which the
 * owner may have changed since the walk saw it.  Bytes read, or a negative errno. */
static ssize_t read_window(struct chain *chain, uint32_t size)
{
	struct process *process = chain->process;
	struct crumb_block again;

	for (int tries = 0;; tries++) {
		ssize_t got = file_read_scratch(process, size, chain->at);
		if (got < (ssize_t)sizeof(again))
			return got;
		memcpy(&chain->block, process->scratch, sizeof(chain->block));
		ssize_t more = file_read(process->trace, &process->file, &again,
		                         sizeof(again), chain->at);
		if (more < 0)
			return more;
		if (tries == WALKS_MAX ||
		    memcmp(&again, &chain->block, sizeof(again)) == 0)
			return got;
	}
}

static int take_window(struct index *index, struct chain *chain)
{
	uint32_t size = chain->block.size;
	ssize_t got = read_window(chain, size);

	if (got < 0)
		return (int)got;
	if (got < (ssize_t)sizeof(chain->block) || chain->block.thread == 0)
		return 0;
	chain->block.size = size;
	const uint64_t *words = (const uint64_t *)(const void *)(chain->process->scratch +
	                                                         sizeof(chain->block));
	size_t count = ((size_t)got - sizeof(chain->block)) / sizeof(*words);
	size_t used = decode_scan(words, count, 0).words;
	if (used < count && words[used] != 0 && !chain->is_cut)
		error_problem(chain->process,
		              chain->at + sizeof(chain->block) + used * sizeof(*words),
		              "an event of thread %" PRIu32
		              " is damaged; the rest of its "
		              "window is left out",
		              chain->block.thread);
	if (used == 0)
		return add_block(index, chain, BLOCK_WINDOW | BLOCK_EMPTY);
	if (reader_grow(&index->windows, &index->window_room, index->window_count,
	                sizeof(*index->windows)))
		return -ENOMEM;
	struct window *window = &index->windows[index->window_count];
	window->words = malloc(used * sizeof(*words));
	if (!window->words)
		return -ENOMEM;
	memcpy(window->words, words, used * sizeof(*words));
	window->offset = chain->at;
	window->count = used;
	index->window_count++;
	return add_block(index, chain, BLOCK_WINDOW);
}

static int take_definitions(struct index *index, const struct chain *chain)
{
	if (reader_grow(&index->definitions, &index->definition_room,
	                index->definition_count, sizeof(*index->definitions)))
		return -ENOMEM;
	index->definitions[index->definition_count++] = chain->at;
	return 0;
}

static int take(struct index *index, struct chain *chain, bool only_definitions)
{
	switch (chain->block.kind) {
	case CRUMB_BLOCK_DEFINITIONS:
		return take_definitions(index, chain);
	case CRUMB_BLOCK_EVENTS:
		return only_definitions ? 0 : take_events(index, chain);
	case CRUMB_BLOCK_WINDOW:
		return only_definitions ? 0 : take_window(index, chain);
	default:
		return 0; /* of a later agent */
	}
}

static void tell_cut(struct process *process, uint64_t offset, uint32_t size)
{
	if (process->shown.ended != CRUMB_ENDED_RUNNING)
		error_problem(process, offset,
		              "the file is cut short: this block should have %" PRIu32
		              " bytes",
		              size);
}

static int walk(struct process *process, bool only_definitions, bool *saw_garbage)
{
	struct chain chain = chain_of(process);
	int r;

	if (process->file.size < process->header.end_size)
		error_problem(process, process->file.size,
		              "the file is cut short: it had %" PRIu64 " bytes",
		              process->header.end_size);
	else if (chain.offset > process->file.size)
		error_problem(process, process->file.size,
		              "the file is cut short before its first block");
	while ((r = chain_next(&chain)) > 0) {
		r = take(&process->index, &chain, only_definitions);
		if (r < 0)
			break;
		/* A block that is being appended just now is not whole, either. */
		chain.saw_garbage |= chain.is_cut;
		/* Events that were being appended may still be in their window. */
		if (chain.is_cut && chain.block.kind != CRUMB_BLOCK_EVENTS)
			tell_cut(process, chain.at, chain.block.size);
	}
	*saw_garbage = chain.saw_garbage;
	return r;
}

static int preference(const struct block *block)
{
	if (block->size & BLOCK_EMPTY)
		return 4;
	if (block->size & BLOCK_TORN)
		return 3;
	if (block->size & BLOCK_CUT)
		return block->size & BLOCK_WINDOW ? 1 : 2;
	return block->size & BLOCK_WINDOW ? 1 : 0;
}

static int compare(const void *left, const void *right)
{
	const struct block *a = left, *b = right;

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	if (preference(a) != preference(b))
		return preference(a) - preference(b);
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static void tell_dropped(struct process *process, const struct block *block,
                         const struct block *kept)
{
	if (block->size & (BLOCK_WINDOW | BLOCK_CUT))
		return;
	if (block->size & BLOCK_TORN) {
		if (kept || process->shown.ended == CRUMB_ENDED_RUNNING)
			return;
		error_problem(process, block->offset,
		              "a block of events was not written whole and is left out");
		return;
	}
	error_problem(process, block->offset,
	              "this block is in the file twice (see byte %" PRIu64 ")",
	              kept->offset);
}

/* Drops what is there twice, and what is torn.  Returns whether a torn block was lost. */
static bool drop_copies(struct process *process)
{
	struct index *index = &process->index;
	const struct block *kept = NULL;
	bool lost = false;
	size_t left = 0;

	for (size_t i = 0; i < index->count; i++) {
		struct block *block = &index->blocks[i];
		bool is_copy = kept && kept->thread == block->thread &&
		               kept->sequence == block->sequence;
		if (is_copy || (block->size & BLOCK_TORN)) {
			lost |= !is_copy;
			tell_dropped(process, block, is_copy ? kept : NULL);
			continue;
		}
		if ((block->size & (BLOCK_CUT | BLOCK_WINDOW)) == BLOCK_CUT)
			tell_cut(process, block->offset, block->size & ~BLOCK_FLAGS);
		index->blocks[left] = *block;
		kept = &index->blocks[left++];
	}
	index->count = left;
	return lost;
}

static void tell_missing(struct process *process, const struct block *block,
                         uint64_t expected)
{
	uint64_t missing = block->sequence - expected;

	if (missing == 1)
		error_problem(process, block->offset,
		              "1 block of events of thread %" PRIu32 " is missing before "
		              "this one",
		              block->thread);
	else if (missing <= UINT32_MAX)
		error_problem(process, block->offset,
		              "%" PRIu64 " blocks of events of thread %" PRIu32
		              " are missing before this one",
		              missing, block->thread);
	else
		error_problem(process, block->offset,
		              "the sequence number of this block of thread %" PRIu32
		              " is damaged",
		              block->thread);
}

/* Tells what is missing within each thread, and drops the windows without events.
 * Returns whether something was. */
static bool find_missing(struct process *process)
{
	struct index *index = &process->index;
	uint64_t expected = 0;
	uint32_t thread = 0;
	bool is_missing = false;
	size_t left = 0;

	for (size_t i = 0; i < index->count; i++) {
		struct block *block = &index->blocks[i];
		if (block->thread != thread)
			expected = 0;
		thread = block->thread;
		if (block->sequence != expected) {
			tell_missing(process, block, expected);
			is_missing = true;
		}
		expected = block->sequence + 1;
		if (!(block->size & BLOCK_EMPTY))
			index->blocks[left++] = *block;
	}
	index->count = left;
	return is_missing;
}

/* Within a thread, a block starts where the one before it ended or later.  Where it does
 * not, one of the two is wrong: the one that does not fit to its other neighbour either.
 */
static void mend_clocks(struct process *process)
{
	struct block *blocks = process->index.blocks;
	size_t count = process->index.count;

	for (size_t i = 1; i < count; i++) {
		struct block *a = &blocks[i - 1], *b = &blocks[i];
		if (a->thread != b->thread || a->base_ticks <= b->base_ticks)
			continue;
		bool has_before = i >= 2 && blocks[i - 2].thread == a->thread;
		bool has_after = i + 1 < count && blocks[i + 1].thread == b->thread;
		bool a_fits = has_after && a->base_ticks <= blocks[i + 1].base_ticks;
		bool b_fits = !has_before || blocks[i - 2].base_ticks <= b->base_ticks;
		struct block *wrong = b_fits && !a_fits ? a : b;
		error_problem(process, wrong->offset,
		              "the time of this block of thread %" PRIu32
		              " is damaged; times in it are approximate",
		              wrong->thread);
		if (wrong == b)
			b->base_ticks = a->base_ticks;
		else
			a->base_ticks =
			    has_before ? blocks[i - 2].base_ticks : b->base_ticks;
	}
}

static void sort_blocks(struct index *index)
{
	/* For its time here qsort needs as much again. */
	struct block *fitting =
	    realloc(index->blocks, (index->count + 1) * sizeof(*fitting));

	if (fitting) {
		index->blocks = fitting;
		index->room = index->count + 1;
	}
	for (size_t i = 1; i < index->count; i++)
		if (compare(&index->blocks[i - 1], &index->blocks[i]) > 0) {
			qsort(index->blocks, index->count, sizeof(*index->blocks),
			      compare);
			return;
		}
}

int index_build(struct process *process)
{
	bool may_be_live = process->header.end == CRUMB_END_UNKNOWN;
	struct index *index = &process->index;

	for (int walks = 1;; walks++) {
		bool is_odd;
		int r = walk(process, false, &is_odd);
		if (r < 0)
			return r;
		sort_blocks(index);
		is_odd |= drop_copies(process);
		is_odd |= find_missing(process);
		if (!is_odd || !may_be_live || walks == WALKS_MAX)
			break;
		index_free(index);
		error_forget(process);
	}
	mend_clocks(process);
	if (!may_be_live)
		return 0;
	index->definition_count = 0;
	return walk(process, true, &may_be_live);
}

const struct window *index_window(const struct index *index, uint64_t offset)
{
	size_t low = 0, high = index->window_count;

	while (low + 1 < high) {
		size_t middle = low + (high - low) / 2;
		if (index->windows[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return &index->windows[low];
}

void index_free(struct index *index)
{
	for (size_t i = 0; i < index->window_count; i++)
		free(index->windows[i].words);
	free(index->windows);
	free(index->blocks);
	free(index->definitions);
	*index = (struct index){0};
}
