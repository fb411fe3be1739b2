/* SPDX-License-Identifier: MIT */
/*
 * Finds the trace files that a command and its descendants wrote.  The agent never writes
 * into a file that exists, so a file is one of them when its name fits the pattern, its
 * inode was not there before, and it is a trace.
 */
#include "produced.h"

#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <breadcrumb/reader.h>

#include "parse.h"
#include "show.h"
#include "util.h"

#define COMMAND_SHOWN 80

struct identity {
	dev_t device;
	ino_t inode;
};

struct produced {
	char *glob;
	struct identity *before;
	size_t count, room;
};

/* One trace file that is to be told. */
struct found {
	int64_t start_ns;
	char *line;
};

static void append(char *text, char c)
{
	size_t length = strlen(text);

	if (strchr("*?[\\", c))
		text[length++] = '\\';
	text[length++] = c;
	text[length] = '\0';
}

/*
 * The glob of all names that a pattern can give: any text for %p and the others, a number
 * before the extension where the name was taken, and one after it for a snapshot.
 */
static char *make_glob(const char *pattern)
{
	const char *name = strrchr(pattern, '/') + 1;
	const char *dot = strrchr(name, '.');
	char *text = util_alloc(strlen(pattern) * 2 + 8, 1);

	for (const char *p = pattern; *p; p++) {
		if (p == dot && dot > name)
			strcat(text, "*");
		if (*p == '%' && p[1] == '%') {
			append(text, *p++);
		} else if (*p == '%' && p[1] && strchr("peht", p[1])) {
			strcat(text, "*");
			p++;
		} else {
			append(text, *p);
		}
	}
	strcat(text, "*");
	return text;
}

static int by_identity(const void *left, const void *right)
{
	const struct identity *a = left, *b = right;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

struct produced *produced_begin(const char *pattern)
{
	struct produced *produced = util_alloc(1, sizeof(*produced));
	glob_t names;
	struct stat st;

	produced->glob = make_glob(pattern);
	if (glob(produced->glob, GLOB_NOSORT, NULL, &names) != 0)
		return produced;
	for (size_t i = 0; i < names.gl_pathc; i++) {
		if (lstat(names.gl_pathv[i], &st) < 0)
			continue;
		produced->before =
		    util_grow(produced->before, &produced->room, produced->count + 1,
		              sizeof(struct identity));
		produced->before[produced->count++] =
		    (struct identity){st.st_dev, st.st_ino};
	}
	globfree(&names);
	if (produced->count > 0)
		qsort(produced->before, produced->count, sizeof(struct identity),
		      by_identity);
	return produced;
}

static bool is_new(const struct produced *produced, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	struct identity own = {st.st_dev, st.st_ino};
	return produced->count == 0 || !bsearch(&own, produced->before, produced->count,
	                                        sizeof(own), by_identity);
}

/* As the user would write it: relative where it lies in the current folder. */
static const char *short_path(const char *path)
{
	static char here[PATH_MAX];
	static size_t length;

	if (!*here) {
		if (!getcwd(here, sizeof(here)))
			strcpy(here, "?");
		length = strlen(here);
	}
	if (strncmp(path, here, length) == 0 && path[length] == '/')
		return path + length + 1;
	return path;
}

/* Fills *found when the file is a trace. */
static bool describe(const char *path, struct found *found)
{
	struct crumb_trace *trace = crumb_trace_new();
	char size[PARSE_TEXT];

	if (!trace)
		util_fail("out of memory");
	bool is_trace = crumb_trace_add(trace, path) > 0;
	if (is_trace) {
		const struct crumb_process *process = crumb_trace_process(trace, 0);
		char *command = show_command(process);
		found->start_ns = process->start_ns;
		found->line = util_format(
		    "wrote %s (%s): process %u, %.*s%s%s", short_path(path),
		    parse_show_size(process->file_bytes, size), process->pid,
		    COMMAND_SHOWN, command, strlen(command) > COMMAND_SHOWN ? " ..." : "",
		    process->ended == CRUMB_ENDED_RUNNING ? ", still running" : "");
		free(command);
	}
	crumb_trace_free(trace);
	return is_trace;
}

static int by_start(const void *left, const void *right)
{
	const struct found *a = left, *b = right;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return strcmp(a->line, b->line);
}

size_t produced_tell(struct produced *produced)
{
	struct found *found = NULL;
	size_t count = 0, room = 0;
	glob_t names;

	if (glob(produced->glob, 0, NULL, &names) != 0)
		return 0;
	for (size_t i = 0; i < names.gl_pathc; i++) {
		if (!is_new(produced, names.gl_pathv[i]))
			continue;
		found = util_grow(found, &room, count + 1, sizeof(*found));
		if (describe(names.gl_pathv[i], &found[count]))
			count++;
	}
	globfree(&names);
	if (count > 0)
		qsort(found, count, sizeof(*found), by_start);
	for (size_t i = 0; i < count; i++) {
		util_say("%s", found[i].line);
		free(found[i].line);
	}
	free(found);
	return count;
}

void produced_free(struct produced *produced)
{
	free(produced->glob);
	free(produced->before);
	free(produced);
}
