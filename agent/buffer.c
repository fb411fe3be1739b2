/* SPDX-License-Identifier: MIT */
/*
 * One window per live thread.  A window is written by its thread alone, so storing an
 * event takes no lock and touches no line that another core writes.  Windows and buffers
 * are never given back to the system: a thread that ends leaves them to the next one, so
 * a program that starts threads all day long stays as large as its busiest moment.
 *
 * A thread that cannot have its words kept (full disk, no memory map, recording stopped)
 * stores them into `scratch` like any other; they are counted and dropped when it is
 * full. So the path of an event never asks whether recording goes on.
 */
#include "buffer.h"

#include "guard.h"
#include "record.h"
#include "sink.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define SMALL_WINDOW ((size_t)8 * 1024) /* most threads have little to tell */

__thread struct buffer *buffer_mine __attribute__((tls_model("initial-exec")));

static pthread_mutex_t lock = GUARD_MUTEX; /* guards the list and ownership */
static struct buffer *all;
static size_t area_size;
static bool use_counter;
static bool *mark; /* true, until a fork wipes it; NULL: no memory for it */

/* Memory that is full of zeros in a forked child. */
static void *wiped_pages(size_t size)
{
	void *at =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	madvise(at, size, MADV_WIPEONFORK); /* Linux 4.14 */
	return at;
}

void buffer_init(size_t area, bool counter)
{
	area_size = area;
	use_counter = counter;
	mark = wiped_pages(sizeof *mark);
	if (mark)
		*mark = true;
}

bool buffer_lock(void)
{
	return pthread_mutex_lock(&lock) == 0;
}

void buffer_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* Takes a buffer that nobody uses, or a new one.  Ownership is marked under the lock. */
static struct buffer *take(uint32_t number)
{
	buffer_lock();
	struct buffer *b = all;
	while (b && b->thread)
		b = b->others;
	if (!b && (b = wiped_pages(BUFFER_AREA + area_size))) {
		b->counter = use_counter;
		b->others = all;
		all = b;
	}
	if (b)
		b->thread = number;
	buffer_unlock();
	return b;
}

static void set_watch(struct buffer *b, uint64_t *at)
{
	b->watch = at;
	b->limit = use_counter ? at : b->first;
}

static void use(struct buffer *b, uint64_t *first, size_t words)
{
	b->first = b->next = first;
	b->end = first + words;
	set_watch(b, b->end);
}

static void use_scratch(struct buffer *b, enum crumb_loss cause)
{
	b->loss = cause;
	use(b, b->scratch, BUFFER_SCRATCH);
}

/* The words of a window; its last 8 bytes stay free, where an EVENTS block has its
 * trailer. */
static void use_window(struct buffer *b)
{
	use(b, (uint64_t *)(void *)(b->window + 1),
	    (b->window_size - sizeof *b->window) / 8 - 1);
}

/* Makes the window the calling thread's, from now on. */
static void open_window(struct buffer *b)
{
	b->window->sequence = b->sequence;
	b->window->base_ticks = b->last;
	__atomic_store_n(&b->window->thread, b->thread, __ATOMIC_RELEASE);
	use_window(b);
}

struct buffer *buffer_acquire(uint32_t number, uint64_t start)
{
	enum crumb_loss cause = CRUMB_LOSS_NO_WINDOW;
	struct buffer *b = take(number);
	if (!b)
		return NULL;
	b->last = start;
	b->sequence = 0;
	b->probes = 0;
	b->stack_reserve = BUFFER_UNMEASURED;
	b->stack_spared = b->stays_small = false;
	b->without_hook = NULL;
	b->followed_below = 0;
	b->raised = NULL;
	b->taken_over = b->setting_trace = false;
	if (!b->window) {
		b->window_size = SMALL_WINDOW;
		b->window = sink_window(SMALL_WINDOW, &cause);
	}
	if (b->window)
		open_window(b);
	else
		use_scratch(b, cause);
	buffer_mine = b;
	return b;
}

static void drop_scratch(struct buffer *b)
{
	sink_lose(b->loss, record_count_events(b->first, (size_t)(b->next - b->first)));
	use(b, b->scratch, BUFFER_SCRATCH);
}

/* A thread that has filled a small window gets a large one, if there is one to be had. */
static void grow(struct buffer *b)
{
	enum crumb_loss ignored;
	struct crumb_block *large = sink_window(CRUMB_WINDOW_SIZE, &ignored);
	b->stays_small = !large;
	if (!large)
		return;
	__atomic_store_n(&b->window->thread, 0, __ATOMIC_RELEASE);
	b->spare = b->window;
	b->window = large;
	b->window_size = CRUMB_WINDOW_SIZE;
}

/* Appends the window's words as a block.  Only then are they cleared, and only then does
 * the window get the next number: whenever the process dies, each event is in the file
 * once. */
static bool append(struct buffer *b)
{
	enum crumb_loss cause;
	size_t words = (size_t)(b->next - b->first);

	if (!sink_append(b->thread, b->sequence, b->window->base_ticks, b->first, words,
	                 &cause)) {
		use_scratch(b, cause);
		return false;
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memset(b->first, 0, words * sizeof *b->first);
	__atomic_store_n(&b->window->base_ticks, b->last, __ATOMIC_RELEASE);
	__atomic_store_n(&b->window->sequence, ++b->sequence, __ATOMIC_RELEASE);
	use_window(b);
	return true;
}

void buffer_flush(struct buffer *b)
{
	if (buffer_in_scratch(b)) {
		drop_scratch(b);
	} else if (b->next > b->first && append(b) &&
	           b->window_size < CRUMB_WINDOW_SIZE && !b->stays_small) {
		grow(b);
		open_window(b);
	}
}

bool buffer_room(struct buffer *b, size_t words)
{
	if (buffer_has_room(b, words))
		return true;
	buffer_flush(b);
	if (!buffer_in_scratch(b) && !buffer_has_room(b, words) && !b->stays_small &&
	    b->window_size < CRUMB_WINDOW_SIZE) {
		grow(b);
		open_window(b);
	}
	return buffer_has_room(b, words);
}

void buffer_watch(struct buffer *b, size_t words)
{
	set_watch(b, (size_t)(b->end - b->next) > words ? b->next + words : b->end);
}

void buffer_release(struct buffer *b)
{
	bool kept = true;
	buffer_mine = NULL;
	if (buffer_in_scratch(b))
		drop_scratch(b);
	else if (b->next > b->first)
		kept = append(b);
	/* A window that could not be appended holds this thread's last events for ever.
	 */
	if (b->window && (buffer_in_scratch(b) || !kept))
		b->window = NULL;
	if (b->window)
		__atomic_store_n(&b->window->thread, 0, __ATOMIC_RELEASE);
	buffer_lock();
	b->thread = 0;
	buffer_unlock();
}

void buffer_each_area(void (*visit)(void *area, const void *context), const void *context)
{
	buffer_lock();
	for (struct buffer *b = all; b; b = b->others)
		visit(buffer_area(b), context);
	buffer_unlock();
}

bool buffer_others_in_use(void)
{
	bool others = false;
	buffer_lock();
	for (struct buffer *b = all; b; b = b->others)
		others |= b->thread && b != buffer_mine;
	buffer_unlock();
	return others;
}

void buffer_count_losses(bool all_threads)
{
	struct buffer *mine = buffer_mine;
	if (mine && buffer_in_scratch(mine))
		drop_scratch(mine);
	if (!all_threads || pthread_mutex_trylock(&lock) != 0)
		return;
	for (struct buffer *b = all; b; b = b->others) {
		const uint64_t *next = __atomic_load_n(&b->next, __ATOMIC_RELAXED);
		if (b->thread && next > b->scratch && next <= b->scratch + BUFFER_SCRATCH)
			sink_lose(b->loss, record_count_events(
					       b->scratch, (size_t)(next - b->scratch)));
	}
	buffer_unlock();
}

const struct crumb_block *buffer_retire(size_t *size, size_t *words)
{
	struct buffer *b = buffer_mine;
	if (!b || buffer_in_scratch(b))
		return NULL;
	const struct crumb_block *window = b->window;
	*size = b->window_size;
	*words = (size_t)(b->next - b->first);
	b->window = NULL;
	use_scratch(b, CRUMB_LOSS_CAUSES);
	return window;
}

bool buffer_is_forked(void)
{
	return mark && !*mark;
}

void buffer_forked(void)
{
	lock = (pthread_mutex_t)GUARD_MUTEX;
	all = NULL; /* their memory is full of zeros: it could not even be given back */
	buffer_mine = NULL;
	if (mark)
		*mark = true;
}
