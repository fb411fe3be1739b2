/* SPDX-License-Identifier: MIT */
/*
 * The trace file.  Two kinds of space are in it: windows and definitions, which are
 * mapped and therefore allocated first (a store into a hole of a full disk is a SIGBUS in
 * somebody's program), and blocks of events, which are appended with one write each.
 * Threads never wait for one another's writes.
 *
 * Recording stops at the first failure and does not start again: a trace with a hole in
 * the middle that nobody sees would be worse than one that says where it ended.
 */
#include "sink.h"

#include "clock.h"
#include "guard.h"
#include "log.h"
#include "sink_file.h"
#include "sink_name.h"
#include "sink_space.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFINITIONS_FIRST (12u * 1024) /* small programs, small files */
#define DEFINITIONS_NEXT  (64u * 1024)
#define DEFINITIONS_NOTED 64
#define CHECK_ROOM_EVERY                                                                 \
	(1u << 20)             /* bytes appended between two looks at the room left */
#define CLOCK_EVERY 1000000000 /* nanoseconds between two clock records */
#define RECORDING   (-1)
#define OPENING     (-2) /* a failure is told by sink_open() */

static struct sink_options options;
static pthread_mutex_t lock = GUARD_MUTEX; /* guards definitions */
static struct crumb_header *header;        /* mapped; NULL: no file; atomic */
static pid_t owner;
static uint64_t checked_room;   /* the file's size at the last look; atomic */
static int64_t clock_noted;     /* atomic */
static int stopped = RECORDING; /* or enum crumb_loss; atomic */
static uint64_t trace_id, parent_id;
static struct {
	struct crumb_block *block;
	size_t size, used; /* bytes, header included */
	/* Where the newest blocks are: a snapshot takes them last. */
	struct sink_range ranges[DEFINITIONS_NOTED];
	unsigned count; /* atomic */
} definitions;

void sink_init(const struct sink_options *given)
{
	options = *given;
	sink_name_init(given->pattern);
}

bool sink_is_open(void)
{
	return __atomic_load_n(&header, __ATOMIC_ACQUIRE) != NULL;
}

const char *sink_path(void)
{
	return sink_file_path();
}

bool sink_lock(void)
{
	return pthread_mutex_lock(&lock) == 0;
}

void sink_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static const char *why(enum crumb_loss cause, int error)
{
	switch (cause) {
	case CRUMB_LOSS_DISK_FULL:
		return "the file system is full";
	case CRUMB_LOSS_MAX_SIZE:
		return "BREADCRUMB_MAX_SIZE is reached";
	case CRUMB_LOSS_KEEP_FREE:
		return "the file system has less free than BREADCRUMB_KEEP_FREE";
	case CRUMB_LOSS_FILE_LIMIT:
		return "the limit on file sizes (ulimit -f) is reached";
	case CRUMB_LOSS_NO_WINDOW:
		return "no memory can be mapped";
	default:
		return strerrordesc_np(error);
	}
}

static enum crumb_loss cause_of(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return CRUMB_LOSS_DISK_FULL;
	case EFBIG:
		return CRUMB_LOSS_FILE_LIMIT;
	case ENOMEM:
		return CRUMB_LOSS_NO_WINDOW;
	default:
		return CRUMB_LOSS_WRITE_ERROR;
	}
}

/* Recording ends here, for all threads, which is said once.  Want of memory for one
 * thread's window is that thread's alone, and said when it loses something by it. */
static void fail(enum crumb_loss cause, int error)
{
	int running = RECORDING;
	if (cause != CRUMB_LOSS_NO_WINDOW &&
	    __atomic_compare_exchange_n(&stopped, &running, (int)cause, false,
	                                __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		log_error("recording stops: %s: %s", sink_path(), why(cause, error));
}

/* Whether recording has stopped, with the cause. */
static bool is_stopped(enum crumb_loss *cause)
{
	int now = __atomic_load_n(&stopped, __ATOMIC_RELAXED);
	if (now < 0)
		return false;
	*cause = (enum crumb_loss)now;
	return true;
}

/* Whether the file may grow to `size`; *cause when not.  Asked before anything is
 * written: past RLIMIT_FSIZE the kernel would send the program a SIGXFSZ. */
static bool may_grow(uint64_t size, enum crumb_loss *cause)
{
	struct rlimit limit;

	if (options.max_size && size > options.max_size) {
		*cause = CRUMB_LOSS_MAX_SIZE;
		return false;
	}
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    size > limit.rlim_cur) {
		*cause = CRUMB_LOSS_FILE_LIMIT;
		return false;
	}
	uint64_t last = __atomic_load_n(&checked_room, __ATOMIC_RELAXED);
	if (options.keep_free && (!last || size >= last + CHECK_ROOM_EVERY)) {
		__atomic_store_n(&checked_room, size, __ATOMIC_RELAXED);
		if (sink_file_room() < options.keep_free) {
			*cause = CRUMB_LOSS_KEEP_FREE;
			return false;
		}
	}
	return true;
}

/* A new block, reserved at a page, mapped, with its header's fixed part.  *cause and
 * *error (an errno value) say why there is none. */
static struct crumb_block *map_block(uint32_t kind, struct sink_range *range,
                                     enum crumb_loss *cause, int *error)
{
	*error = 0;
	if (is_stopped(cause))
		return NULL;
	/* Reserved first: two threads may not both find the last room. */
	range->offset = sink_space_take(range->size, (size_t)sysconf(_SC_PAGESIZE));
	if (!may_grow(range->offset + range->size, cause)) {
		fail(*cause, 0);
		return NULL;
	}
	struct crumb_block *block = sink_file_map(range->offset, range->size, error);
	if (!block) {
		sink_space_give_back(range->offset, range->size);
		*cause = cause_of(*error);
		fail(*cause, *error);
		return NULL;
	}
	block->kind = kind;
	block->size = (uint32_t)range->size;
	block->check = crumb_block_check(kind, (uint32_t)range->size);
	__atomic_store_n(&block->magic, CRUMB_BLOCK_MAGIC, __ATOMIC_RELEASE);
	return block;
}

struct crumb_block *sink_window(size_t size, enum crumb_loss *cause)
{
	struct sink_range range = {.size = size};
	int error;
	return map_block(CRUMB_BLOCK_WINDOW, &range, cause, &error);
}

static bool more_definitions(size_t room, enum crumb_loss *cause, int *error)
{
	struct sink_range range = {.size = room};
	struct crumb_block *next =
	    map_block(CRUMB_BLOCK_DEFINITIONS, &range, cause, error);
	if (!next)
		return false;
	if (definitions.block)
		munmap(definitions.block, definitions.size);
	definitions.block = next;
	definitions.size = room;
	definitions.used = sizeof *next;
	definitions.ranges[definitions.count % DEFINITIONS_NOTED] = range;
	__atomic_store_n(&definitions.count, definitions.count + 1, __ATOMIC_RELEASE);
	return true;
}

/* Adds a record; the lock is held. */
static bool define(const void *record, size_t size, const void *text, size_t length)
{
	if (definitions.used + size > definitions.size) {
		size_t room = DEFINITIONS_NEXT;
		while (size + sizeof(struct crumb_block) > room)
			room *= 2;
		enum crumb_loss cause;
		int error;
		if (!more_definitions(room, &cause, &error))
			return false;
	}
	char *to = (char *)definitions.block + definitions.used;
	size_t fixed = size - ((length + 7) & ~(size_t)7);
	memcpy(to + 8, (const char *)record + 8, fixed - 8);
	if (length)
		memcpy(to + fixed, text, length);
	uint64_t first;
	memcpy(&first, record, sizeof first);
	__atomic_store_n((uint64_t *)(void *)to, first, __ATOMIC_RELEASE);
	definitions.used += size;
	return true;
}

bool sink_define(const void *record, size_t size, const void *text, size_t length)
{
	sink_lock();
	bool done = header && define(record, size, text, length);
	sink_unlock();
	return done;
}

/* A point on both clocks, so that ticks can be told as times however long the process
 * runs. */
static void note_clock(void)
{
	struct crumb_record_clock r = {.head = {CRUMB_RECORD_CLOCK, sizeof r}};
	int64_t now = clock_realtime(),
		last = __atomic_load_n(&clock_noted, __ATOMIC_RELAXED);

	if (now - last < CLOCK_EVERY && now >= last)
		return;
	__atomic_store_n(&clock_noted, now, __ATOMIC_RELAXED);
	clock_pair(options.counter, &r.ticks, &r.ns);
	sink_define(&r, sizeof r, NULL, 0);
}

/* Writes one EVENTS block.  0 or an errno value. */
static int write_block(const struct crumb_block *block, const uint64_t *words,
                       uint64_t offset)
{
	uint64_t tail[CRUMB_ALIGN / 8] = {0};
	size_t tail_words = (block->size - sizeof *block - block->used) / 8;

	tail[tail_words - 1] = crumb_trailer(block->thread, block->sequence, block->used);
	struct iovec pieces[] = {{(void *)(uintptr_t)block, sizeof *block},
	                         {(void *)(uintptr_t)words, block->used},
	                         {tail, tail_words * 8}};
	return sink_file_write(pieces, 3, offset);
}

bool sink_append(uint32_t thread, uint64_t sequence, uint64_t base_ticks,
                 const uint64_t *words, size_t count, enum crumb_loss *cause)
{
	size_t used = count * sizeof *words;
	size_t size = sizeof(struct crumb_block) + used + 8;
	size = (size + CRUMB_ALIGN - 1) & ~(size_t)(CRUMB_ALIGN - 1);
	struct crumb_block block = {
	    .magic = CRUMB_BLOCK_MAGIC,
	    .kind = CRUMB_BLOCK_EVENTS,
	    .size = (uint32_t)size,
	    .check = crumb_block_check(CRUMB_BLOCK_EVENTS, (uint32_t)size),
	    .thread = thread,
	    .used = (uint32_t)used,
	    .sequence = sequence,
	    .base_ticks = base_ticks,
	};
	int error = 0;

	if (is_stopped(cause))
		return false;
	uint64_t offset = size == CRUMB_WINDOW_SIZE ? sink_space_take_large(size)
	                                            : sink_space_take(size, CRUMB_ALIGN);
	bool done = may_grow(offset + size, cause);
	if (done) {
		sink_space_ahead(offset + size);
		error = write_block(&block, words, offset);
		done = !error;
		if (error)
			*cause = cause_of(error);
	}
	if (done)
		note_clock();
	else
		fail(*cause, error);
	return done;
}

void sink_lose(enum crumb_loss cause, uint64_t count)
{
	static bool said;
	if (!sink_is_open() || cause >= CRUMB_LOSS_CAUSES || !count)
		return;
	__atomic_fetch_add(&header->lost[cause], count, __ATOMIC_RELAXED);
	if (cause == CRUMB_LOSS_NO_WINDOW &&
	    !__atomic_exchange_n(&said, true, __ATOMIC_RELAXED))
		log_error("some events are not recorded: %s: %s", sink_path(),
		          why(cause, 0));
}

static void fill_header(struct crumb_header *h)
{
	memcpy(h->magic, CRUMB_MAGIC, sizeof h->magic);
	h->version = CRUMB_FORMAT;
	h->header_size = CRUMB_HEADER_SIZE;
	if (getrandom(&h->trace_id, sizeof h->trace_id, GRND_NONBLOCK) !=
	    sizeof h->trace_id)
		h->trace_id = clock_ticks(options.counter) ^ (uint64_t)getpid() << 48;
	h->trace_id |= 1;
	trace_id = h->trace_id;
	h->parent_id = parent_id;
	h->pid = (uint32_t)getpid();
	h->parent_pid = (uint32_t)getppid();
	h->clock = options.counter ? CRUMB_CLOCK_COUNTER : CRUMB_CLOCK_MONOTONIC;
	h->window_size = CRUMB_WINDOW_SIZE;
	clock_pair(options.counter, &h->start_ticks, &h->start_ns);
	h->start_boot_ns = clock_boot();
	h->ticks_per_second = clock_frequency(options.counter);
	h->python_hex = options.python_hex;
	h->flags = options.flags;
}

/* The header and the first definitions: what every file has, however little room there
 * is. The header is mapped at *h even when it fails. */
static bool begin(struct crumb_header **h, enum crumb_loss *cause, int *error)
{
	if (!may_grow(CRUMB_HEADER_SIZE + DEFINITIONS_FIRST, cause))
		return false;
	*h = sink_file_map(0, CRUMB_HEADER_SIZE, error);
	if (!*h) {
		*cause = cause_of(*error);
		return false;
	}
	if (!more_definitions(DEFINITIONS_FIRST, cause, error))
		return false;
	fill_header(*h);
	*error = sink_file_publish();
	if (*error)
		*cause = CRUMB_LOSS_WRITE_ERROR;
	return !*error;
}

static void forget_definitions(void)
{
	definitions.block = NULL;
	definitions.size = definitions.used = definitions.count = 0;
}

bool sink_open(void)
{
	enum crumb_loss cause = CRUMB_LOSS_WRITE_ERROR;
	struct crumb_header *h = NULL;
	bool begun = false;

	int error = sink_file_create();
	if (!error) {
		owner = getpid();
		sink_space_begin(CRUMB_HEADER_SIZE);
		checked_room =
		    CRUMB_HEADER_SIZE; /* KEEP_FREE does not forbid the beginning */
		stopped = OPENING;
		begun = begin(&h, &cause, &error);
		checked_room = 0;
		stopped = RECORDING;
		if (!begun) {
			sink_file_drop();
			if (h)
				munmap(h, CRUMB_HEADER_SIZE);
			if (definitions.block)
				munmap(definitions.block, definitions.size);
			forget_definitions();
		}
	}
	if (!begun)
		log_error("nothing is recorded: %s: %s", sink_path(), why(cause, error));
	__atomic_store_n(&header, begun ? h : NULL, __ATOMIC_RELEASE);
	return begun;
}

bool sink_is_mine(void)
{
	return sink_is_open() && getpid() == owner;
}

void sink_end(enum crumb_end how, uint32_t status)
{
	if (!sink_is_mine())
		return;
	if (how != CRUMB_END_UNKNOWN && header->end == CRUMB_END_UNKNOWN) {
		clock_pair(options.counter, &header->end_ticks, &header->end_ns);
		header->end_status = status;
	} else if (how == CRUMB_END_UNKNOWN) {
		header->end_ticks = 0;
	} else {
		return;
	}
	__atomic_store_n(&header->end, how, __ATOMIC_RELEASE);
}

/* Whether the window is the file's last block, of which nothing is behind `used`. */
static bool is_last(const struct crumb_block *window, uint64_t at)
{
	struct crumb_block last;
	return sink_file_read(&last, sizeof last, at) &&
	       last.magic == CRUMB_BLOCK_MAGIC && last.kind == CRUMB_BLOCK_WINDOW &&
	       last.thread == window->thread && last.thread;
}

void sink_trim(const struct crumb_block *window, size_t size, size_t words)
{
	if (!sink_is_mine())
		return;
	size_t used = window ? sizeof *window + words * 8 : 0;
	used = (used + CRUMB_ALIGN - 1) & ~(size_t)(CRUMB_ALIGN - 1);
	uint64_t at = sink_space_end() - size;
	if (window && used < size && is_last(window, at) && sink_file_cut(at + used))
		header->end_size = at + used;
	else
		sink_file_release();
}

/* The newest blocks of definitions: those that may have grown since they were copied are
 * among them. */
static bool copy_again(unsigned i, struct sink_range *out)
{
	unsigned count = __atomic_load_n(&definitions.count, __ATOMIC_ACQUIRE);
	unsigned first = count > DEFINITIONS_NOTED ? count - DEFINITIONS_NOTED : 0;
	if (first + i >= count)
		return false;
	*out = definitions.ranges[(first + i) % DEFINITIONS_NOTED];
	return true;
}

/* Definitions are copied last, so that none is missing which a copied event names. */
bool sink_snapshot_as(char *path, size_t size)
{
	if (!sink_is_mine())
		return false;
	if (options.keep_free &&
	    sink_file_room() < options.keep_free + sink_space_end()) {
		log_error("no snapshot: %s: %s", sink_path(),
		          why(CRUMB_LOSS_KEEP_FREE, 0));
		return false;
	}
	return sink_file_copy(sink_space_end, copy_again, path, size);
}

void sink_snapshot(void)
{
	sink_snapshot_as(NULL, 0);
}

uint64_t sink_size(void)
{
	return sink_is_mine() ? sink_space_end() : 0;
}

uint64_t sink_lost(enum crumb_loss cause)
{
	const struct crumb_header *h = __atomic_load_n(&header, __ATOMIC_ACQUIRE);
	if (!h || !sink_is_mine() || cause >= CRUMB_LOSS_CAUSES)
		return 0;
	return __atomic_load_n(&h->lost[cause], __ATOMIC_RELAXED);
}

void sink_forked(void)
{
	lock = (pthread_mutex_t)GUARD_MUTEX;
	/* Neither the header nor the definitions are mapped here. */
	forget_definitions();
	if (!header)
		return;
	parent_id = trace_id;
	header = NULL;
	clock_noted = 0;
	sink_file_forked();
}
