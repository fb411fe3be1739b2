/* SPDX-License-Identifier: MIT */
/* The events of one thread, one after the other. */
#ifndef BREADCRUMB_READER_STREAM_H
#define BREADCRUMB_READER_STREAM_H

#include "decode.h"
#include "reader_internal.h"
#include "span.h"
#include "values.h"

struct stream {
	struct process *process;
	const struct thread *thread;
	uint64_t
	    order; /* process index << 32 | thread number: who is first at equal times */
	int64_t time_ns; /* of the event that stream_advance() found */
	bool has_event;  /* there is one that was not emitted */
	struct decode_record record;

	uint64_t ticks; /* of the last record */
	uint64_t limit; /* no event of this block is later: the next block's base_ticks */
	size_t segment; /* of the clock */

	size_t next_block;     /* in the process's index */
	size_t blocks_left;    /* from there on */
	const uint64_t *words; /* `have` of them, of which `at` are done */
	size_t at, have;
	uint64_t offset;     /* in the file, of the word after the last in memory */
	uint64_t left;       /* bytes of the block from there on */
	uint64_t done_bytes; /* of blocks that are done; the owner may reset it */
	uint64_t block_bytes;
	bool is_cut; /* the file ends inside this block, which was told */

	uint64_t *buffer; /* STREAM_BYTES; NULL until a block is read from the file */
	struct span_stack spans;

	struct values values;   /* of the event that comes next, or has come */
	bool has_values;        /* there are some */
	uint64_t values_ticks;  /* when they began to be made */
	struct strtab mark;     /* the text of the last MARK */
	const char *mark_text;  /* likewise */
	unsigned char *payload; /* while it is taken */
	size_t payload_size;
};

/* A stream before the first event of a thread that has blocks; NULL: no memory. */
struct stream *stream_new(struct process *process, const struct thread *thread);
void stream_free(struct stream *stream);

/* Finds the next event: 1 and ->time_ns is set, 0 at the end, or a negative errno: the
 * block that failed is left out, and a further call goes on behind it. */
int stream_advance(struct stream *stream);

/* Fills *event with the event that stream_advance() found.  Once for each.  0 or
 * -ENOMEM. */
int stream_emit(struct stream *stream, struct crumb_event *event);

#endif
