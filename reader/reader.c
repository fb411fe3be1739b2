/* SPDX-License-Identifier: MIT */
/*
 * The trace: a set of files, and the handles that look at it.  Files are added whole or
 * not at all; a directory is the sum of its *.crumb files, and one bad file among good
 * ones is a problem, not a failure.
 */
#include "reader_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "merge.h"
#include "process.h"

int reader_grow(void *array, size_t *room, size_t count, size_t size)
{
	void **at = array;
	size_t more = *room ? *room * 2 : 16;

	if (count < *room)
		return 0;
	if (more > SIZE_MAX / size / 2)
		return -ENOMEM;
	void *grown = realloc(*at, more * size);
	if (!grown)
		return -ENOMEM;
	*at = grown;
	*room = more;
	return 0;
}

const char *crumb_version(void)
{
	return PACKAGE_VERSION;
}

unsigned crumb_format(void)
{
	return CRUMB_FORMAT;
}

struct crumb_trace *crumb_trace_new(void)
{
	return calloc(1, sizeof(struct crumb_trace));
}

static void remove_from(struct crumb_trace *trace, size_t first)
{
	while (trace->process_count > first)
		process_free(trace->processes[--trace->process_count]);
}

void crumb_trace_free(struct crumb_trace *trace)
{
	if (!trace)
		return;
	merge_free_all(trace);
	remove_from(trace, 0);
	free(trace->processes);
	error_free(trace);
	free(trace);
}

static int add_file(struct crumb_trace *trace, const char *path)
{
	struct process *process;

	if (reader_grow(&trace->processes, &trace->process_room, trace->process_count,
	                sizeof(struct process *)))
		return error_system(trace, -ENOMEM, path);
	int r = process_open(trace, path, &process);
	if (r <= 0)
		return r;
	process->shown.index = (unsigned)trace->process_count;
	trace->processes[trace->process_count++] = process;
	return 1;
}

static int is_trace_name(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 6 && strcmp(entry->d_name + length - 6, ".crumb") == 0;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static int add_member(struct crumb_trace *trace, const char *directory, const char *name)
{
	size_t length = strlen(directory);
	bool has_slash = length > 0 && directory[length - 1] == '/';
	char *path;

	if (asprintf(&path, "%s%s%s", directory, has_slash ? "" : "/", name) < 0)
		return error_system(trace, -ENOMEM, directory);
	int r = add_file(trace, path);
	free(path);
	return r;
}

/* Adds each of `names`.  Files that cannot be added are problems, and counted.  How many
 * were added, or -ENOMEM. */
static int add_members(struct crumb_trace *trace, const char *directory,
                       struct dirent **names, int count, int *bad)
{
	int added = 0;

	for (int i = 0; i < count; i++) {
		int r = add_member(trace, directory, names[i]->d_name);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			error_keep(trace);
			++*bad;
		} else {
			added += r;
		}
	}
	return trace->starved ? error_system(trace, -ENOMEM, directory) : added;
}

static int add_directory(struct crumb_trace *trace, const char *path)
{
	struct dirent **names;
	size_t before = trace->process_count;
	int bad = 0;
	int count = scandir(path, &names, is_trace_name, by_name);

	if (count < 0)
		return error_system(trace, -errno, path);
	int added = add_members(trace, path, names, count, &bad);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	if (added < 0) {
		remove_from(trace, before);
		return added;
	}
	if (count == 0)
		return error_fail(trace, -ENODATA, path, ERROR_NOWHERE,
		                  "there is no trace file (*.crumb) in this directory");
	if (bad == count)
		return error_fail(trace, -EBADMSG, path, ERROR_NOWHERE,
		                  "none of the %d trace files in this directory can be "
		                  "read",
		                  count);
	trace->error[0] = '\0';
	return added;
}

int crumb_trace_add(struct crumb_trace *trace, const char *path)
{
	struct stat st;

	trace->error[0] = '\0';
	trace->starved = false;
	if (trace->walked)
		return error_fail(trace, -EBUSY, path, ERROR_NOWHERE,
		                  "files cannot be added once events were read");
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_directory(trace, path);
	return add_file(trace, path);
}

size_t crumb_trace_processes(const struct crumb_trace *trace)
{
	return trace->process_count;
}

const struct crumb_process *crumb_trace_process(const struct crumb_trace *trace, size_t i)
{
	return i < trace->process_count ? &trace->processes[i]->shown : NULL;
}

/* A crumb_process is the first member of what it belongs to. */
static const struct process *whole(const struct crumb_process *process)
{
	_Static_assert(offsetof(struct process, shown) == 0, "first member");
	return (const struct process *)(const void *)process;
}

const struct crumb_thread *crumb_process_thread(const struct crumb_process *process,
                                                size_t i)
{
	const struct process *all = whole(process);

	return i < all->thread_count ? &all->threads[i].shown : NULL;
}

const struct crumb_code *crumb_process_code(const struct crumb_process *process, size_t i)
{
	const struct process *all = whole(process);

	return i < all->code_count ? &all->codes[i] : NULL;
}
