/* SPDX-License-Identifier: MIT */
/* Bytes of a trace file: opened without ever hanging, read at an offset, never mapped. */
#ifndef BREADCRUMB_READER_FILE_H
#define BREADCRUMB_READER_FILE_H

#include "reader_internal.h"

/* Opens a regular file of `path`, which is copied.  0 or a negative errno (see
 * crumb_trace_add()); the trace's error says what is wrong. */
int file_open(struct crumb_trace *trace, struct file *file, const char *path);
void file_close(struct crumb_trace *trace, struct file *file);
/* Closes it and forgets its path. */
void file_free(struct crumb_trace *trace, struct file *file);

/* Closes it, for now, when many are open. */
void file_rest(struct crumb_trace *trace, struct file *file);

/* Reads up to `size` bytes: fewer only where the file ends.  A negative errno on failure,
 * with the trace's error set. */
ssize_t file_read(struct crumb_trace *trace, struct file *file, void *to, size_t size,
                  uint64_t offset);

/* Likewise into process->scratch, and no more than fits there. */
ssize_t file_read_scratch(struct process *process, size_t size, uint64_t offset);

/* Looks the size up again (file->size).  0 or a negative errno. */
int file_measure(struct crumb_trace *trace, struct file *file);

/* The first offset from `offset` on where the file may hold something else than a hole;
 * its size when there is none. */
uint64_t file_skip_hole(struct crumb_trace *trace, struct file *file, uint64_t offset);

#endif
