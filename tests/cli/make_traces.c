/* SPDX-License-Identifier: MIT */
/*
 * Writes the trace files that tests/cli/run looks at, into the current folder. Everything
 * in them is made up, and the same at every run: the outputs are compared byte by byte.
 */
#include "../unit/make_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

#define CO_COROUTINE 0x80

static struct make_trace *trace;
static uint32_t thread;

static void call(uint32_t code, uint64_t ticks)
{
	make_event(trace, thread, CRUMB_WORD_CALL, code, ticks);
}

static void ret(uint32_t code, uint64_t ticks)
{
	make_event(trace, thread, CRUMB_WORD_RETURN, code, ticks);
}

static void yield(uint32_t code, uint64_t ticks)
{
	make_event(trace, thread, CRUMB_WORD_YIELD, code, ticks);
}

static void resume(uint32_t code, uint64_t ticks)
{
	make_event(trace, thread, CRUMB_WORD_RESUME, code, ticks);
}

static void unwind(uint32_t code, uint64_t ticks)
{
	make_event(trace, thread, CRUMB_WORD_UNWIND, code, ticks);
}

static void raise(uint32_t code, uint32_t line, const char *type, uint64_t ticks)
{
	make_exception(trace, thread, code, line, type, ticks);
}

/* An event that is nothing but its kind. */
static void bare(unsigned subtype, uint64_t ticks)
{
	make_extended(trace, thread, subtype, NULL, 0, ticks);
}

static void mark(const char *text, uint64_t ticks)
{
	make_mark(trace, thread, text, strlen(text), strlen(text), ticks);
}

static void fact(uint32_t number, const char *text)
{
	make_fact(trace, number, text, strlen(text));
}

static void begin(const char *path, uint32_t pid)
{
	static const char command[] = "python3\0app.py\0--name=two words\0it's";

	trace = make_begin(path);
	struct crumb_header *header = make_header(trace);
	header->trace_id = UINT64_C(0xfeed000000000000) + pid;
	header->pid = pid;
	header->parent_pid = 4710;
	/* A host that this is not: no process is looked for. */
	fact(CRUMB_FACT_HOST, "kitchen");
	make_fact(trace, CRUMB_FACT_COMMAND, command, sizeof(command));
	fact(CRUMB_FACT_BACKEND, "monitoring");
}

static uint32_t make_coroutine(uint32_t id, const char *name)
{
	struct crumb_record_code record = {
	    .head = {CRUMB_RECORD_CODE, sizeof(record)},
	    .id = id,
	    .first_line = 90,
	    .name = make_string(trace, name),
	    .qualname = make_string(trace, name),
	    .filename = make_string(trace, "/srv/shop/app.py"),
	    .module = make_string(trace, "app"),
	    .flags = CO_COROUTINE,
	};

	make_record(trace, &record, sizeof(record));
	return id;
}

static uint64_t fibonacci(uint32_t code, int n, uint64_t ticks)
{
	call(code, ticks);
	ticks += 100;
	if (n >= 2)
		ticks = fibonacci(code, n - 2, fibonacci(code, n - 1, ticks));
	ticks += 150;
	ret(code, ticks);
	return ticks;
}

/* Classes, a generator, a coroutine, exceptions of each kind, lines, an import, recursion
 * in a second thread, a third one without a name. */
static void make_shop(const char *path)
{
	begin(path, 4711);
	make_header(trace)->flags = CRUMB_FLAG_LINES;
	make_header(trace)->end_status = 3;
	make_header(trace)->end_ticks = 60 * MS;
	make_header(trace)->end_ns = MAKE_START_NS + (int64_t)(60 * MS);
	fact(CRUMB_FACT_EXECUTABLE, "/usr/bin/python3.12");
	fact(CRUMB_FACT_PYTHON, "3.12.1 (main, Jan  1 2024, 00:00:00) [GCC 12.2.0]");
	fact(CRUMB_FACT_DIRECTORY, "/srv/shop");
	fact(CRUMB_FACT_AGENT, "0.1.0");
	fact(CRUMB_FACT_INCLUDE, "app,shop.*");
	fact(CRUMB_FACT_EXCLUDE, "shop.tests.*");
	fact(CRUMB_FACT_NOTE, "another tool used monitoring before");
	fact(CRUMB_FACT_NOTE, "a second note");
	uint32_t module = make_code(trace, "__main__", "<module>", "/srv/shop/app.py", 1);
	uint32_t import = make_code(trace, "_frozen_importlib", "_find_and_load",
	                            "<frozen importlib._bootstrap>", 1300);
	uint32_t tools =
	    make_code(trace, "shop.tools", "<module>", "/srv/shop/tools.py", 1);
	uint32_t open = make_code(trace, "shop", "Shop.open", "/srv/shop/shop.py", 10);
	uint32_t items = make_code(trace, "shop", "Shop.items", "/srv/shop/shop.py", 20);
	uint32_t sell = make_code(trace, "shop", "Shop.sell", "/srv/shop/shop.py", 30);
	uint32_t weigh = make_code(trace, "shop", "Shop.weigh", "/srv/shop/shop.py", 40);
	uint32_t fib = make_code(trace, "app", "fib", "/srv/shop/app.py", 50);
	uint32_t wait = make_coroutine(40, "wait");
	uint32_t first = make_thread(trace, 4711, "MainThread");
	uint32_t second = make_thread(trace, 4712, "till");
	uint32_t third = make_thread(trace, 4713, NULL);

	thread = first;
	bare(CRUMB_EXT_THREAD_START, 1 * US);
	call(module, 2 * US);
	make_line(trace, thread, module, 0, 3 * US);
	make_line(trace, thread, module, 1, 4 * US);
	call(import, 5 * US);
	call(tools, 10 * US);
	ret(tools, 310 * US);
	ret(import, 320 * US);
	make_line(trace, thread, module, 5, 330 * US);
	call(open, 400 * US);
	call(items, 500 * US);
	yield(items, 510 * US);
	call(sell, 600 * US);
	call(weigh, 610 * US);
	raise(weigh, 42, "ValueError", 620 * US);
	unwind(weigh, 625 * US);
	raise(sell, 33, "ValueError", 630 * US);
	ret(sell, 1900 * US);
	resume(items, 2000 * US);
	yield(items, 2004 * US);
	call(wait, 3 * MS);
	yield(wait, 3 * MS + 20 * US);
	resume(wait, 14 * MS);
	ret(wait, 14 * MS + 10 * US);
	call(sell, 15 * MS);
	call(weigh, 16 * MS);
	ret(weigh, 16 * MS + 753);
	raise(sell, 35, "shop.NoStock", 17 * MS);
	unwind(sell, 18 * MS);
	raise(open, 13, "shop.NoStock", 18 * MS + 5 * US);
	unwind(open, 19 * MS);
	raise(module, 7, "shop.NoStock", 20 * MS);
	ret(module, 50 * MS);

	thread = second;
	bare(CRUMB_EXT_THREAD_START, 390 * US);
	fibonacci(fib, 4, 450 * US);
	bare(CRUMB_EXT_THREAD_END, 600 * US);

	thread = third;
	bare(CRUMB_EXT_THREAD_START, 4 * MS);
	call(weigh, 5 * MS);
	call(sell, 5 * MS + 1 * US);
	ret(sell, 5 * MS + 2 * US);
	make_finish(trace);
}

/* A process that was forked from the shop's and is two milliseconds younger. */
static void make_child(const char *path)
{
	begin(path, 4720);
	struct crumb_header *header = make_header(trace);
	header->parent_pid = 4711;
	header->parent_id = UINT64_C(0xfeed000000000000) + 4711;
	header->start_ns += (int64_t)(2 * MS);
	header->end = CRUMB_END_FATAL;
	fact(CRUMB_FACT_PARENT_FILE, "/srv/shop/shop.crumb");
	uint32_t sell = make_code(trace, "shop", "Shop.sell", "/srv/shop/shop.py", 30);
	uint32_t work = make_code(trace, "pool", "work", "/srv/shop/pool.py", 5);
	thread = make_thread(trace, 4720, "MainThread");
	call(work, 100 * US);
	call(sell, 200 * US);
	ret(sell, 300 * US);
	ret(work, 500 * US);
	make_finish(trace);
}

/* Killed: two calls were open, and the last events are in the window only. */
static void make_killed(const char *path)
{
	begin(path, 4711);
	make_header(trace)->end = CRUMB_END_UNKNOWN;
	uint32_t outer = make_code(trace, "app", "serve", "/srv/shop/app.py", 10);
	uint32_t inner = make_code(trace, "app", "read", "/srv/shop/app.py", 20);
	thread = make_thread(trace, 4711, "MainThread");
	call(outer, 1 * MS);
	call(inner, 2 * MS);
	make_block(trace, thread);
	ret(inner, 3 * MS);
	call(inner, 1500 * MS);
	make_window(trace, thread);
	make_forget(trace, thread);
	make_finish(trace);
}

/* What is missing: counted losses, a stretch without events, ends and starts not seen,
 * and an exec at the end. */
static void make_lost(const char *path)
{
	static const uint64_t full[] = {CRUMB_LOSS_DISK_FULL, 1234567};
	static const uint64_t stack[] = {CRUMB_LOSS_LOW_STACK, 0};

	begin(path, 4711);
	struct crumb_header *header = make_header(trace);
	header->end = CRUMB_END_EXEC;
	header->lost[CRUMB_LOSS_DISK_FULL] = 1234567;
	header->lost[CRUMB_LOSS_LOW_STACK] = 1;
	header->lost[CRUMB_LOSS_TAKEN_OVER] = 2;
	uint32_t outer = make_code(trace, "app", "outer", "/srv/shop/app.py", 10);
	uint32_t inner = make_code(trace, "app", "inner", "/srv/shop/app.py", 20);
	thread = make_thread(trace, 4711, "MainThread");
	ret(inner, 1 * MS);
	unwind(outer, 2 * MS);
	call(outer, 3 * MS);
	call(inner, 4 * MS);
	make_extended(trace, thread, CRUMB_EXT_LOST, stack, 2, 5 * MS);
	ret(outer, 6 * MS);
	call(outer, 7 * MS);
	make_extended(trace, thread, CRUMB_EXT_LOST, full, 2, 8 * MS);
	bare(CRUMB_EXT_EXEC, 9 * MS);
	make_finish(trace);
}

static void make_deep(const char *path)
{
	begin(path, 4711);
	uint32_t code = make_code(trace, "app", "Tree.descend.<locals>.visit",
	                          "/srv/shop/app.py", 10);
	thread = make_thread(trace, 4711, "MainThread");
	for (unsigned i = 0; i < 100; i++)
		call(code, (i + 1) * US);
	for (unsigned i = 0; i < 100; i++)
		ret(code, (i + 101) * US);
	make_finish(trace);
}

/* Names that would harm a terminal, a line or JSON. */
static void make_names(const char *path)
{
	static const char *const names[] = {
	    "quote\"back\\slash",
	    "line\nfeed\ttab",
	    "escape\033[31mred\033[0m",
	    "not\xff\xfeutf8\xc3",
	    "caf\xc3\xa9.\xe6\x96\x87\xe5\xad\x97",
	    "\xe2\x80\xae"
	    "right\xc2\x9bto left",
	    "\xed\xa0\x80surrogate\xc0\xaf",
	    "",
	};

	begin(path, 4711);
	thread = make_thread(trace, 4711, "a\nb\033c\xff");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint32_t code = make_code(trace, "mod", names[i], "/srv/\x07 bell.py", 7);
		call(code, (i * 10 + 1) * US);
		raise(code, 9, names[i], (i * 10 + 2) * US);
		unwind(code, (i * 10 + 3) * US);
	}
	char *long_name = malloc(3001);
	if (!long_name)
		exit(1);
	memset(long_name, 'x', 3000);
	long_name[3000] = '\0';
	make_sizes(trace, 65536, 4096);
	uint32_t code = make_code(trace, "mod", long_name, "/srv/long.py", 7);
	free(long_name);
	call(code, 200 * US);
	ret(code, 201 * US);
	make_finish(trace);
}

static uint64_t lines(uint32_t code, int from, int to, uint64_t ticks)
{
	for (int line = from; line <= to; line++)
		make_line(trace, thread, code, line, ticks += 100);
	return ticks;
}

/* Lines: of calls that have nothing else, few and many; around calls, also such as are
 * left out; around an exception; of two threads at the same time. */
static void make_lines(const char *path)
{
	begin(path, 4711);
	make_header(trace)->flags = CRUMB_FLAG_LINES;
	uint32_t outer = make_code(trace, "app", "outer", "/srv/shop/app.py", 100);
	uint32_t inner = make_code(trace, "app", "inner", "/srv/shop/app.py", 200);
	uint32_t import = make_code(trace, "_frozen_importlib", "_find_and_load",
	                            "<frozen importlib._bootstrap>", 1300);
	thread = make_thread(trace, 4711, "MainThread");
	uint32_t other = make_thread(trace, 4712, "other");
	call(outer, 1 * US);
	lines(outer, 1, 3, 2 * US);
	call(inner, 3 * US);
	lines(inner, 1, 1, 4 * US);
	ret(inner, 5 * US);
	lines(outer, 4, 4, 6 * US);
	call(inner, 7 * US);
	lines(inner, 1, 40, 8 * US);
	ret(inner, 14 * US);
	call(import, 20 * US);
	lines(import, 1, 2, 21 * US);
	ret(import, 22 * US);
	lines(outer, 5, 5, 23 * US);
	call(inner, 30 * US);
	lines(inner, 1, 2, 31 * US);
	raise(inner, 202, "KeyError", 32 * US);
	lines(inner, 3, 4, 33 * US);
	ret(inner, 40 * US);
	call(inner, 50 * US);
	lines(inner, 1, 4, 52 * US);
	raise(inner, 204, "KeyError", 57 * US);
	unwind(inner, 58 * US);
	lines(outer, 6, 6, 60 * US);
	ret(outer, 100 * US);
	thread = other;
	call(inner, 52 * US + 150);
	lines(inner, 1, 3, 52 * US + 150);
	ret(inner, 90 * US);
	make_finish(trace);
}

static void make_many(const char *path)
{
	begin(path, 4711);
	uint32_t code = make_code(trace, "app", "work", "/srv/shop/app.py", 10);
	for (unsigned i = 0; i < 30; i++) {
		char name[32];
		snprintf(name, sizeof(name), "worker-%u", i);
		thread = make_thread(trace, 5000 + i, name);
		call(code, (i + 1) * US);
		ret(code, (i + 2) * US);
	}
	make_finish(trace);
}

static void make_nothing(const char *path)
{
	begin(path, 4711);
	make_finish(trace);
}

/* Files that are not, or not wholly, what they should be. */
static void make_broken(void)
{
	static const char text[] = "#!/usr/bin/env python3\nprint('this is no trace')\n";
	unsigned char *bytes;
	size_t size;
	uint32_t version = CRUMB_FORMAT + 41;
	unsigned char flip = 0x55;

	make_save("empty.crumb", "", 0);
	make_save("foreign.crumb", text, sizeof(text));
	bytes = make_load("shop.crumb", &size);
	make_save("newer.crumb", bytes, size);
	make_poke("newer.crumb", offsetof(struct crumb_header, version), &version, 4);
	make_save("header.crumb", bytes, 1000);
	/* Within the events of the first thread, which come after the definitions. */
	make_save("cut.crumb", bytes, size - 500);
	make_save("flipped.crumb", bytes, size);
	make_poke("flipped.crumb", CRUMB_HEADER_SIZE + 4096 + 9, &flip, 1);
	free(bytes);
}

/* As many events as are asked for, in four threads, eight calls deep. */
static void make_big(const char *path, unsigned long events)
{
	uint32_t codes[64], threads[4];
	uint64_t ticks = 1000;
	char name[32];

	begin(path, 4711);
	make_sizes(trace, 4096, 65536);
	for (unsigned i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "Class%u.method_%u", i % 7, i);
		codes[i] = make_code(trace, i % 3 ? "app.core" : "app.util", name,
		                     "/srv/shop/core/module.py", 10 * i + 1);
	}
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "worker-%u", i);
		threads[i] = make_thread(trace, 4711 + i, name);
	}
	for (unsigned long i = 0; i < events; i += 16) {
		uint32_t *code = codes + i / 16 % 57;
		thread = threads[i / 16 % 4];
		for (int depth = 0; depth < 8; depth++)
			call(code[depth], ticks += 37);
		for (int depth = 7; depth >= 0; depth--)
			ret(code[depth], ticks += 41);
	}
	make_finish(trace);
}

/* Values of the thread's next event: items of format.h, so short that a length is one
 * byte. */
static void values(enum crumb_word_kind kind, uint32_t code, const char *const *items,
                   size_t count, uint64_t ticks)
{
	unsigned char bytes[500];
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(items[i] + 1);
		bytes[used++] = (unsigned char)items[i][0];
		if (items[i][0] == CRUMB_VALUE_MORE)
			continue;
		bytes[used++] = (unsigned char)(length << 1);
		memcpy(bytes + used, items[i] + 1, length);
		used += length;
	}
	make_values(trace, thread, kind, code, bytes, used, used, ticks);
}

#define VALUES(kind, code, ticks, ...)                                                   \
	values(kind, code, (const char *const[]){__VA_ARGS__},                           \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), ticks)

static void make_valued(const char *path)
{
	trace = make_begin(path);
	uint32_t main = make_code(trace, "__main__", "main", "/srv/app.py", 1);
	uint32_t sell = make_code(trace, "shop", "sell", "/srv/shop.py", 10);
	uint32_t weigh = make_code(trace, "shop", "weigh", "/srv/shop.py", 20);
	uint32_t names = make_code(trace, "shop", "names", "/srv/shop.py", 30);
	uint32_t site = make_site(trace, weigh, 22, "ValueError");
	uint32_t caught = make_site(trace, sell, 12, "ValueError");
	make_variables(trace, sell, "user", "n");
	make_variables(trace, weigh, "what", "scale");
	thread = make_thread(trace, 4711, "MainThread");
	call(main, 1 * US);
	VALUES(CRUMB_WORD_CALL, sell, 2 * US, "\010'ann'", "\0113");
	call(sell, 3 * US);
	VALUES(CRUMB_WORD_CALL, weigh, 4 * US, "\010<shop.Fish kg=2.5>",
	       "\011[redacted]");
	call(weigh, 5 * US);
	VALUES(CRUMB_WORD_EXCEPTION, weigh, 8 * US, "\002no scale for 2.5\n\033[31mkg",
	       "\010<shop.Fish kg=2.5>", "\004");
	make_event(trace, thread, CRUMB_WORD_EXCEPTION, site, 9 * US);
	unwind(weigh, 10 * US);
	VALUES(CRUMB_WORD_EXCEPTION, sell, 11 * US, "\002no scale for 2.5");
	make_event(trace, thread, CRUMB_WORD_EXCEPTION, caught, 12 * US);
	VALUES(CRUMB_WORD_RETURN, sell, 13 * US, "\001None", "\010'ann'", "\0113");
	ret(sell, 15 * US);
	VALUES(CRUMB_WORD_CALL, sell, 16 * US, "\010'bob'", "\01113");
	call(sell, 17 * US);
	call(names, 18 * US);
	VALUES(CRUMB_WORD_YIELD, names, 19 * US, "\001'fish \342\202\254'");
	yield(names, 20 * US);
	VALUES(CRUMB_WORD_RETURN, sell, 21 * US, "\00142", "\010'bob'", "\01113");
	ret(sell, 22 * US);
	VALUES(CRUMB_WORD_CALL, sell, 23 * US, "\010'C:\\\\ann\\n\\x07'", "\0111");
	call(sell, 24 * US);
	make_finish(trace);
}

/* Marks: outside of all calls, between lines, on an exception's way, one that would harm
 * a terminal, one whose record is damaged; a stretch that the program paused. */
static void make_marked(const char *path)
{
	static const uint64_t paused[] = {CRUMB_LOSS_PAUSED, 1};
	static const char harm[] =
	    "\033[31mred\n\"quote\\ \377 \0NUL \342\200\256caf\303\251";

	begin(path, 4711);
	make_header(trace)->lost[CRUMB_LOSS_PAUSED] = 1;
	make_header(trace)->flags = CRUMB_FLAG_LINES;
	uint32_t main = make_code(trace, "__main__", "main", "/srv/app.py", 1);
	uint32_t sell = make_code(trace, "shop", "sell", "/srv/shop.py", 10);
	uint32_t weigh = make_code(trace, "shop", "weigh", "/srv/shop.py", 20);
	uint32_t first = make_thread(trace, 4711, "MainThread");
	uint32_t second = make_thread(trace, 4712, "till");

	thread = first;
	mark("before all", 1 * US);
	call(main, 2 * US);
	mark("order 17", 3 * US);
	call(sell, 4 * US);
	make_line(trace, thread, sell, 1, 5 * US);
	mark("to be weighed", 6 * US);
	make_line(trace, thread, sell, 2, 7 * US);
	call(weigh, 8 * US);
	raise(weigh, 22, "ValueError", 9 * US);
	mark("passing on", 10 * US);
	unwind(weigh, 11 * US);
	mark("by code that is not recorded", 12 * US);
	raise(sell, 12, "ValueError", 13 * US);
	mark("sold by eye", 14 * US);
	ret(sell, 15 * US);
	call(weigh, 16 * US);
	ret(weigh, 18 * US);
	make_mark(trace, thread, harm, sizeof(harm) - 1, sizeof(harm) - 1, 20 * US);
	mark("", 21 * US);
	make_extended(trace, thread, CRUMB_EXT_LOST, paused, 2, 22 * US);
	make_mark(trace, thread, "short", 5, 9, 23 * US);
	ret(main, 2 * MS);
	mark("after all", 2 * MS + 1 * US);

	thread = second;
	call(sell, 17 * US);
	mark("order 18", 18 * US);
	ret(sell, 19 * US);
	for (uint64_t i = 0; i < 4; i++) {
		if (i > 1)
			mark(i == 2 ? "idle" : "somebody comes", (29 + 10 * i) * US);
		call(weigh, (30 + 10 * i) * US);
		ret(weigh, (31 + 10 * i) * US);
	}
	call(sell, 80 * US);
	mark("order 19", 81 * US);
	ret(sell, 90 * US);
	make_finish(trace);
}

/* Ways of exceptions: through a recursion; raised again where it was caught; of a line, a
 * file, a function that is not known; out of a frame, and in one, that was never told; in
 * two threads at the same time. */
static void make_flights(const char *path)
{
	begin(path, 4711);
	uint32_t main = make_code(trace, "__main__", "main", "/srv/app.py", 1);
	uint32_t dig = make_code(trace, "shop", "Mine.dig", "/srv/shop.py", 10);
	uint32_t odd = make_code(trace, "", "", "", 0);
	uint32_t first = make_thread(trace, 4711, "MainThread");
	uint32_t second = make_thread(trace, 4712, "till");
	uint64_t at = 1 * US;

	thread = first;
	call(main, at);
	for (int i = 0; i < 150; i++)
		call(dig, at += 10);
	for (int i = 0; i < 150; i++) {
		raise(dig, i ? 12 : 14, "RecursionError", at += 10);
		unwind(dig, at += 10);
	}
	raise(main, 3, "RecursionError", at += 10);
	raise(main, 5, "ValueError", 10 * US);
	call(dig, 20 * US);
	call(odd, 21 * US);
	call(77, 22 * US);
	raise(77, 2, "KeyError", 23 * US);
	unwind(77, 24 * US);
	raise(odd, 0, "KeyError", 25 * US);
	unwind(odd, 26 * US);
	raise(dig, 13, "KeyError", 27 * US);
	raise(dig, 15, "KeyError", 28 * US);
	unwind(dig, 29 * US);
	call(odd, 30 * US);
	unwind(odd, 31 * US);
	raise(main, 6, "OSError", 32 * US);
	ret(main, 40 * US);

	thread = second;
	raise(main, 8, "KeyError", 22 * US);
	call(dig, 23 * US);
	raise(dig, 11, "KeyError", 24 * US);
	unwind(dig, 25 * US);
	raise(main, 9, "KeyError", 26 * US);
	make_finish(trace);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		make_big(argv[1], strtoul(argv[2], NULL, 10));
		return 0;
	}
	make_shop("shop.crumb");
	make_killed("killed.crumb");
	make_lost("lost.crumb");
	make_deep("deep.crumb");
	make_names("names.crumb");
	make_lines("lines.crumb");
	make_many("many.crumb");
	make_nothing("nothing.crumb");
	make_valued("values.crumb");
	make_marked("marks.crumb");
	make_flights("flights.crumb");
	if (mkdir("family", 0700) < 0 || mkdir("hollow", 0700) < 0) {
		perror("mkdir");
		return 1;
	}
	make_shop("family/shop.crumb");
	make_child("family/child.crumb");
	make_broken();
	return 0;
}
