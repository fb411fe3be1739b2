/* SPDX-License-Identifier: MIT */
/*
 * A libFuzzer target over the whole reader: the input is a trace file, which is added to
 * a trace and walked to its end.  Whatever the input, reader.h has to be right; where it
 * is not, abort() tells the fuzzer.
 *
 * Most random changes break a block's check or trailer, and then only the resynchronising
 * is exercised.  The custom mutator puts them right again in most inputs, so that the
 * damage reaches the words and records inside.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <breadcrumb/format.h>
#include <breadcrumb/reader.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned int seed);

static void promise(bool is_kept)
{
	if (!is_kept)
		abort();
}

static const char *path_of(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		promise(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	promise(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

static size_t text_bytes; /* so that reading a text cannot be optimised away */

static void touch(const char *text)
{
	promise(text != NULL);
	text_bytes += strlen(text);
}

static void touch_process(const struct crumb_process *process)
{
	touch(process->path);
	touch(process->executable);
	touch(process->python);
	touch(process->backend);
	touch(process->host);
	touch(process->directory);
	touch(process->agent);
	touch(process->include);
	touch(process->exclude);
	touch(process->parent_file);
	for (size_t i = 0; i < process->argc; i++)
		touch(process->arguments[i]);
	promise(process->arguments[process->argc] == NULL);
	for (size_t i = 0; i < process->note_count; i++)
		touch(process->notes[i]);
	promise(process->notes[process->note_count] == NULL);
	for (size_t i = 0; i < process->threads; i++)
		touch(crumb_process_thread(process, i)->name);
	for (size_t i = 0; i < process->codes; i++)
		touch(crumb_process_code(process, i)->qualname);
}

static uint64_t walk(struct crumb_trace *trace, const struct crumb_thread *thread)
{
	struct crumb_cursor *cursor = crumb_cursor_new(trace, thread);
	struct crumb_event event;
	int64_t last = INT64_MIN;
	uint64_t events = 0, done, total;
	int r;

	promise(cursor != NULL);
	while ((r = crumb_cursor_next(cursor, &event)) > 0) {
		promise(event.time_ns >= last);
		promise(event.duration_ns >= -1 && event.self_ns >= -1 &&
		        event.self_ns <= event.duration_ns);
		promise(event.thread && crumb_kind_name(event.kind));
		promise(!thread || event.thread == thread);
		promise((event.code != NULL) == (event.kind <= CRUMB_LINE));
		promise((event.exception != NULL) == (event.kind == CRUMB_EXCEPTION));
		promise((event.text != NULL) == (event.kind == CRUMB_MARK));
		if (event.text)
			touch(event.text);
		if (event.code)
			touch(event.code->qualname);
		if (event.exception)
			touch(event.exception);
		touch(crumb_loss_name(event.loss));
		last = event.time_ns;
		events++;
	}
	promise(r == 0);
	crumb_cursor_progress(cursor, &done, &total);
	promise(done == total);
	crumb_cursor_free(cursor);
	return events;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crumb_trace *trace = crumb_trace_new();
	uint64_t all, each = 0;

	promise(trace != NULL);
	if (crumb_trace_add(trace, path_of(data, size)) < 0) {
		promise(*crumb_trace_error(trace) != '\0');
		crumb_trace_free(trace);
		return 0;
	}
	all = walk(trace, NULL);
	promise(all <= size / 8);
	const struct crumb_process *process = crumb_trace_process(trace, 0);
	touch_process(process);
	/* Thread by thread the same events come out; a few threads are enough. */
	for (size_t i = 0; i < process->threads && process->threads <= 8; i++)
		each += walk(trace, crumb_process_thread(process, i));
	promise(process->threads > 8 || each == all);
	for (size_t i = 0; crumb_trace_problem(trace, i); i++) {
		promise(i < 100);
		touch(crumb_trace_problem(trace, i));
	}
	crumb_trace_free(trace);
	return 0;
}

static void mend_header(uint8_t *data, size_t size)
{
	struct crumb_header header;

	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	memcpy(header.magic, CRUMB_MAGIC, sizeof(header.magic));
	header.version = CRUMB_FORMAT;
	/* As small as it may be, which leaves room for blocks. */
	header.header_size =
	    (sizeof(header) + CRUMB_ALIGN - 1) / CRUMB_ALIGN * CRUMB_ALIGN;
	memcpy(data, &header, sizeof(header));
}

static size_t mend_block(uint8_t *data, size_t left)
{
	struct crumb_block block;

	memcpy(&block, data, sizeof(block));
	if (block.magic != CRUMB_BLOCK_MAGIC)
		return CRUMB_ALIGN;
	block.size -= block.size % CRUMB_ALIGN;
	if (block.size < 2 * CRUMB_ALIGN || block.size > left)
		block.size = (uint32_t)(left - left % CRUMB_ALIGN);
	if (block.size > 8192)
		block.size = 1024;
	if (block.size < 2 * CRUMB_ALIGN)
		return CRUMB_ALIGN;
	block.kind = block.kind % 4 ? block.kind % 4 : 1;
	block.check = crumb_block_check(block.kind, block.size);
	block.thread %= 5;
	block.sequence %= 8;
	if (block.kind == CRUMB_BLOCK_EVENTS) {
		block.used %= block.size - (uint32_t)sizeof(block);
		block.used -= block.used % 8;
		uint64_t trailer =
		    crumb_trailer(block.thread, block.sequence, block.used);
		memcpy(data + block.size - 8, &trailer, sizeof(trailer));
	}
	memcpy(data, &block, sizeof(block));
	return block.size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned int seed)
{
	struct crumb_header header;

	size = LLVMFuzzerMutate(data, size, max_size);
	/* One in eight stays as broken as it is. */
	if (seed % 8 == 0 || size < sizeof(header))
		return size;
	mend_header(data, size);
	memcpy(&header, data, sizeof(header));
	for (size_t at = header.header_size; at + sizeof(struct crumb_block) <= size;)
		at += mend_block(data + at, size - at);
	return size;
}
