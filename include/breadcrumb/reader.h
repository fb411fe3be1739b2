/* SPDX-License-Identifier: MIT */
/*
 * libbreadcrumb: reads the trace files that the Breadcrumb agent writes.
 *
 * A `struct crumb_trace` is a set of files looked at together: add files to it, then walk
 * their events in time order with a `struct crumb_cursor`.  Everything that a trace hands
 * out (processes, threads, code objects, text) belongs to the trace and lives until
 * crumb_trace_free().  Nothing here is shared between traces: use one trace per thread.
 *
 * Functions that can fail return 0 (or a positive number where they say so) or a negative
 * errno value; crumb_trace_error() then says in words what is wrong, in which file and at
 * which byte.  A file that is cut short or damaged is a normal answer: what can be read
 * is read, and what cannot is told by crumb_trace_problem().
 *
 * Memory depends on the program's code (definitions), on the number of threads, and, very
 * weakly, on the file's size (under a thousandth of it); never on the number of events.
 */
#ifndef BREADCRUMB_READER_H
#define BREADCRUMB_READER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct crumb_trace;
struct crumb_cursor;

/* The version of this library, such as "0.1.0", and the newest file format it reads. */
const char *crumb_version(void);
unsigned crumb_format(void);

enum crumb_ended {
	CRUMB_ENDED_UNKNOWN, /* killed, or the file was copied while it was written */
	CRUMB_ENDED_RUNNING, /* as unknown, and on this host its process is still there */
	CRUMB_ENDED_CLEAN,   /* exit */
	CRUMB_ENDED_EXEC,    /* replaced by another program */
	CRUMB_ENDED_FATAL,   /* abort() */
};

struct crumb_process {
	unsigned index;    /* of the process in its trace, from 0 */
	const char *path;  /* of the file, as given */
	uint64_t trace_id; /* parent_id: 0 when it was not forked from a traced process */
	uint64_t parent_id;
	uint32_t pid;
	uint32_t parent_pid;
	int64_t start_ns; /* when tracing began; nanoseconds since 1970 UTC */
	int64_t end_ns; /* when it ended; where it is not known, the last event's time */
	enum crumb_ended ended;
	int exit_status;     /* -1: not known */
	uint32_t python_hex; /* PY_VERSION_HEX */
	unsigned flags;      /* CRUMB_FLAG_* of format.h */
	uint64_t file_bytes;
	uint32_t threads; /* how many; the same holds for codes */
	uint32_t codes;
	/* Text, here and below: never NULL, "" where the file does not say; UTF-8, in
	 * which bytes that are not valid were replaced by U+FFFD. */
	const char *executable;
	const char *python; /* as sys.version */
	const char *backend;
	const char *host;
	const char *directory;
	const char *agent; /* version of the agent */
	const char *include;
	const char *exclude;
	const char *parent_file;
	const char *const *arguments; /* argc of them, then NULL */
	size_t argc;
	const char *const *notes; /* note_count of them, then NULL */
	size_t note_count;
	uint64_t lost[16]; /* by enum crumb_loss of format.h */
};

struct crumb_thread {
	const struct crumb_process *process;
	uint32_t number;           /* from 1, in order of appearance */
	uint32_t native_id;        /* gettid() */
	uint64_t ident;            /* threading.get_ident() */
	uint32_t parent_native_id; /* 0: not known */
	const char *name;          /* "" where it is not known */
	int64_t start_ns;
};

struct crumb_code {
	uint32_t id; /* within its process, from 1 */
	uint32_t first_line;
	uint32_t flags; /* co_flags */
	uint32_t interpreter;
	const char *name; /* text is never NULL */
	const char *qualname;
	const char *filename;
	const char *module;
};

enum crumb_kind {
	CRUMB_CALL = 1,
	CRUMB_RETURN,
	CRUMB_YIELD,
	CRUMB_RESUME,
	CRUMB_UNWIND,
	CRUMB_EXCEPTION,
	CRUMB_LINE,
	CRUMB_THREAD_START,
	CRUMB_THREAD_END,
	CRUMB_EXEC,
	CRUMB_LOST,
	CRUMB_MARK,
};
#define CRUMB_KINDS 13 /* one more than the largest: the size of a table by kind */

/* "call", "return", …: the names that `breadcrumb dump` prints.  NULL for no such kind.
 */
const char *crumb_kind_name(enum crumb_kind kind);

/* A cause of loss in words ("disk full"), by its number in format.h; "unknown cause". */
const char *crumb_loss_name(unsigned cause);

/* A variable of a frame. */
struct crumb_value {
	const char *name; /* never NULL; "?" where the file does not say it */
	const char *text; /* of its value, about as repr() has it; valid UTF-8 */
};

struct crumb_event {
	enum crumb_kind kind;
	const struct crumb_thread *thread; /* never NULL */
	/* NULL where no function belongs to it: THREAD_*, EXEC, LOST, MARK.  A function
	 * that the file does not describe has id 0 and the name "?". */
	const struct crumb_code *code;
	int64_t time_ns; /* nanoseconds since 1970 UTC; never falls from event to event */
	uint32_t line; /* CALL: the first line; LINE, EXCEPTION: the line; else, and where
	                  it is not known, 0 */
	uint32_t depth; /* recorded frames below this event's frame: 0 for an outermost
	                   one; of an event without function, all that are open */
	int64_t duration_ns; /* RETURN, YIELD, UNWIND: since the matching CALL or RESUME;
	                        else, and where that was not recorded, -1 */
	int64_t self_ns;     /* likewise, less the time in recorded calls made from it */
	const char *exception; /* EXCEPTION: the type's name; else NULL */
	/* What was captured; it lives until the cursor's next event.  NULL, and 0: was
	 * not, or there is none. */
	const char *message;              /* EXCEPTION: what str() says of it */
	const char *result;               /* RETURN, YIELD: the value */
	const struct crumb_value *locals; /* CALL: the arguments; RETURN, YIELD, LINE,
	                                     EXCEPTION: all variables that are set */
	size_t local_count;
	int locals_cut;   /* there were more than an event may have */
	const char *text; /* MARK: what the program said, never NULL then */
	unsigned loss; /* LOST: the cause (format.h), and how many events, 0: not known */
	uint64_t lost;
};

/* A new, empty trace; NULL when there is no memory.  Free it with crumb_trace_free(). */
struct crumb_trace *crumb_trace_new(void);
/* NULL is allowed; frees what the trace handed out, and cursors that are still open. */
void crumb_trace_free(struct crumb_trace *trace);

/*
 * Adds a trace file; a directory adds every *.crumb file in it (sorted by name, not
 * recursive).  Returns how many files were added (1, or more for a directory; a file that
 * the trace has already is not added again and counts 0), or:
 *   -ENOENT, -EACCES, -EIO, …   the file or directory cannot be read
 *   -EINVAL   not a regular file (FIFO, device: it is not opened for reading)
 *   -ENODATA  empty, or a directory without any *.crumb file
 *   -EBADMSG  not a trace file, or its header is damaged
 *   -ENOTSUP  written by a newer format than crumb_format()
 *   -ENOMEM
 * In a directory, a file that cannot be added is told by crumb_trace_problem(), and an
 * error is returned only when none could be added.
 * All files must be added before the first cursor is made (-EBUSY).
 */
int crumb_trace_add(struct crumb_trace *trace, const char *path);

/* The last failure of this trace in one line without newline: "FILE: at byte N: what is
 * wrong".  "" when nothing failed.  Valid until the next call on the trace. */
const char *crumb_trace_error(const struct crumb_trace *trace);

/*
 * What was found damaged so far, in order of discovery, i from 0: one line of text like
 * crumb_trace_error(); NULL past the end.  Damage inside blocks is found while a cursor
 * reads them, so ask again after the last event.  At most 100 are kept for each file;
 * the last one then says that there are more.
 */
const char *crumb_trace_problem(const struct crumb_trace *trace, size_t i);

size_t crumb_trace_processes(const struct crumb_trace *trace);
/* i from 0; NULL past the end. */
const struct crumb_process *crumb_trace_process(const struct crumb_trace *trace,
                                                size_t i);
const struct crumb_thread *crumb_process_thread(const struct crumb_process *process,
                                                size_t i);
const struct crumb_code *crumb_process_code(const struct crumb_process *process,
                                            size_t i);

/*
 * A walk over the events of a trace: of one thread when `thread` is given, else of all
 * threads of all processes merged by time (equal times: by process, then thread number).
 * Several cursors may be open at once.  NULL when there is no memory.  Free it with
 * crumb_cursor_free() before its trace.
 */
struct crumb_cursor *crumb_cursor_new(struct crumb_trace *trace,
                                      const struct crumb_thread *thread);
void crumb_cursor_free(struct crumb_cursor *cursor); /* NULL is allowed */

/* The next event: 1 and *event is filled, 0 at the end, or -ENOMEM, -EIO.  Damaged blocks
 * are passed over and told as problems.  Pointers in *event live as long as the trace,
 * but for what was captured. */
int crumb_cursor_next(struct crumb_cursor *cursor, struct crumb_event *event);

/* How far a cursor is: bytes of event blocks done, and in all. */
void crumb_cursor_progress(const struct crumb_cursor *cursor, uint64_t *done,
                           uint64_t *total);

#ifdef __cplusplus
}
#endif
#endif
