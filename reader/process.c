/* SPDX-License-Identifier: MIT */
/*
 * What one file says of its process.  The header is believed where it can be checked; how
 * the process ended is said only as far as the file and the system prove it:
 *
 * - the header says so, or
 * - the last event of a thread is the one that the agent stores just before execve, or
 * - this is the host where it ran, a process of that number is there, and it is not
 *   younger than the trace.
 */
#include "process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "decode.h"
#include "define.h"
#include "error.h"
#include "file.h"
#include "index.h"
#include "timeline.h"

#define NS_PER_SECOND INT64_C(1000000000)

/* By how much the clock may have been set since tracing began; further, and the machine
 * is taken to have been booted since. */
#define CLOCK_SET_MAX (60.0 * NS_PER_SECOND)

static int check_header(struct process *process, size_t got)
{
	struct crumb_trace *trace = process->trace;
	const struct crumb_header *header = &process->header;
	const char *path = process->file.path;
	size_t magic = got < sizeof(header->magic) ? got : sizeof(header->magic);

	if (memcmp(header->magic, CRUMB_MAGIC, magic) != 0)
		return error_fail(trace, -EBADMSG, path, 0,
		                  "not a Breadcrumb trace file");
	if (got < offsetof(struct crumb_header, header_size))
		return error_fail(trace, -EBADMSG, path, got,
		                  "the file ends inside its header");
	if (header->version > CRUMB_FORMAT)
		return error_fail(trace, -ENOTSUP, path,
		                  offsetof(struct crumb_header, version),
		                  "written in format %" PRIu32 ", but this version of "
		                  "Breadcrumb reads formats up to %u",
		                  header->version, CRUMB_FORMAT);
	if (header->version == 0)
		return error_fail(trace, -EBADMSG, path,
		                  offsetof(struct crumb_header, version),
		                  "the header is damaged: there is no format 0");
	if (got < sizeof(*header))
		return error_fail(trace, -EBADMSG, path, got,
		                  "the file ends inside its header");
	if (header->header_size < sizeof(*header) ||
	    header->header_size > CRUMB_BLOCK_MAX || header->header_size % CRUMB_ALIGN)
		return error_fail(
		    trace, -EBADMSG, path, offsetof(struct crumb_header, header_size),
		    "the header is damaged: it cannot have %" PRIu32 " bytes",
		    header->header_size);
	return 0;
}

static int read_header(struct process *process)
{
	ssize_t got = file_read(process->trace, &process->file, &process->header,
	                        sizeof(process->header), 0);

	return got < 0 ? (int)got : check_header(process, (size_t)got);
}

static void doubt_header(struct process *process)
{
	const struct crumb_header *header = &process->header;

	if (header->clock != CRUMB_CLOCK_MONOTONIC &&
	    header->clock != CRUMB_CLOCK_COUNTER)
		error_problem(process, offsetof(struct crumb_header, clock),
		              "the header is damaged: there is no clock %" PRIu32,
		              header->clock);
	if (header->clock != CRUMB_CLOCK_MONOTONIC && header->ticks_per_second == 0)
		error_problem(process, offsetof(struct crumb_header, ticks_per_second),
		              "the header is damaged: its clock stands still");
	if (header->end > CRUMB_END_FATAL)
		error_problem(process, offsetof(struct crumb_header, end),
		              "the header is damaged: it does not say how the process "
		              "ended");
}

/* Field 22 of /proc/PID/stat, in clock ticks since the machine was booted (proc(5)), and
 * the state, field 3.  False where it cannot be read. */
static bool read_stat(uint32_t pid, char *state, uint64_t *start)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	/* The name, field 2, is in parentheses and may hold any character. */
	const char *at = strrchr(text, ')');
	if (!at || at[1] != ' ')
		return false;
	*state = at[2];
	at += 2;
	for (int field = 3; field < 22; field++) {
		at = strchr(at, ' ');
		if (!at)
			return false;
		at++;
	}
	if (!isdigit((unsigned char)*at))
		return false;
	*start = strtoull(at, NULL, 10);
	return true;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

/* Whether the process that writes the file is still there.  A later one may have got its
 * number: that one began after the trace.  Only the clock that nobody sets can say so;
 * the other one tells whether the machine was booted since. */
static bool is_running(const struct crumb_header *header)
{
	const int64_t began = header->start_boot_ns;
	uint64_t start;
	char state;
	long per_second = sysconf(_SC_CLK_TCK);

	if (header->pid == 0 || began <= 0 || per_second <= 0 ||
	    !read_stat(header->pid, &state, &start) || state == 'Z' || state == 'X')
		return false;
	int64_t boot = clock_ns(CLOCK_BOOTTIME);
	double set = (double)(clock_ns(CLOCK_REALTIME) - boot) -
	             ((double)header->start_ns - (double)began);
	return (double)start / (double)per_second <= (double)began / NS_PER_SECOND &&
	       began <= boot && set > -CLOCK_SET_MAX && set < CLOCK_SET_MAX;
}

static bool is_this_host(const char *host)
{
	char name[256];

	if (gethostname(name, sizeof(name)) < 0)
		return false;
	name[sizeof(name) - 1] = '\0';
	return *host && strcmp(name, host) == 0;
}

/* The last words of a block that is in the file. */
static int scan_block(struct process *process, const struct block *block,
                      struct decode_summary *summary)
{
	const unsigned char *scratch = process->scratch;
	struct crumb_block head;
	ssize_t got =
	    file_read_scratch(process, block->size & ~BLOCK_FLAGS, block->offset);

	if (got < (ssize_t)sizeof(head))
		return got < 0 ? (int)got : 0;
	memcpy(&head, scratch, sizeof(head));
	size_t used = (size_t)got - sizeof(head);
	if (head.used < used)
		used = head.used;
	*summary = decode_scan((const uint64_t *)(const void *)(scratch + sizeof(head)),
	                       used / sizeof(uint64_t), block->base_ticks);
	return 0;
}

/* The time of the last event, and whether some thread ends with EXEC. */
static int look_at_ends(struct process *process, int64_t *last_ns, bool *has_exec)
{
	uint64_t last = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < process->thread_count; i++) {
		const struct thread *thread = &process->threads[i];
		struct decode_summary summary = {0};
		if (thread->block_count == 0)
			continue;
		const struct block *block =
		    &process->index.blocks[thread->first_block + thread->block_count - 1];
		if (block->size & BLOCK_WINDOW) {
			const struct window *window =
			    index_window(&process->index, block->offset);
			summary =
			    decode_scan(window->words, window->count, block->base_ticks);
		} else {
			r = scan_block(process, block, &summary);
		}
		if (summary.last && summary.ticks > last)
			last = summary.ticks;
		*has_exec |= summary.last == CRUMB_EXEC;
	}
	if (last != 0)
		*last_ns = timeline_once(&process->timeline, last);
	return r;
}

static int find_end(struct process *process)
{
	const struct crumb_header *header = &process->header;
	struct crumb_process *shown = &process->shown;
	bool has_exec = false, was_running = shown->ended == CRUMB_ENDED_RUNNING;

	shown->exit_status = -1;
	shown->end_ns = header->end_ticks ? header->end_ns : shown->start_ns;
	switch (header->end) {
	case CRUMB_END_CLEAN:
		shown->ended = CRUMB_ENDED_CLEAN;
		if (header->end_status <= 255)
			shown->exit_status = (int)header->end_status;
		break;
	case CRUMB_END_EXEC:
		shown->ended = CRUMB_ENDED_EXEC;
		break;
	case CRUMB_END_FATAL:
		shown->ended = CRUMB_ENDED_FATAL;
		break;
	default:
		shown->ended = CRUMB_ENDED_UNKNOWN;
	}
	if (shown->ended != CRUMB_ENDED_UNKNOWN && header->end_ticks != 0)
		return 0;
	int r = look_at_ends(process, &shown->end_ns, &has_exec);
	if (shown->ended == CRUMB_ENDED_UNKNOWN && has_exec)
		shown->ended = CRUMB_ENDED_EXEC;
	else if (shown->ended == CRUMB_ENDED_UNKNOWN && was_running)
		shown->ended = CRUMB_ENDED_RUNNING;
	return r;
}

static void copy_header(struct process *process)
{
	const struct crumb_header *header = &process->header;
	struct crumb_process *shown = &process->shown;

	shown->path = process->file.path;
	shown->trace_id = header->trace_id;
	shown->parent_id = header->parent_id;
	shown->pid = header->pid;
	shown->parent_pid = header->parent_pid;
	shown->start_ns = header->start_ns;
	shown->python_hex = header->python_hex;
	shown->flags = header->flags;
	for (size_t i = 0; i < CRUMB_LOSS_CAUSES; i++)
		shown->lost[i] = header->lost[i];
}

static void set_empty(struct process *process)
{
	static const char *const nothing[] = {NULL};
	struct crumb_process *shown = &process->shown;

	shown->executable = shown->python = shown->backend = shown->host = "";
	shown->directory = shown->agent = shown->include = shown->exclude = "";
	shown->parent_file = "";
	shown->arguments = shown->notes = nothing;
	process->unknown_code = (struct crumb_code){
	    .name = "?", .qualname = "?", .filename = "", .module = ""};
}

/* Only a file that is still written may grow beyond what it has now. */
static int get_scratch(struct process *process)
{
	bool is_small = process->shown.ended != CRUMB_ENDED_RUNNING &&
	                process->file.size < CRUMB_BLOCK_MAX;

	process->scratch_size = is_small ? (size_t)process->file.size : CRUMB_BLOCK_MAX;
	process->scratch = malloc(process->scratch_size);
	return process->scratch ? 0 : -ENOMEM;
}

/* A process of another host may have the number of one that runs here: the file says so
 * only in its definitions.  It is read again then, as one that nobody writes to. */
static int read_blocks(struct process *process)
{
	for (;;) {
		int r = index_build(process);
		if (r == 0)
			r = define_load(process);
		if (r < 0 || process->shown.ended != CRUMB_ENDED_RUNNING ||
		    is_this_host(process->shown.host))
			return r;
		process->shown.ended = CRUMB_ENDED_UNKNOWN;
		define_free(process);
		index_free(&process->index);
		error_forget(process);
		set_empty(process);
	}
}

static int load(struct process *process)
{
	int r = read_header(process);

	if (r < 0)
		return r;
	/* Look for the process first and read the header again after it: should it end
	 * just now, the header says how. */
	if (process->header.end == CRUMB_END_UNKNOWN) {
		if (is_running(&process->header))
			process->shown.ended = CRUMB_ENDED_RUNNING;
		r = read_header(process);
		if (r < 0)
			return r;
	}
	copy_header(process);
	r = get_scratch(process);
	if (r == 0)
		r = read_blocks(process);
	if (r == 0)
		r = find_end(process);
	doubt_header(process);
	file_rest(process->trace, &process->file);
	free(process->scratch);
	process->scratch = NULL;
	process->shown.file_bytes = process->file.size;
	return r;
}

/* The same events twice would be wrong numbers everywhere: a file that is named twice, or
 * once more by its directory, is one file. */
static bool is_added(const struct crumb_trace *trace, const struct file *file)
{
	for (size_t i = 0; i < trace->process_count; i++) {
		const struct file *other = &trace->processes[i]->file;
		if (other->device == file->device && other->inode == file->inode)
			return true;
	}
	return false;
}

int process_open(struct crumb_trace *trace, const char *path, struct process **result)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return error_system(trace, -ENOMEM, path);
	process->trace = trace;
	set_empty(process);
	int r = file_open(trace, &process->file, path);
	if (r == 0 && is_added(trace, &process->file)) {
		process_free(process);
		return 0;
	}
	if (r == 0)
		r = load(process);
	if (r == 0 && trace->starved)
		r = -ENOMEM;
	if (r == -ENOMEM)
		error_system(trace, r, path);
	if (r < 0) {
		process_free(process);
		return r;
	}
	*result = process;
	return 1;
}

void process_free(struct process *process)
{
	if (!process)
		return;
	error_forget(process);
	define_free(process);
	index_free(&process->index);
	file_free(process->trace, &process->file);
	free(process->scratch);
	free(process);
}
