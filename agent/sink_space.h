/* SPDX-License-Identifier: MIT */
/* Which bytes of the file are whose.  Threads are handed out space without a lock. */
#ifndef BREADCRUMB_AGENT_SINK_SPACE_H
#define BREADCRUMB_AGENT_SINK_SPACE_H

#include <stddef.h>
#include <stdint.h>

/* A new file, of which the first `used` bytes are taken. */
void sink_space_begin(uint64_t used);

/* Hands out `size` bytes that start at a multiple of `align` (a power of two, at least
 * CRUMB_ALIGN); returns their offset.  Both are multiples of CRUMB_ALIGN. */
uint64_t sink_space_take(size_t size, size_t align);

/* Likewise, for a block whose size is a power of two: at a multiple of that, unless too
 * much of the file would be left empty by it. */
uint64_t sink_space_take_large(size_t size);

/* Takes back the last bytes handed out, if they still are the last. */
void sink_space_give_back(uint64_t offset, size_t size);

/* The end of all that was handed out. */
uint64_t sink_space_end(void);

/* Has the file system set aside room for what will be appended to a large file, in steps
 * that are small beside the file.  Writing is cheaper so (ext4: by a quarter); that it
 * cannot be done is no failure. */
void sink_space_ahead(uint64_t upto);

#endif
