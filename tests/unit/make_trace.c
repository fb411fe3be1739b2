/* SPDX-License-Identifier: MIT */
/*
 * A writer of trace files that shares nothing with the agent but format.h, so that the
 * reader is tested against the format and not against the agent's idea of it.
 */
#include "make_trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct make_stream {
	uint64_t *words;
	size_t count, room;
	uint64_t sequence, base_ticks, ticks;
};

struct make_trace {
	int fd;
	uint64_t offset; /* of the next block */
	struct crumb_header header;
	uint32_t definitions_size, events_size;
	uint64_t definitions_at, definitions_end; /* room in the open DEFINITIONS block */
	char **strings;
	uint32_t string_count, code_count;
	uint32_t site_count;
	struct make_stream *streams; /* of thread 1, 2, … */
	uint32_t stream_count;
};

static void die(const char *what)
{
	perror(what);
	abort();
}

static void *resize(void *old, size_t size)
{
	void *new = realloc(old, size);

	if (!new)
		die("realloc");
	return new;
}

/* Makes room for one more element: the room is always a power of two. */
static void *grow(void *array, size_t count, size_t size)
{
	return count & (count - 1) ? array
	                           : resize(array, (count ? count * 2 : 1) * size);
}

static void write_at(int fd, const void *bytes, size_t size, uint64_t offset)
{
	if (pwrite(fd, bytes, size, (off_t)offset) != (ssize_t)size)
		die("pwrite");
}

struct make_trace *make_begin(const char *path)
{
	struct make_trace *t = resize(NULL, sizeof(*t));

	*t = (struct make_trace){
	    .offset = CRUMB_HEADER_SIZE, .definitions_size = 4096, .events_size = 4096};
	t->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (t->fd < 0)
		die(path);
	t->header = (struct crumb_header){
	    .version = CRUMB_FORMAT,
	    .header_size = CRUMB_HEADER_SIZE,
	    .trace_id = 0x1234567812345678,
	    .pid = 4711,
	    .parent_pid = 4710,
	    .clock = CRUMB_CLOCK_MONOTONIC,
	    .window_size = CRUMB_WINDOW_SIZE,
	    .start_ns = MAKE_START_NS,
	    .ticks_per_second = 1000000000,
	    .python_hex = 0x030c01f0,
	    .end = CRUMB_END_CLEAN,
	};
	memcpy(t->header.magic, CRUMB_MAGIC, sizeof(t->header.magic));
	return t;
}

struct crumb_header *make_header(struct make_trace *t)
{
	return &t->header;
}

void make_sizes(struct make_trace *t, uint32_t definitions, uint32_t events)
{
	t->definitions_size = definitions;
	t->events_size = events;
}

static struct crumb_block block_of(uint32_t kind, uint32_t size)
{
	return (struct crumb_block){.magic = CRUMB_BLOCK_MAGIC,
	                            .kind = kind,
	                            .size = size,
	                            .check = crumb_block_check(kind, size)};
}

void make_record(struct make_trace *t, const void *record, size_t size)
{
	if (t->definitions_end - t->definitions_at < size) {
		uint32_t room = t->definitions_size;
		while (room < sizeof(struct crumb_block) + size)
			room += CRUMB_ALIGN;
		struct crumb_block block = block_of(CRUMB_BLOCK_DEFINITIONS, room);
		write_at(t->fd, &block, sizeof(block), t->offset);
		t->definitions_at = t->offset + sizeof(block);
		t->definitions_end = t->offset + room;
		t->offset = t->definitions_end;
		/* The file reaches to the end of the block. */
		write_at(t->fd, "", 1, t->offset - 1);
	}
	write_at(t->fd, record, size, t->definitions_at);
	t->definitions_at += size;
}

/* A record with text behind it, padded to 8. */
static void write_text(struct make_trace *t, uint32_t type, uint32_t number,
                       const void *text, size_t length)
{
	struct crumb_record_string head = {{type, 0}, number, (uint32_t)length};
	size_t size = (sizeof(head) + length + 7) / 8 * 8;
	unsigned char *record = resize(NULL, size);

	head.head.size = (uint32_t)size;
	memset(record, 0, size);
	memcpy(record, &head, sizeof(head));
	memcpy(record + sizeof(head), text, length);
	make_record(t, record, size);
	free(record);
}

uint32_t make_string(struct make_trace *t, const char *text)
{
	for (uint32_t i = 0; i < t->string_count; i++)
		if (strcmp(t->strings[i], text) == 0)
			return i + 1;
	t->strings = grow(t->strings, t->string_count, sizeof(*t->strings));
	t->strings[t->string_count] = strdup(text);
	if (!t->strings[t->string_count])
		die("strdup");
	t->string_count++;
	write_text(t, CRUMB_RECORD_STRING, t->string_count, text, strlen(text));
	return t->string_count;
}

uint32_t make_code(struct make_trace *t, const char *module, const char *qualname,
                   const char *filename, uint32_t first_line)
{
	const char *dot = strrchr(qualname, '.');
	struct crumb_record_code record = {
	    .head = {CRUMB_RECORD_CODE, sizeof(record)},
	    .id = ++t->code_count,
	    .first_line = first_line,
	    .name = make_string(t, dot ? dot + 1 : qualname),
	    .qualname = make_string(t, qualname),
	    .filename = make_string(t, filename),
	    .module = make_string(t, module),
	};

	make_record(t, &record, sizeof(record));
	return record.id;
}

uint32_t make_site(struct make_trace *t, uint32_t code, uint32_t line, const char *type)
{
	struct crumb_record_site record = {
	    .head = {CRUMB_RECORD_SITE, sizeof(record)},
	    .id = ++t->site_count,
	    .code = code,
	    .line = line,
	    .type = make_string(t, type),
	};

	make_record(t, &record, sizeof(record));
	return record.id;
}

uint32_t make_thread(struct make_trace *t, uint32_t native_id, const char *name)
{
	uint32_t number = t->stream_count + 1;
	struct crumb_record_thread record = {
	    .head = {CRUMB_RECORD_THREAD, sizeof(record)},
	    .number = number,
	    .native_id = native_id,
	    .ident = 0x7f0000000000 + native_id,
	};

	t->streams = grow(t->streams, t->stream_count, sizeof(*t->streams));
	t->streams[t->stream_count++] = (struct make_stream){0};
	make_record(t, &record, sizeof(record));
	if (name) {
		struct crumb_record_thread_name named = {
		    .head = {CRUMB_RECORD_THREAD_NAME, sizeof(named)},
		    .number = number,
		    .name = make_string(t, name),
		};
		make_record(t, &named, sizeof(named));
	}
	return number;
}

void make_clock(struct make_trace *t, uint64_t ticks, int64_t ns)
{
	struct crumb_record_clock record = {
	    {CRUMB_RECORD_CLOCK, sizeof(record)}, ticks, ns};

	make_record(t, &record, sizeof(record));
}

void make_fact(struct make_trace *t, uint32_t fact, const void *text, size_t length)
{
	write_text(t, CRUMB_RECORD_FACT, fact, text, length);
}

static size_t room_of(const struct make_trace *t)
{
	return (t->events_size - sizeof(struct crumb_block) - 8) / sizeof(uint64_t);
}

static struct make_stream *stream_of(struct make_trace *t, uint32_t thread)
{
	if (thread == 0 || thread > t->stream_count)
		die("make_trace: no such thread");
	return &t->streams[thread - 1];
}

/* Room for `words` in the thread's block, and the ticks since the last event where they
 * fit into `bits`; otherwise a TIME word comes first. */
static uint64_t begin_event(struct make_trace *t, uint32_t thread, size_t words,
                            unsigned bits, uint64_t ticks)
{
	struct make_stream *stream = stream_of(t, thread);

	if (stream->count + words + 1 > room_of(t))
		make_block(t, thread);
	if (stream->count == 0)
		stream->base_ticks = stream->sequence ? stream->ticks : ticks;
	uint64_t since = ticks - (stream->count ? stream->ticks : stream->base_ticks);
	if (since >> bits) {
		make_word(t, thread, CRUMB_WORD_TIME | ticks << CRUMB_KIND_BITS);
		since = 0;
	}
	stream->ticks = ticks;
	return since;
}

void make_word(struct make_trace *t, uint32_t thread, uint64_t word)
{
	struct make_stream *stream = stream_of(t, thread);

	if (stream->count >= room_of(t))
		make_block(t, thread);
	if (stream->count == stream->room) {
		stream->room = stream->room ? stream->room * 4 : 8;
		stream->words =
		    resize(stream->words, stream->room * sizeof(*stream->words));
	}
	stream->words[stream->count++] = word;
}

void make_event(struct make_trace *t, uint32_t thread, enum crumb_word_kind kind,
                uint32_t code, uint64_t ticks)
{
	uint64_t since = begin_event(t, thread, 1, CRUMB_TICKS_BITS, ticks);

	make_word(t, thread,
	          kind | (uint64_t)code << CRUMB_KIND_BITS | since << CRUMB_TICKS_SHIFT);
}

void make_line(struct make_trace *t, uint32_t thread, uint32_t code, int line,
               uint64_t ticks)
{
	uint64_t since = begin_event(t, thread, 1, CRUMB_LINE_TICKS_BITS, ticks);
	uint64_t bits = (uint64_t)line & ((1u << CRUMB_LINE_BITS) - 1);

	make_word(t, thread,
	          CRUMB_WORD_LINE | (uint64_t)code << CRUMB_KIND_BITS |
	              bits << CRUMB_LINE_SHIFT | since << CRUMB_LINE_TICKS_SHIFT);
}

void make_extended(struct make_trace *t, uint32_t thread, unsigned subtype,
                   const uint64_t *payload, size_t words, uint64_t ticks)
{
	uint64_t since = begin_event(t, thread, 1 + words, CRUMB_TICKS_BITS, ticks);

	make_word(t, thread,
	          CRUMB_WORD_EXTENDED | (uint64_t)subtype << CRUMB_KIND_BITS |
	              (uint64_t)words << CRUMB_EXT_WORDS_SHIFT |
	              since << CRUMB_TICKS_SHIFT);
	for (size_t i = 0; i < words; i++)
		make_word(t, thread, payload[i]);
}

void make_values(struct make_trace *t, uint32_t thread, enum crumb_word_kind kind,
                 uint32_t code, const void *items, size_t used, size_t size,
                 uint64_t ticks)
{
	static uint64_t payload[5002];
	size_t words = 1 + (used + 7) / 8;

	memset(payload, 0, words * sizeof(*payload));
	payload[0] = (uint64_t)kind | (uint64_t)code << CRUMB_KIND_BITS |
	             (uint64_t)size << CRUMB_TICKS_SHIFT;
	memcpy(payload + 1, items, used);
	make_extended(t, thread, CRUMB_EXT_VALUES, payload, words, ticks);
}

void make_mark(struct make_trace *t, uint32_t thread, const void *text, size_t length,
               uint64_t said, uint64_t ticks)
{
	size_t words = 1 + (length + 7) / 8;
	uint64_t *payload = resize(NULL, words * sizeof(*payload));

	memset(payload, 0, words * sizeof(*payload));
	payload[0] = said;
	memcpy(payload + 1, text, length);
	make_extended(t, thread, CRUMB_EXT_MARK, payload, words, ticks);
	free(payload);
}

void make_variables(struct make_trace *t, uint32_t code, const char *first,
                    const char *second)
{
	struct {
		struct crumb_record_variables head;
		uint32_t names[2];
	} r = {{{CRUMB_RECORD_VARIABLES, sizeof(r)}, code, 2},
	       {make_string(t, first), make_string(t, second)}};
	make_record(t, &r, sizeof(r));
}

void make_exception(struct make_trace *t, uint32_t thread, uint32_t code, uint32_t line,
                    const char *type, uint64_t ticks)
{
	uint64_t payload[] = {code | (uint64_t)line << 32, make_string(t, type)};

	make_extended(t, thread, CRUMB_EXT_EXCEPTION, payload, 2, ticks);
}

uint64_t make_block(struct make_trace *t, uint32_t thread)
{
	struct make_stream *stream = stream_of(t, thread);
	uint32_t used = (uint32_t)(stream->count * sizeof(uint64_t));
	uint32_t size =
	    ((uint32_t)sizeof(struct crumb_block) + used + 8 + CRUMB_ALIGN - 1) /
	    CRUMB_ALIGN * CRUMB_ALIGN;
	struct crumb_block block = block_of(CRUMB_BLOCK_EVENTS, size);
	uint64_t at = t->offset;

	block.thread = thread;
	block.used = used;
	block.sequence = stream->sequence;
	block.base_ticks = stream->base_ticks;
	uint64_t trailer = crumb_trailer(thread, stream->sequence, used);
	write_at(t->fd, &block, sizeof(block), at);
	if (used)
		write_at(t->fd, stream->words, used, at + sizeof(block));
	write_at(t->fd, &trailer, sizeof(trailer), at + size - sizeof(trailer));
	t->offset += size;
	stream->count = 0;
	stream->sequence++;
	return at;
}

uint64_t make_window(struct make_trace *t, uint32_t thread)
{
	struct make_stream *stream = stream_of(t, thread);
	struct crumb_block block = block_of(CRUMB_BLOCK_WINDOW, t->events_size);
	uint64_t at = t->offset;

	block.thread = thread;
	block.sequence = stream->sequence;
	block.base_ticks = stream->base_ticks;
	write_at(t->fd, &block, sizeof(block), at);
	if (stream->count)
		write_at(t->fd, stream->words, stream->count * sizeof(uint64_t),
		         at + sizeof(block));
	t->offset += t->events_size;
	write_at(t->fd, "", 1, t->offset - 1);
	return at;
}

void make_lose(struct make_trace *t, uint32_t thread)
{
	make_forget(t, thread);
	stream_of(t, thread)->sequence++;
}

void make_forget(struct make_trace *t, uint32_t thread)
{
	stream_of(t, thread)->count = 0;
}

uint64_t make_offset(const struct make_trace *t)
{
	return t->offset;
}

void make_zeros(struct make_trace *t, uint64_t size)
{
	t->offset += size;
	write_at(t->fd, "", 1, t->offset - 1);
}

void make_bytes(struct make_trace *t, const void *bytes, size_t size)
{
	write_at(t->fd, bytes, size, t->offset);
	t->offset += size;
}

void make_finish(struct make_trace *t)
{
	for (uint32_t i = 0; i < t->stream_count; i++) {
		if (t->streams[i].count)
			make_block(t, i + 1);
		free(t->streams[i].words);
	}
	write_at(t->fd, &t->header, sizeof(t->header), 0);
	if (t->offset == CRUMB_HEADER_SIZE)
		write_at(t->fd, "", 1, CRUMB_HEADER_SIZE - 1);
	close(t->fd);
	for (uint32_t i = 0; i < t->string_count; i++)
		free(t->strings[i]);
	free(t->strings);
	free(t->streams);
	free(t);
}

void make_sample(const char *path)
{
	static const char command[] = "python3\0app.py\0--fast";
	struct make_trace *t = make_begin(path);

	make_sizes(t, 1024, 512);
	make_header(t)->end = CRUMB_END_UNKNOWN;
	make_fact(t, CRUMB_FACT_COMMAND, command, sizeof(command));
	make_fact(t, CRUMB_FACT_HOST, "kitchen", 7);
	make_fact(t, CRUMB_FACT_NOTE, "one", 3);
	uint32_t outer = make_code(t, "app", "Shop.sell", "/srv/app.py", 10);
	uint32_t inner = make_code(t, "app", "Shop.weigh", "/srv/app.py", 20);
	uint32_t first = make_thread(t, 4711, "MainThread");
	uint32_t second = make_thread(t, 4712, "worker");
	make_clock(t, 1000000, MAKE_START_NS + 1000000);
	make_extended(t, first, CRUMB_EXT_THREAD_START, NULL, 0, 900);
	make_event(t, first, CRUMB_WORD_CALL, outer, 1000);
	make_line(t, first, outer, 1, 1100);
	make_event(t, first, CRUMB_WORD_CALL, inner, 2000);
	make_exception(t, first, inner, 22, "ValueError", 2500);
	make_event(t, first, CRUMB_WORD_UNWIND, inner, 3000);
	make_block(t, first);
	make_event(t, second, CRUMB_WORD_RESUME, inner, 2200);
	make_event(t, second, CRUMB_WORD_YIELD, inner, 2300);
	make_event(t, first, CRUMB_WORD_RETURN, outer, 4000);
	const uint64_t lost[] = {CRUMB_LOSS_LOW_STACK, 1};
	make_extended(t, first, CRUMB_EXT_LOST, lost, 2, 4100);
	make_mark(t, first, "order 17", 8, 8, 4150);
	make_block(t, first);
	make_extended(t, second, CRUMB_EXT_THREAD_END, NULL, 0, 4200);
	make_window(t, second);
	make_forget(t, second);
	make_finish(t);
}

unsigned char *make_load(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	unsigned char *bytes = resize(NULL, (size_t)st.st_size + 1);
	if (pread(fd, bytes, (size_t)st.st_size, 0) != st.st_size)
		die(path);
	close(fd);
	*size = (size_t)st.st_size;
	return bytes;
}

void make_save(const char *path, const void *bytes, size_t size)
{
	/* Not O_TRUNC: ext4 writes a file that is truncated and closed to the disk. */
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die(path);
	write_at(fd, bytes, size, 0);
	close(fd);
}

void make_truncate(const char *path, uint64_t size)
{
	if (truncate(path, (off_t)size) < 0)
		die(path);
}

void make_poke(const char *path, uint64_t offset, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	write_at(fd, bytes, size, offset);
	close(fd);
}
