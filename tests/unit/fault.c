/* SPDX-License-Identifier: MIT */
/*
 * The linker sends the calls named in tests/Makefile.am (--wrap) here.  Nothing is
 * changed until a test asks for it, so Check, which is linked statically and comes by
 * here too, works as ever.  Several threads may call at once; only one may set faults.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static struct fault {
	unsigned seen, from, times;
	int error;
	unsigned hooked;
	void (*before)(void);
	size_t most;
} faults[FAULT_CALLS];

static rlim_t descriptor_limit; /* what getrlimit() says of RLIMIT_NOFILE; 0: the truth */
static struct {
	bool stopped;
	int64_t monotonic, realtime;
	const int64_t *script;
	unsigned left;
} clocks;

void fault_fail(enum fault_call call, unsigned skip, unsigned times, int error)
{
	struct fault *f = &faults[call];
	f->from = f->seen + skip;
	f->times = times;
	f->error = error;
}

void fault_before(enum fault_call call, unsigned skip, void (*before)(void))
{
	struct fault *f = &faults[call];
	f->hooked = f->seen + skip;
	f->before = before;
}

void fault_shorten(enum fault_call call, size_t most)
{
	faults[call].most = most;
}

void fault_descriptor_limit(unsigned limit)
{
	descriptor_limit = limit;
}

unsigned fault_count(enum fault_call call)
{
	return __atomic_load_n(&faults[call].seen, __ATOMIC_RELAXED);
}

void fault_none(void)
{
	memset(faults, 0, sizeof(faults));
	descriptor_limit = 0;
}

/* Whether this call fails; errno is set then. */
static bool fails(enum fault_call call)
{
	struct fault *f = &faults[call];
	unsigned n = __atomic_fetch_add(&f->seen, 1, __ATOMIC_RELAXED);

	if (f->before && n == f->hooked) {
		void (*before)(void) = f->before;
		f->before = NULL;
		before();
	}
	if (n < f->from || n - f->from >= f->times)
		return false;
	if (f->error)
		errno = f->error;
	return true;
}

static int failure(enum fault_call call)
{
	return faults[call].error ? -1 : 0;
}

static size_t shortened(enum fault_call call, size_t size)
{
	size_t most = faults[call].most;
	return most && size > most ? most : size;
}

/* Defines the function that stands in for a call of the C library. */
#define STAND_IN(type, name, call, result, parameters, arguments)                        \
	type __real_##name parameters;                                                   \
	type __wrap_##name parameters;                                                   \
	type __wrap_##name parameters                                                    \
	{                                                                                \
		return fails(call) ? (result) : __real_##name arguments;                 \
	}

#define FAILS_WITH(name, call, parameters, arguments)                                    \
	STAND_IN(int, name, call, failure(call), parameters, arguments)
#define FAILS_WITH_COUNT(name, call, parameters, arguments)                              \
	STAND_IN(ssize_t, name, call, failure(call), parameters, arguments)
#define FAILS_WITH_ERROR(name, call, parameters, arguments)                              \
	STAND_IN(int, name, call, faults[call].error, parameters, arguments)

FAILS_WITH(access, FAULT_ACCESS, (const char *path, int mode), (path, mode))
FAILS_WITH(close, FAULT_CLOSE, (int fd), (fd))
FAILS_WITH(fallocate, FAULT_FALLOCATE, (int fd, int mode, off_t at, off_t size),
           (fd, mode, at, size))
FAILS_WITH(fstat, FAULT_FSTAT, (int fd, struct stat *st), (fd, st))
FAILS_WITH(fstatvfs, FAULT_FSTATVFS, (int fd, struct statvfs *fs), (fd, fs))
FAILS_WITH(ftruncate, FAULT_FTRUNCATE, (int fd, off_t size), (fd, size))
FAILS_WITH(setrlimit, FAULT_SETRLIMIT,
           (__rlimit_resource_t what, const struct rlimit *limit), (what, limit))
FAILS_WITH(linkat, FAULT_LINKAT,
           (int from_folder, const char *from, int to_folder, const char *to, int flags),
           (from_folder, from, to_folder, to, flags))
FAILS_WITH(madvise, FAULT_MADVISE, (void *at, size_t size, int advice),
           (at, size, advice))
FAILS_WITH(uname, FAULT_UNAME, (struct utsname * host), (host))
FAILS_WITH_COUNT(getrandom, FAULT_GETRANDOM, (void *to, size_t size, unsigned flags),
                 (to, size, flags))
FAILS_WITH_COUNT(pread, FAULT_PREAD, (int fd, void *to, size_t size, off_t at),
                 (fd, to, size, at))
FAILS_WITH_COUNT(pwrite, FAULT_PWRITE, (int fd, const void *from, size_t size, off_t at),
                 (fd, from, shortened(FAULT_PWRITE, size), at))
FAILS_WITH_COUNT(read, FAULT_READ, (int fd, void *to, size_t size), (fd, to, size))
FAILS_WITH_COUNT(write, FAULT_WRITE, (int fd, const void *from, size_t size),
                 (fd, from, shortened(FAULT_WRITE, size)))
FAILS_WITH_COUNT(copy_file_range, FAULT_COPY_FILE_RANGE,
                 (int in, off_t *in_at, int out, off_t *out_at, size_t size,
                  unsigned flags),
                 (in, in_at, out, out_at, shortened(FAULT_COPY_FILE_RANGE, size), flags))
FAILS_WITH_ERROR(pthread_key_create, FAULT_KEY_CREATE,
                 (pthread_key_t * key, void (*end)(void *)), (key, end))
FAILS_WITH_ERROR(pthread_setspecific, FAULT_SETSPECIFIC,
                 (pthread_key_t key, const void *value), (key, value))
FAILS_WITH_ERROR(pthread_getattr_np, FAULT_THREAD_ATTRIBUTES,
                 (pthread_t thread, pthread_attr_t *attributes), (thread, attributes))
STAND_IN(char *, getcwd, FAULT_GETCWD, NULL, (char *to, size_t size), (to, size))
STAND_IN(void *, malloc, FAULT_MALLOC, NULL, (size_t size), (size))
STAND_IN(char *, strdup, FAULT_STRDUP, NULL, (const char *text), (text))
STAND_IN(void *, mmap, FAULT_MMAP, MAP_FAILED,
         (void *at, size_t size, int protection, int flags, int fd, off_t offset),
         (at, size, protection, flags, fd, offset))

ssize_t __real_pwritev(int fd, const struct iovec *pieces, int count, off_t at);
ssize_t __wrap_pwritev(int fd, const struct iovec *pieces, int count, off_t at);

ssize_t __wrap_pwritev(int fd, const struct iovec *pieces, int count, off_t at)
{
	if (fails(FAULT_PWRITEV))
		return failure(FAULT_PWRITEV);
	if (!faults[FAULT_PWRITEV].most)
		return __real_pwritev(fd, pieces, count, at);
	while (count > 1 && !pieces->iov_len) {
		pieces++;
		count--;
	}
	struct iovec one = *pieces;
	one.iov_len = shortened(FAULT_PWRITEV, one.iov_len);
	return __real_pwritev(fd, &one, 1, at);
}

int __real_getrlimit(__rlimit_resource_t what, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t what, struct rlimit *limit);

int __wrap_getrlimit(__rlimit_resource_t what, struct rlimit *limit)
{
	if (fails(FAULT_GETRLIMIT))
		return failure(FAULT_GETRLIMIT);
	if (what != RLIMIT_NOFILE || !descriptor_limit)
		return __real_getrlimit(what, limit);
	limit->rlim_cur = limit->rlim_max = descriptor_limit;
	return 0;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
	mode_t mode = makes ? va_arg(more, mode_t) : 0;
	va_end(more);
	return fails(FAULT_OPEN) ? -1 : __real_open(path, flags, mode);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);

int __wrap_fcntl(int fd, int command, ...)
{
	va_list more;
	va_start(more, command);
	void *argument = va_arg(more, void *);
	va_end(more);
	return fails(FAULT_FCNTL) ? -1 : __real_fcntl(fd, command, argument);
}

void fault_clock_stop(int64_t monotonic_ns, int64_t realtime_ns)
{
	clocks.monotonic = monotonic_ns;
	clocks.realtime = realtime_ns;
	clocks.stopped = true;
}

void fault_clock_advance(int64_t ns)
{
	clocks.monotonic += ns;
	clocks.realtime += ns;
}

void fault_clock_step(int64_t ns)
{
	clocks.realtime += ns;
}

void fault_clock_run(void)
{
	memset(&clocks, 0, sizeof(clocks));
}

void fault_clock_script(const int64_t *readings, unsigned count)
{
	clocks.script = readings;
	clocks.left = count;
}

int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t now;

	if (clocks.left) {
		now = *clocks.script++;
		clocks.left--;
	} else if (clocks.stopped) {
		now = id == CLOCK_REALTIME ? clocks.realtime : clocks.monotonic;
	} else {
		return __real_clock_gettime(id, t);
	}
	t->tv_sec = now / 1000000000;
	t->tv_nsec = now % 1000000000;
	return 0;
}
