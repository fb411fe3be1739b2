/* SPDX-License-Identifier: MIT */
/*
 * Writes trace files by format.h, for tests: sound ones and, on purpose, others.
 *
 *	struct make_trace *t = make_begin("x.crumb");
 *	uint32_t f = make_code(t, "app", "Shop.sell", "/srv/app.py", 10);
 *	uint32_t main = make_thread(t, 4711, "MainThread");
 *	make_event(t, main, CRUMB_WORD_CALL, f, 1000);
 *	make_event(t, main, CRUMB_WORD_RETURN, f, 2500);
 *	make_finish(t);
 *
 * Ticks are absolute; one tick is a nanosecond unless the header is changed, and tick 0
 *is MAKE_START_NS.  The events of a thread must be given by rising ticks.  Any failure of
 *the system ends the test program: a test cannot go on without its file.
 */
#ifndef BREADCRUMB_UNIT_MAKE_TRACE_H
#define BREADCRUMB_UNIT_MAKE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include <breadcrumb/format.h>

struct make_trace;

/* 2024-01-02T03:04:05Z */
#define MAKE_START_NS INT64_C(1704164645000000000)

/* Creates (or empties) a file.  The header says: pid 4711, parent 4710, format 1, a clock
 * of nanoseconds, Python 3.12.1, that it ended cleanly with status 0. */
struct make_trace *make_begin(const char *path);

/* The header, to be changed at will until make_finish() writes it. */
struct crumb_header *make_header(struct make_trace *t);

/* Sizes of the blocks to come, multiples of CRUMB_ALIGN (default: 4096 both). */
void make_sizes(struct make_trace *t, uint32_t definitions, uint32_t events);

/* Definitions: written at once; the ids that they return count from 1. */
uint32_t make_string(struct make_trace *t,
                     const char *text); /* the same text: the same id */
uint32_t make_code(struct make_trace *t, const char *module, const char *qualname,
                   const char *filename, uint32_t first_line);
uint32_t make_site(struct make_trace *t, uint32_t code, uint32_t line, const char *type);
uint32_t make_thread(struct make_trace *t, uint32_t native_id, const char *name);
void make_clock(struct make_trace *t, uint64_t ticks, int64_t ns);
void make_fact(struct make_trace *t, uint32_t fact, const void *text, size_t length);
/* Any record; `size` as in its head. */
void make_record(struct make_trace *t, const void *record, size_t size);

/* CALL, RETURN, YIELD, RESUME, UNWIND.  A TIME word comes before it where ticks do not
 * fit. */
void make_event(struct make_trace *t, uint32_t thread, enum crumb_word_kind kind,
                uint32_t code, uint64_t ticks);
/* `line` is relative to the code's first line and has to fit. */
void make_line(struct make_trace *t, uint32_t thread, uint32_t code, int line,
               uint64_t ticks);
void make_extended(struct make_trace *t, uint32_t thread, unsigned subtype,
                   const uint64_t *payload, size_t words, uint64_t ticks);
/* The values of the thread's next event, which is of this kind and code: `used` bytes of
 * items (format.h), of which their first word says that there are `size`. */
void make_values(struct make_trace *t, uint32_t thread, enum crumb_word_kind kind,
                 uint32_t code, const void *items, size_t used, size_t size,
                 uint64_t ticks);
/* The names of a function's two variables. */
void make_variables(struct make_trace *t, uint32_t code, const char *first,
                    const char *second);
/* In full; by a site it is make_event(t, thread, CRUMB_WORD_EXCEPTION, site, ticks). */
void make_exception(struct make_trace *t, uint32_t thread, uint32_t code, uint32_t line,
                    const char *type, uint64_t ticks);
/* `length` bytes of text, of which the record says that they are `said`. */
void make_mark(struct make_trace *t, uint32_t thread, const void *text, size_t length,
               uint64_t said, uint64_t ticks);
/* One raw word.  Ticks in it are the caller's business. */
void make_word(struct make_trace *t, uint32_t thread, uint64_t word);

/* Writes a thread's words so far as an EVENTS block, as happens by itself when it is
 * full. Returns its offset. */
uint64_t make_block(struct make_trace *t, uint32_t thread);
/* Likewise as a WINDOW; the words stay and will be in the next EVENTS block, too. */
uint64_t make_window(struct make_trace *t, uint32_t thread);
/* Forgets a thread's words and goes on under the sequence number after next. */
void make_lose(struct make_trace *t, uint32_t thread);
/* Forgets a thread's words: with make_window() before it, the window is all that is left.
 */
void make_forget(struct make_trace *t, uint32_t thread);
/* Where the next block will be. */
uint64_t make_offset(const struct make_trace *t);
void make_zeros(struct make_trace *t,
                uint64_t size); /* a hole; a multiple of CRUMB_ALIGN */
void make_bytes(struct make_trace *t, const void *bytes, size_t size);

/* Writes what is left of each thread as EVENTS blocks, and the header; frees t. */
void make_finish(struct make_trace *t);

/* A small file with every kind of record and event in it, two threads (the second one's
 * last events in a window, below), end unknown. */
void make_sample(const char *path);

/* Reads a file; *size bytes, to be freed. */
unsigned char *make_load(const char *path, size_t *size);
/* Creates (or replaces) a file. */
void make_save(const char *path, const void *bytes, size_t size);
void make_truncate(const char *path, uint64_t size);
/* Overwrites bytes of a file. */
void make_poke(const char *path, uint64_t offset, const void *bytes, size_t size);

#endif
