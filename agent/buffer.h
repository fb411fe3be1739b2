/* SPDX-License-Identifier: MIT */
/*
 * Where a thread stores its events: its window of the file.  The only thread-local state
 * of the agent is the pointer to it.
 */
#ifndef BREADCRUMB_AGENT_BUFFER_H
#define BREADCRUMB_AGENT_BUFFER_H

#include "breadcrumb/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_SCRATCH    32       /* words; no record is longer */
#define BUFFER_UNMEASURED SIZE_MAX /* stack_reserve: of a stack nobody knows yet */

struct buffer {
	/* What an event needs, in one cache line. */
	uint64_t *next;  /* where the next word goes */
	uint64_t *limit; /* the first place where it may not without a closer look: at
	                    buffer_full(), and everywhere when there is no counter */
	uint64_t last;   /* ticks of the previous event */
	bool counter;    /* clock_has_counter() */
	/* stack.h: the lowest address of the thread's stack, and how much above it hooks
	 * keep away from. */
	uintptr_t stack_low;
	size_t stack_reserve;

	uint64_t *first, *end; /* of the place in use: the window's words, or scratch */
	uint64_t *watch;       /* at most `end`: see buffer_watch() */
	struct crumb_block *window; /* NULL: none yet, or none to be had */
	size_t window_size;         /* bytes */
	bool stays_small;           /* there was no memory for a larger one */
	struct crumb_block *spare;  /* the small window that a busy thread began with */
	enum crumb_loss loss;       /* while in scratch: why */
	uint32_t thread;            /* number; 0: nobody's */
	uint64_t sequence;
	size_t stack_size;
	bool stack_spared;              /* hooks keep away now */
	struct evalframe *without_hook; /* evalframe: the hook that this thread has taken
	                                   out */
	/* hook_frame: frames below this address are followed by the trace function, not
	 * by the hook; 0: none. */
	uintptr_t followed_below;
	/* tracefunc, hook_settrace: whether the program has a trace function of its own
	 * here, and the frame whose exception was the last event. */
	bool taken_over, setting_trace;
	const void *raised;
	unsigned probes; /* how often the thread's name was looked for */
	struct buffer *others;
	uint64_t
	    scratch[BUFFER_SCRATCH]; /* words that cannot be kept: counted, dropped */
};

/* Memory for the caller's own use lies behind each buffer, as large as buffer_init() was
 * told, at a constant distance. */
#define BUFFER_AREA ((sizeof(struct buffer) + 63) & ~(size_t)63)

static inline char *buffer_area(struct buffer *b)
{
	return (char *)b + BUFFER_AREA;
}

/* The calling thread's buffer; NULL: none yet.  The one datum that the agent's rooms
 * share by name: a function call for each event would cost more than all else. */
extern __thread struct buffer *buffer_mine __attribute__((tls_model("initial-exec")));

/* `area` bytes are kept for the caller behind each buffer. */
void buffer_init(size_t area, bool counter);

/*
 * Gives the calling thread a buffer, with a window that says it belongs to thread
 * `number` since `start` (ticks).  Without a window its events are counted and dropped.
 * Returns NULL when there is no memory.  The area of a buffer used before holds what it
 * held.
 */
struct buffer *buffer_acquire(uint32_t number, uint64_t start);

/* Appends what the window holds and makes room.  At least BUFFER_SCRATCH words are free
 * then. */
void buffer_flush(struct buffer *b);

/* Makes buffer_full() true after `words` more words: a chance for the caller to look
 * around. */
void buffer_watch(struct buffer *b, size_t words);

static inline bool buffer_full(const struct buffer *b)
{
	return b->next >= b->watch;
}

/* Room for `words` words in a row (at most BUFFER_SCRATCH). */
static inline void buffer_reserve(struct buffer *b, size_t words)
{
	if ((size_t)(b->end - b->next) < words)
		buffer_flush(b);
}

/* Whether what is stored now is only counted. */
static inline bool buffer_in_scratch(const struct buffer *b)
{
	return b->first == b->scratch;
}

/* Whether there is room for so many words in a row, more than BUFFER_SCRATCH. */
static inline bool buffer_has_room(const struct buffer *b, size_t words)
{
	return (size_t)(b->end - b->next) >= words;
}

/* Makes room for so many words in a row, more than BUFFER_SCRATCH and as many as a window
 * can hold.  False: what is stored now is not kept, or there is no window of that size.
 */
bool buffer_room(struct buffer *b, size_t words);

/* Stores one word at `at`, which is b->next.  The caller has made sure of room. */
static inline void buffer_store(struct buffer *b, uint64_t *at, uint64_t word)
{
	__atomic_store_n(at, word, __ATOMIC_RELEASE);
	b->next = at + 1;
}

static inline void buffer_put(struct buffer *b, uint64_t word)
{
	buffer_store(b, b->next, word);
}

/* Stores a record: the first word becomes visible last. */
static inline void buffer_put_record(struct buffer *b, uint64_t first,
                                     const uint64_t *payload, size_t words)
{
	for (size_t i = 0; i < words; i++)
		b->next[1 + i] = payload[i];
	__atomic_store_n(b->next, first, __ATOMIC_RELEASE);
	b->next += 1 + words;
}

/* The thread ends: its events are appended, buffer and window wait for another thread. */
void buffer_release(struct buffer *b);

/* Whether threads other than the calling one have buffers. */
bool buffer_others_in_use(void);

/* Calls `visit` with the area of every buffer that there is, in use or not. */
void buffer_each_area(void (*visit)(void *area, const void *context),
                      const void *context);

/* Counts the words in scratch, which is otherwise done when it is full: the calling
 * thread's, and those of all threads when no more will be stored.  Safe in a signal
 * handler. */
void buffer_count_losses(bool all);

/* The process ends: this thread's further words go to scratch and are not counted; its
 * window stays.  Returns the window (NULL: none), its size in bytes and how many words it
 * holds. */
const struct crumb_block *buffer_retire(size_t *size, size_t *words);

/*
 * After a fork a child sees its buffers full of zeros, however it came to be (a clone()
 * that runs no handler, too): so nothing is found in them, and nothing can be stored
 * through them.  Windows are not mapped in a child.  buffer_is_forked() says that this is
 * such a child, until buffer_forked() makes it a process of its own.
 */
bool buffer_is_forked(void);
void buffer_forked(void);

bool buffer_lock(void);
void buffer_unlock(void);

#endif
