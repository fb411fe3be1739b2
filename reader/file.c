/* SPDX-License-Identifier: MIT */
/*
 * Trace files are read with pread and never mapped: a file may be truncated or written
 * while we read it, and a mapping would turn that into a SIGBUS in the user's program.
 *
 * A trace may have more files than a process may have descriptors (one per process of a
 * large run).  So no more than FILES_MAX are open at a time; the one that was not used
 * for longest is closed and, when it is needed again, opened by its path.  It has to be
 * the same file then.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define FILES_MAX 100

static void close_oldest(struct crumb_trace *trace)
{
	struct file *oldest = NULL;

	for (size_t i = 0; i < trace->process_count; i++) {
		struct file *file = &trace->processes[i]->file;
		if (file->fd >= 0 && (!oldest || file->stamp < oldest->stamp))
			oldest = file;
	}
	if (oldest)
		file_close(trace, oldest);
}

/* O_NONBLOCK: should the file have become a FIFO since it was looked at, do not wait. */
static int open_descriptor(struct crumb_trace *trace, struct file *file, const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int error;

	if (trace->files_open >= FILES_MAX)
		close_oldest(trace);
	file->fd = open(path, flags);
	while (file->fd < 0 && (errno == EMFILE || errno == EINTR)) {
		if (errno == EMFILE) {
			size_t before = trace->files_open;
			close_oldest(trace);
			if (trace->files_open == before)
				return -EMFILE;
		}
		file->fd = open(path, flags);
	}
	error = errno;
	if (file->fd < 0)
		return -error;
	trace->files_open++;
	return 0;
}

static int look_first(struct crumb_trace *trace, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_system(trace, -errno, path);
	if (!S_ISREG(st.st_mode))
		return error_fail(trace, -EINVAL, path, ERROR_NOWHERE,
		                  "not a regular file");
	if (st.st_size == 0)
		return error_fail(trace, -ENODATA, path, ERROR_NOWHERE, "file is empty");
	return 0;
}

int file_open(struct crumb_trace *trace, struct file *file, const char *path)
{
	struct stat st;
	int r = look_first(trace, path);

	file->fd = -1;
	if (r < 0)
		return r;
	file->path = strdup(path);
	if (!file->path)
		return error_system(trace, -ENOMEM, path);
	r = open_descriptor(trace, file, path);
	if (r < 0)
		return error_system(trace, r, path);
	file->real = realpath(path, NULL);
	if (fstat(file->fd, &st) < 0)
		return error_system(trace, -errno, path);
	if (!S_ISREG(st.st_mode))
		return error_fail(trace, -EINVAL, path, ERROR_NOWHERE,
		                  "not a regular file");
	file->device = st.st_dev;
	file->inode = st.st_ino;
	file->size = (uint64_t)st.st_size;
	file->stamp = ++trace->stamp;
	return 0;
}

void file_free(struct crumb_trace *trace, struct file *file)
{
	file_close(trace, file);
	free(file->path);
	free(file->real);
}

void file_close(struct crumb_trace *trace, struct file *file)
{
	if (file->fd < 0)
		return;
	close(file->fd);
	file->fd = -1;
	trace->files_open--;
}

void file_rest(struct crumb_trace *trace, struct file *file)
{
	if (trace->files_open > FILES_MAX / 2)
		file_close(trace, file);
}

static int ensure_open(struct crumb_trace *trace, struct file *file)
{
	struct stat st;
	int r;

	file->stamp = ++trace->stamp;
	if (READER_LIKELY(file->fd >= 0))
		return 0;
	r = open_descriptor(trace, file, file->real ? file->real : file->path);
	if (r < 0)
		return error_system(trace, r, file->path);
	if (fstat(file->fd, &st) < 0 || st.st_dev != file->device ||
	    st.st_ino != file->inode) {
		file_close(trace, file);
		return error_fail(trace, -EIO, file->path, ERROR_NOWHERE,
		                  "another file has taken its place");
	}
	return 0;
}

ssize_t file_read(struct crumb_trace *trace, struct file *file, void *to, size_t size,
                  uint64_t offset)
{
	size_t done = 0;
	int r = ensure_open(trace, file);

	if (r < 0)
		return r;
	if (offset > INT64_MAX - size)
		return 0;
	while (done < size) {
		ssize_t got = pread(file->fd, (char *)to + done, size - done,
		                    (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_fail(trace, -EIO, file->path, offset + done,
			                  "cannot be read: %s", strerror(errno));
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

ssize_t file_read_scratch(struct process *process, size_t size, uint64_t offset)
{
	if (size > process->scratch_size)
		size = process->scratch_size;
	return file_read(process->trace, &process->file, process->scratch, size, offset);
}

int file_measure(struct crumb_trace *trace, struct file *file)
{
	struct stat st;
	int r = ensure_open(trace, file);

	if (r < 0)
		return r;
	if (fstat(file->fd, &st) < 0)
		return error_system(trace, -errno, file->path);
	file->size = (uint64_t)st.st_size;
	return 0;
}

uint64_t file_skip_hole(struct crumb_trace *trace, struct file *file, uint64_t offset)
{
	off_t data;

	if (ensure_open(trace, file) < 0 || offset > INT64_MAX)
		return offset;
	data = lseek(file->fd, (off_t)offset, SEEK_DATA);
	if (data >= 0)
		return (uint64_t)data;
	return errno == ENXIO ? (file->size > offset ? file->size : offset) : offset;
}
