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
#include "payload.h"
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
	/* The filter accepts this code object: its events are about to be recorded.
	 * False: not all of them will be told; asked again at the next.  May be NULL. */
	bool (*accepts)(const void *code);
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

/* What a thread has met lately, so that it need not be found out again. */
struct trace_notes {
	struct trace_line_note {
		uint32_t id; /* of the code; 0: none */
		int32_t instruction;
		uint32_t line;
		uint32_t site;    /* of an exception of the type at this line */
		const void *type; /* NULL: no site */
	} lines[64];
	struct trace_text_note {
		uint32_t id; /* of the text; 0: none */
		char text[60];
	} texts[16];
	struct trace_site_note {
		uint32_t code, line, type;
		uint32_t id; /* of the site; 0: none */
	} sites[64];
};

/* Behind each buffer: the thread's table of code objects, its notes, and the values of
 * the event that is being recorded. */
#define TRACE_AREA (INTERN_AREA + sizeof(struct trace_notes) + sizeof(struct payload))

static inline struct trace_notes *trace_notes_of(struct buffer *b)
{
	return (struct trace_notes *)(void *)(buffer_area(b) + INTERN_AREA);
}

/* Where the calling thread's table has the code object; NULL: nowhere. */
static inline const struct intern_slot *trace_slot(const void *code)
{
	struct buffer *b = buffer_mine;
	if (__builtin_expect(!b, 0))
		return NULL;
	const struct intern_slot *slot = intern_slot(buffer_area(b), code);
	return __builtin_expect(slot->code == code, 1) ? slot : NULL;
}

/* The whole path, for whatever is not the common case. */
bool trace_slow(enum crumb_word_kind kind, const void *code, void *hint);
bool trace_slow_line(const void *code, void *hint, uint32_t line);
bool trace_slow_wants(const void *code, void *hint);

/* A word of a thread that has a buffer, when there is room in its window. */
static inline bool trace_store_word(enum crumb_word_kind kind, uint32_t id)
{
	struct buffer *b = buffer_mine;
	uint64_t *at = b->next;
	if (__builtin_expect(at >= b->limit, 0))
		return false;
	uint64_t now = clock_counter(), ticks = now - b->last;
	if (__builtin_expect(ticks >= RECORD_TICKS_LIMIT, 0))
		return false;
	b->last = now;
	buffer_store(b, at, record_word(kind, id, ticks));
	return true;
}

/*
 * What is done at once: the code object is known to the thread and recorded, and there is
 * room in its window.  False: nothing is stored, the whole path has to be taken.
 */
static inline bool trace_store(enum crumb_word_kind kind, const void *code)
{
	const struct intern_slot *slot = trace_slot(code);
	if (__builtin_expect(!slot || !slot->id, 0))
		return false;
	return trace_store_word(kind, slot->id);
}

static inline bool trace_store_line(const void *code, uint32_t line)
{
	const struct intern_slot *slot = trace_slot(code);
	if (__builtin_expect(!slot || !slot->id, 0))
		return false;
	struct buffer *b = buffer_mine;
	uint64_t *at = b->next;
	if (__builtin_expect(at >= b->limit, 0))
		return false;
	uint64_t now = clock_counter(), ticks = now - b->last;
	int32_t relative = (int32_t)(line - slot->first_line);
	if (__builtin_expect(!record_line_fits(slot->id, relative, ticks), 0))
		return false;
	b->last = now;
	buffer_store(b, at, record_line(slot->id, relative, ticks));
	return true;
}

/*
 * A frame of `code` starts, returns, yields, goes on or is unwound.  `hint` goes to
 * describe(). False when this code is excluded: the hook need not tell about it any more.
 */
static inline bool trace_event(enum crumb_word_kind kind, const void *code, void *hint)
{
	return trace_store(kind, code) || trace_slow(kind, code, hint);
}

/* Line `line` of the innermost frame of `code` is about to run.  As trace_event(). */
static inline bool trace_line(const void *code, void *hint, uint32_t line)
{
	return trace_store_line(code, line) || trace_slow_line(code, hint, line);
}

/* Whether events of this code are recorded. */
static inline bool trace_wants(const void *code, void *hint)
{
	const struct intern_slot *slot = trace_slot(code);
	return slot ? slot->id != 0 : trace_slow_wants(code, hint);
}

static inline struct trace_line_note *trace_note_place(uint32_t id, int instruction)
{
	struct trace_notes *notes = trace_notes_of(buffer_mine);
	size_t i = (id * 17u + (unsigned)instruction / 2) %
	           (sizeof notes->lines / sizeof *notes->lines);
	return &notes->lines[i];
}

/* An exception of which nothing but its type is told, which lives as long as the process:
 * where trace_note_exception() has noted it.  False: nothing is stored. */
static inline bool trace_store_exception(const void *code, int instruction,
                                         const void *type)
{
	const struct intern_slot *slot = trace_slot(code);
	if (!slot || !slot->id)
		return false;
	const struct trace_line_note *note = trace_note_place(slot->id, instruction);
	return note->id == slot->id && note->instruction == instruction && type &&
	       note->type == type && trace_store_word(CRUMB_WORD_EXCEPTION, note->site);
}

/* After trace_exception(): its place in the code, and the address of its type. */
void trace_note_exception(const void *code, int instruction, uint32_t line,
                          const char *name, const void *type);

/* The thread's note of the line that an instruction of this code belongs to: 0, to be
 * filled in, when it has none.  NULL: it can keep none now. */
uint32_t *trace_line_note(const void *code, int instruction);

/* Whether frames of this code can suspend themselves. */
bool trace_is_generator(const void *code, void *hint);

/* The calling thread's buffer, made if need be; NULL: nothing can be recorded. */
struct buffer *trace_here(void);

/* `count` events of this code are not recorded, because trace_here() said NULL. */
void trace_lose(const void *code, void *hint, uint64_t count);

/* An exception of the type named was raised in a frame of `code`, or came into it. */
bool trace_exception(const void *code, void *hint, uint32_t line, const char *type);

/*
 * The values of an event: they are added to what trace_values() gives, stored by
 * trace_values_end(), and the event itself is told right behind that.  At most `room`
 * bytes.  NULL: the event is not recorded, or there is no place for them.
 */
struct payload *trace_values(const void *code, void *hint, size_t room);
void trace_values_end(struct payload *p, enum crumb_word_kind kind, const void *code);

/* Whether the file has the names of this code's variables; trace_variables() says them.
 */
bool trace_knows_variables(const void *code);
void trace_variables(const void *code, const struct intern_text *names, uint32_t count);

/* The process is about to be replaced by another program, or (begins false) was not. */
void trace_exec(bool begins);

/* The process ends by _exit() or abort().  Safe in a signal handler. */
void trace_exit(enum crumb_end how, uint32_t status);

/* Keeps a copy of the file as it is now.  Safe in a signal handler. */
void trace_snapshot(void);
/* The same; see sink_snapshot_as(). */
bool trace_snapshot_as(char *path, size_t size);

/* The program's own words (UTF-8), at most TRACE_MARK_MAX bytes of them, as an event of
 * the calling thread.  False: it could not be kept. */
#define TRACE_MARK_MAX 4096u
bool trace_mark(const char *text, size_t length);

/* How many threads of this process have had an event. */
uint32_t trace_threads(void);

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
