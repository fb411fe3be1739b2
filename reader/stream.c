/* SPDX-License-Identifier: MIT */
/*
 * Reads the blocks of one thread, in order, a piece at a time: a thread in the middle of
 * its events costs STREAM_BYTES and its open frames, whatever the sizes of its blocks.
 *
 * The time of a thread never goes back and never passes the start of its next block, so
 * that a damaged tick count spoils one block and not all that follow.
 */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "define.h"
#include "error.h"
#include "file.h"
#include "index.h"
#include "strtab.h"
#include "timeline.h"

#define STREAM_BYTES 16384u
#define STREAM_WORDS (STREAM_BYTES / sizeof(uint64_t))

struct stream *stream_new(struct process *process, const struct thread *thread)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->process = process;
	stream->thread = thread;
	stream->order = (uint64_t)process->shown.index << 32 | thread->shown.number;
	stream->next_block = thread->first_block;
	stream->blocks_left = thread->block_count;
	stream->time_ns = INT64_MIN;
	return stream;
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	span_free(&stream->spans);
	values_free(&stream->values);
	strtab_free(&stream->mark);
	free(stream->payload);
	free(stream->buffer);
	free(stream);
}

static uint64_t word_offset(const struct stream *stream)
{
	return stream->offset - (stream->have - stream->at) * sizeof(uint64_t);
}

static void drop_rest(struct stream *stream)
{
	stream->at = stream->have = 0;
	stream->left = 0;
}

static bool is_same_block(const struct crumb_block *head, const struct block *block)
{
	return head->magic == CRUMB_BLOCK_MAGIC && head->kind == CRUMB_BLOCK_EVENTS &&
	       head->thread == block->thread && head->sequence == block->sequence &&
	       head->size == (block->size & ~BLOCK_FLAGS) &&
	       head->used <= head->size - sizeof(*head);
}

/* Reads a block's header and its first words. */
static int open_block(struct stream *stream, const struct block *block)
{
	struct process *process = stream->process;
	struct crumb_block head = {0};
	size_t size = block->size & ~BLOCK_FLAGS;

	if (!stream->buffer)
		stream->buffer = malloc(STREAM_BYTES);
	if (!stream->buffer)
		return -ENOMEM;
	ssize_t got = file_read(process->trace, &process->file, stream->buffer,
	                        size < STREAM_BYTES ? size : STREAM_BYTES, block->offset);
	if (got < 0)
		return (int)got;
	if ((size_t)got >= sizeof(head))
		memcpy(&head, stream->buffer, sizeof(head));
	if (!is_same_block(&head, block)) {
		error_problem(process, block->offset,
		              "the file was changed while it was read; a block of thread "
		              "%" PRIu32 " is left out",
		              block->thread);
		return 0;
	}
	size_t used = (size_t)got - sizeof(head);
	head.used -= head.used % sizeof(uint64_t);
	if (used > head.used)
		used = head.used;
	used -= used % sizeof(uint64_t);
	stream->words = stream->buffer;
	stream->at = sizeof(head) / sizeof(uint64_t);
	stream->have = stream->at + used / sizeof(uint64_t);
	stream->offset = block->offset + sizeof(head) + used;
	stream->left = head.used - used;
	return 0;
}

static void open_window(struct stream *stream, const struct block *block)
{
	const struct window *window =
	    index_window(&stream->process->index, block->offset);

	stream->words = window->words;
	stream->at = 0;
	stream->have = window->count;
	stream->offset =
	    block->offset + sizeof(struct crumb_block) + window->count * sizeof(uint64_t);
	stream->left = 0;
}

/* Goes on with the next block: 1, 0 when there is none, or a negative errno, after which
 * the block after that is next. */
static int next_block(struct stream *stream)
{
	const struct block *block = &stream->process->index.blocks[stream->next_block];
	int r = 0;

	stream->done_bytes += stream->block_bytes;
	stream->block_bytes = 0;
	if (stream->blocks_left == 0)
		return 0;
	stream->blocks_left--;
	stream->next_block++;
	drop_rest(stream);
	values_begin(&stream->values);
	stream->has_values = false;
	stream->block_bytes = block->size & ~BLOCK_FLAGS;
	stream->ticks = block->base_ticks;
	stream->limit = stream->blocks_left ? block[1].base_ticks : UINT64_MAX;
	stream->is_cut = block->size & BLOCK_CUT;
	if (block->size & BLOCK_WINDOW)
		open_window(stream, block);
	else
		r = open_block(stream, block);
	return r < 0 ? r : 1;
}

/* Reads more words of the block; those that are not done yet stay, at the front. */
static int read_more(struct stream *stream)
{
	struct process *process = stream->process;
	size_t kept = stream->have - stream->at;
	size_t wanted = (STREAM_WORDS - kept) * sizeof(uint64_t);

	memmove(stream->buffer, stream->buffer + stream->at, kept * sizeof(uint64_t));
	stream->at = 0;
	stream->have = kept;
	if (wanted > stream->left)
		wanted = (size_t)stream->left;
	ssize_t got = file_read(process->trace, &process->file, stream->buffer + kept,
	                        wanted, stream->offset);
	if (got < 0) {
		drop_rest(stream);
		return (int)got;
	}
	stream->left -= wanted;
	if ((size_t)got < wanted) {
		if (!stream->is_cut)
			error_problem(process, stream->offset + (uint64_t)got,
			              "the file was cut short while it was read");
		stream->left = 0;
	}
	stream->have += (size_t)got / sizeof(uint64_t);
	stream->offset += (uint64_t)got - (uint64_t)got % sizeof(uint64_t);
	return 0;
}

static void tell_damage(struct stream *stream, const char *before, const char *after)
{
	if (!stream->is_cut)
		error_problem(stream->process, word_offset(stream),
		              "%s of thread %" PRIu32 " %s", before,
		              stream->thread->shown.number, after);
}

/* Passes over the record at ->at: its first word and its payload. */
static void pass(struct stream *stream, size_t words)
{
	size_t in_memory = stream->have - stream->at;

	if (words <= in_memory) {
		stream->at += words;
		return;
	}
	uint64_t beyond = (words - in_memory) * sizeof(uint64_t);
	stream->at = stream->have;
	stream->offset += beyond;
	stream->left -= beyond;
}

/* The payload of the record at ->at, of so many words that its block has: how many bytes
 * of it there were, or a negative errno. */
static int copy_payload(struct stream *stream, size_t words)
{
	size_t size = words * sizeof(uint64_t);
	size_t in_memory = (stream->have - stream->at - 1) * sizeof(uint64_t);
	size_t kept = size < in_memory ? size : in_memory;

	if (stream->payload_size < size) {
		unsigned char *larger = realloc(stream->payload, size);
		if (!larger) {
			drop_rest(stream);
			return -ENOMEM;
		}
		stream->payload = larger;
		stream->payload_size = size;
	}
	if (kept)
		memcpy(stream->payload, stream->words + stream->at + 1, kept);
	if (size > kept) {
		struct process *process = stream->process;
		ssize_t got =
		    file_read(process->trace, &process->file, stream->payload + kept,
		              size - kept, stream->offset);
		if (got < 0) {
			drop_rest(stream);
			return (int)got;
		}
		kept += (size_t)got;
		/* Where it was cut short, zeros: no item is one. */
		memset(stream->payload + kept, 0, size - kept);
	}
	return (int)kept;
}

/* A VALUES record: DECODE_SKIP, or a negative errno. */
static int take_values(struct stream *stream, size_t words)
{
	int r = copy_payload(stream, words);

	if (r < 0)
		return r;
	r = values_take(&stream->values, stream->payload, words * sizeof(uint64_t));
	if (r == 0)
		tell_damage(stream, "values of an event",
		            "are damaged; the rest of the block goes without values");
	pass(stream, 1 + words);
	stream->has_values = r > 0;
	stream->values_ticks =
	    stream->ticks < stream->limit ? stream->ticks : stream->limit;
	return r < 0 ? r : DECODE_SKIP;
}

/* What decode_extended() says of the record at ->at, with damage told; behind it. */
static int end_extended(struct stream *stream, uint64_t word, const void *payload)
{
	int result = (int)decode_extended(word, payload, &stream->record);

	if (result == DECODE_SHORT)
		tell_damage(stream, "an event", "is too short and left out");
	pass(stream, 1 + decode_payload(word));
	return result;
}

/* A MARK record: an enum decode_result, or a negative errno. */
static int take_mark(struct stream *stream, uint64_t word)
{
	size_t size = decode_payload(word) * sizeof(uint64_t);
	int got = copy_payload(stream, decode_payload(word));

	if (got < 0)
		return got;
	if ((size_t)got < size) {
		tell_damage(stream, "an event", "is cut short and left out");
		drop_rest(stream);
		return DECODE_SKIP;
	}
	int result = end_extended(stream, word, stream->payload);
	if (result != DECODE_EVENT)
		return result;
	strtab_free(&stream->mark);
	stream->mark_text =
	    strtab_text(&stream->mark, (const char *)stream->payload + sizeof(uint64_t),
	                stream->record.bytes);
	return stream->mark_text ? result : -ENOMEM;
}

/* An EXTENDED record: an enum decode_result, or a negative errno. */
static int take_extended(struct stream *stream, uint64_t word)
{
	size_t payload = decode_payload(word);
	size_t need = decode_need(word);

	if (payload >= stream->have - stream->at + stream->left / sizeof(uint64_t)) {
		tell_damage(stream, "an event",
		            "goes past the end of its block; the rest of the "
		            "block is left out");
		drop_rest(stream);
		return DECODE_SKIP;
	}
	if (decode_subtype(word) == CRUMB_EXT_VALUES)
		return take_values(stream, payload);
	if (decode_subtype(word) == CRUMB_EXT_MARK)
		return take_mark(stream, word);
	if (need >= stream->have - stream->at) {
		int r = read_more(stream);
		if (r < 0)
			return r;
		if (need >= stream->have - stream->at) {
			drop_rest(stream);
			return DECODE_SKIP;
		}
	}
	return end_extended(stream, word, stream->words + stream->at + 1);
}

/* Fills in what the site of an exception says; nothing where it is not defined. */
static void look_up_site(struct stream *stream)
{
	struct decode_record *record = &stream->record;
	const struct site *site = define_site(stream->process, record->site);
	if (site) {
		record->code = site->code;
		record->line = (int32_t)site->line;
		record->text = site->type;
		record->site = 0;
	}
}

/* Whether the values that came last are those of the event.  Its time is when they began
 * to be made, but for what begins then: a call is not to last longer because of them. */
static uint64_t match_values(struct stream *stream)
{
	const struct decode_record *record = &stream->record;

	if (record->kind == CRUMB_EXCEPTION && record->site)
		look_up_site(stream);
	stream->has_values =
	    record->kind == stream->values.kind && record->code == stream->values.code;
	bool begins = record->kind == CRUMB_CALL || record->kind == CRUMB_RESUME;
	return stream->has_values && !begins ? stream->values_ticks : stream->ticks;
}

static void set_time(struct stream *stream)
{
	if (READER_UNLIKELY(stream->ticks > stream->limit))
		stream->ticks = stream->limit;
	uint64_t ticks = stream->ticks;
	if (READER_UNLIKELY(stream->has_values))
		ticks = match_values(stream);
	stream->time_ns =
	    timeline_ns(&stream->process->timeline, &stream->segment, ticks);
}

/* One record: 1 when it is an event, 0 when it is not, or a negative errno. */
static int take_record(struct stream *stream)
{
	uint64_t word = stream->words[stream->at];
	int result = (int)decode_word(word, &stream->ticks, &stream->record);

	if (READER_LIKELY(result == DECODE_EVENT)) {
		stream->at++;
		set_time(stream);
		return 1;
	}
	switch (result) {
	case DECODE_LONG:
		result = take_extended(stream, word);
		if (result == DECODE_EVENT) {
			set_time(stream);
			return 1;
		}
		return result < 0 ? result : 0;
	case DECODE_END:
		tell_damage(stream, "the events", "end before their block does");
		drop_rest(stream);
		return 0;
	case DECODE_BACK:
		tell_damage(stream, "the time", "goes back");
		break;
	default:
		break;
	}
	stream->at++;
	return 0;
}

int stream_advance(struct stream *stream)
{
	stream->has_values = false;
	for (;;) {
		int r;
		while (READER_LIKELY(stream->at < stream->have)) {
			r = take_record(stream);
			if (r == 0)
				continue;
			stream->has_event = r > 0;
			return r;
		}
		if (stream->left)
			r = read_more(stream);
		else if ((r = next_block(stream)) == 0)
			return 0;
		if (r < 0)
			return r;
	}
}

static uint32_t line_of(const struct decode_record *record, const struct crumb_code *code)
{
	if (!record->line_is_relative)
		return (uint32_t)record->line;
	/* Relative to a line that is not known. */
	if (!code || code->id == 0)
		return 0;
	int64_t line = (int64_t)code->first_line + record->line;
	return line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
}

static void fill_rest(struct stream *stream, struct crumb_event *event)
{
	const struct decode_record *record = &stream->record;

	event->depth = event->code ? span_depth(&stream->spans, record->code)
	                           : (uint32_t)stream->spans.depth;
	switch (record->kind) {
	case CRUMB_EXCEPTION:
		event->exception = strtab_find(&stream->process->strings, record->text);
		if (!event->exception)
			event->exception = "";
		event->line = line_of(record, event->code);
		break;
	case CRUMB_LINE:
		event->line = line_of(record, event->code);
		break;
	case CRUMB_LOST:
		event->loss = record->cause;
		event->lost = record->lost;
		break;
	case CRUMB_MARK:
		event->text = stream->mark_text;
		break;
	default:
		break;
	}
}

int stream_emit(struct stream *stream, struct crumb_event *event)
{
	const struct decode_record *record = &stream->record;
	const struct crumb_code *code = NULL;

	if (record->kind == CRUMB_EXCEPTION && record->site)
		look_up_site(stream);

	if (record->kind <= CRUMB_LINE)
		code = define_code(stream->process, record->code);
	stream->has_event = false;
	*event = (struct crumb_event){
	    .kind = record->kind,
	    .thread = &stream->thread->shown,
	    .code = code,
	    .time_ns = stream->time_ns,
	    .duration_ns = -1,
	    .self_ns = -1,
	};
	if (READER_UNLIKELY(stream->has_values)) {
		int r = values_emit(&stream->values, stream->process, event);
		if (r < 0)
			return r;
	}
	switch (record->kind) {
	case CRUMB_CALL:
		event->line = code ? code->first_line : 0;
		return span_enter(&stream->spans, record->code, stream->time_ns, event);
	case CRUMB_RESUME:
		return span_enter(&stream->spans, record->code, stream->time_ns, event);
	case CRUMB_RETURN:
	case CRUMB_YIELD:
	case CRUMB_UNWIND:
		return span_leave(&stream->spans, record->code, stream->time_ns, event);
	default:
		fill_rest(stream, event);
		return 0;
	}
}
