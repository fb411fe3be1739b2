/* SPDX-License-Identifier: MIT */
/*
 * This exercises: what a process leaves when it is killed.  The states between a word and
 * the next are made one by one, in the order of buffer.c:append(), and read back; then
 * processes are killed wherever they happen to be.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "buffer.h"
#include "make_trace.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

#define SMALL_HAS ((8192 - 64) / 8 - 1)

static struct buffer *b;
static uint64_t stored;
static uint64_t *reached; /* shared with the parent: so many words are stored for sure */

static void setup(void)
{
	reached =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(reached, MAP_FAILED);
}

/* A file that describes threads 1 … 8 and function 1, for a reader without complaints. */
static void open_file(void)
{
	const struct crumb_record_code code = {.id = 1, .name = 1, .qualname = 1};

	fixture_open("a.crumb");
	buffer_init(0, false);
	for (uint32_t number = 1; number <= 8; number++) {
		const struct crumb_record_thread thread = {.number = number,
		                                           .native_id = number};
		ck_assert(record_thread(&thread));
	}
	ck_assert(record_string(1, "f", 1));
	ck_assert(record_code(&code));
}

static uint64_t word(uint64_t i)
{
	return record_word(CRUMB_WORD_CALL, 1, i & 0xffff);
}

static void put(uint64_t count)
{
	while (count--) {
		buffer_put(b, word(stored++));
		__atomic_store_n(reached, stored, __ATOMIC_RELAXED);
		if (buffer_full(b))
			buffer_flush(b);
	}
}

static _Noreturn void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static struct raw raw;

/* Loads the file, of which the reader has to see the same events as we do. */
static void load(void)
{
	raw = raw_load(temp_path("a.crumb"));
	ck_assert_uint_eq(raw.header->end, CRUMB_END_UNKNOWN);
	struct seen seen = seen_only(temp_path("a.crumb"));
	ck_assert_int_eq(seen.added, 1);
	ck_assert_uint_eq(seen.events, raw_count_events(&raw));
	ck_assert_str_eq(seen.problems, "");
	const struct crumb_process *process = crumb_trace_process(seen.trace, 0);
	ck_assert_int_eq(process->ended, CRUMB_ENDED_UNKNOWN);
	seen_free(&seen);
}

/* Each event of the thread once, and in order.  Returns how many. */
static uint64_t count_once(uint32_t thread)
{
	size_t count;
	uint64_t *words = raw_words(&raw, thread, &count);

	for (size_t i = 0; i < count; i++)
		must(words[i] == word(i));
	free(words);
	return count;
}

static void teardown(void)
{
	raw_free(&raw);
}

/* Runs `body` in a child, which dies by SIGKILL. */
static void let_die(void (*body)(void))
{
	pid_t child = fork();
	if (child == 0) {
		open_file();
		body();
		die();
	}
	child_ends(child, -SIGKILL);
	load();
}

static void store_five(void)
{
	b = buffer_acquire(1, 0);
	put(5);
}

START_TEST(death_with_words_in_the_window_loses_none)
{
	let_die(store_five);
	ck_assert_uint_eq(count_once(1), 5);
}
END_TEST

static void half_a_record(void)
{
	store_five();
	b->next[1] = 0x1234;
	b->next[2] = 0x5678;
}

START_TEST(death_within_a_record_shows_nothing_of_it)
{
	let_die(half_a_record);
	ck_assert_uint_eq(count_once(1), 5);
}
END_TEST

/* As append() does, up to the step number `steps`. */
static int steps;

static void append_in_part(void)
{
	enum crumb_loss cause;

	b = buffer_acquire(1, 0);
	put(SMALL_HAS - 1);
	size_t words = (size_t)(b->next - b->first);
	if (steps-- > 0)
		ck_assert(sink_append(b->thread, b->sequence, b->window->base_ticks,
		                      b->first, words, &cause));
	if (steps-- > 0)
		memset(b->first, 0, 400 * sizeof(*b->first));
	if (steps-- > 0)
		memset(b->first, 0, words * sizeof(*b->first));
	if (steps-- > 0)
		b->window->base_ticks = b->last;
	if (steps-- > 0)
		b->window->sequence = ++b->sequence;
	if (steps-- > 0)
		b->first[0] = word(SMALL_HAS - 1);
}

START_TEST(death_between_append_and_clear_counts_each_event_once)
{
	steps = _i;
	let_die(append_in_part);
	ck_assert_uint_eq(count_once(1), SMALL_HAS - 1 + (_i == 6));
}
END_TEST

/* The block is reserved, or written in part, when the process dies. */
static void write_a_part(void)
{
	enum crumb_loss cause;

	b = buffer_acquire(1, 0);
	put(500);
	ck_assert(sink_append(1, 0, 0, b->first, 500, &cause));
	raw = raw_load(sink_path());
	const struct crumb_block *block = NULL, *last = NULL;
	while ((block = raw_block(&raw, block)))
		last = block;
	ck_assert_uint_eq(last->kind, CRUMB_BLOCK_EVENTS);
	uint64_t at = raw_offset(&raw, last), end = at + last->size;
	raw_free(&raw);
	/* What a write that was cut off has not written: all of it, or its end. */
	uint64_t from = steps ? at + 512 : at;
	static const char zeros[8192];
	make_poke(sink_path(), from, zeros, end - from);
}

START_TEST(death_within_a_write_leaves_the_events_to_the_window)
{
	steps = _i;
	let_die(write_a_part);
	ck_assert_uint_eq(count_once(1), 500);
}
END_TEST

static void hand_on(void)
{
	b = buffer_acquire(1, 0);
	put(20);
	buffer_release(b);
	stored = 0;
	b = buffer_acquire(2, 0);
	if (steps)
		put(7);
}

START_TEST(death_of_the_next_owner_changes_nothing_for_the_last)
{
	steps = _i;
	let_die(hand_on);
	ck_assert_uint_eq(count_once(1), 20);
	ck_assert_uint_eq(count_once(2), _i ? 7 : 0);
}
END_TEST

/* As grow() does: both windows are there for a moment. */
static void grow_in_part(void)
{
	enum crumb_loss cause;

	b = buffer_acquire(1, 0);
	put(100);
	buffer_flush(b); /* grown */
	put(30);
	struct crumb_block *other = sink_window(8192, &cause);
	ck_assert_ptr_nonnull(other);
	if (steps > 0)
		other->sequence = b->sequence;
	if (steps > 1) {
		buffer_flush(b);
		b->window->thread = 0;
		other->sequence = b->sequence;
		other->thread = 1;
	}
}

START_TEST(death_while_a_window_grows_counts_each_event_once)
{
	steps = _i;
	let_die(grow_in_part);
	ck_assert_uint_eq(count_once(1), 130);
}
END_TEST

static void store_for_ever(void)
{
	b = buffer_acquire(1, 0);
	for (;;)
		put(1000);
}

START_TEST(death_at_any_moment_loses_nothing_that_was_stored)
{
	/* Some moments within the first blocks, others after many. */
	uint64_t wanted = (uint64_t)(_i * _i) * 700 + (uint64_t)_i * 13;

	pid_t child = fork();
	if (child == 0) {
		open_file();
		store_for_ever();
	}
	while (__atomic_load_n(reached, __ATOMIC_RELAXED) < wanted)
		sched_yield();
	kill(child, SIGKILL);
	child_ends(child, -SIGKILL);
	load();
	/* A word that was stored, but not yet said to be, may be there too. */
	uint64_t count = count_once(1), said = *reached;
	ck_assert_uint_ge(count, said);
	ck_assert_uint_le(count, said + 1);
}
END_TEST

/* More than any of the deaths waits for.  A thread that went on for ever would fill the
 * disk while another waits for its turn on a busy machine. */
#define THREAD_STORES 1000000

static void *store_in_thread(void *data)
{
	uint32_t thread = (uint32_t)(uintptr_t)data;
	struct buffer *mine = buffer_acquire(thread, 0);

	for (uint64_t i = 0; mine && i < THREAD_STORES; i++) {
		buffer_put(mine, word(i));
		__atomic_store_n(&reached[thread], i + 1, __ATOMIC_RELAXED);
		if (buffer_full(mine))
			buffer_flush(mine);
	}
	for (;;)
		pause();
	return NULL;
}

START_TEST(death_of_many_threads_loses_nothing_that_was_stored)
{
	pid_t child = fork();
	if (child == 0) {
		pthread_t thread;
		open_file();
		for (uintptr_t i = 1; i <= 4; i++)
			pthread_create(&thread, NULL, store_in_thread, (void *)i);
		for (;;)
			pause();
	}
	for (uint32_t thread = 1; thread <= 4; thread++) {
		while (__atomic_load_n(&reached[thread], __ATOMIC_RELAXED) <
		       (uint64_t)_i * 3000)
			sched_yield();
	}
	kill(child, SIGKILL);
	child_ends(child, -SIGKILL);
	load();
	for (uint32_t thread = 1; thread <= 4; thread++) {
		uint64_t count = count_once(thread);
		ck_assert_uint_ge(count, reached[thread]);
		ck_assert_uint_le(count, reached[thread] + 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: buffer, deaths");
	TCase *c = add_case(suite, "deaths");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, death_with_words_in_the_window_loses_none);
	tcase_add_test(c, death_within_a_record_shows_nothing_of_it);
	tcase_add_loop_test(c, death_between_append_and_clear_counts_each_event_once, 0,
	                    7);
	tcase_add_loop_test(c, death_within_a_write_leaves_the_events_to_the_window, 0,
	                    2);
	tcase_add_loop_test(c, death_of_the_next_owner_changes_nothing_for_the_last, 0,
	                    2);
	tcase_add_loop_test(c, death_while_a_window_grows_counts_each_event_once, 0, 3);
	tcase_add_loop_test(c, death_at_any_moment_loses_nothing_that_was_stored, 1, 13);
	tcase_add_loop_test(c, death_of_many_threads_loses_nothing_that_was_stored, 1, 6);
	return run_suite(suite);
}
