/* SPDX-License-Identifier: MIT */
/* The trace file as the kernel knows it: descriptor, room, maps, writes. */
#ifndef BREADCRUMB_AGENT_SINK_FILE_H
#define BREADCRUMB_AGENT_SINK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Opens a new file by sink_name.  0, or an errno value; sink_file_path() then says what
 * was tried.  When its beginning is written, sink_file_publish() gives it its name (0, or
 * an errno value); until then it may be dropped. */
int sink_file_create(void);
int sink_file_publish(void);
void sink_file_drop(void);

const char *sink_file_path(void);

/* Forgets the file, which is the parent's.  In a forked child. */
void sink_file_forked(void);

/* Maps a stretch of the file, with room on the disk.  NULL: *error is an errno value. */
void *sink_file_map(uint64_t offset, size_t size, int *error);

/* Writes all of the pieces, which it uses up.  0, or an errno value. */
int sink_file_write(struct iovec *piece, int pieces, uint64_t offset);

/* Reads `size` bytes; false when there are not so many. */
bool sink_file_read(void *out, size_t size, uint64_t offset);

/* Sets room aside on the disk for later writes; the file's size stays.  False: that
 * cannot be done, or is of no use, here. */
bool sink_file_set_aside(uint64_t offset, uint64_t size);

/* Gives back what was set aside and not used. */
void sink_file_release(void);

/* Makes the file shorter.  False: it cannot. */
bool sink_file_cut(uint64_t size);

/* Bytes that the file system has left for this user; UINT64_MAX: not known. */
uint64_t sink_file_room(void);

struct sink_range {
	uint64_t offset;
	size_t size;
};

/*
 * Copies the file to `<path>.<n>`, n the next free one, while it grows; size() says how
 * large it is. Then the ranges that again(0, …), again(1, …) and so on give until it
 * returns false.  Nothing is done while another copy is being made.  Safe in a signal
 * handler.  The copy's path is put into `copied`, of `room` bytes, or not for NULL.
 * False: there is no copy, or its path is longer.
 */
bool sink_file_copy(uint64_t (*size)(void),
                    bool (*again)(unsigned i, struct sink_range *out), char *copied,
                    size_t room);

#endif
