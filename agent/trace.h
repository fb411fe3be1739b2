/* SPDX-License-Identifier: MIT */
/*
 * The one path of an event: from a hook that saw it to a word in the thread's window.
 * What belongs to every event is inline here; everything else is in trace.c.
 */
#ifndef BREADCRUMB_AGENT_TRACE_H
#define BREADCRUMB_AGENT_TRACE_H

#include "buffer.h"
#include "clock.h"
#include "intern.h"
#include "record.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What the path must ask of the side that knows Python.  All are called with the
 * interpreter's lock held (or the thread attached), never under a lock of the agent.
 */
struct trace_source {
	/* Fills *out; its texts stay valid until release(out).  `hint` is what the hook
	 * passed. False: it cannot be told now (no memory). */
	bool (*describe)(const void *code, void *hint, struct intern_code *out);
	void (*release)(struct intern_code *out);
	/* Arranges for trace_forget(record) when the code object dies.  False: it cannot.
	 */
	bool (*remember)(const void *code, struct intern_record *record);
	/* Calls found() for each code object that is a constant of this one, with the
	 * qualified name that it will have; NULL when code objects know it themselves. */
	void (*nested)(const void *code, const struct intern_code *what,
	               void (*found)(const void *code, const char *name, size_t length));
	/* The calling thread's name as Python has it; its length, 0 when there is none
	 * yet. */
	size_t (*thread_name)(char *out, size_t size);
	/* Opens the file of this process and writes its facts. */
	bool (*open)(void);
	/* Whether a forked child is still inside of fork(), in a handler: it is recorded
	 * from where the program goes on, so that a child which only execs leaves no
	 * file. */
	bool (*in_fork)(void);
};

/* `source` must live as long as the process. */
void trace_init(const struct trace_source *source, bool counter);

/* Makes sure that this process has a file.  False: it cannot have one; hooks are not
 * needed. */
bool trace_begin(void);

/* Behind the inline functions below: whatever is not the common case. */
bool trace_slow(enum crumb_word_kind kind, const void *code, void *hint);
bool trace_slow_line(const void *code, void *hint, uint32_t line);
bool trace_without_counter(enum crumb_word_kind kind, const void *code, void *hint);
bool trace_line_without_counter(const void *code, void *hint, uint32_t line);
void trace_at_limit(struct buffer *b);

static inline bool trace_word(struct buffer *b, const struct intern_slot *slot,
                              enum crumb_word_kind kind, void *hint, uint64_t now)
{
	uint64_t ticks = now - b->last;
	if (__builtin_expect(ticks >= RECORD_TICKS_LIMIT, 0))
		return trace_slow(kind, slot->code, hint);
	b->last = now;
	buffer_put(b, record_word(kind, slot->id, ticks));
	if (__builtin_expect(buffer_full(b), 0))
		trace_at_limit(b);
	return true;
}

static inline bool trace_line_word(struct buffer *b, const struct intern_slot *slot,
                                   void *hint, uint32_t line, uint64_t now)
{
	uint64_t ticks = now - b->last;
	int32_t relative = (int32_t)(line - slot->first_line);
	if (__builtin_expect(!record_line_fits(slot->id, relative, ticks), 0))
		return trace_slow_line(slot->code, hint, line);
	b->last = now;
	buffer_put(b, record_line(slot->id, relative, ticks));
	if (__builtin_expect(buffer_full(b), 0))
		trace_at_limit(b);
	return true;
}

/*
 * A frame of `code` starts, returns, yields, goes on or is unwound.  `hint` goes to
 * describe(). False when this code is excluded: the hook need not tell about it any more.
 */
static inline bool trace_event(enum crumb_word_kind kind, const void *code, void *hint)
{
	struct buffer *b = buffer_mine;
	if (__builtin_expect(!b, 0))
		return trace_slow(kind, code, hint);
	const struct intern_slot *slot = intern_slot(buffer_area(b), code);
	if (__builtin_expect(slot->code != code, 0))
		return trace_slow(kind, code, hint);
	if (!slot->id)
		return false;
	if (__builtin_expect(!b->counter, 0))
		return trace_without_counter(kind, code, hint);
	return trace_word(b, slot, kind, hint, clock_counter());
}

/* Line `line` of the innermost frame of `code` is about to run. */
static inline bool trace_line(const void *code, void *hint, uint32_t line)
{
	struct buffer *b = buffer_mine;
	if (__builtin_expect(!b, 0))
		return trace_slow_line(code, hint, line);
	const struct intern_slot *slot = intern_slot(buffer_area(b), code);
	if (__builtin_expect(slot->code != code, 0))
		return trace_slow_line(code, hint, line);
	if (!slot->id)
		return false;
	if (__builtin_expect(!b->counter, 0))
		return trace_line_without_counter(code, hint, line);
	return trace_line_word(b, slot, hint, line, clock_counter());
}

/* Whether events of this code are recorded. */
bool trace_wants(const void *code, void *hint);

/* Whether frames of this code can suspend themselves. */
bool trace_is_generator(const void *code, void *hint);

/* The calling thread's buffer, made if need be; NULL: nothing can be recorded. */
struct buffer *trace_here(void);

/* `count` events of this code are not recorded, because trace_here() said NULL. */
void trace_lose(const void *code, void *hint, uint64_t count);

/* An exception of the type named was raised in a frame of `code`, or came into it. */
bool trace_exception(const void *code, void *hint, uint32_t line, const char *type);

/* The process is about to be replaced by another program, or (begins false) was not. */
void trace_exec(bool begins);

/* The process ends by _exit() or abort().  Safe in a signal handler. */
void trace_exit(enum crumb_end how, uint32_t status);

/* Keeps a copy of the file as it is now.  Safe in a signal handler. */
void trace_snapshot(void);

/* `count` events (0: not known) are missing at this place of the thread's stream. */
void trace_lost(enum crumb_loss cause, uint64_t count);

/* The code object of this record is gone. */
void trace_forget(struct intern_record *record);

/* The calling thread ends: thread_init()'s `ended`. */
void trace_thread_ended(void);

/* The process ends by exit(): closes the calling thread's part and the file. */
void trace_finish(uint32_t status);

/* Around fork(). */
void trace_before_fork(void);
void trace_after_fork(bool child);

#endif
