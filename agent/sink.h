/* SPDX-License-Identifier: MIT */
/* The trace file of this process: creates, grows and finishes it. */
#ifndef BREADCRUMB_AGENT_SINK_H
#define BREADCRUMB_AGENT_SINK_H

#include "breadcrumb/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink_options {
	const char *pattern; /* BREADCRUMB_OUTPUT */
	uint64_t max_size;   /* bytes, 0: no limit */
	uint64_t keep_free;  /* bytes of the file system */
	bool counter;        /* clock_has_counter() */
	unsigned python_hex; /* these two go to the header as they are */
	unsigned flags;
};

/* Fixes the options (which must outlive the sink) and makes the pattern absolute, so that
 * a later chdir() does not move the files of child processes. */
void sink_init(const struct sink_options *options);

/*
 * Creates the file: 0600, O_EXCL, under a new name when the name is taken.  True when it
 * is there; otherwise one line has been said, nothing is left behind, and sink_open() may
 * be called again in a child process only.
 */
bool sink_open(void);
bool sink_is_open(void);

/* Whether there is a file and it is this process's own: a child of vfork() shares the
 * parent's memory and must not speak for it. */
bool sink_is_mine(void);

/* The file's absolute path; before sink_open(), the parent's; "" when there was none. */
const char *sink_path(void);

/* A new window of `size` bytes, mapped and with room on the disk, of thread 0; NULL when
 * there is none to be had, with the cause in *cause. */
struct crumb_block *sink_window(size_t size, enum crumb_loss *cause);

/* Appends `count` words as an EVENTS block.  False when it cannot, now or ever after (the
 * first time, one line says why), with the cause in *cause. */
bool sink_append(uint32_t thread, uint64_t sequence, uint64_t base_ticks,
                 const uint64_t *words, size_t count, enum crumb_loss *cause);

/* Adds a definition: a record of `size` bytes (a multiple of 8 with its head filled in;
 * the text's padded length included) that ends with `length` bytes of text.  False: no
 * room. */
bool sink_define(const void *record, size_t size, const void *text, size_t length);

/* Counts losses, in the file.  Does nothing while there is no file, and for
 * CRUMB_LOSS_CAUSES, which is no cause. */
void sink_lose(enum crumb_loss cause, uint64_t count);

/* Copies the file as it is to `<file>.<n>`, n from 1.  Safe in a signal handler. */
void sink_snapshot(void);

/* The same; the copy's path is put into `path`.  False: there is none, or its path is
 * longer. */
bool sink_snapshot_as(char *path, size_t size);

/* How large the file is (bytes), and what it says of losses by a cause; 0 without one. */
uint64_t sink_size(void);
uint64_t sink_lost(enum crumb_loss cause);

/* Says in the file how the process ends; the first word counts, and CRUMB_END_UNKNOWN
 * takes it back.  Safe in a signal handler.  In a process that does not own the file,
 * nothing. */
void sink_end(enum crumb_end end, uint32_t status);

/* After sink_end(CLEAN), when nothing is recorded any more: cuts off what `window` (NULL:
 * none) does not use, when it is the last thing in the file.  The window must not be used
 * again. */
void sink_trim(const struct crumb_block *window, size_t size, size_t words);

/* In a forked child: forgets the parent's file without touching it, and remembers who the
 * parent was. */
void sink_forked(void);

/* Around fork(): no other thread is inside meanwhile.  False: this thread is, and has the
 * lock. */
bool sink_lock(void);
void sink_unlock(void);

#endif
