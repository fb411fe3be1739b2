/* SPDX-License-Identifier: MIT */
/*
 * Turns BREADCRUMB_OUTPUT into a file that did not exist before.  Links are not followed
 * and nothing is overwritten: the agent may run as root in a folder that others can write
 * to.
 */
#include "sink_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_NAME "breadcrumb-%p.crumb"
#define NAMES_TRIED  10000

static const char *pattern = DEFAULT_NAME;
static char start_directory[PATH_MAX];
static time_t start_time;

void sink_name_init(const char *given)
{
	pattern = given;
	start_time = time(NULL);
	if (!getcwd(start_directory, sizeof start_directory))
		start_directory[0] = '\0';
}

struct text {
	char *at, *end;
};

static void put(struct text *t, const char *s)
{
	while (*s && t->at < t->end)
		*t->at++ = *s++;
	*t->at = '\0';
}

/* Names that go into the file's name may not lead elsewhere. */
static void put_name(struct text *t, const char *s)
{
	char *from = t->at;
	put(t, s);
	for (; from < t->at; from++) {
		if (*from == '/')
			*from = '_';
	}
}

static void put_number(struct text *t, long long n)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%lld", n);
	put(t, digits);
}

static void expand(struct text *t, const char *from)
{
	struct utsname host;

	for (; *from; from++) {
		char one[2] = {*from, '\0'};
		if (*from != '%') {
			put(t, one);
			continue;
		}
		switch (*++from) {
		case 'p':
			put_number(t, getpid());
			break;
		case 't':
			put_number(t, (long long)start_time);
			break;
		case 'e':
			put_name(t, program_invocation_short_name);
			break;
		case 'h':
			put_name(t, uname(&host) == 0 ? host.nodename : "localhost");
			break;
		case '%':
			put(t, "%");
			break;
		default: /* not ours: as it stands */
			put(t, "%");
			from--;
		}
	}
}

/* Whether the text names a directory: one that is there, or by its last character. */
static bool is_directory(const char *path, size_t length)
{
	struct stat st;
	if (length && path[length - 1] == '/')
		return true;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The pattern for this process, as an absolute path.  False: errno says why not. */
static bool expand_path(char *path, size_t size)
{
	struct text t = {path, path + size - 1};

	path[0] = '\0';
	if (pattern[0] != '/') {
		if (!start_directory[0]) {
			put(&t, pattern);
			errno = ENOENT;
			return false;
		}
		put(&t, start_directory);
		put(&t, "/");
	}
	expand(&t, pattern);
	if (is_directory(path, (size_t)(t.at - path))) {
		put(&t, "/");
		expand(&t, DEFAULT_NAME);
	}
	if (t.at == t.end)
		errno = ENAMETOOLONG;
	return t.at != t.end;
}

/* Calls make() with the path, and while that name is taken with -2, -3, … before its
 * extension; `path` becomes the name that was free.  What make() returns; -1 with errno.
 */
static int make_named(char *path, size_t size, int (*make)(const char *name, int fd),
                      int fd)
{
	char name[PATH_MAX];
	const char *last = strrchr(path, '/') + 1, *dot = strrchr(last, '.');
	size_t length = strlen(path);
	int stem = (int)(dot && dot > last ? (size_t)(dot - path) : length);

	int made = make(path, fd);
	bool taken = made < 0 && errno == EEXIST;
	for (int n = 2; made < 0 && errno == EEXIST && n <= NAMES_TRIED; n++) {
		if (snprintf(name, sizeof name, "%.*s-%d%s", stem, path, n,
		             path + stem) >= (int)sizeof name) {
			errno = ENAMETOOLONG;
			return -1;
		}
		made = make(name, fd);
	}
	if (made >= 0 && taken)
		snprintf(path, size, "%s", name);
	return made;
}

static int create(const char *name, int unused)
{
	(void)unused;
	return open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int give_name(const char *name, int fd)
{
	char self[32];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

int sink_name_open(char *path, size_t size, bool *linked)
{
	char folder[PATH_MAX];

	*linked = false;
	if (!expand_path(path, size))
		return -1;
	snprintf(folder, sizeof folder, "%s", path);
	*(strrchr(folder, '/') + 1) = '\0';
	int fd = access("/proc/self/fd", X_OK) == 0
	             ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
	             : -1;
	if (fd >= 0)
		return fd;
	*linked = true; /* by a file system that has no such files */
	return make_named(path, size, create, -1);
}

int sink_name_link(int fd, char *path, size_t size)
{
	return make_named(path, size, give_name, fd) < 0 ? errno : 0;
}

void sink_name_numbered(char *out, size_t size, const char *path, unsigned n)
{
	char digits[12];
	char *d = digits + sizeof digits - 1;
	size_t length = strlen(path), most = size - sizeof digits - 1;
	if (length > most)
		length = most;

	*d = '\0';
	do {
		*--d = (char)('0' + n % 10);
	} while (n /= 10);
	memcpy(out, path, length);
	out[length] = '.';
	memcpy(out + length + 1, d, strlen(d) + 1);
}
