/* SPDX-License-Identifier: MIT */
/*
 * The trace file, to the byte.  This header is the only thing that the agent and the
 * reader share; breadcrumb-format(5) tells the same in prose.
 *
 * A file belongs to one process.  All numbers are little-endian.  It is a header of
 * CRUMB_HEADER_SIZE bytes, then blocks.  Every block starts at a multiple of CRUMB_ALIGN
 * with a struct crumb_block; between blocks there may be stretches of zero bytes (space
 * that was reserved by a thread that died before it wrote), which a reader skips in
 * steps of CRUMB_ALIGN.
 *
 * DEFINITIONS blocks hold records (strings, code objects, threads, clock, facts about
 * the process).  They are filled in place; a record is in the file before the first
 * event that uses it, and is never changed.
 *
 * WINDOW blocks are where a live thread stores its events.  A full window is appended to
 * the file as an EVENTS block with the same thread and sequence number, then cleared and
 * used again under the next sequence number.  A window whose (thread, sequence) is also
 * that of an EVENTS block holds nothing new; otherwise it holds the thread's last events.
 * A window of thread 0 is unused.  A process that ends cleanly cuts its file behind the
 * last word in use: the last WINDOW or DEFINITIONS block may be shorter than its `size`
 * says, and what is missing counts as zero.  The header's end_size says so.
 *
 * An EVENTS block ends with a trailer word (crumb_trailer).  Where it is wrong the block
 * was being written when the process died, and the window still holds its events.
 */
#ifndef BREADCRUMB_FORMAT_H
#define BREADCRUMB_FORMAT_H

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "trace files are little-endian, and are written and read as they lie in memory"
#endif

#define CRUMB_MAGIC       "\211CRUMB\r\n" /* 8 bytes, no terminating NUL in the file */
#define CRUMB_FORMAT      1u              /* the version of this layout */
#define CRUMB_HEADER_SIZE 4096u
#define CRUMB_ALIGN       64u
#define CRUMB_BLOCK_MAGIC 0x4b4c4243u /* "CBLK" */
#define CRUMB_BLOCK_MAX   (1u << 20)  /* no block is larger */
#define CRUMB_WINDOW_SIZE 131072u /* what this agent uses; a reader takes the block's */
#define CRUMB_LOSS_CAUSES 16

/* How the process ended, as far as it could say so. */
enum crumb_end {
	CRUMB_END_UNKNOWN = 0, /* killed, or still running */
	CRUMB_END_CLEAN =
	    1, /* exit(), return from main, _exit(); status says which number */
	CRUMB_END_EXEC = 2,  /* replaced by another program */
	CRUMB_END_FATAL = 3, /* abort() */
};

/* What the ticks are. */
enum crumb_clock {
	CRUMB_CLOCK_MONOTONIC = 1, /* CLOCK_MONOTONIC, nanoseconds */
	CRUMB_CLOCK_COUNTER = 2,   /* the CPU's invariant counter (TSC, cntvct_el0) */
};

/* Index into crumb_header.lost.  Each counts events unless the text says otherwise. */
enum crumb_loss {
	CRUMB_LOSS_DISK_FULL = 0,    /* the file system had no room */
	CRUMB_LOSS_MAX_SIZE = 1,     /* BREADCRUMB_MAX_SIZE was reached */
	CRUMB_LOSS_KEEP_FREE = 2,    /* less than BREADCRUMB_KEEP_FREE was left */
	CRUMB_LOSS_FILE_LIMIT = 3,   /* RLIMIT_FSIZE */
	CRUMB_LOSS_NO_WINDOW = 4,    /* no memory map for a thread's window */
	CRUMB_LOSS_WRITE_ERROR = 5,  /* another error of the file (EIO, file gone) */
	CRUMB_LOSS_TOO_MANY_IDS = 6, /* code objects: more than an event can name */
	CRUMB_LOSS_LOW_STACK = 7, /* stretches: on a short stack hooks were taken out */
	CRUMB_LOSS_TAKEN_OVER =
	    8, /* stretches: the program set a trace function of its own */
	CRUMB_LOSS_SUBINTERPRETER = 9, /* interpreters that could not be followed */
	CRUMB_LOSS_NO_DEFINITION = 10, /* times that code could not be described */
	CRUMB_LOSS_VALUES = 11,        /* events whose values could not be kept */
	CRUMB_LOSS_PAUSED = 12,        /* stretches: the program paused the recording */
};

/*
 * At offset 0.  The fields up to `cold_end` are written before the first event; those
 * after it change while the process runs, each with one aligned store or atomic add.
 */
struct crumb_header {
	char magic[8];
	uint32_t version;     /* CRUMB_FORMAT */
	uint32_t header_size; /* CRUMB_HEADER_SIZE: where the first block is */
	uint64_t trace_id;    /* random, never 0 */
	uint64_t
	    parent_id; /* trace_id of the process this one was forked from, 0: none */
	uint32_t pid;  /* as the process sees itself */
	uint32_t parent_pid;
	uint32_t clock; /* enum crumb_clock */
	uint32_t window_size;
	uint64_t start_ticks; /* one moment on both clocks: tracing began */
	int64_t start_ns;     /* CLOCK_REALTIME, nanoseconds since 1970 */
	uint64_t
	    ticks_per_second;  /* an estimate made at start; clock records refine it */
	uint32_t python_hex;   /* PY_VERSION_HEX of the interpreter */
	uint32_t flags;        /* CRUMB_FLAG_* */
	int64_t start_boot_ns; /* the same moment by CLOCK_BOOTTIME, which nobody sets */
	uint8_t cold_end[168]; /* zero; pads to offset 256 */
	uint32_t end;          /* enum crumb_end */
	uint32_t
	    end_status;     /* exit status, when end is CRUMB_END_CLEAN and it is known */
	uint64_t end_ticks; /* one moment on both clocks: the end; 0: not known */
	int64_t end_ns;
	uint64_t end_size; /* bytes, when a clean end cut the file; 0: it was not cut */
	uint64_t lost[CRUMB_LOSS_CAUSES];
};

#define CRUMB_FLAG_LINES         0x1u /* LINE events were asked for */
#define CRUMB_FLAG_STATUS_KNOWN  0x2u /* reserved */
#define CRUMB_FLAG_FREE_THREADED 0x4u
#define CRUMB_FLAG_DEBUG_BUILD   0x8u
#define CRUMB_FLAG_UNWIND_ONLY                                                           \
	0x10u /* EXCEPTION only where a frame is left (frame backend) */

enum crumb_block_kind {
	CRUMB_BLOCK_DEFINITIONS = 1,
	CRUMB_BLOCK_EVENTS = 2,
	CRUMB_BLOCK_WINDOW = 3,
};

/* 64 bytes at the start of each block. */
struct crumb_block {
	uint32_t magic; /* CRUMB_BLOCK_MAGIC */
	uint32_t kind;  /* enum crumb_block_kind */
	uint32_t size;  /* of the whole block, a multiple of CRUMB_ALIGN */
	uint32_t
	    check; /* crumb_block_check(kind, size): magic met by chance is not taken */
	uint32_t thread; /* thread number from 1; 0 in DEFINITIONS and unused windows */
	uint32_t used;   /* EVENTS: bytes of event words after the header; else 0 */
	uint64_t
	    sequence; /* EVENTS, WINDOW: number of the block within its thread, from 0 */
	uint64_t base_ticks; /* EVENTS, WINDOW: what the first event's ticks are counted
	                        from */
	uint64_t reserved[3];
};

static inline uint32_t crumb_block_check(uint32_t kind, uint32_t size)
{
	uint32_t h = (CRUMB_BLOCK_MAGIC ^ kind) * 0x9e3779b1u;
	h = (h ^ (h >> 15) ^ size) * 0x85ebca6bu;
	return h ^ (h >> 13);
}

/* The last 8 bytes of an EVENTS block (so: at size - 8).  Words lie in between,
 * zero-padded. */
static inline uint64_t crumb_trailer(uint32_t thread, uint64_t sequence, uint32_t used)
{
	uint64_t h = (sequence + 1) * 0x9e3779b97f4a7c15u;
	return (h ^ ((uint64_t)thread << 32) ^ used) | 1;
}

/*
 * Event words.  Zero is the end of a window.  Bits, from the lowest:
 *
 *   CALL RETURN YIELD RESUME UNWIND   kind:4  code:24               ticks:36
 *   EXCEPTION                         kind:4  site:24               ticks:36
 *   LINE                              kind:4  code:20  line:14      ticks:26
 *   TIME                              kind:4  ticks:60
 *   EXTENDED                          kind:4  subtype:8  words:16   ticks:36
 *
 * `ticks` counts from the thread's previous event (the block's base_ticks for the first);
 * TIME sets the thread's clock to an absolute value and is no event.  `line` is signed,
 * relative to the code object's first line.  EXTENDED is followed by `words` payload
 * words, of any value, which are stored before the first word is.  A record never
 * crosses a block's end.  Subtypes and kinds that a reader does not know are skipped.
 */
enum crumb_word_kind {
	CRUMB_WORD_END = 0,
	CRUMB_WORD_CALL = 1,   /* a frame starts */
	CRUMB_WORD_RETURN = 2, /* it returns a value */
	CRUMB_WORD_YIELD = 3,  /* a generator or coroutine suspends itself */
	CRUMB_WORD_RESUME = 4, /* and goes on, by next, send, throw or close */
	CRUMB_WORD_UNWIND = 5, /* a frame is left by an exception */
	CRUMB_WORD_LINE = 6,
	CRUMB_WORD_TIME = 7,
	CRUMB_WORD_EXTENDED = 8,
	CRUMB_WORD_EXCEPTION = 9, /* one was raised in a frame, or came into it */
};

enum crumb_extended {
	CRUMB_EXT_EXCEPTION = 1, /* code | line << 32;  type name (string id): where
	                            there was no room to define a site */
	CRUMB_EXT_LINE = 2,      /* code | line << 32 (a line that does not fit LINE) */
	CRUMB_EXT_THREAD_START = 3, /* no payload */
	CRUMB_EXT_THREAD_END = 4,   /* no payload */
	CRUMB_EXT_EXEC = 5, /* no payload; the process was about to be replaced.  It was,
	                       if nothing follows in this thread */
	CRUMB_EXT_LOST =
	    6, /* enum crumb_loss; how many (0: not known) were lost just here */
	CRUMB_EXT_VALUES = 7, /* what belongs to the thread's next event, see below */
	CRUMB_EXT_MARK = 8,   /* the program's own words: how many bytes, then the text */
};

/*
 * VALUES: the first payload word is kind:4 code:24 bytes:36, of which kind and code are
 * those of the event that follows (EXCEPTION: the site's code); where another one
 * follows, the values are nobody's.  Then come that many bytes of items.  The time of a
 * RETURN, YIELD, UNWIND, LINE or EXCEPTION with values is that of the VALUES word: making
 * them took until the event's own.
 *
 * An item is a number that says what it is (CRUMB_VALUE_*), then one text, or, for
 * CRUMB_VALUE_NAMED, two, or, for CRUMB_VALUE_MORE, none.  A text is a number n, followed
 * by n >> 1 bytes when n is even; when it is odd, it is the same as text n >> 1 of this
 * block: those of CRUMB_VALUE_SHORT bytes and more are counted, from 0.  Numbers are in
 * pieces of 7 bits, the lowest first, with the highest bit of each byte but the last set.
 */
enum crumb_value_item {
	CRUMB_VALUE_RESULT = 1,    /* what was returned or yielded */
	CRUMB_VALUE_MESSAGE = 2,   /* of the exception */
	CRUMB_VALUE_NAMED = 3,     /* name and value of a variable */
	CRUMB_VALUE_MORE = 4,      /* there were more */
	CRUMB_VALUE_VARIABLES = 8, /* 8 + i: variable i of the code object */
};
#define CRUMB_VALUE_SHORT 8

#define CRUMB_KIND_BITS        4
#define CRUMB_CODE_BITS        24
#define CRUMB_TICKS_SHIFT      28
#define CRUMB_TICKS_BITS       36
#define CRUMB_LINE_CODE_BITS   20
#define CRUMB_LINE_SHIFT       24
#define CRUMB_LINE_BITS        14
#define CRUMB_LINE_TICKS_SHIFT 38
#define CRUMB_LINE_TICKS_BITS  26
#define CRUMB_EXT_WORDS_SHIFT  12

/* The code id of events whose code object could not be defined (ids or room had run out).
 */
#define CRUMB_CODE_UNKNOWN ((1u << CRUMB_CODE_BITS) - 1)

/*
 * Definition records: 8-byte aligned, one after the other, the first zero word ends them.
 * The first word (type and size) is stored last.  `size` counts the whole record, padding
 * to 8 included.  Ids start at 1; id 0 means "not known".  Text is UTF-8 as CPython gives
 * it; what cannot be encoded (lone surrogates) is written with backslash escapes.
 */
enum crumb_record_type {
	CRUMB_RECORD_STRING = 1,
	CRUMB_RECORD_CODE = 2,
	CRUMB_RECORD_THREAD = 3,
	CRUMB_RECORD_THREAD_NAME = 4,
	CRUMB_RECORD_CLOCK = 5,
	CRUMB_RECORD_FACT = 6,
	CRUMB_RECORD_SITE = 7,
	CRUMB_RECORD_VARIABLES = 8,
};

struct crumb_record {
	uint32_t type; /* enum crumb_record_type */
	uint32_t size; /* bytes, a multiple of 8, header included */
};

struct crumb_record_string {
	struct crumb_record head;
	uint32_t id;
	uint32_t length; /* bytes of text that follow (no NUL is stored) */
};

struct crumb_record_code {
	struct crumb_record head;
	uint32_t id;
	uint32_t first_line;
	uint32_t name; /* string ids */
	uint32_t qualname;
	uint32_t filename;
	uint32_t module;      /* the frame's __name__ */
	uint32_t flags;       /* co_flags */
	uint32_t interpreter; /* PyInterpreterState_GetID of the interpreter that ran it
	                         first */
};

struct crumb_record_thread {
	struct crumb_record head;
	uint32_t number;           /* from 1, in order of first appearance */
	uint32_t native_id;        /* gettid() */
	uint64_t ident;            /* threading.get_ident() */
	uint64_t start_ticks;      /* when it began, or was first seen */
	uint32_t parent_native_id; /* the thread that started it, 0: not known */
	uint32_t reserved;
};

struct crumb_record_thread_name {
	struct crumb_record head;
	uint32_t number;
	uint32_t name; /* string id */
};

struct crumb_record_clock {
	struct crumb_record head;
	uint64_t ticks; /* one moment on both clocks */
	int64_t ns;     /* CLOCK_REALTIME */
};

enum crumb_fact {
	CRUMB_FACT_COMMAND = 1,    /* arguments of the process, NUL between them */
	CRUMB_FACT_EXECUTABLE = 2, /* what /proc/self/exe points to */
	CRUMB_FACT_PYTHON = 3,     /* Py_GetVersion() */
	CRUMB_FACT_BACKEND = 4,    /* name of the backend in use */
	CRUMB_FACT_HOST = 5,
	CRUMB_FACT_DIRECTORY = 6, /* working directory at start */
	CRUMB_FACT_AGENT = 7,     /* version of the agent */
	CRUMB_FACT_INCLUDE = 8,
	CRUMB_FACT_EXCLUDE = 9,
	CRUMB_FACT_PARENT_FILE = 10, /* trace file of the parent, absolute */
	CRUMB_FACT_NOTE = 11, /* one line that a user should know about this trace */
};

struct crumb_record_fact {
	struct crumb_record head;
	uint32_t fact;   /* enum crumb_fact */
	uint32_t length; /* bytes of text that follow */
};

/* What EXCEPTION words name: an exception of this type at this line. */
struct crumb_record_site {
	struct crumb_record head;
	uint32_t id;
	uint32_t code;
	uint32_t line; /* 0: not known */
	uint32_t type; /* name of the type: string id */
};

/* The names of a code object's variables, arguments first: `count` string ids follow. */
struct crumb_record_variables {
	struct crumb_record head;
	uint32_t code;
	uint32_t count;
};

_Static_assert(sizeof(struct crumb_block) == 64, "block header is 64 bytes");
_Static_assert(sizeof(struct crumb_header) == 256 + 32 + 8 * CRUMB_LOSS_CAUSES,
               "header layout");

#endif
