/* SPDX-License-Identifier: MIT */
/*
 * This exercises: windows.  What is stored in them is in the file, once and in order;
 * they are filled, grown and handed on.  (Losses and children: check_buffer_losses;
 * deaths: check_buffer_death; many threads at once: check_buffer_threads.)
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "buffer.h"
#include "fault.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

#define SMALL     8192
#define SMALL_HAS ((SMALL - 64) / 8 - 1)
#define LARGE_HAS ((CRUMB_WINDOW_SIZE - 64) / 8 - 1)
#define AREA      4096

static struct buffer *b;
static uint64_t stored;

static void setup(void)
{
	fixture_open("a.crumb");
	buffer_init(AREA, false);
}

static uint64_t word(uint64_t i)
{
	return record_word(CRUMB_WORD_CALL, 1, i);
}

static void put(uint64_t count)
{
	while (count--) {
		buffer_put(b, word(stored++));
		if (buffer_full(b))
			buffer_flush(b);
	}
}

/* All that was stored, and nothing else, is in the file as thread `thread`'s. */
static void holds(uint32_t thread, uint64_t expected)
{
	struct raw raw = raw_load(sink_path());
	size_t count;
	uint64_t *words = raw_words(&raw, thread, &count);

	ck_assert_uint_eq(count, expected);
	for (size_t i = 0; i < count; i++)
		must(words[i] == word(i));
	free(words);
	raw_free(&raw);
}

static size_t blocks(enum crumb_block_kind kind)
{
	struct raw raw = raw_load(sink_path());
	size_t count = raw_count_blocks(&raw, kind);
	raw_free(&raw);
	return count;
}

static void acquire(uint32_t number)
{
	b = buffer_acquire(number, 1000);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_eq(b, buffer_mine);
	stored = 0;
}

START_TEST(stored_word_is_in_the_file_at_once)
{
	acquire(1);
	for (uint64_t n = 0; n < 10; n++) {
		holds(1, n);
		put(1);
	}
	struct raw raw = raw_load(sink_path());
	const struct crumb_block *window = raw_block(&raw, raw_block(&raw, NULL));
	ck_assert_uint_eq(window->kind, CRUMB_BLOCK_WINDOW);
	ck_assert_uint_eq(window->size, SMALL);
	ck_assert_uint_eq(window->thread, 1);
	ck_assert_uint_eq(window->base_ticks, 1000);
	raw_free(&raw);
}
END_TEST

START_TEST(full_window_loses_nothing)
{
	static const uint64_t counts[] = {1,
	                                  SMALL_HAS - 1,
	                                  SMALL_HAS,
	                                  SMALL_HAS + 1,
	                                  SMALL_HAS + LARGE_HAS - 1,
	                                  SMALL_HAS + LARGE_HAS,
	                                  SMALL_HAS + LARGE_HAS + 1,
	                                  SMALL_HAS + 5 * LARGE_HAS + 77};
	uint32_t thread = 0;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		acquire(++thread);
		put(counts[i]);
		holds(thread, counts[i]);
		buffer_release(b);
		holds(thread, counts[i]);
	}
}
END_TEST

START_TEST(busy_thread_gets_a_large_window)
{
	acquire(1);
	put(SMALL_HAS - 1);
	ck_assert_uint_eq(b->window_size, SMALL);
	put(1);
	ck_assert_uint_eq(b->window_size, CRUMB_WINDOW_SIZE);
	put(3 * LARGE_HAS);
	struct raw raw = raw_load(sink_path());
	const struct crumb_block *block = NULL;
	size_t used = 0;
	while ((block = raw_block(&raw, block))) {
		if (block->kind == CRUMB_BLOCK_WINDOW)
			used += block->thread != 0;
		if (block->kind == CRUMB_BLOCK_EVENTS)
			ck_assert_uint_eq(block->used / 8,
			                  block->sequence ? LARGE_HAS : SMALL_HAS);
	}
	ck_assert_uint_eq(used, 1);
	raw_free(&raw);
	ck_assert_uint_eq(blocks(CRUMB_BLOCK_WINDOW), 2);
}
END_TEST

START_TEST(last_word_of_a_window_stays_free)
{
	acquire(1);
	ck_assert_ptr_eq(b->end, (uint64_t *)(void *)b->window + SMALL / 8 - 1);
	put(SMALL_HAS);
	ck_assert_ptr_eq(b->end,
	                 (uint64_t *)(void *)b->window + CRUMB_WINDOW_SIZE / 8 - 1);
}
END_TEST

START_TEST(next_block_counts_ticks_from_the_last_event)
{
	acquire(1);
	b->last = 123456;
	put(SMALL_HAS);
	put(1);
	struct raw raw = raw_load(sink_path());
	const struct crumb_block *block = NULL;
	while ((block = raw_block(&raw, block))) {
		if (block->kind == CRUMB_BLOCK_EVENTS)
			ck_assert_uint_eq(block->base_ticks, 1000);
		if (block->kind == CRUMB_BLOCK_WINDOW && block->thread) {
			ck_assert_uint_eq(block->base_ticks, 123456);
			ck_assert_uint_eq(block->sequence, 1);
		}
	}
	raw_free(&raw);
}
END_TEST

START_TEST(flush_of_an_empty_window_writes_nothing)
{
	acquire(1);
	buffer_flush(b);
	buffer_flush(b);
	ck_assert_uint_eq(blocks(CRUMB_BLOCK_EVENTS), 0);
	put(1);
	buffer_flush(b);
	buffer_flush(b);
	ck_assert_uint_eq(blocks(CRUMB_BLOCK_EVENTS), 1);
	holds(1, 1);
}
END_TEST

/* Records of all lengths, at every distance from the end of a window. */
START_TEST(record_does_not_cross_a_block)
{
	const uint64_t payload[] = {0, ~0ull, 0, record_time(1), 5};
	uint64_t records = 0;

	acquire(1);
	for (size_t left = 0; left < 9; left++) {
		for (unsigned words = 2; words <= 5; words++) {
			while ((size_t)(b->end - b->next) > left + 1) {
				buffer_put(b, word(0));
				records++;
			}
			buffer_reserve(b, words + 1);
			ck_assert_uint_ge((size_t)(b->end - b->next), words + 1);
			buffer_put_record(b,
			                  record_extended(CRUMB_EXT_EXCEPTION, words, 0),
			                  payload, words);
			records++;
			if (buffer_full(b))
				buffer_flush(b);
		}
	}
	struct raw raw = raw_load(sink_path());
	ck_assert_uint_eq(raw_count_events(&raw), records);
	const struct crumb_block *block = NULL;
	uint64_t in_blocks = 0;
	while ((block = raw_block(&raw, block))) {
		if (block->kind == CRUMB_BLOCK_EVENTS)
			in_blocks += record_count_events((const uint64_t *)(block + 1),
			                                 block->used / 8);
	}
	ck_assert_uint_le(in_blocks, records);
	raw_free(&raw);
	struct seen seen = seen_only(sink_path());
	ck_assert_uint_eq(seen.events, records);
	seen_free(&seen);
}
END_TEST

START_TEST(largest_reserve_has_room_everywhere)
{
	acquire(1);
	for (int i = 0; i < 1000; i++) {
		buffer_reserve(b, BUFFER_SCRATCH);
		ck_assert_uint_ge((size_t)(b->end - b->next), BUFFER_SCRATCH);
		put(17);
	}
	holds(1, stored);
}
END_TEST

START_TEST(watched_buffer_is_full_early)
{
	acquire(1);
	buffer_watch(b, 3);
	for (int i = 0; i < 2; i++) {
		buffer_put(b, word(stored++));
		ck_assert(!buffer_full(b));
	}
	buffer_put(b, word(stored++));
	ck_assert(buffer_full(b));
	buffer_watch(b, 1);
	ck_assert(!buffer_full(b));
	buffer_watch(b, SIZE_MAX);
	ck_assert_ptr_eq(b->watch, b->end);
	buffer_watch(b, (size_t)(b->end - b->next));
	ck_assert_ptr_eq(b->watch, b->end);
	ck_assert_ptr_eq(b->limit, b->first); /* there is no counter */
	buffer_watch(b, 2);
	put(2 * LARGE_HAS); /* put() flushes early then; that loses nothing either */
	holds(1, stored);
}
END_TEST

START_TEST(threads_that_end_leave_their_window_to_others)
{
	for (uint32_t thread = 1; thread <= 100; thread++) {
		acquire(thread);
		put(thread * 10);
		buffer_release(b);
		ck_assert_ptr_null(buffer_mine);
	}
	ck_assert_uint_eq(blocks(CRUMB_BLOCK_WINDOW), 1);
	for (uint32_t thread = 1; thread <= 100; thread++)
		holds(thread, thread * 10);
}
END_TEST

START_TEST(released_window_is_nobodys)
{
	acquire(7);
	put(5);
	buffer_release(b);
	struct raw raw = raw_load(sink_path());
	const struct crumb_block *block = NULL;
	while ((block = raw_block(&raw, block))) {
		if (block->kind == CRUMB_BLOCK_WINDOW)
			ck_assert_uint_eq(block->thread, 0);
	}
	raw_free(&raw);
	acquire(8);
	buffer_release(b); /* with nothing in it */
	ck_assert_uint_eq(blocks(CRUMB_BLOCK_EVENTS), 1);
}
END_TEST

START_TEST(large_window_is_handed_on_as_it_is)
{
	acquire(1);
	put(SMALL_HAS + 10);
	buffer_release(b);
	acquire(2);
	ck_assert_uint_eq(b->window_size, CRUMB_WINDOW_SIZE);
	put(2 * LARGE_HAS + 3);
	buffer_release(b);
	holds(1, SMALL_HAS + 10);
	holds(2, 2 * LARGE_HAS + 3);
	ck_assert_uint_eq(blocks(CRUMB_BLOCK_WINDOW), 2);
}
END_TEST

START_TEST(new_owner_finds_nothing_of_the_old_one)
{
	acquire(1);
	b->probes = 9;
	b->stack_reserve = 77;
	b->taken_over = b->setting_trace = b->stack_spared = true;
	b->raised = b;
	put(5);
	buffer_release(b);
	acquire(2);
	ck_assert_uint_eq(b->probes, 0);
	ck_assert_uint_eq(b->stack_reserve, BUFFER_UNMEASURED);
	ck_assert(!b->taken_over && !b->setting_trace && !b->stack_spared);
	ck_assert_ptr_null(b->raised);
	ck_assert_uint_eq(b->sequence, 0);
	ck_assert_uint_eq(b->last, 1000);
	holds(2, 0);
}
END_TEST

static unsigned visited;

static void visit(void *area, const void *context)
{
	ck_assert_ptr_eq(context, &visited);
	ck_assert_uint_eq((uintptr_t)area % 64, 0);
	memset(area, 'x', AREA);
	visited++;
}

static void *acquire_elsewhere(void *release)
{
	struct buffer *mine = buffer_acquire(99, 0);
	ck_assert_ptr_nonnull(mine);
	if (release)
		buffer_release(mine);
	return mine;
}

static struct buffer *in_thread(bool release)
{
	pthread_t thread;
	void *got;
	pthread_create(&thread, NULL, acquire_elsewhere, release ? &thread : NULL);
	pthread_join(thread, &got);
	return got;
}

START_TEST(each_area_is_visited_in_use_or_not)
{
	buffer_each_area(visit, &visited);
	ck_assert_uint_eq(visited, 0);
	acquire(1);
	for (int i = 0; i < AREA; i++)
		must(buffer_area(b)[i] == 0);
	in_thread(false);
	in_thread(true);
	buffer_each_area(visit, &visited);
	ck_assert_uint_eq(visited, 3);
	ck_assert_int_eq(buffer_area(b)[AREA - 1], 'x');
	buffer_release(b);
	acquire(2);
	ck_assert_int_eq(buffer_area(b)[0], 'x'); /* kept */
}
END_TEST

START_TEST(other_users_are_known)
{
	ck_assert(!buffer_others_in_use());
	acquire(1);
	ck_assert(!buffer_others_in_use());
	in_thread(true);
	ck_assert(!buffer_others_in_use());
	struct buffer *other = in_thread(false);
	ck_assert(buffer_others_in_use());
	ck_assert_ptr_ne(other, b);
	buffer_release(b);
	ck_assert(buffer_others_in_use());
}
END_TEST

static void add_windows(Suite *suite)
{
	TCase *c = add_case(suite, "windows");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, stored_word_is_in_the_file_at_once);
	tcase_add_test(c, full_window_loses_nothing);
	tcase_add_test(c, busy_thread_gets_a_large_window);
	tcase_add_test(c, last_word_of_a_window_stays_free);
	tcase_add_test(c, next_block_counts_ticks_from_the_last_event);
	tcase_add_test(c, flush_of_an_empty_window_writes_nothing);
	tcase_add_test(c, record_does_not_cross_a_block);
	tcase_add_test(c, largest_reserve_has_room_everywhere);
	tcase_add_test(c, watched_buffer_is_full_early);
	tcase_add_test(c, threads_that_end_leave_their_window_to_others);
	tcase_add_test(c, released_window_is_nobodys);
	tcase_add_test(c, large_window_is_handed_on_as_it_is);
	tcase_add_test(c, new_owner_finds_nothing_of_the_old_one);
	tcase_add_test(c, each_area_is_visited_in_use_or_not);
	tcase_add_test(c, other_users_are_known);
}

int main(void)
{
	Suite *suite = suite_create("agent: buffer");
	add_windows(suite);
	return run_suite(suite);
}
