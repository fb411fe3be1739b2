/* SPDX-License-Identifier: MIT */
/*
 * The trace file.  Two kinds of space are in it: windows and definitions, which are
 * mapped and therefore allocated first (a store into a hole of a full disk is a SIGBUS in
 * somebody's program), and blocks of events, which are appended with one pwritev each.
 * Space is handed out by moving `end` on, so threads never wait for one another's writes.
 *
 * The descriptor is a guest in the program's table.  It stays close-on-exec and above the
 * numbers that the program can get; a program that closes all descriptors, or gets this
 * number for a file of its own, does no harm: device and inode are checked before each
 * use, and the file is opened again by its path.
 *
 * Recording stops at the first failure and does not start again: a trace with a hole in
 * the middle that nobody sees would be worse than one that says where it ended.
 */
#include "sink.h"

#include "clock.h"
#include "log.h"
#include "sink_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define DEFINITIONS_FIRST                                                                \
	(16u * 1024 - CRUMB_HEADER_SIZE) /* small programs, small files */
#define DEFINITIONS_NEXT (64u * 1024)
#define CHECK_FREE_EVERY                                                                 \
	(1u << 20)             /* bytes appended between two looks at the free space */
#define CLOCK_EVERY 1000000000 /* nanoseconds between two clock records */
#define FD_ABOVE_LIMIT                                                                   \
	8192 /* soft limits above this: the table for such a number is large */
#define RECORDING (-1)
#define OPENING   (-2) /* a failure is told by sink_open() */

static struct sink_options options;
static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER;      /* guards definitions, fd and stop */
static struct crumb_header *header; /* mapped; NULL: no file */
static char path[PATH_MAX];
static int file = -1;
static dev_t device;
static ino_t inode;
static pid_t owner;
static uint64_t end;          /* bytes handed out; atomic */
static uint64_t checked_free; /* `end` at the last look; atomic */
static int64_t clock_noted;
static int stopped = RECORDING; /* or enum crumb_loss; atomic */
static uint64_t parent_id;
static unsigned snapshots;
static struct {
	struct crumb_block *block;
	size_t used; /* bytes, header included */
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
	return path;
}

uint64_t sink_trace_id(void)
{
	return header ? header->trace_id : 0;
}

void sink_lock(void)
{
	pthread_mutex_lock(&lock);
}

void sink_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* Moves a descriptor out of the program's way: to the first number that the soft limit
 * keeps the program from getting, or, where the limit is high, to a number rarely
 * reached. */
static int move_away(int fd)
{
	struct rlimit now, raised;
	int high = -1;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return fd;
	if (now.rlim_cur <= FD_ABOVE_LIMIT && now.rlim_cur < now.rlim_max) {
		raised = now;
		raised.rlim_cur =
		    now.rlim_cur + 64 < now.rlim_max ? now.rlim_cur + 64 : now.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
			high = fcntl(fd, F_DUPFD_CLOEXEC, (int)now.rlim_cur);
			setrlimit(RLIMIT_NOFILE, &now);
		}
	}
	rlim_t below = now.rlim_cur > FD_ABOVE_LIMIT ? FD_ABOVE_LIMIT : now.rlim_cur;
	for (rlim_t step = 16; high < 0 && below > step && step <= 64; step *= 2)
		high = fcntl(fd, F_DUPFD_CLOEXEC, (int)(below - step));
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

/* The descriptor, after making sure that it is still this file.  -1: the file is gone. */
static int checked_file(void)
{
	struct stat st;

	int fd = __atomic_load_n(&file, __ATOMIC_RELAXED);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode)
		return fd;
	/* Whatever has the number now is the program's: it is not closed. */
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || st.st_dev != device || st.st_ino != inode) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	fd = move_away(fd);
	__atomic_store_n(&file, fd, __ATOMIC_RELAXED);
	return fd;
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

/* Recording ends here, for all threads.  Says so once. */
static void stop(enum crumb_loss cause, int error)
{
	int running = RECORDING;
	if (__atomic_compare_exchange_n(&stopped, &running, (int)cause, false,
	                                __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		log_error("recording stops: %s: %s", path, why(cause, error));
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

/* Whether the file may grow to `size`; *cause when not.  Asked before anything is
 * written: past RLIMIT_FSIZE the kernel would send the program a SIGXFSZ. */
static bool may_grow(uint64_t size, enum crumb_loss *cause)
{
	struct rlimit limit;
	struct statvfs fs;

	if (options.max_size && size > options.max_size) {
		*cause = CRUMB_LOSS_MAX_SIZE;
		return false;
	}
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    size > limit.rlim_cur) {
		*cause = CRUMB_LOSS_FILE_LIMIT;
		return false;
	}
	uint64_t last = __atomic_load_n(&checked_free, __ATOMIC_RELAXED);
	if (options.keep_free && (!last || size - last >= CHECK_FREE_EVERY)) {
		__atomic_store_n(&checked_free, size, __ATOMIC_RELAXED);
		int fd = checked_file();
		if (fd >= 0 && fstatvfs(fd, &fs) == 0 &&
		    (uint64_t)fs.f_bavail * fs.f_frsize < options.keep_free) {
			*cause = CRUMB_LOSS_KEEP_FREE;
			return false;
		}
	}
	return true;
}

/* Hands out `size` bytes of the file, starting at a multiple of `align`. */
static uint64_t reserve(size_t size, size_t align)
{
	uint64_t old = __atomic_load_n(&end, __ATOMIC_RELAXED), start;
	do {
		start = (old + align - 1) & ~(uint64_t)(align - 1);
	} while (!__atomic_compare_exchange_n(&end, &old, start + size, true,
	                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return start;
}

/* Gives a stretch of the file room on the disk.  0 or an errno value. */
static int allocate(int fd, uint64_t offset, size_t size)
{
	static const char zeros[4096];
	while (fallocate(fd, 0, (off_t)offset, (off_t)size) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			return errno;
		for (size_t done = 0; done < size; done += sizeof zeros) {
			ssize_t n =
			    pwrite(fd, zeros, sizeof zeros, (off_t)(offset + done));
			if (n != sizeof zeros)
				return n < 0 ? errno : ENOSPC;
		}
		break;
	}
	return 0;
}

/* A stretch of the file, allocated and mapped.  NULL: *error is an errno value. */
static void *map(uint64_t offset, size_t size, int *error)
{
	int fd = checked_file();
	if (fd < 0) {
		*error = errno;
		return NULL;
	}
	*error = allocate(fd, offset, size);
	if (*error)
		return NULL;
	void *at =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	if (at == MAP_FAILED) {
		*error = errno;
		return NULL;
	}
	return at;
}

/* One thread has no window; the others go on. */
static void say_unmapped(void)
{
	static bool said;
	int now = __atomic_load_n(&stopped, __ATOMIC_RELAXED);
	if (now == RECORDING && !__atomic_exchange_n(&said, true, __ATOMIC_RELAXED))
		log_error("some events are not recorded: %s: %s", path,
		          why(CRUMB_LOSS_NO_WINDOW, 0));
}

/* A new block, reserved at a page, mapped, with its header's fixed part. */
static struct crumb_block *map_block(uint32_t kind, size_t size, enum crumb_loss *cause)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t ahead = __atomic_load_n(&end, __ATOMIC_RELAXED) + size + page;
	int now = __atomic_load_n(&stopped, __ATOMIC_RELAXED), error = 0;

	if (now >= 0) {
		*cause = (enum crumb_loss)now;
		return NULL;
	}
	if (!may_grow(ahead, cause)) {
		stop(*cause, 0);
		return NULL;
	}
	struct crumb_block *block = map(reserve(size, page), size, &error);
	if (!block) {
		*cause = cause_of(error);
		if (*cause == CRUMB_LOSS_NO_WINDOW)
			say_unmapped();
		else
			stop(*cause, error);
		return NULL;
	}
	block->kind = kind;
	block->size = (uint32_t)size;
	block->check = crumb_block_check(kind, (uint32_t)size);
	__atomic_store_n(&block->magic, CRUMB_BLOCK_MAGIC, __ATOMIC_RELEASE);
	return block;
}

struct crumb_block *sink_window(size_t size, enum crumb_loss *cause)
{
	return map_block(CRUMB_BLOCK_WINDOW, size, cause);
}

/* Adds a record; the lock is held. */
static bool define(const void *record, size_t size, const void *text, size_t length)
{
	struct crumb_block *block = definitions.block;
	if (!block || definitions.used + size > block->size) {
		size_t room = definitions.used ? DEFINITIONS_NEXT : DEFINITIONS_FIRST;
		if (size + sizeof *block > room)
			room = (size + sizeof *block + 4095) & ~(size_t)4095;
		enum crumb_loss cause;
		struct crumb_block *next =
		    map_block(CRUMB_BLOCK_DEFINITIONS, room, &cause);
		if (!next)
			return false;
		if (block)
			munmap(block, block->size);
		definitions.block = block = next;
		definitions.used = sizeof *block;
	}
	char *to = (char *)block + definitions.used;
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
	int saved = errno;
	sink_lock();
	bool done = header && define(record, size, text, length);
	sink_unlock();
	errno = saved;
	return done;
}

/* A point on both clocks, so that ticks can be told as times however long the process
 * runs. */
static void note_clock(int64_t now)
{
	struct crumb_record_clock r = {.head = {CRUMB_RECORD_CLOCK, sizeof r}};
	if (now - __atomic_load_n(&clock_noted, __ATOMIC_RELAXED) < CLOCK_EVERY)
		return;
	__atomic_store_n(&clock_noted, now, __ATOMIC_RELAXED);
	clock_pair(options.counter, &r.ticks, &r.ns);
	sink_define(&r, sizeof r, NULL, 0);
}

/* Writes all of the pieces; 0 or an errno value. */
static int write_pieces(int fd, struct iovec *piece, int pieces, uint64_t offset)
{
	while (pieces) {
		ssize_t n = pwritev(fd, piece, pieces, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		offset += (uint64_t)n;
		while (pieces && (size_t)n >= piece->iov_len) {
			n -= (ssize_t)piece->iov_len;
			piece++;
			pieces--;
		}
		if (pieces) {
			piece->iov_base = (char *)piece->iov_base + n;
			piece->iov_len -= (size_t)n;
		}
	}
	return 0;
}

bool sink_append(uint32_t thread, uint64_t sequence, uint64_t base_ticks,
                 const uint64_t *words, size_t count, enum crumb_loss *cause)
{
	size_t used = count * sizeof *words;
	size_t size = (sizeof(struct crumb_block) + used + 8 + CRUMB_ALIGN - 1) &
	              ~(size_t)(CRUMB_ALIGN - 1);
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
	uint64_t tail[CRUMB_ALIGN / 8] = {0};
	size_t tail_words = (size - sizeof block - used) / 8;
	tail[tail_words - 1] = crumb_trailer(thread, sequence, (uint32_t)used);
	struct iovec pieces[] = {{&block, sizeof block},
	                         {(void *)(uintptr_t)words, used},
	                         {tail, tail_words * 8}};
	int saved = errno, error = 0;
	int now = __atomic_load_n(&stopped, __ATOMIC_RELAXED);

	if (now >= 0) {
		*cause = (enum crumb_loss)now;
		return false;
	}
	if (!may_grow(__atomic_load_n(&end, __ATOMIC_RELAXED) + size, cause)) {
		stop(*cause, 0);
	} else {
		uint64_t offset = reserve(size, CRUMB_ALIGN);
		int fd = checked_file();
		error = fd < 0 ? errno : write_pieces(fd, pieces, 3, offset);
		if (error) {
			*cause = cause_of(error);
			stop(*cause, error);
		}
	}
	bool done = __atomic_load_n(&stopped, __ATOMIC_RELAXED) == RECORDING;
	if (!done)
		*cause = (enum crumb_loss)__atomic_load_n(&stopped, __ATOMIC_RELAXED);
	else
		note_clock(clock_realtime());
	errno = saved;
	return done;
}

void sink_lose(enum crumb_loss cause, uint64_t count)
{
	if (sink_is_open())
		__atomic_fetch_add(&header->lost[cause], count, __ATOMIC_RELAXED);
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
	h->parent_id = parent_id;
	h->pid = (uint32_t)getpid();
	h->parent_pid = (uint32_t)getppid();
	h->clock = options.counter ? CRUMB_CLOCK_COUNTER : CRUMB_CLOCK_MONOTONIC;
	h->window_size = CRUMB_WINDOW_SIZE;
	clock_pair(options.counter, &h->start_ticks, &h->start_ns);
	h->ticks_per_second = clock_frequency(options.counter);
	h->python_hex = options.python_hex;
	h->flags = options.flags;
}

/* The header and the first definitions: what every file has, however little room there
 * is. */
static bool begin(enum crumb_loss *cause, int *error)
{
	if (!may_grow(CRUMB_HEADER_SIZE + DEFINITIONS_FIRST, cause))
		return false;
	struct crumb_header *h = map(0, CRUMB_HEADER_SIZE, error);
	if (h) {
		definitions.block =
		    map_block(CRUMB_BLOCK_DEFINITIONS, DEFINITIONS_FIRST, cause);
		if (!definitions.block) {
			munmap(h, CRUMB_HEADER_SIZE);
			return false;
		}
		definitions.used = sizeof *definitions.block;
		fill_header(h);
		__atomic_store_n(&header, h, __ATOMIC_RELEASE);
	} else {
		*cause = cause_of(*error);
	}
	return h != NULL;
}

bool sink_open(void)
{
	int saved = errno, error = 0;
	enum crumb_loss cause = CRUMB_LOSS_WRITE_ERROR;
	struct stat st;

	int fd = sink_name_create(path, sizeof path);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		device = st.st_dev;
		inode = st.st_ino;
		file = move_away(fd);
		owner = getpid();
		end = CRUMB_HEADER_SIZE;
		checked_free =
		    CRUMB_HEADER_SIZE; /* KEEP_FREE does not forbid the beginning */
		stopped = OPENING;
		if (!begin(&cause, &error)) {
			unlink(path);
			close(file);
			file = -1;
		}
		stopped = RECORDING;
		checked_free = 0;
	} else {
		error = errno;
	}
	if (!header) {
		log_error("nothing is recorded: %s: %s", path, why(cause, error));
		path[0] = '\0';
	}
	errno = saved;
	return header != NULL;
}

void sink_snapshot(void)
{
	static int busy;
	static char buffer[16384], name[PATH_MAX + 16];
	int saved = errno, from, to = -1;

	if (!header || getpid() != owner ||
	    __atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE))
		return;
	from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	while (from >= 0 && to < 0 && snapshots < 100000) {
		sink_name_numbered(name, sizeof name, path, ++snapshots);
		to = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		          0600);
		if (to < 0 && errno != EEXIST)
			break;
	}
	/* In ascending order: windows lie before the blocks that they are appended as, so
	 * no event falls between the two. */
	ssize_t n = to < 0 ? -1 : 1;
	while (n > 0) {
		n = copy_file_range(from, NULL, to, NULL, 1 << 24, 0);
		if (n >= 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS &&
		               errno != EOPNOTSUPP))
			continue;
		while ((n = read(from, buffer, sizeof buffer)) > 0) {
			if (write(to, buffer, (size_t)n) != n) {
				n = -1;
				break;
			}
		}
		break;
	}
	if (n < 0)
		log_error("no snapshot: %s: %s", name[0] ? name : path,
		          strerrordesc_np(errno));
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
	errno = saved;
}

void sink_end(enum crumb_end how, uint32_t status)
{
	/* A child of vfork() shares this memory and calls _exit(): it is not the owner.
	 */
	if (!header || header->end != CRUMB_END_UNKNOWN || getpid() != owner)
		return;
	clock_pair(options.counter, &header->end_ticks, &header->end_ns);
	header->end_status = status;
	__atomic_store_n(&header->end, how, __ATOMIC_RELEASE);
}

void sink_trim(const struct crumb_block *window, size_t size, size_t words)
{
	if (!header || getpid() != owner || !window)
		return;
	size_t used =
	    (sizeof *window + words * 8 + CRUMB_ALIGN - 1) & ~(size_t)(CRUMB_ALIGN - 1);
	struct crumb_block last;
	int fd = checked_file();
	uint64_t at = __atomic_load_n(&end, __ATOMIC_RELAXED) - size;
	if (fd < 0 || used >= size ||
	    pread(fd, &last, sizeof last, (off_t)at) != sizeof last)
		return;
	if (last.magic == CRUMB_BLOCK_MAGIC && last.kind == CRUMB_BLOCK_WINDOW &&
	    last.thread == window->thread && last.thread) {
		if (ftruncate(fd, (off_t)(at + used)) == 0)
			header->end_size = at + used;
	}
}

void sink_forked(void)
{
	pthread_mutex_init(&lock, NULL);
	if (!header)
		return;
	parent_id = header->trace_id;
	munmap(header, CRUMB_HEADER_SIZE);
	if (definitions.block)
		munmap(definitions.block, definitions.block->size);
	definitions.block = NULL;
	definitions.used = 0;
	struct stat st;
	if (file >= 0 && fstat(file, &st) == 0 && st.st_dev == device &&
	    st.st_ino == inode)
		close(file);
	file = -1;
	header = NULL;
	snapshots = 0;
	clock_noted = 0;
}
