/* SPDX-License-Identifier: MIT */
/*
 * What the rooms of libbreadcrumb share: the trace, its processes (one per file) and
 * their threads.  No room keeps state of its own; all of it hangs on these structs.
 */
#ifndef BREADCRUMB_READER_READER_INTERNAL_H
#define BREADCRUMB_READER_READER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <breadcrumb/format.h>
/* Everything else is compiled with hidden visibility. */
#pragma GCC visibility push(default)
#include <breadcrumb/reader.h>
#pragma GCC visibility pop

#define READER_LIKELY(x)   __builtin_expect(!!(x), 1)
#define READER_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A file of a trace.  It is opened again when too many are open (see file.c). */
struct file {
	char *path;     /* as given */
	char *real;     /* absolute, for opening it again; NULL where that failed */
	int fd;         /* -1 while it is closed */
	uint64_t stamp; /* when it was last used, on the trace's own clock */
	dev_t device;
	ino_t inode;
	uint64_t size; /* when it was last looked at */
};

/* What is known about a block with events: 32 bytes for each of them. */
struct block {
	uint64_t offset;
	uint64_t sequence;
	uint64_t base_ticks;
	uint32_t thread;
	uint32_t size; /* a multiple of CRUMB_ALIGN; BLOCK_* in the bits below */
};

#define BLOCK_WINDOW 1u /* its words are in the process's windows, not in the file */
#define BLOCK_CUT    2u /* the file ends inside it */
#define BLOCK_TORN   4u /* its trailer is wrong: it is never read */
#define BLOCK_EMPTY  8u /* a window without events */
#define BLOCK_FLAGS  (CRUMB_ALIGN - 1)

/* The words of a window, as they were when the file was opened. */
struct window {
	uint64_t offset; /* of its block; the windows of a process are sorted by it */
	uint64_t *words;
	size_t count;
};

/* Blocks of a process, sorted by thread and sequence once the file has been walked. */
struct index {
	struct block *blocks;
	size_t count, room;
	struct window *windows;
	size_t window_count, window_room;
	uint64_t *definitions; /* offsets of the DEFINITIONS blocks */
	size_t definition_count, definition_room;
};

/* A moment on both clocks, and the slope from here on: whole + fraction / 2^64
 * nanoseconds for each tick. */
struct timeline_segment {
	uint64_t ticks;
	int64_t ns;
	uint64_t whole;
	uint64_t fraction;
};

struct timeline {
	struct timeline_segment *segments; /* by rising ticks; at least one */
	size_t count, room;
};

struct strtab_chunk;
struct strtab_entry {
	uint32_t id;
	uint32_t order;
	const char *text;
};

/* All text of a process, and the strings that have an id. */
struct strtab {
	struct strtab_chunk *chunks;
	struct strtab_entry *entries; /* by rising id once strtab_sort() was called */
	size_t count, room;
};

struct thread {
	struct crumb_thread shown;
	uint64_t start_ticks;
	size_t first_block; /* in the index of the process */
	size_t block_count;
};

/* What an EXCEPTION word names. */
struct site {
	uint32_t id, code, line, type;
};

/* The names of a function's variables. */
struct variables {
	uint32_t code, count;
	size_t first; /* in the process's variable_names */
};

/* One file. */
struct process {
	struct crumb_process shown;
	struct crumb_trace *trace;
	struct file file;
	struct crumb_header header;
	struct index index;
	struct timeline timeline;
	struct strtab strings;
	const char **arguments; /* what shown.arguments points to, NULL while empty */
	const char **notes;
	size_t note_room;
	struct crumb_code *codes; /* by rising id */
	size_t code_count;
	struct site *sites; /* by rising id */
	size_t site_count;
	struct variables *variables; /* by rising code */
	size_t variables_count;
	uint32_t *variable_names; /* string ids */
	size_t variable_name_count;
	bool has_unknown_site;          /* it was needed, which is told once */
	struct crumb_code unknown_code; /* stands for an id without a definition */
	bool has_unknown_code;          /* it was needed, which is told once */
	struct thread *threads;         /* by rising number */
	size_t thread_count, thread_room;
	unsigned char
	    *scratch; /* while the file is added: room for a block or all of it */
	size_t scratch_size;
	unsigned problems;
};

struct problem {
	char *text;
	const struct process *process; /* NULL: a file that could not be added */
};

struct crumb_trace {
	struct process **processes;
	size_t process_count, process_room;
	struct problem *problems;
	size_t problem_count, problem_room;
	struct crumb_cursor *cursors; /* those that are open */
	bool walked;                  /* a cursor was made: no more files */
	bool starved;                 /* there was no memory to keep a problem */
	uint64_t stamp;
	size_t files_open;
	char error[4096 + 512];
};

/* Makes room for one more element of `size` bytes in an array; 0 or -ENOMEM. */
int reader_grow(void *array, size_t *room, size_t count, size_t size);

#endif
