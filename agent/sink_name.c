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

int sink_name_create(char *path, size_t size)
{
	struct text t = {path, path + size - 1};
	char numbered[PATH_MAX];

	path[0] = '\0';
	if (pattern[0] != '/') {
		if (!start_directory[0]) {
			put(&t, pattern);
			errno = ENOENT;
			return -1;
		}
		put(&t, start_directory);
		put(&t, "/");
	}
	expand(&t, pattern);
	if (is_directory(path, (size_t)(t.at - path))) {
		put(&t, "/");
		expand(&t, DEFAULT_NAME);
	}
	if (t.at == t.end) {
		errno = ENAMETOOLONG;
		return -1;
	}
	const char *name = strrchr(path, '/') + 1, *dot = strrchr(name, '.');
	int stem = (int)((dot && dot > name ? dot : t.at) - path), fd = -1;
	for (int n = 1; n <= NAMES_TRIED; n++) {
		const char *try = path;
		if (n > 1) {
			if (snprintf(numbered, sizeof numbered, "%.*s-%d%s", stem, path,
			             n, path + stem) >= (int)sizeof numbered) {
				errno = ENAMETOOLONG;
				return -1;
			}
			try = numbered;
		}
		fd = open(try, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 && try != path)
			snprintf(path, size, "%s", numbered);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	return fd;
}

void sink_name_numbered(char *out, size_t size, const char *path, unsigned n)
{
	char digits[12];
	char *d = digits + sizeof digits - 1;
	size_t length = strnlen(path, size - sizeof digits - 1);

	*d = '\0';
	do {
		*--d = (char)('0' + n % 10);
	} while (n /= 10);
	memcpy(out, path, length);
	out[length] = '.';
	memcpy(out + length + 1, d, strlen(d) + 1);
}
