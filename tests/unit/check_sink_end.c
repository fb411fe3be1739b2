/* SPDX-License-Identifier: MIT */
/*
 * This exercises: how the trace file ends, and what other processes than its own can do
 * to it: nothing.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "clock.h"
#include "fault.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

static struct raw raw;
static enum crumb_loss cause;

static void load(void)
{
	raw_free(&raw);
	raw = raw_load(sink_path());
}

static void unload(void)
{
	raw_free(&raw);
}

static uint64_t file_size(void)
{
	struct stat st;
	ck_assert_int_eq(stat(sink_path(), &st), 0);
	return (uint64_t)st.st_size;
}

/* Appends a block of `count` words, which are numbered from `first`. */
static void append(uint32_t thread, uint64_t sequence, uint64_t first, size_t count)
{
	uint64_t words[CRUMB_WINDOW_SIZE / 8];

	for (size_t i = 0; i < count; i++)
		words[i] = record_word(CRUMB_WORD_CALL, 1, first + i);
	ck_assert(sink_append(thread, sequence, 1000 + sequence, words, count, &cause));
}

/* What the reader wants to know of thread 1 and function 1. */
static void describe(void)
{
	const struct crumb_record_thread thread = {.number = 1, .native_id = 1};
	const struct crumb_record_code code = {.id = 1, .name = 1};
	ck_assert(record_thread(&thread));
	ck_assert(record_string(1, "f", 1));
	ck_assert(record_code(&code));
}

START_TEST(losses_are_added_up_by_cause)
{
	fixture_open("a.crumb");
	for (unsigned i = 0; i < CRUMB_LOSS_CAUSES; i++) {
		sink_lose((enum crumb_loss)i, i);
		sink_lose((enum crumb_loss)i, UINT64_C(1) << 40);
	}
	sink_lose((enum crumb_loss)CRUMB_LOSS_CAUSES, 5); /* no cause */
	load();
	for (unsigned i = 0; i < CRUMB_LOSS_CAUSES; i++)
		ck_assert_uint_eq(raw.header->lost[i], i + (UINT64_C(1) << 40));
	for (unsigned i = 0; i < CRUMB_LOSS_CAUSES; i++)
		ck_assert_uint_eq(sink_lost((enum crumb_loss)i), raw.header->lost[i]);
	ck_assert_uint_eq(sink_lost((enum crumb_loss)CRUMB_LOSS_CAUSES), 0);
	ck_assert_mem_eq(raw.bytes + sizeof(struct crumb_header), "\0\0\0\0\0\0\0\0", 8);
}
END_TEST

START_TEST(first_end_counts)
{
	fault_clock_stop(1000, 5000);
	fixture_open("a.crumb");
	fault_clock_advance(100);
	sink_end(CRUMB_END_FATAL, 0);
	fault_clock_advance(100);
	sink_end(CRUMB_END_CLEAN, 3);
	load();
	ck_assert_uint_eq(raw.header->end, CRUMB_END_FATAL);
	ck_assert_uint_eq(raw.header->end_status, 0);
	ck_assert_uint_eq(raw.header->end_ticks, 1100);
	ck_assert_int_eq(raw.header->end_ns, 5100);
	fault_clock_run();
}
END_TEST

START_TEST(end_can_be_taken_back)
{
	fixture_open("a.crumb");
	sink_end(CRUMB_END_UNKNOWN, 0); /* nothing was said */
	sink_end(CRUMB_END_EXEC, 0);
	sink_end(CRUMB_END_UNKNOWN, 0);
	load();
	ck_assert_uint_eq(raw.header->end, CRUMB_END_UNKNOWN);
	ck_assert_uint_eq(raw.header->end_ticks, 0);
	sink_end(CRUMB_END_CLEAN, 7);
	load();
	ck_assert_uint_eq(raw.header->end, CRUMB_END_CLEAN);
	ck_assert_uint_eq(raw.header->end_status, 7);
	ck_assert_uint_ne(raw.header->end_ticks, 0);
}
END_TEST

static struct crumb_block *last_window;

static void open_with_window(size_t words)
{
	fixture_open("a.crumb");
	last_window = sink_window(CRUMB_WINDOW_SIZE, &cause);
	ck_assert_ptr_nonnull(last_window);
	last_window->thread = 1;
	for (size_t i = 0; i < words; i++)
		((uint64_t *)(void *)(last_window + 1))[i] =
		    record_word(CRUMB_WORD_CALL, 1, i);
}

START_TEST(file_is_cut_behind_the_last_word)
{
	static const size_t words[] = {0, 1, 7, 8, 9, 1000, 16366};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		open_with_window(words[i]);
		describe();
		sink_end(CRUMB_END_CLEAN, 0);
		sink_trim(last_window, CRUMB_WINDOW_SIZE, words[i]);
		load();
		ck_assert_uint_eq(raw.size, 16384 + (64 + 8 * words[i] + 63) / 64 * 64);
		ck_assert_uint_eq(raw.header->end_size, raw.size);
		size_t n;
		free(raw_words(&raw, 1, &n));
		ck_assert_uint_eq(n, words[i]);
		struct seen seen = seen_of(sink_path());
		ck_assert_str_eq(seen.problems, "");
		ck_assert_uint_eq(seen.events, words[i]);
		seen_free(&seen);
		sink_forked(); /* the next file */
	}
}
END_TEST

static void is_not_cut(void)
{
	uint64_t size = file_size();
	sink_end(CRUMB_END_CLEAN, 0);
	sink_trim(last_window, CRUMB_WINDOW_SIZE, 3);
	load();
	ck_assert_uint_eq(raw.size, size);
	ck_assert_uint_eq(raw.header->end_size, 0);
}

START_TEST(window_before_another_block_is_not_cut)
{
	open_with_window(3);
	append(2, 0, 0, 3);
	is_not_cut();
}
END_TEST

/* Its end looks like the beginning of a window; it is in the way all the same. */
START_TEST(window_before_a_large_block_is_not_cut)
{
	open_with_window(3);
	append(2, 0, 0, (CRUMB_WINDOW_SIZE - 64) / 8 - 1);
	is_not_cut();
}
END_TEST

START_TEST(window_before_another_window_is_not_cut)
{
	open_with_window(3);
	struct crumb_block *other = sink_window(CRUMB_WINDOW_SIZE, &cause);
	ck_assert_ptr_nonnull(other);
	is_not_cut();
	other->thread = 2;
	is_not_cut();
}
END_TEST

START_TEST(window_that_nobody_owns_is_not_cut)
{
	open_with_window(3);
	last_window->thread = 0;
	is_not_cut();
}
END_TEST

START_TEST(full_window_is_not_cut)
{
	open_with_window(3);
	uint64_t size = file_size();
	sink_trim(last_window, CRUMB_WINDOW_SIZE, (CRUMB_WINDOW_SIZE - 64) / 8);
	sink_trim(NULL, 0, 0);
	ck_assert_uint_eq(file_size(), size);
}
END_TEST

START_TEST(file_that_cannot_be_cut_stays_whole)
{
	open_with_window(3);
	fault_fail(FAULT_FTRUNCATE, 0, FAULT_ALWAYS, EPERM);
	is_not_cut();
	fault_none();
	fault_fail(FAULT_PREAD, 0, 1, EIO);
	is_not_cut();
}
END_TEST

/* A child of vfork() shares the parent's memory, and calls _exit(). */
static void end_in_child(void)
{
	ck_assert(!sink_is_mine());
	sink_end(CRUMB_END_CLEAN, 1);
	sink_trim(last_window, CRUMB_WINDOW_SIZE, 0);
	sink_snapshot();
}

START_TEST(child_that_shares_the_memory_does_not_speak_for_the_parent)
{
	open_with_window(3);
	uint64_t size = file_size();
	pid_t child = vfork();
	if (child == 0) {
		end_in_child();
		_exit(0);
	}
	child_ends(child, 0);
	load();
	ck_assert_uint_eq(raw.header->end, CRUMB_END_UNKNOWN);
	ck_assert_uint_eq(raw.size, size);
	ck_assert_uint_eq(count_files(), 1);
	ck_assert(sink_is_mine());
}
END_TEST

static uint64_t parents_id;

static void open_in_child(void)
{
	sink_forked();
	ck_assert(!sink_is_open());
	ck_assert_str_eq(sink_path(), temp_path("a.crumb")); /* the parent's */
	sink_lose(CRUMB_LOSS_DISK_FULL, 99);
	sink_end(CRUMB_END_CLEAN, 9);
	ck_assert(!record_string(1, "x", 1));
	ck_assert(sink_open());
	ck_assert_str_eq(sink_path(), temp_path("a-2.crumb"));
	append(1, 0, 0, 5);
	ck_assert(record_string(1, "child's", 7));
	sink_end(CRUMB_END_CLEAN, 0);
	load();
	ck_assert_uint_eq(raw.header->parent_id, parents_id);
	ck_assert_uint_ne(raw.header->trace_id, parents_id);
	ck_assert_uint_eq(raw.header->pid, (unsigned)getpid());
	ck_assert_uint_eq(raw.header->parent_pid, (unsigned)getppid());
	ck_assert_uint_eq(raw_count_blocks(&raw, CRUMB_BLOCK_EVENTS), 1);
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_STRING), 1);
	unload();
}

START_TEST(forked_child_writes_its_own_file)
{
	open_with_window(3);
	load();
	parents_id = raw.header->trace_id;
	struct raw before = raw;
	raw.bytes = NULL;
	in_child(open_in_child);
	load();
	ck_assert_uint_eq(raw.size, before.size);
	ck_assert_mem_eq(raw.bytes, before.bytes, before.size);
	ck_assert_uint_eq(count_files(), 2);
	raw_free(&before);
	append(1, 0, 0, 5); /* the parent goes on */
}
END_TEST

static void fork_again(void)
{
	sink_forked();
	in_child(open_in_child);
}

START_TEST(grandchild_names_the_nearest_ancestor_with_a_file)
{
	open_with_window(3);
	load();
	parents_id = raw.header->trace_id;
	in_child(fork_again);
	ck_assert_uint_eq(count_files(), 2);
}
END_TEST

static void do_nothing(void)
{
	sink_forked();
}

START_TEST(child_that_records_nothing_leaves_no_file)
{
	open_with_window(3);
	in_child(do_nothing);
	ck_assert_uint_eq(count_files(), 1);
}
END_TEST

/* The maps of the file are not there in a child: it could only do harm with them. */
static void touch_window(void)
{
	sink_forked();
	ck_assert_int_eq(madvise(last_window, 4096, MADV_NORMAL), -1);
	ck_assert_int_eq(errno, ENOMEM);
}

START_TEST(child_has_no_map_of_the_parents_file)
{
	open_with_window(3);
	in_child(touch_window);
}
END_TEST

static void *define_and_append(void *stop)
{
	enum crumb_loss ignored;
	uint64_t word = record_word(CRUMB_WORD_CALL, 1, 1);

	for (uint64_t i = 0; !__atomic_load_n((bool *)stop, __ATOMIC_RELAXED); i++) {
		record_thread_name(1, (uint32_t)i);
		sink_append(3, i, 0, &word, 1, &ignored);
	}
	return NULL;
}

static void open_and_define(void)
{
	ck_assert(sink_open());
	ck_assert(record_string(1, "x", 1));
}

START_TEST(fork_while_others_write_leaves_no_lock_held)
{
	pthread_t threads[2];
	bool stop = false;

	fixture_open("a.crumb");
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, define_and_append, &stop);
	for (int i = 0; i < 30; i++) {
		sink_lock();
		pid_t child = fork();
		if (child == 0) {
			sink_forked();
			open_and_define();
			leave_child(0);
		}
		sink_unlock();
		child_ends(child, 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(count_files(), 31);
}
END_TEST

static void add_end(Suite *suite)
{
	TCase *c = add_case(suite, "end");
	tcase_add_checked_fixture(c, NULL, unload);
	tcase_add_test(c, losses_are_added_up_by_cause);
	tcase_add_test(c, first_end_counts);
	tcase_add_test(c, end_can_be_taken_back);
	tcase_add_test(c, file_is_cut_behind_the_last_word);
	tcase_add_test(c, window_before_another_block_is_not_cut);
	tcase_add_test(c, window_before_a_large_block_is_not_cut);
	tcase_add_test(c, window_before_another_window_is_not_cut);
	tcase_add_test(c, window_that_nobody_owns_is_not_cut);
	tcase_add_test(c, full_window_is_not_cut);
	tcase_add_test(c, file_that_cannot_be_cut_stays_whole);
}

static void add_processes(Suite *suite)
{
	TCase *c = add_case(suite, "processes");
	tcase_add_checked_fixture(c, NULL, unload);
	tcase_add_test(c, child_that_shares_the_memory_does_not_speak_for_the_parent);
	tcase_add_test(c, forked_child_writes_its_own_file);
	tcase_add_test(c, grandchild_names_the_nearest_ancestor_with_a_file);
	tcase_add_test(c, child_that_records_nothing_leaves_no_file);
	tcase_add_test(c, child_has_no_map_of_the_parents_file);
	tcase_add_test(c, fork_while_others_write_leaves_no_lock_held);
}

int main(void)
{
	Suite *suite = suite_create("agent: sink, end");
	add_end(suite);
	add_processes(suite);
	return run_suite(suite);
}
