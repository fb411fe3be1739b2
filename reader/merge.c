/* SPDX-License-Identifier: MIT */
/*
 * A cursor merges the streams of its threads by time.
 *
 * A thread waits in `pending` (16 bytes of it, by the time of its first block) until the
 * merge gets there; only then it has a stream, in a heap by the time of its next event,
 * and loses it at its end.  So a file with 100,000 threads of which ten live at a time
 * costs ten streams.
 *
 * The stream whose turn it is is kept apart from the heap, with the first moment at which
 * another one may be due: while it stays below that, an event costs one comparison.
 */
#include "merge.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "stream.h"
#include "timeline.h"

struct due {
	int64_t ns;
	uint64_t order; /* as in struct stream */
};

struct pending {
	int64_t ns;
	uint32_t process;
	uint32_t thread; /* its place in the process */
};

struct waiting {
	struct due due;
	struct stream *stream;
};

struct crumb_cursor {
	struct crumb_trace *trace;
	struct crumb_cursor *previous, *next;
	struct pending *pending; /* by rising time */
	size_t pending_at, pending_count;
	struct waiting *heap; /* heap[0] is due first */
	size_t heap_count, heap_room;
	struct stream *current;
	struct due border; /* what comes before it is current's */
	uint64_t done, total;
};

static const struct due never = {INT64_MAX, UINT64_MAX};

static inline bool is_before(struct due a, struct due b)
{
	return a.ns < b.ns || (a.ns == b.ns && a.order < b.order);
}

static void sift_up(struct crumb_cursor *cursor, struct waiting one)
{
	struct waiting *heap = cursor->heap;
	size_t at = cursor->heap_count++;

	for (; at > 0 && is_before(one.due, heap[(at - 1) / 2].due); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = one;
}

static void sift_down(struct crumb_cursor *cursor, struct waiting one)
{
	struct waiting *heap = cursor->heap;
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= cursor->heap_count)
			break;
		if (child + 1 < cursor->heap_count &&
		    is_before(heap[child + 1].due, heap[child].due))
			child++;
		if (!is_before(heap[child].due, one.due))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = one;
}

static struct waiting waiting_of(struct stream *stream)
{
	return (struct waiting){{stream->time_ns, stream->order}, stream};
}

static struct due due_of_pending(const struct crumb_cursor *cursor)
{
	if (cursor->pending_at == cursor->pending_count)
		return never;
	const struct pending *pending = &cursor->pending[cursor->pending_at];
	const struct process *process = cursor->trace->processes[pending->process];
	return (struct due){pending->ns,
	                    (uint64_t)pending->process << 32 |
	                        process->threads[pending->thread].shown.number};
}

/* Gives the next pending thread a stream, at its first event, in the heap. */
static int activate(struct crumb_cursor *cursor)
{
	const struct pending *pending = &cursor->pending[cursor->pending_at];
	struct process *process = cursor->trace->processes[pending->process];

	if (reader_grow(&cursor->heap, &cursor->heap_room, cursor->heap_count,
	                sizeof(*cursor->heap)))
		return -ENOMEM;
	struct stream *stream = stream_new(process, &process->threads[pending->thread]);
	if (!stream)
		return -ENOMEM;
	cursor->pending_at++;
	int r = stream_advance(stream);
	if (r == 0) {
		cursor->done += stream->done_bytes;
		stream_free(stream);
		return 0;
	}
	/* Where it failed it is still wanted for what comes behind: it is due at once. */
	sift_up(cursor, waiting_of(stream));
	return r < 0 ? r : 0;
}

/* Makes the stream that is due first the current one.  1, 0 when there is none left, or a
 * negative errno. */
static int take_turn(struct crumb_cursor *cursor)
{
	for (;;) {
		struct due pending = due_of_pending(cursor);
		if (cursor->heap_count && is_before(cursor->heap[0].due, pending))
			break;
		if (cursor->pending_at == cursor->pending_count)
			return 0;
		int r = activate(cursor);
		if (r < 0)
			return r;
	}
	cursor->current = cursor->heap[0].stream;
	struct waiting last = cursor->heap[--cursor->heap_count];
	if (cursor->heap_count)
		sift_down(cursor, last);
	return 1;
}

static void set_border(struct crumb_cursor *cursor)
{
	struct due pending = due_of_pending(cursor);

	cursor->border = pending;
	if (cursor->heap_count && is_before(cursor->heap[0].due, pending))
		cursor->border = cursor->heap[0].due;
}

/* Current's next event is not the next one of all: back into the heap with it. */
static void yield_turn(struct crumb_cursor *cursor)
{
	sift_up(cursor, waiting_of(cursor->current));
	cursor->current = NULL;
}

static void end_current(struct crumb_cursor *cursor)
{
	stream_free(cursor->current);
	cursor->current = NULL;
}

static int advance_current(struct crumb_cursor *cursor)
{
	struct stream *stream = cursor->current;
	int r = stream_advance(stream);

	cursor->done += stream->done_bytes;
	stream->done_bytes = 0;
	return r;
}

static int say(struct crumb_cursor *cursor, int r)
{
	const struct stream *stream = cursor->current;

	if (r == -ENOMEM)
		error_fail(
		    cursor->trace, r, stream ? stream->process->file.path : "breadcrumb",
		    ERROR_NOWHERE, "there is not enough memory to read its events");
	return r;
}

int crumb_cursor_next(struct crumb_cursor *cursor, struct crumb_event *event)
{
	for (;;) {
		struct stream *stream = cursor->current;
		int r = 1;
		if (READER_LIKELY(stream != NULL)) {
			if (READER_LIKELY(!stream->has_event))
				r = advance_current(cursor);
			if (READER_UNLIKELY(r < 0))
				return say(cursor, r);
			if (READER_LIKELY(r > 0 && is_before(waiting_of(stream).due,
			                                     cursor->border))) {
				r = stream_emit(stream, event);
				return READER_LIKELY(r == 0) ? 1 : say(cursor, r);
			}
			if (r > 0)
				yield_turn(cursor);
			else
				end_current(cursor);
		}
		if (cursor->trace->starved) {
			cursor->trace->starved = false;
			return say(cursor, -ENOMEM);
		}
		r = take_turn(cursor);
		if (r <= 0)
			return say(cursor, r);
		set_border(cursor);
	}
}

static int compare_pending(const void *left, const void *right)
{
	const struct pending *a = left, *b = right;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	return a->thread < b->thread ? -1 : a->thread > b->thread;
}

static void add_pending(struct crumb_cursor *cursor, const struct process *process,
                        size_t i)
{
	const struct thread *thread = &process->threads[i];

	if (thread->block_count == 0)
		return;
	const struct block *blocks = &process->index.blocks[thread->first_block];
	cursor->pending[cursor->pending_count++] =
	    (struct pending){timeline_once(&process->timeline, blocks->base_ticks),
	                     process->shown.index, (uint32_t)i};
	for (size_t k = 0; k < thread->block_count; k++)
		cursor->total += blocks[k].size & ~BLOCK_FLAGS;
}

static int fill_pending(struct crumb_cursor *cursor, const struct crumb_thread *only)
{
	const struct crumb_trace *trace = cursor->trace;
	size_t count = only != NULL;

	for (size_t i = 0; !only && i < trace->process_count; i++)
		count += trace->processes[i]->thread_count;
	cursor->pending = calloc(count ? count : 1, sizeof(*cursor->pending));
	if (!cursor->pending)
		return -ENOMEM;
	for (size_t i = 0; i < trace->process_count; i++) {
		const struct process *process = trace->processes[i];
		if (only && only->process != &process->shown)
			continue;
		for (size_t k = 0; k < process->thread_count; k++)
			if (!only || only == &process->threads[k].shown)
				add_pending(cursor, process, k);
	}
	if (cursor->pending_count > 1)
		qsort(cursor->pending, cursor->pending_count, sizeof(*cursor->pending),
		      compare_pending);
	return 0;
}

struct crumb_cursor *crumb_cursor_new(struct crumb_trace *trace,
                                      const struct crumb_thread *thread)
{
	struct crumb_cursor *cursor = calloc(1, sizeof(*cursor));

	trace->error[0] = '\0';
	if (!cursor)
		return NULL;
	cursor->trace = trace;
	if (fill_pending(cursor, thread) < 0) {
		free(cursor);
		return NULL;
	}
	trace->walked = true;
	cursor->next = trace->cursors;
	if (cursor->next)
		cursor->next->previous = cursor;
	trace->cursors = cursor;
	return cursor;
}

void crumb_cursor_free(struct crumb_cursor *cursor)
{
	if (!cursor)
		return;
	if (cursor->next)
		cursor->next->previous = cursor->previous;
	if (cursor->previous)
		cursor->previous->next = cursor->next;
	else
		cursor->trace->cursors = cursor->next;
	stream_free(cursor->current);
	for (size_t i = 0; i < cursor->heap_count; i++)
		stream_free(cursor->heap[i].stream);
	free(cursor->heap);
	free(cursor->pending);
	free(cursor);
}

void crumb_cursor_progress(const struct crumb_cursor *cursor, uint64_t *done,
                           uint64_t *total)
{
	*done = cursor->done;
	*total = cursor->total;
}

void merge_free_all(struct crumb_trace *trace)
{
	while (trace->cursors)
		crumb_cursor_free(trace->cursors);
}
