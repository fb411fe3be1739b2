/* SPDX-License-Identifier: MIT */
/*
 * The descriptor is a guest in the program's table.  It is close-on-exec and above the
 * numbers that the program can get; where it cannot be, none is kept, and the file is
 * opened by its path each time, which is once for a window of events.  A program that
 * closes all descriptors, or gets this number for a file of its own, does no harm: device
 * and inode are checked before each use.
 */
#include "sink_file.h"

#include "breadcrumb/format.h"
#include "guard.h"
#include "log.h"
#include "sink_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A descriptor's number costs the kernel 8 bytes for each below it, and a fork their
 * copying: where the soft limit is above this, a number below the limit is taken. */
#define NUMBER_MAX    65536
#define NUMBER_AMID   8192
#define FEW           1000
#define RAISED        64
#define SNAPSHOTS_MAX 100000

static char path[PATH_MAX];
static int kept = -1;    /* atomic */
static int opening = -1; /* between create and publish */
static bool linked;      /* the file that is being opened has its name */
static dev_t device;
static ino_t inode;
static unsigned snapshots;
static int copying; /* atomic */

const char *sink_file_path(void)
{
	return path;
}

static bool is_ours(int fd)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

/* A copy of the descriptor at a number that the program does not miss; -1: there is none.
 * Later on, the limit is not touched: another thread may be changing it. */
static int away(int fd, bool at_start)
{
	struct rlimit now, raised;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return -1;
	if (now.rlim_cur > NUMBER_MAX)
		return fcntl(fd, F_DUPFD_CLOEXEC, NUMBER_AMID);
	/* Descriptors above the limit stay valid when it is lowered again.  Above the
	 * hard one only with a privilege. */
	raised = now;
	if (now.rlim_cur == now.rlim_max)
		raised.rlim_max += RAISED;
	raised.rlim_cur += RAISED;
	if (raised.rlim_cur > raised.rlim_max)
		raised.rlim_cur = raised.rlim_max;
	if (!at_start || setrlimit(RLIMIT_NOFILE, &raised) != 0) {
		/* One of many is not missed.  One of a few is. */
		int number = (int)now.rlim_cur - 1;
		return number < FEW ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, number);
	}
	int high = fcntl(fd, F_DUPFD_CLOEXEC, (int)now.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &now);
	return high;
}

/* Keeps the file open, out of the way, if that can be. */
static void keep(int fd, bool at_start)
{
	__atomic_store_n(&kept, away(fd, at_start), __ATOMIC_RELAXED);
}

/* A descriptor of the file, -1: the file is gone; errno says more.  `opened`: only for
 * this use. */
struct use {
	int fd;
	bool opened;
};

static struct use use(void)
{
	int fd = opening >= 0 ? opening : __atomic_load_n(&kept, __ATOMIC_RELAXED);
	if (is_ours(fd))
		return (struct use){fd, false};
	/* Whatever has the number now is the program's: it is not closed. */
	bool was_kept = fd >= 0;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && !is_ours(fd)) {
		close(fd);
		errno = ENOENT;
		fd = -1;
	}
	if (fd >= 0 && was_kept)
		keep(fd, false);
	return (struct use){fd, fd >= 0};
}

static void done(struct use u)
{
	int saved = errno;
	if (u.opened)
		close(u.fd);
	errno = saved;
}

int sink_file_create(void)
{
	struct stat st;

	int fd = sink_name_open(path, sizeof path, &linked);
	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0) {
		int error = errno;
		if (linked)
			unlink(path);
		close(fd);
		return error;
	}
	device = st.st_dev;
	inode = st.st_ino;
	snapshots = 0;
	opening = fd;
	return 0;
}

int sink_file_publish(void)
{
	int error = linked ? 0 : sink_name_link(opening, path, sizeof path);
	if (error)
		return error;
	keep(opening, true);
	close(opening);
	opening = -1;
	return 0;
}

void sink_file_drop(void)
{
	if (linked)
		unlink(path);
	close(opening);
	opening = -1;
}

void sink_file_forked(void)
{
	copying = 0;
	int fd = __atomic_exchange_n(&kept, -1, __ATOMIC_RELAXED);
	if (is_ours(fd))
		close(fd);
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
		for (size_t at = 0; at < size; at += sizeof zeros) {
			ssize_t n = pwrite(fd, zeros, sizeof zeros, (off_t)(offset + at));
			if (n != sizeof zeros)
				return n < 0 ? errno : ENOSPC;
		}
		break;
	}
	return 0;
}

void *sink_file_map(uint64_t offset, size_t size, int *error)
{
	struct use u = use();
	void *at = NULL;

	*error = u.fd < 0 ? errno : allocate(u.fd, offset, size);
	if (!*error) {
		at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, u.fd,
		          (off_t)offset);
		if (at == MAP_FAILED) {
			*error = errno;
			at = NULL;
		} else {
			madvise(at, size,
			        MADV_DONTFORK); /* a child has a file of its own */
		}
	}
	done(u);
	return at;
}

/* What is left to write. */
struct rest {
	struct iovec *piece;
	int pieces;
	uint64_t offset;
};

static int write_rest(struct rest *r)
{
	struct use u = use();
	int error = u.fd < 0 ? errno : 0;

	while (r->pieces && !error) {
		ssize_t n = pwritev(u.fd, r->piece, r->pieces, (off_t)r->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			error = n < 0 ? errno : ENOSPC;
		for (r->offset += n > 0 ? (uint64_t)n : 0; n > 0 && r->pieces;) {
			size_t part =
			    (size_t)n < r->piece->iov_len ? (size_t)n : r->piece->iov_len;
			r->piece->iov_base = (char *)r->piece->iov_base + part;
			r->piece->iov_len -= part;
			n -= (ssize_t)part;
			if (!r->piece->iov_len) {
				r->piece++;
				r->pieces--;
			}
		}
	}
	done(u);
	return error;
}

int sink_file_write(struct iovec *piece, int pieces, uint64_t offset)
{
	struct rest rest = {piece, pieces, offset};
	int error = write_rest(&rest);
	if (error == EBADF) /* closed by another thread since it was checked */
		error = write_rest(&rest);
	return error;
}

bool sink_file_read(void *out, size_t size, uint64_t offset)
{
	struct use u = use();
	bool whole = u.fd >= 0 && pread(u.fd, out, size, (off_t)offset) == (ssize_t)size;
	done(u);
	return whole;
}

bool sink_file_set_aside(uint64_t offset, uint64_t size)
{
	struct statfs fs;
	struct use u = use();
	/* In memory the pages would be cleared at once, and then written again. */
	bool done_it =
	    u.fd >= 0 && fstatfs(u.fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC &&
	    fallocate(u.fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) == 0;
	done(u);
	return done_it;
}

void sink_file_release(void)
{
	struct stat st;
	struct use u = use();
	/* Cutting a file to the size that it has frees what lies behind. */
	if (u.fd >= 0 && fstat(u.fd, &st) == 0 && ftruncate(u.fd, st.st_size) != 0)
		log_debug("space behind the file's end is kept: %s",
		          strerrordesc_np(errno));
	done(u);
}

bool sink_file_cut(uint64_t size)
{
	struct use u = use();
	bool cut = u.fd >= 0 && ftruncate(u.fd, (off_t)size) == 0;
	done(u);
	return cut;
}

uint64_t sink_file_room(void)
{
	struct statvfs fs;
	struct use u = use();
	bool known = u.fd >= 0 && fstatvfs(u.fd, &fs) == 0;
	done(u);
	return known ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX;
}

static char copy_buffer[16384]; /* one copy at a time */

static bool is_unsupported(int error)
{
	return error == EXDEV || error == EINVAL || error == ENOSYS ||
	       error == EOPNOTSUPP;
}

/* Copies some of a range by hand; what copy_file_range() would return. */
static ssize_t copy_some(int from, int to, off_t at, size_t size)
{
	ssize_t n = pread(from, copy_buffer,
	                  size < sizeof copy_buffer ? size : sizeof copy_buffer, at);
	return n > 0 ? pwrite(to, copy_buffer, (size_t)n, at) : n;
}

/* Copies a range into the same place.  0 or an errno value. */
static int copy_range(int from, int to, struct sink_range range)
{
	while (range.size) {
		off_t in = (off_t)range.offset, out = in;
		ssize_t n = copy_file_range(from, &in, to, &out, range.size, 0);
		if (n < 0 && is_unsupported(errno))
			n = copy_some(from, to, (off_t)range.offset, range.size);
		if (n <= 0)
			return n < 0 ? errno : 0;
		range.offset += (uint64_t)n;
		range.size -= (size_t)n;
	}
	return 0;
}

/* Copies the windows that begin before `end`, or all other blocks. */
static int copy_blocks(int from, int to, uint64_t end, bool windows)
{
	struct crumb_block b;
	uint64_t at = CRUMB_HEADER_SIZE;
	int error = 0;

	while (!error && at < end) {
		ssize_t got = pread(from, &b, sizeof b, (off_t)at);
		if (got < (ssize_t)sizeof b)
			return got < 0 ? errno : 0;
		bool is_block = b.magic == CRUMB_BLOCK_MAGIC && b.size >= sizeof b &&
		                b.check == crumb_block_check(b.kind, b.size);
		if (is_block && (b.kind == CRUMB_BLOCK_WINDOW) == windows)
			error = copy_range(from, to, (struct sink_range){at, b.size});
		at += is_block ? b.size : CRUMB_ALIGN; /* reserved, and not written yet */
	}
	return error;
}

/*
 * The file grows meanwhile.  Windows are copied first, and then all blocks that were
 * reserved by the time when that was done: so what a window had been appended as before
 * it was copied is there; and if one block of a thread is, those before it are, and
 * whole.
 */
static int copy(int from, int to, uint64_t (*size)(void))
{
	int error = copy_range(from, to, (struct sink_range){0, CRUMB_HEADER_SIZE});
	if (!error)
		error = copy_blocks(from, to, size(), true);
	if (!error)
		error = copy_blocks(from, to, size(), false);
	return error;
}

/* The next free numbered name, made.  -1: *error says why not. */
static int make_numbered(char *name, size_t size, int *error)
{
	int to = -1;
	*error = EEXIST;
	while (to < 0 && *error == EEXIST && snapshots < SNAPSHOTS_MAX) {
		sink_name_numbered(name, size, path, ++snapshots);
		to = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		          0600);
		*error = to < 0 ? errno : 0;
	}
	return to;
}

bool sink_file_copy(uint64_t (*size)(void),
                    bool (*again)(unsigned i, struct sink_range *out), char *copied,
                    size_t room)
{
	static char name[PATH_MAX + 16];
	struct sink_range range;
	int saved = errno, to = -1, error;

	if (__atomic_exchange_n(&copying, 1, __ATOMIC_ACQUIRE))
		return false;
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	error = from < 0 ? errno : 0;
	if (from >= 0)
		to = make_numbered(name, sizeof name, &error);
	struct guard_write guard = guard_write_enter();
	if (to >= 0)
		error = copy(from, to, size);
	for (unsigned i = 0; to >= 0 && !error && again(i, &range); i++)
		error = copy_range(from, to, range);
	guard_write_leave(&guard, error);
	if (error)
		log_error("no snapshot: %s: %s", to < 0 ? path : name,
		          strerrordesc_np(error));
	if (to >= 0 && error)
		unlink(name);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	size_t length = strlen(name) + 1;
	bool told = !error && (!copied || length <= room);
	if (told && copied)
		memcpy(copied, name, length);
	__atomic_store_n(&copying, 0, __ATOMIC_RELEASE);
	errno = saved;
	return told;
}
