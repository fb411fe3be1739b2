/* SPDX-License-Identifier: MIT */
/*
 * This exercises: windows.  What is stored in them is in the file, once and in order;
 * they are filled, grown, handed on and given up.  (Deaths: check_buffer_death; many
 * threads at once: check_buffer_threads.)
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

static uint64_t lost(enum crumb_loss cause)
{
	struct raw raw = raw_load(sink_path());
	uint64_t count = raw.header->lost[cause];
	raw_free(&raw);
	return count;
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

/* ---- filling ---- */

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
	ck_assert_ptr_eq(b->limit, b->end);
	buffer_watch(b, (size_t)(b->end - b->next));
	ck_assert_ptr_eq(b->limit, b->end);
	buffer_watch(b, 2);
	put(2 * LARGE_HAS); /* put() flushes early then; that loses nothing either */
	holds(1, stored);
}
END_TEST

/* ---- handing on ---- */

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
	ck_assert_uint_eq(b->stack_reserve, 0);
	ck_assert(!b->taken_over && !b->setting_trace && !b->stack_spared);
	ck_assert_ptr_null(b->raised);
	ck_assert_uint_eq(b->sequence, 0);
	ck_assert_uint_eq(b->last, 1000);
	holds(2, 0);
}
END_TEST

/* ---- areas ---- */

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

/* ---- losses ---- */

START_TEST(without_a_window_events_are_counted)
{
	capture_begin();
	fault_fail(FAULT_FALLOCATE, 0, 1, ENOSPC);
	acquire(1);
	ck_assert_ptr_null(b->window);
	put(BUFFER_SCRATCH * 3 + 5);
	ck_assert_uint_eq(lost(CRUMB_LOSS_DISK_FULL), BUFFER_SCRATCH * 3);
	buffer_count_losses(false);
	ck_assert_uint_eq(lost(CRUMB_LOSS_DISK_FULL), stored);
	buffer_flush(b);
	put(2);
	buffer_release(b);
	ck_assert_uint_eq(lost(CRUMB_LOSS_DISK_FULL), BUFFER_SCRATCH * 3 + 7);
	holds(1, 0);
	ck_assert(is_line_with(capture_end(), "recording stops"));
}
END_TEST

START_TEST(payload_and_time_are_no_losses)
{
	const uint64_t payload[] = {1, 2};

	capture_begin();
	fault_fail(FAULT_MMAP, 1, 1, ENOMEM); /* the buffer's own memory comes first */
	acquire(1);
	ck_assert_ptr_null(b->window);
	buffer_put(b, record_time(1));
	buffer_put_record(b, record_extended(CRUMB_EXT_EXCEPTION, 2, 0), payload, 2);
	buffer_put(b, word(0));
	buffer_count_losses(false);
	buffer_count_losses(false);
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_WINDOW), 2);
	ck_assert(is_line_with(capture_end(), "no memory can be mapped"));
}
END_TEST

/* From then on its events go to scratch; those in the window stay there. */
START_TEST(window_that_cannot_be_appended_keeps_its_events)
{
	capture_begin();
	acquire(1);
	put(SMALL_HAS + 10);
	buffer_flush(b);
	put(20);
	fault_fail(FAULT_PWRITEV, 0, 1, ENOSPC);
	buffer_flush(b);
	holds(1, SMALL_HAS + 30);
	uint64_t kept = stored;
	put(100);
	buffer_release(b);
	holds(1, kept);
	ck_assert_uint_eq(lost(CRUMB_LOSS_DISK_FULL), 100);
	capture_end();
}
END_TEST

START_TEST(last_window_of_a_thread_is_not_handed_on_when_it_cannot_be_appended)
{
	capture_begin();
	acquire(1);
	put(20);
	fault_fail(FAULT_PWRITEV, 0, 1, ENOSPC);
	buffer_release(b);
	acquire(2);
	ck_assert_ptr_null(b->window);
	put(5);
	buffer_release(b);
	holds(1, 20);
	holds(2, 0);
	ck_assert_uint_eq(lost(CRUMB_LOSS_DISK_FULL), 5);
	capture_end();
}
END_TEST

START_TEST(thread_without_memory_for_a_buffer_has_none)
{
	fault_fail(FAULT_MMAP, 0, 1, ENOMEM);
	ck_assert_ptr_null(buffer_acquire(1, 0));
	ck_assert_ptr_null(buffer_mine);
	acquire(1);
}
END_TEST

/* The small window does as well: nothing is lost, so nothing is to be said, and the file
 * need not be larger than the events. */
START_TEST(thread_that_cannot_grow_goes_on_with_its_small_window)
{
	capture_begin();
	acquire(1);
	fault_fail(FAULT_MMAP, 0, FAULT_ALWAYS, ENOMEM);
	put(20 * SMALL_HAS);
	fault_none();
	ck_assert_str_eq(capture_end(), "");
	holds(1, 20 * SMALL_HAS);
	for (int cause = 0; cause < (int)CRUMB_LOSS_CAUSES; cause++)
		ck_assert_uint_eq(lost((enum crumb_loss)cause), 0);
	struct stat st;
	ck_assert_int_eq(stat(sink_path(), &st), 0);
	ck_assert_int_le(st.st_size, 16384 + 22 * SMALL + CRUMB_WINDOW_SIZE);
}
END_TEST

static bool may_go_on;

static void *store_in_scratch(void *counted)
{
	struct buffer *mine = buffer_acquire(5, 0);
	buffer_put(mine, word(1));
	buffer_put(mine, word(2));
	__atomic_store_n((bool *)counted, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&may_go_on, __ATOMIC_ACQUIRE))
		sched_yield();
	return NULL;
}

START_TEST(losses_of_all_threads_are_counted_at_the_end)
{
	pthread_t thread;
	bool counted = false;

	capture_begin();
	fault_fail(FAULT_FALLOCATE, 0, 3, ENOSPC);
	acquire(1);
	put(3);
	in_thread(true); /* one that is nobody's by now */
	pthread_create(&thread, NULL, store_in_scratch, &counted);
	while (!__atomic_load_n(&counted, __ATOMIC_ACQUIRE))
		sched_yield();
	buffer_count_losses(false);
	ck_assert_uint_eq(lost(CRUMB_LOSS_DISK_FULL), 3);
	buffer_lock(); /* as when a signal handler interrupts a thread there */
	buffer_count_losses(true);
	buffer_unlock();
	ck_assert_uint_eq(lost(CRUMB_LOSS_DISK_FULL), 3);
	buffer_count_losses(true);
	ck_assert_uint_eq(lost(CRUMB_LOSS_DISK_FULL), 5);
	__atomic_store_n(&may_go_on, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	capture_end();
}
END_TEST

START_TEST(thread_without_a_buffer_has_no_losses)
{
	buffer_count_losses(false);
	acquire(1);
	put(5);
	buffer_count_losses(true);
	for (int cause = 0; cause < (int)CRUMB_LOSS_CAUSES; cause++)
		ck_assert_uint_eq(lost((enum crumb_loss)cause), 0);
}
END_TEST

/* ---- the end ---- */

START_TEST(retired_window_is_given_up_with_its_words)
{
	size_t size = 0, words = 0;

	ck_assert_ptr_null(buffer_retire(&size, &words));
	acquire(1);
	struct crumb_block *window = b->window;
	put(5);
	ck_assert_ptr_eq(buffer_retire(&size, &words), window);
	ck_assert_uint_eq(size, SMALL);
	ck_assert_uint_eq(words, 5);
	ck_assert_ptr_null(buffer_retire(&size, &words));
	put(100); /* an event after the end is no loss that a user should know of */
	buffer_count_losses(false);
	buffer_release(b);
	holds(1, 5);
	for (int cause = 0; cause < (int)CRUMB_LOSS_CAUSES; cause++)
		ck_assert_uint_eq(lost((enum crumb_loss)cause), 0);
}
END_TEST

/* ---- children ---- */

static void record_in_child(void)
{
	ck_assert(buffer_is_forked());
	/* Nothing of the parent's can be stored through. */
	ck_assert_ptr_null(b->next);
	ck_assert_ptr_null(b->window);
	ck_assert_uint_eq(b->thread, 0);
	ck_assert_int_eq(buffer_area(b)[0], 0);
	buffer_lock();
	buffer_unlock();
	sink_forked();
	buffer_forked();
	ck_assert(!buffer_is_forked());
	ck_assert_ptr_null(buffer_mine);
	ck_assert(!buffer_others_in_use());
	ck_assert(sink_open());
	acquire(1);
	put(3000);
	buffer_release(b);
	holds(1, 3000);
}

START_TEST(forked_child_has_windows_of_its_own)
{
	acquire(1);
	memset(buffer_area(b), 'x', AREA);
	put(2000);
	in_child(record_in_child);
	ck_assert(!buffer_is_forked());
	holds(1, 2000);
	put(10);
	holds(1, 2010);
	ck_assert_uint_eq(count_files(), 2);
}
END_TEST

static void fork_in_child(void)
{
	record_in_child();
	acquire(2);
	memset(buffer_area(b), 'x', AREA);
	in_child(record_in_child);
}

START_TEST(child_of_a_child_has_too)
{
	acquire(1);
	put(20);
	in_child(fork_in_child);
	ck_assert_uint_eq(count_files(), 3);
}
END_TEST

/* Before Linux 4.14 nothing is wiped: only fork handlers tell then. */
static void record_without_wiping(void)
{
	ck_assert(!buffer_is_forked());
	sink_forked();
	buffer_forked();
	ck_assert(sink_open());
	acquire(1);
	put(3000);
	holds(1, 3000);
}

START_TEST(kernel_that_wipes_nothing_is_no_obstacle)
{
	fault_fail(FAULT_MADVISE, 0, FAULT_ALWAYS, EINVAL);
	buffer_init(AREA, false);
	acquire(1);
	put(2000);
	in_child(record_without_wiping);
	holds(1, 2000);
}
END_TEST

START_TEST(want_of_memory_for_the_mark_is_no_obstacle)
{
	fault_fail(FAULT_MMAP, 0, 1, ENOMEM);
	buffer_init(AREA, false);
	ck_assert(!buffer_is_forked());
	acquire(1);
	put(2000);
	buffer_forked();
	ck_assert(!buffer_is_forked());
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

static void add_losses(Suite *suite)
{
	TCase *c = add_case(suite, "losses");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, without_a_window_events_are_counted);
	tcase_add_test(c, payload_and_time_are_no_losses);
	tcase_add_test(c, window_that_cannot_be_appended_keeps_its_events);
	tcase_add_test(
	    c, last_window_of_a_thread_is_not_handed_on_when_it_cannot_be_appended);
	tcase_add_test(c, thread_without_memory_for_a_buffer_has_none);
	tcase_add_test(c, thread_that_cannot_grow_goes_on_with_its_small_window);
	tcase_add_test(c, losses_of_all_threads_are_counted_at_the_end);
	tcase_add_test(c, thread_without_a_buffer_has_no_losses);
	tcase_add_test(c, retired_window_is_given_up_with_its_words);
}

static void add_children(Suite *suite)
{
	TCase *c = add_case(suite, "children");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, forked_child_has_windows_of_its_own);
	tcase_add_test(c, child_of_a_child_has_too);
	tcase_add_test(c, kernel_that_wipes_nothing_is_no_obstacle);
	tcase_add_test(c, want_of_memory_for_the_mark_is_no_obstacle);
}

int main(void)
{
	Suite *suite = suite_create("agent: buffer");
	add_windows(suite);
	add_losses(suite);
	add_children(suite);
	return run_suite(suite);
}
