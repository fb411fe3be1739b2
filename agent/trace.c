/* SPDX-License-Identifier: MIT */
/*
 * What an event needs when something is met for the first time: a code object, a thread,
 * a forked process; and the events that are rare.  Nothing here knows Python: it asks a
 * trace_source, which the tests replace by one of their own.
 *
 * Whatever asks the source may run finalizers and so come back in here on the same
 * thread. Therefore no state is half-changed across such a call: it is made first, and
 * the words are stored afterwards.
 */
#include "trace.h"

#include "filter.h"
#include "guard.h"
#include "sink.h"
#include "thread.h"

#include <pthread.h>
#include <string.h>

/* Events after which a thread's name is not looked for any more. */
#define NAME_PROBES 64

static const struct trace_source *source;
static pthread_mutex_t lock = GUARD_MUTEX; /* guards the beginning of a file */
static enum { NOT_BEGUN, RUNNING, FAILED, FINISHED } state;
static uint32_t last_thread; /* atomic */
static bool use_counter;
static bool forked; /* this process is a child that has no file yet */

void trace_init(const struct trace_source *given, bool counter)
{
	source = given;
	use_counter = counter;
	buffer_init(TRACE_AREA, counter);
}

/* What trace_before_fork() got; false where the forking thread was inside already. */
static struct {
	bool trace, intern, buffer, sink;
} held;

static void begin_child(void);

bool trace_begin(void)
{
	if (buffer_is_forked()) { /* by a clone() of which nobody told us */
		held.trace = held.intern = held.buffer = held.sink = true;
		begin_child();
	}
	int now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
	if (now == NOT_BEGUN && !(forked && source->in_fork())) {
		pthread_mutex_lock(&lock);
		if (state == NOT_BEGUN)
			__atomic_store_n(&state, source->open() ? RUNNING : FAILED,
			                 __ATOMIC_RELEASE);
		now = state;
		forked = false;
		pthread_mutex_unlock(&lock);
	}
	return now == RUNNING;
}

static void name_thread(struct buffer *b)
{
	char name[256];
	size_t length = source->thread_name(name, sizeof name);
	if (b != buffer_mine) /* a finalizer ran there, and forked */
		return;
	uint32_t id = length ? intern_string(name, length) : 0;
	if (id)
		record_thread_name(b->thread, id);
	/* Not yet: a thread's first frames run before threading knows it. */
	if (!id && b->probes++ < NAME_PROBES)
		buffer_watch(b, 1);
	else
		buffer_watch(b, SIZE_MAX);
}

static void look_around(struct buffer *b)
{
	if (b->next < b->end)
		name_thread(b);
	else
		buffer_flush(b);
}

/* The words of a record in one piece, with a TIME word before it when too much time went
 * by. */
static void put(struct buffer *b, uint64_t word, const uint64_t *payload, size_t words,
                unsigned ticks_bits)
{
	uint64_t now = clock_ticks(b->counter), ticks = now - b->last;

	buffer_reserve(b, words + 2);
	if (ticks >= 1ull << ticks_bits) {
		/* Backwards is possible too: counters of two sockets that differ a
		 * little. */
		if (now < b->last)
			now = b->last;
		buffer_put(b, record_time(now));
		ticks = 0;
	}
	b->last = now;
	buffer_put_record(b, word | ticks << (64 - ticks_bits), payload, words);
	if (buffer_full(b))
		look_around(b);
}

static void put_extended(struct buffer *b, enum crumb_extended subtype,
                         const uint64_t *payload, unsigned words)
{
	put(b, record_extended(subtype, words, 0), payload, words, CRUMB_TICKS_BITS);
}

/* Threads for which there is no memory ask at each event: they are answered at the 1st,
 * 2nd, 4th, 8th…, and then at each 1024th. */
static unsigned refused; /* atomic */

static bool is_worth_trying(void)
{
	unsigned n = __atomic_load_n(&refused, __ATOMIC_RELAXED);
	if ((n & (n - 1)) == 0 || n % 1024 == 0)
		return true;
	__atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
	return false;
}

/* The calling thread's buffer, with the thread's definition before its first event. */
static struct buffer *my_buffer(void)
{
	struct thread_start t;

	if (!trace_begin())
		return NULL;
	struct buffer *b = buffer_mine;
	if (b || !is_worth_trying())
		return b;
	thread_here(&t);
	uint32_t number = __atomic_add_fetch(&last_thread, 1, __ATOMIC_RELAXED);
	b = buffer_acquire(number, t.ticks);
	if (!b) {
		__atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	__atomic_store_n(&refused, 0, __ATOMIC_RELAXED);
	struct crumb_record_thread r = {
	    .number = number,
	    .native_id = t.native_id,
	    .ident = t.ident,
	    .start_ticks = t.ticks,
	    .parent_native_id = t.parent_native_id,
	};
	record_thread(&r);
	buffer_put(b, record_extended(CRUMB_EXT_THREAD_START, 0, 0));
	name_thread(b);
	return buffer_mine;
}

static void expect(const void *code, const char *qualname, size_t length)
{
	struct intern_record *record = intern_expect(code, qualname, length);
	if (record && !source->remember(code, record))
		intern_forget(record);
}

/* Asks the source about a code object that has no id yet. */
static bool introduce(const void *code, void *hint, struct intern_slot *out)
{
	struct intern_code what = {0};

	if (!source->describe(code, hint, &what)) {
		sink_lose(CRUMB_LOSS_NO_DEFINITION, 1);
		return false;
	}
	bool accepted = filter_accepts(what.module.text, what.module.length);
	struct intern_record *record = intern_expect(code, "", 0);
	bool lasting = record ? source->remember(code, record) : intern_knows(code);
	if (lasting) {
		intern_add(code, &what, accepted, out);
		if (source->nested)
			source->nested(code, &what, expect);
	} else {
		/* Its address may be another's at any time: it cannot have a definition.
		 */
		if (record)
			intern_forget(record);
		out->id = accepted ? CRUMB_CODE_UNKNOWN : 0;
		sink_lose(CRUMB_LOSS_NO_DEFINITION, accepted);
	}
	source->release(&what);
	return lasting;
}

/* Finds the code object's id and puts it into the thread's table.  *excluded: its events
 * are not recorded, now or later. */
static void learn(const void *code, void *hint, struct intern_slot *out, bool *excluded)
{
	struct buffer *b = buffer_mine;
	if (b) {
		*out = *intern_slot(buffer_area(b), code);
		*excluded = out->id == 0;
		if (out->code == code)
			return;
	}
	out->code = code;
	out->id = 0;
	bool lasting = intern_find(code, out) || introduce(code, hint, out);
	*excluded = lasting && out->id == 0;
	if (out->id && source->accepts && !source->accepts(code))
		lasting = false;
	b = buffer_mine; /* the source may have run code that was this thread's first */
	if (b && lasting) {
		struct intern_slot *slot = intern_slot(buffer_area(b), code);
		slot->id = out->id;
		slot->first_line = out->first_line;
		slot->generator = out->generator;
		slot->variables = out->variables;
		__atomic_store_n(&slot->code, code, __ATOMIC_RELEASE);
	}
}

/* For the rare events: buffer and id, or NULL when the event is not recorded. */
static struct buffer *prepare(const void *code, void *hint, struct intern_slot *slot,
                              bool *excluded)
{
	*excluded = false;
	if (!trace_begin())
		return NULL;
	learn(code, hint, slot, excluded);
	if (!slot->id)
		return NULL;
	struct buffer *b = my_buffer();
	if (!b)
		sink_lose(CRUMB_LOSS_NO_WINDOW, 1);
	return b;
}

/* Where the calling thread's table has a code object whose events are recorded, when
 * there is so much room that nothing will be flushed: then no guard is needed. */
static const struct intern_slot *at_hand(const void *code)
{
	const struct intern_slot *slot = trace_slot(code);
	bool roomy = slot && buffer_mine->watch - buffer_mine->next > BUFFER_SCRATCH;
	return roomy && slot->id ? slot : NULL;
}

static void put_event(struct buffer *b, enum crumb_word_kind kind, uint32_t code)
{
	put(b, record_word(kind, code, 0), NULL, 0, CRUMB_TICKS_BITS);
}

bool trace_slow(enum crumb_word_kind kind, const void *code, void *hint)
{
	struct intern_slot slot;
	bool excluded;
	const struct intern_slot *known = at_hand(code);
	if (known) {
		put_event(buffer_mine, kind, known->id);
		return true;
	}
	struct guard guard = guard_enter();
	struct buffer *b = prepare(code, hint, &slot, &excluded);
	if (b)
		put_event(b, kind, slot.id);
	guard_leave(&guard);
	return !excluded;
}

static void put_line(struct buffer *b, const struct intern_slot *slot, uint32_t line)
{
	int32_t relative = (int32_t)(line - slot->first_line);
	uint64_t payload = slot->id | (uint64_t)line << 32;
	if (record_line_fits(slot->id, relative, 0))
		put(b, record_line(slot->id, relative, 0), NULL, 0,
		    CRUMB_LINE_TICKS_BITS);
	else
		put_extended(b, CRUMB_EXT_LINE, &payload, 1);
}

bool trace_slow_line(const void *code, void *hint, uint32_t line)
{
	struct intern_slot slot;
	bool excluded;
	const struct intern_slot *known = at_hand(code);
	if (known) {
		put_line(buffer_mine, known, line);
		return true;
	}
	struct guard guard = guard_enter();
	struct buffer *b = prepare(code, hint, &slot, &excluded);
	if (b)
		put_line(b, &slot, line);
	guard_leave(&guard);
	return !excluded;
}

bool trace_slow_wants(const void *code, void *hint)
{
	struct guard guard = guard_enter();
	struct intern_slot slot;
	bool excluded = true;
	if (trace_begin())
		learn(code, hint, &slot, &excluded);
	guard_leave(&guard);
	return !excluded;
}

bool trace_is_generator(const void *code, void *hint)
{
	struct guard guard = guard_enter();
	struct intern_slot slot = {0};
	bool excluded;
	if (trace_begin())
		learn(code, hint, &slot, &excluded);
	guard_leave(&guard);
	return slot.generator;
}

struct buffer *trace_here(void)
{
	struct guard guard = guard_enter();
	struct buffer *b = my_buffer();
	guard_leave(&guard);
	return b;
}

/* What the thread has noted of an instruction, made if need be; NULL: it keeps no notes
 * now, or of this code. */
static struct trace_line_note *line_note(const void *code, int instruction)
{
	const struct intern_slot *slot = trace_slot(code);
	if (!slot || !slot->id || slot->id == CRUMB_CODE_UNKNOWN) /* which is many */
		return NULL;
	struct trace_line_note *note = trace_note_place(slot->id, instruction);
	if (note->id != slot->id || note->instruction != instruction)
		*note =
		    (struct trace_line_note){.id = slot->id, .instruction = instruction};
	return note;
}

uint32_t *trace_line_note(const void *code, int instruction)
{
	struct trace_line_note *note = line_note(code, instruction);
	return note ? &note->line : NULL;
}

/* The note of a text whose address is likely to be the same each time.  Its words are
 * compared all the same: an address may be used again for another text. */
static struct trace_text_note *text_note(struct buffer *b, const char *text)
{
	struct trace_notes *notes = trace_notes_of(b);
	size_t i = (uintptr_t)text / 16 % (sizeof notes->texts / sizeof *notes->texts);
	return &notes->texts[i];
}

static uint32_t noted_string(struct buffer *b, const char *text)
{
	struct trace_text_note *note = text_note(b, text);
	size_t length = strlen(text);
	uint32_t id = intern_string(text, length);
	if (length < sizeof note->text) {
		memcpy(note->text, text, length + 1);
		note->id = id;
	}
	return id;
}

static struct trace_site_note *site_note(struct buffer *b, uint32_t code, uint32_t line,
                                         uint32_t type)
{
	struct trace_notes *notes = trace_notes_of(b);
	size_t i = (code * 17u + line * 5u + type) %
	           (sizeof notes->sites / sizeof *notes->sites);
	return &notes->sites[i];
}

static bool is_site(const struct trace_site_note *note, uint32_t code, uint32_t line,
                    uint32_t type)
{
	return note->id && note->code == code && note->line == line && note->type == type;
}

/* The id of a site; 0: it has none. */
static uint32_t noted_site(struct buffer *b, uint32_t code, uint32_t line, uint32_t type)
{
	struct trace_site_note *note = site_note(b, code, line, type);
	if (is_site(note, code, line, type))
		return note->id;
	uint32_t id = code != CRUMB_CODE_UNKNOWN ? intern_site(code, line, type) : 0;
	if (id)
		*note = (struct trace_site_note){code, line, type, id};
	return id;
}

static bool trace_slow_exception(const void *code, void *hint, uint32_t line,
                                 const char *type)
{
	struct intern_slot slot;
	bool excluded;
	struct guard guard = guard_enter();
	struct buffer *b = prepare(code, hint, &slot, &excluded);
	if (b) {
		uint32_t name = noted_string(b, type);
		uint32_t site = noted_site(b, slot.id, line, name);
		uint64_t payload[2] = {slot.id | (uint64_t)line << 32, name};
		if (site)
			put_event(b, CRUMB_WORD_EXCEPTION, site);
		else
			put_extended(b, CRUMB_EXT_EXCEPTION, payload, 2);
	}
	guard_leave(&guard);
	return !excluded;
}

bool trace_exception(const void *code, void *hint, uint32_t line, const char *type)
{
	struct buffer *b = buffer_mine;
	const struct intern_slot *slot = at_hand(code);
	if (!slot)
		return trace_slow_exception(code, hint, line, type);
	const struct trace_text_note *name = text_note(b, type);
	if (!name->id || strcmp(name->text, type) != 0)
		return trace_slow_exception(code, hint, line, type);
	const struct trace_site_note *site = site_note(b, slot->id, line, name->id);
	if (!is_site(site, slot->id, line, name->id))
		return trace_slow_exception(code, hint, line, type);
	put_event(b, CRUMB_WORD_EXCEPTION, site->id);
	return true;
}

void trace_note_exception(const void *code, int instruction, uint32_t line,
                          const char *name, const void *type)
{
	struct trace_line_note *note = line_note(code, instruction);
	if (!note)
		return;
	const struct trace_text_note *text = text_note(buffer_mine, name);
	if (!text->id || strcmp(text->text, name) != 0)
		return;
	const struct trace_site_note *site =
	    site_note(buffer_mine, note->id, line, text->id);
	if (is_site(site, note->id, line, text->id)) {
		note->site = site->id;
		note->type = type;
	}
}

static struct payload *payload_of(struct buffer *b)
{
	return (struct payload *)(void *)(buffer_area(b) + INTERN_AREA +
	                                  sizeof(struct trace_notes));
}

/* Words around the values: those of the record, of its event, and of the time. */
#define VALUES_OVERHEAD (BUFFER_SCRATCH + 8)

static struct buffer *make_room(size_t words)
{
	struct guard guard = guard_enter();
	struct buffer *b = my_buffer();
	if (b && !buffer_room(b, words)) {
		if (!buffer_in_scratch(b))
			sink_lose(CRUMB_LOSS_VALUES, 1);
		b = NULL;
	}
	guard_leave(&guard);
	return b;
}

struct payload *trace_values(const void *code, void *hint, size_t room)
{
	size_t words = room / sizeof(uint64_t) + VALUES_OVERHEAD;

	if (!trace_wants(code, hint))
		return NULL;
	struct buffer *b = buffer_mine;
	if (!b || !buffer_has_room(b, words))
		b = make_room(words);
	/* The thread's first event: its table was made just now. */
	if (!b || (!trace_slot(code) && !trace_slow_wants(code, hint)))
		return NULL;
	struct payload *p = payload_of(b);
	payload_begin(p, b, room);
	return p;
}

void trace_values_end(struct payload *p, enum crumb_word_kind kind, const void *code)
{
	const struct intern_slot *slot = trace_slot(code);
	struct buffer *b = buffer_mine;
	size_t words;

	/* Of code without a lasting definition there is no place to say so. */
	if (!slot || !slot->id || slot->id == CRUMB_CODE_UNKNOWN || !payload_any(p)) {
		payload_stored(p, NULL);
		return;
	}
	const uint64_t *payload =
	    payload_words(p, record_word(kind, slot->id, 0), &words);
	uint64_t now = clock_ticks(b->counter), ticks = now - b->last;
	if (ticks >= RECORD_TICKS_LIMIT) {
		if (now < b->last)
			now = b->last;
		buffer_put(b, record_time(now));
		ticks = 0;
	}
	b->last = now;
	payload_stored(p, b->next + 1);
	buffer_put_record(b, record_extended(CRUMB_EXT_VALUES, (unsigned)words, ticks),
	                  payload, words);
}

bool trace_knows_variables(const void *code)
{
	const struct intern_slot *slot = trace_slot(code);
	return slot && slot->variables;
}

void trace_variables(const void *code, const struct intern_text *names, uint32_t count)
{
	struct guard guard = guard_enter();
	struct intern_slot *slot =
	    buffer_mine ? intern_slot(buffer_area(buffer_mine), code) : NULL;
	intern_variables(code, names, count);
	if (slot && slot->code == code)
		slot->variables = true;
	guard_leave(&guard);
}

/* Whether there is a file, and it is not that of a parent: a child of vfork() is on its
 * parent's memory, and one of clone(), of which nobody told us, may have the parent's
 * number (in a namespace of its own) but not its maps. */
static bool has_file(void)
{
	return !buffer_is_forked() && sink_is_mine();
}

void trace_snapshot(void)
{
	if (has_file())
		sink_snapshot();
}

bool trace_snapshot_as(char *path, size_t size)
{
	return has_file() && sink_snapshot_as(path, size);
}

uint32_t trace_threads(void)
{
	return __atomic_load_n(&last_thread, __ATOMIC_RELAXED);
}

bool trace_mark(const char *text, size_t length)
{
	uint64_t payload[1 + TRACE_MARK_MAX / sizeof(uint64_t)] = {0};
	struct guard guard = guard_enter();
	struct buffer *b = my_buffer();

	if (length > TRACE_MARK_MAX)
		length = TRACE_MARK_MAX;
	size_t words = 1 + (length + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	bool room = b && (buffer_has_room(b, words + 2) || buffer_room(b, words + 2));
	if (room) {
		payload[0] = length;
		memcpy(payload + 1, text, length);
		put_extended(b, CRUMB_EXT_MARK, payload, (unsigned)words);
	} else if (b && buffer_in_scratch(b)) {
		put_extended(b, CRUMB_EXT_MARK, payload, 1); /* for the losses' count */
	} else {
		sink_lose(b ? CRUMB_LOSS_VALUES : CRUMB_LOSS_NO_WINDOW, 1);
	}
	guard_leave(&guard);
	return room;
}

void trace_exec(bool begins)
{
	struct guard guard = guard_enter();
	struct buffer *b = buffer_mine;
	if (has_file()) {
		/* No flush: this may be a signal handler that has interrupted one. */
		if (b && begins && b->end - b->next > 2) {
			buffer_watch(b, SIZE_MAX);
			put_extended(b, CRUMB_EXT_EXEC, NULL, 0);
		}
		buffer_count_losses(false);
		sink_end(begins ? CRUMB_END_EXEC : CRUMB_END_UNKNOWN, 0);
	}
	guard_leave(&guard);
}

void trace_exit(enum crumb_end how, uint32_t status)
{
	struct guard guard = guard_enter();
	if (has_file()) {
		buffer_count_losses(true);
		sink_end(how, status);
	}
	guard_leave(&guard);
}

void trace_lose(const void *code, void *hint, uint64_t count)
{
	struct guard guard = guard_enter();
	if (trace_wants(code, hint))
		sink_lose(CRUMB_LOSS_NO_WINDOW, count);
	guard_leave(&guard);
}

void trace_lost(enum crumb_loss cause, uint64_t count)
{
	struct guard guard = guard_enter();
	uint64_t payload[2] = {cause, count};
	struct buffer *b = my_buffer();
	sink_lose(cause, count ? count : 1);
	if (b)
		put_extended(b, CRUMB_EXT_LOST, payload, 2);
	guard_leave(&guard);
}

void trace_forget(struct intern_record *record)
{
	struct guard guard = guard_enter();
	intern_forget(record);
	guard_leave(&guard);
}

void trace_thread_ended(void)
{
	struct guard guard = guard_enter();
	struct buffer *b = buffer_is_forked() ? NULL : buffer_mine;
	if (b) {
		buffer_watch(b, SIZE_MAX); /* the thread has left Python: nobody to ask */
		put_extended(b, CRUMB_EXT_THREAD_END, NULL, 0);
		buffer_release(b);
	}
	guard_leave(&guard);
}

void trace_finish(uint32_t status)
{
	size_t size = 0, words = 0;
	if (state != RUNNING || !has_file())
		return;
	trace_exit(CRUMB_END_CLEAN, status);
	/* With threads that still run, the sooner the process is gone the better: those
	 * that come back to Python now find an interpreter in ruins (3.10 crashes at
	 * times). */
	bool alone = !buffer_others_in_use();
	const struct crumb_block *window = buffer_retire(&size, &words);
	if (alone)
		sink_trim(window, size, words);
}

/* In the order in which they are taken one inside the other. */
void trace_before_fork(void)
{
	held.trace = pthread_mutex_lock(&lock) == 0;
	held.intern = intern_lock();
	held.buffer = buffer_lock();
	held.sink = sink_lock();
}

static void begin_child(void)
{
	bool whole = held.trace && held.intern && held.buffer && held.sink;

	lock = (pthread_mutex_t)GUARD_MUTEX;
	sink_forked();
	buffer_forked();
	intern_forked();
	thread_forked();
	/* A fork in a signal handler, in the midst of a change: nothing can be relied on.
	 */
	state = state == FAILED || !whole ? FAILED : NOT_BEGUN;
	last_thread = 0;
	refused = 0;
	forked = true;
}

void trace_after_fork(bool child)
{
	if (child) {
		begin_child();
		return;
	}
	if (held.sink)
		sink_unlock();
	if (held.buffer)
		buffer_unlock();
	if (held.intern)
		intern_unlock();
	if (held.trace)
		pthread_mutex_unlock(&lock);
}
