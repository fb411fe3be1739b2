/* SPDX-License-Identifier: MIT */
/*
 * This exercises: windows that cannot be had or kept, and those that nobody may touch any
 * more.  What is in the file and what is counted as lost make up what was stored.
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

static void acquire(uint32_t number)
{
	b = buffer_acquire(number, 1000);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_eq(b, buffer_mine);
	stored = 0;
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
	Suite *suite = suite_create("agent: buffer, losses");
	add_losses(suite);
	add_children(suite);
	return run_suite(suite);
}
