/* SPDX-License-Identifier: MIT */
/*
 * Writes the seeds of fuzz_reader into a folder: small files that have, together, every
 * kind of block, record and word in them, sound and not.  Their headers are as short as
 * they may be (448 bytes instead of 4096), so that the fuzzer does not spend itself on
 * zeros.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_trace.h"

#define SHORT_HEADER 448u

static const char *folder;

static const char *path_of(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s.crumb", folder, name);
	return path;
}

/* Takes the zeros out of a finished file's header. */
static void shorten(const char *name)
{
	const uint32_t header_size = SHORT_HEADER;
	size_t size;
	unsigned char *bytes = make_load(path_of(name), &size);

	memcpy(bytes + offsetof(struct crumb_header, header_size), &header_size,
	       sizeof(header_size));
	memmove(bytes + SHORT_HEADER, bytes + CRUMB_HEADER_SIZE,
	        size - CRUMB_HEADER_SIZE);
	make_save(path_of(name), bytes, size - CRUMB_HEADER_SIZE + SHORT_HEADER);
	free(bytes);
}

static struct make_trace *begin(const char *name)
{
	struct make_trace *t = make_begin(path_of(name));

	make_sizes(t, 512, 256);
	return t;
}

static void make_nothing(void)
{
	make_finish(begin("nothing"));
	shorten("nothing");
}

static void make_all(void)
{
	make_sample(path_of("sample"));
	shorten("sample");
}

static void make_facts(void)
{
	struct make_trace *t = begin("facts");

	for (uint32_t fact = CRUMB_FACT_COMMAND; fact <= CRUMB_FACT_NOTE + 1; fact++)
		make_fact(t, fact, "x\0\377\303\251y", 7);
	make_header(t)->end_ticks = 5000;
	make_header(t)->end_ns = MAKE_START_NS + 5000;
	make_finish(t);
	shorten("facts");
}

static void make_spans(void)
{
	struct make_trace *t = begin("spans");
	uint32_t f = make_code(t, "m", "f", "m.py", 1),
		 g = make_code(t, "m", "g", "m.py", 9);
	uint32_t one = make_thread(t, 1, "one");

	make_event(t, one, CRUMB_WORD_RETURN, g, 1);
	for (uint64_t i = 0; i < 6; i++)
		make_event(t, one, CRUMB_WORD_CALL, i % 2 ? f : g, 10 + i);
	make_event(t, one, CRUMB_WORD_UNWIND, 77, 20);
	make_event(t, one, CRUMB_WORD_YIELD, f, 30);
	make_event(t, one, CRUMB_WORD_RETURN, g, 40);
	make_event(t, one, CRUMB_WORD_RETURN, f, UINT64_C(1) << 40);
	make_line(t, one, f, -5, (UINT64_C(1) << 40) + 7);
	make_extended(t, one, 99, (const uint64_t[]){1, 2, 3}, 3,
	              (UINT64_C(1) << 40) + 8);
	make_extended(t, one, CRUMB_EXT_EXEC, NULL, 0, (UINT64_C(1) << 40) + 9);
	make_finish(t);
	shorten("spans");
}

static void make_threads(void)
{
	struct make_trace *t = begin("threads");
	uint32_t f = make_code(t, "m", "f", "m.py", 1);
	uint32_t threads[3];

	make_header(t)->end = CRUMB_END_UNKNOWN;
	make_header(t)->clock = CRUMB_CLOCK_COUNTER;
	make_header(t)->ticks_per_second = 3000000000;
	make_clock(t, 100, MAKE_START_NS + 33);
	make_clock(t, 200, MAKE_START_NS + 30);
	make_clock(t, 300, MAKE_START_NS + 99);
	for (int i = 0; i < 3; i++)
		threads[i] = make_thread(t, 10, NULL);
	for (uint64_t i = 0; i < 20; i++)
		make_event(t, threads[i % 3], CRUMB_WORD_CALL, f, i * 20);
	uint32_t site = make_site(t, f, 12, "E");
	make_event(t, threads[0], CRUMB_WORD_EXCEPTION, site, 500);
	make_event(t, threads[0], CRUMB_WORD_EXCEPTION, site + 1, 501);
	make_window(t, threads[0]);
	make_forget(t, threads[0]);
	make_window(t, threads[1]);
	make_block(t, threads[1]);
	make_lose(t, threads[2]);
	make_event(t, threads[2], CRUMB_WORD_CALL, f, 900);
	make_zeros(t, 128);
	make_finish(t);
	shorten("threads");
}

#define VALUES(t, thread, kind, code, bytes, ticks)                                      \
	make_values(t, thread, kind, code, bytes, sizeof(bytes) - 1, sizeof(bytes) - 1,  \
	            ticks)

static void make_texts(void)
{
	struct make_trace *t = begin("values");
	uint32_t f = make_code(t, "m", "f", "m.py", 1);
	make_variables(t, f, "x", "y");
	uint32_t site = make_site(t, f, 2, "E");
	uint32_t one = make_thread(t, 1, "one");

	VALUES(t, one, CRUMB_WORD_CALL, f, "\010\0021\011\024'ten long'", 1);
	make_event(t, one, CRUMB_WORD_CALL, f, 2);
	VALUES(t, one, CRUMB_WORD_LINE, f, "\010\001\003\002z\0043\377\004", 3);
	make_line(t, one, f, 1, 4);
	VALUES(t, one, CRUMB_WORD_EXCEPTION, f, "\002\030why\303\251\0 it is", 5);
	make_event(t, one, CRUMB_WORD_EXCEPTION, site, 6);
	make_block(t, one);
	VALUES(t, one, CRUMB_WORD_RETURN, f, "\001\0042\060\010\001", 7);
	make_event(t, one, CRUMB_WORD_RETURN, f, 8);
	VALUES(t, one, CRUMB_WORD_RETURN, f, "\001\200\200\200", 9);
	make_finish(t);
	shorten("values");
}

static void make_marks(void)
{
	struct make_trace *t = begin("marks");
	uint32_t f = make_code(t, "m", "f", "m.py", 1);
	uint32_t one = make_thread(t, 1, "one");

	make_mark(t, one, "begin", 5, 5, 1);
	make_event(t, one, CRUMB_WORD_CALL, f, 2);
	make_mark(t, one, "caf\303\251\0\377\033[1m", 11, 11, 3);
	make_mark(t, one, "", 0, 0, 4);
	make_block(t, one);
	make_mark(t, one, "longer than it is", 17, 25, 5);
	make_extended(t, one, CRUMB_EXT_MARK, NULL, 0, 6);
	make_mark(t, one, "end", 3, 3, 7);
	make_window(t, one);
	make_forget(t, one);
	make_finish(t);
	shorten("marks");
}

static void make_broken(void)
{
	struct make_trace *t = begin("broken");
	uint32_t one = make_thread(t, 1, NULL);

	make_event(t, one, CRUMB_WORD_CALL, 1, 5);
	make_word(t, one, CRUMB_WORD_EXTENDED | CRUMB_EXT_LOST << CRUMB_KIND_BITS);
	make_word(t, one, 0);
	uint64_t at = make_block(t, one) - CRUMB_HEADER_SIZE + SHORT_HEADER;
	make_bytes(t, "garbage: this is what a bad disk may leave, 64 bytes of that....",
	           64);
	make_event(t, one, CRUMB_WORD_CALL, 1, 6);
	make_finish(t);
	shorten("broken");
	make_poke(path_of("broken"), at + 127, "!", 1);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	folder = argv[1];
	make_nothing();
	make_all();
	make_facts();
	make_spans();
	make_threads();
	make_texts();
	make_marks();
	make_broken();
	return 0;
}
