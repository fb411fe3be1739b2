/* SPDX-License-Identifier: MIT */
/*
 * This exercises: the chain of blocks.  Windows against the blocks that were written from
 * them, torn and doubled blocks, zeros and damage between blocks, files that are cut.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "make_trace.h"
#include "read_trace.h"

static struct make_trace *t;
static const char *path;
static uint32_t code, thread;

static void setup(void)
{
	temp_setup();
	path = temp_path("a.crumb");
	t = make_begin(path);
	code = make_code(t, "app", "f", "/srv/app.py", 100);
	thread = make_thread(t, 4711, "MainThread");
	/* A killed process: only such a file has something in its windows. */
	make_header(t)->end = CRUMB_END_UNKNOWN;
}

static void call(uint64_t ticks)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, ticks);
}

static void leave(uint64_t ticks)
{
	make_event(t, thread, CRUMB_WORD_RETURN, code, ticks);
}

static struct seen finish(void)
{
	make_finish(t);
	return seen_of(path);
}

/* Exactly one problem, at this byte, with these words in it. */
static void is_only_problem(const struct seen *seen, uint64_t offset, const char *words)
{
	char expected[512];

	snprintf(expected, sizeof(expected), "%s: at byte %llu: ", path,
	         (unsigned long long)offset);
	ck_assert_msg(strncmp(seen->problems, expected, strlen(expected)) == 0, "%s",
	              seen->problems);
	ck_assert_msg(strstr(seen->problems, words) != NULL, "%s", seen->problems);
	ck_assert_ptr_eq(strchr(seen->problems, '\n'),
	                 seen->problems + strlen(seen->problems) - 1);
}

#define BOTH                                                                             \
	"1 call f +10 0 :100\n"                                                          \
	"1 return f +30 0 took 20 self 20\n"

START_TEST(window_holds_the_last_events)
{
	call(10);
	make_block(t, thread);
	leave(30);
	make_window(t, thread);
	make_forget(t, thread);
	seen_is(finish(), BOTH);
}
END_TEST

START_TEST(window_before_its_blocks_is_still_the_last)
{
	/* As in a live file: the window was placed first, blocks were appended behind it.
	 */
	call(10);
	make_block(t, thread);
	uint64_t block = CRUMB_HEADER_SIZE + 4096;
	leave(30);
	uint64_t window = make_window(t, thread);
	make_forget(t, thread);
	make_finish(t);
	size_t size;
	unsigned char *bytes = make_load(path, &size);
	make_poke(path, block, bytes + window, 4096);
	make_poke(path, block + 4096, bytes + block, window - block);
	free(bytes);
	seen_is(seen_of(path), BOTH);
}
END_TEST

START_TEST(window_that_was_appended_adds_nothing)
{
	call(10);
	leave(30);
	make_window(t, thread);
	make_block(t, thread);
	seen_is(finish(), BOTH);
}
END_TEST

START_TEST(window_with_less_than_its_block_adds_nothing)
{
	call(10);
	make_window(t, thread);
	leave(30);
	make_block(t, thread);
	seen_is(finish(), BOTH);
}
END_TEST

START_TEST(window_of_thread_0_is_unused)
{
	const uint32_t none = 0;

	call(10);
	leave(30);
	make_block(t, thread);
	call(50);
	uint64_t at = make_window(t, thread);
	make_forget(t, thread);
	make_finish(t);
	make_poke(path, at + offsetof(struct crumb_block, thread), &none, sizeof(none));
	seen_is(seen_of(path), BOTH);
}
END_TEST

START_TEST(empty_window_is_no_damage)
{
	call(10);
	leave(30);
	make_block(t, thread);
	make_window(t, thread);
	seen_is(finish(), BOTH);
}
END_TEST

START_TEST(full_window_is_read_to_its_end)
{
	make_sizes(t, 4096, 256);
	for (uint64_t i = 0; i < 24; i++)
		make_word(t, thread,
		          CRUMB_WORD_CALL | (uint64_t)code << CRUMB_KIND_BITS |
		              UINT64_C(1) << CRUMB_TICKS_SHIFT);
	make_sizes(t, 4096, 64 + 24 * 8);
	make_window(t, thread);
	make_forget(t, thread);
	struct seen seen = finish();
	ck_assert_uint_eq(seen.events, 23 + 1);
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

START_TEST(damaged_window_is_read_up_to_the_damage)
{
	call(10);
	leave(30);
	make_word(t, thread,
	          CRUMB_WORD_EXTENDED | UINT64_C(60000) << CRUMB_EXT_WORDS_SHIFT);
	uint64_t at = make_window(t, thread);
	make_forget(t, thread);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at + 64 + 16, "the rest of its window is left out");
	seen_free(&seen);
}
END_TEST

static void tear(uint64_t block)
{
	uint32_t size;
	size_t all;
	unsigned char *bytes = make_load(path, &all);

	memcpy(&size, bytes + block + offsetof(struct crumb_block, size), sizeof(size));
	free(bytes);
	make_poke(path, block + size - 8, "\0\0\0\0\0\0\0\0", 8);
}

START_TEST(torn_block_is_told_and_left_out)
{
	call(10);
	leave(30);
	make_block(t, thread);
	call(50);
	uint64_t at = make_block(t, thread);
	make_finish(t);
	tear(at);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at, "not written whole");
	seen_free(&seen);
}
END_TEST

START_TEST(window_makes_up_for_a_torn_block)
{
	call(10);
	make_block(t, thread);
	leave(30);
	make_window(t, thread);
	uint64_t at = make_block(t, thread);
	make_finish(t);
	tear(at);
	seen_is(seen_of(path), BOTH);
}
END_TEST

START_TEST(doubled_block_is_told_and_read_once)
{
	call(10);
	leave(30);
	uint64_t at = make_block(t, thread);
	uint64_t end = make_offset(t);
	make_finish(t);
	size_t size;
	unsigned char *bytes = make_load(path, &size);
	make_poke(path, end, bytes + at, end - at);
	free(bytes);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, end, "twice");
	seen_free(&seen);
}
END_TEST

START_TEST(missing_block_is_told_with_its_thread)
{
	call(10);
	make_block(t, thread);
	make_lose(t, thread);
	leave(30);
	uint64_t at = make_block(t, thread);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at, "1 block of events of thread 1 is missing");
	seen_free(&seen);
}
END_TEST

START_TEST(missing_blocks_are_counted)
{
	for (int i = 0; i < 7; i++)
		make_lose(t, thread);
	call(10);
	leave(30);
	uint64_t at = make_window(t, thread);
	make_forget(t, thread);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at, "7 blocks of events of thread 1 are missing");
	seen_free(&seen);
}
END_TEST

START_TEST(block_that_was_lost_before_an_empty_window_is_told)
{
	call(10);
	leave(30);
	make_block(t, thread);
	make_lose(t, thread);
	uint64_t at = make_window(t, thread);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at, "1 block of events of thread 1 is missing");
	seen_free(&seen);
}
END_TEST

START_TEST(thread_without_definition_has_no_name)
{
	call(10);
	leave(30);
	uint64_t at = make_block(t, thread);
	make_finish(t);
	struct crumb_block block;
	size_t size;
	unsigned char *bytes = make_load(path, &size);
	memcpy(&block, bytes + at, sizeof(block));
	free(bytes);
	block.thread = 9;
	uint64_t trailer = crumb_trailer(9, 0, block.used);
	make_poke(path, at, &block, sizeof(block));
	make_poke(path, at + block.size - 8, &trailer, sizeof(trailer));
	struct seen seen = seen_of(path);
	ck_assert_uint_eq(seen.events, 2);
	is_only_problem(&seen, at, "thread 9 has events but is not described");
	const struct crumb_process *process = crumb_trace_process(seen.trace, 0);
	ck_assert_uint_eq(process->threads, 2);
	ck_assert_uint_eq(crumb_process_thread(process, 1)->number, 9);
	ck_assert_str_eq(crumb_process_thread(process, 1)->name, "");
	seen_free(&seen);
}
END_TEST

START_TEST(function_without_definition_is_told_once)
{
	make_event(t, thread, CRUMB_WORD_CALL, 77, 10);
	make_event(t, thread, CRUMB_WORD_RETURN, 77, 30);
	make_event(t, thread, CRUMB_WORD_CALL, 0, 40);
	make_event(t, thread, CRUMB_WORD_CALL, CRUMB_CODE_UNKNOWN, 50);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call ? +10 0\n"
	                            "1 return ? +30 0 took 20 self 20\n"
	                            "1 call ? +40 0\n"
	                            "1 call ? +50 1\n");
	char *first = strchr(seen.problems, '\n');
	ck_assert_ptr_nonnull(strstr(seen.problems, "function 77 has events"));
	ck_assert_str_eq(first, "\n");
	seen_free(&seen);
}
END_TEST

START_TEST(zeros_between_blocks_are_skipped)
{
	call(10);
	make_block(t, thread);
	make_zeros(t, CRUMB_ALIGN);
	leave(30);
	make_block(t, thread);
	make_zeros(t, 3 * 1048576 + 128);
	make_clock(t, 1000, MAKE_START_NS + 1000);
	make_zeros(t, 192);
	seen_is(finish(), BOTH);
}
END_TEST

START_TEST(large_hole_takes_no_time)
{
	struct timespec before, after;

	call(10);
	make_block(t, thread);
	make_zeros(t, UINT64_C(1) << 38);
	leave(30);
	make_block(t, thread);
	make_finish(t);
	clock_gettime(CLOCK_MONOTONIC, &before);
	seen_is(seen_of(path), BOTH);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 3);
}
END_TEST

START_TEST(many_short_gaps_cost_no_more_than_they_are)
{
	struct timespec before, after;
	const struct crumb_block later = {.magic = CRUMB_BLOCK_MAGIC,
	                                  .kind = 77,
	                                  .size = CRUMB_ALIGN,
	                                  .check = crumb_block_check(77, CRUMB_ALIGN)};

	call(10);
	make_block(t, thread);
	for (int i = 0; i < 40000; i++) {
		make_zeros(t, CRUMB_ALIGN);
		make_bytes(t, &later, sizeof(later));
	}
	leave(30);
	make_block(t, thread);
	make_finish(t);
	clock_gettime(CLOCK_MONOTONIC, &before);
	seen_is(seen_of(path), BOTH);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 5);
}
END_TEST

START_TEST(garbage_between_blocks_is_told_and_passed)
{
	unsigned char garbage[320];

	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (unsigned char)(i * 37 + 1);
	call(10);
	make_block(t, thread);
	uint64_t at = make_offset(t);
	make_bytes(t, garbage, sizeof(garbage));
	leave(30);
	make_block(t, thread);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at, "320 bytes are damaged");
	seen_free(&seen);
}
END_TEST

START_TEST(block_with_a_damaged_header_is_passed)
{
	call(10);
	uint64_t at = make_block(t, thread);
	uint64_t end = make_offset(t);
	call(20);
	leave(30);
	make_block(t, thread);
	make_finish(t);
	make_poke(path, at, "X", 1);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, "1 call f +20 0 :100\n"
	                            "1 return f +30 0 took 10 self 10\n");
	char expected[64];
	snprintf(expected, sizeof(expected), "%llu bytes are damaged",
	         (unsigned long long)(end - at));
	ck_assert_ptr_nonnull(strstr(seen.problems, expected));
	ck_assert_ptr_nonnull(strstr(seen.problems, "1 block of events of thread 1"));
	seen_free(&seen);
}
END_TEST

START_TEST(block_of_a_later_kind_is_skipped)
{
	struct crumb_block block = {.magic = CRUMB_BLOCK_MAGIC,
	                            .kind = 77,
	                            .size = 128,
	                            .check = crumb_block_check(77, 128)};
	unsigned char bytes[128];

	call(10);
	make_block(t, thread);
	memset(bytes, 0xff, sizeof(bytes));
	memcpy(bytes, &block, sizeof(block));
	make_bytes(t, bytes, sizeof(bytes));
	leave(30);
	make_block(t, thread);
	seen_is(finish(), BOTH);
}
END_TEST

START_TEST(sizes_that_no_block_can_have_are_damage)
{
	static const uint32_t sizes[] = {0, 63, 65, 32, CRUMB_BLOCK_MAX + 64, UINT32_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct crumb_block block = {
		    .magic = CRUMB_BLOCK_MAGIC,
		    .kind = CRUMB_BLOCK_EVENTS,
		    .size = sizes[i],
		    .check = crumb_block_check(CRUMB_BLOCK_EVENTS, sizes[i])};
		make_bytes(t, &block, sizeof(block));
	}
	call(10);
	leave(30);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, CRUMB_HEADER_SIZE + 4096, "384 bytes are damaged");
	seen_free(&seen);
}
END_TEST

START_TEST(used_bytes_must_fit_the_block)
{
	static const uint32_t wrong[] = {7, 57, 64, 4096, UINT32_MAX - 7};
	uint64_t at[sizeof(wrong) / sizeof(wrong[0])];

	call(10);
	leave(30);
	make_block(t, thread);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		call(100 + i);
		at[i] = make_block(t, thread);
		uint64_t trailer = crumb_trailer(thread, i + 1, wrong[i]);
		make_poke(path, at[i] + offsetof(struct crumb_block, used), &wrong[i], 4);
		make_poke(path, at[i] + 128 - 8, &trailer, sizeof(trailer));
	}
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, BOTH);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char expected[128];
		snprintf(expected, sizeof(expected),
		         "at byte %llu: a block of events was not written whole",
		         (unsigned long long)at[i]);
		ck_assert_msg(strstr(seen.problems, expected) != NULL, "%u used",
		              wrong[i]);
	}
	seen_free(&seen);
}
END_TEST

START_TEST(file_cut_inside_a_block_is_read_up_to_there)
{
	call(10);
	leave(30);
	call(50);
	uint64_t at = make_block(t, thread);
	make_finish(t);
	make_truncate(path, at + 64 + 2 * 8 + 5);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at, "the file is cut short: this block should have 128");
	seen_free(&seen);
}
END_TEST

START_TEST(file_cut_inside_a_header_is_told)
{
	call(10);
	leave(30);
	make_block(t, thread);
	call(50);
	uint64_t at = make_block(t, thread);
	make_finish(t);
	make_truncate(path, at + 20);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at, "the file is cut short inside a block's header");
	seen_free(&seen);
}
END_TEST

START_TEST(clean_end_may_trim_the_last_window)
{
	call(10);
	leave(30);
	uint64_t at = make_window(t, thread);
	make_forget(t, thread);
	make_header(t)->end = CRUMB_END_CLEAN;
	make_header(t)->end_size = at + 64 + 16;
	make_finish(t);
	make_truncate(path, at + 64 + 16);
	seen_is(seen_of(path), BOTH);
	/* Less than that is less than there was. */
	make_truncate(path, at + 64 + 8);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, "1 call f +10 0 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "the file is cut short: it had "));
	seen_free(&seen);
}
END_TEST

START_TEST(clean_end_may_trim_the_definitions)
{
	call(10);
	leave(30);
	make_block(t, thread);
	/* Too large for the block that is open: it begins one, and is all that is in it.
	 */
	char note[4000] = "a long one";
	uint64_t at = make_offset(t);
	make_fact(t, CRUMB_FACT_NOTE, note, sizeof(note));
	make_header(t)->end = CRUMB_END_CLEAN;
	make_header(t)->end_size = at + 64 + 16 + sizeof(note);
	make_finish(t);
	make_truncate(path, at + 64 + 16 + sizeof(note));
	seen_is(seen_of(path), BOTH);
}
END_TEST

START_TEST(file_cut_between_blocks_is_told)
{
	call(10);
	leave(30);
	make_block(t, thread);
	uint64_t at = make_offset(t);
	call(50);
	make_block(t, thread);
	make_header(t)->end = CRUMB_END_CLEAN;
	make_header(t)->end_size = make_offset(t);
	make_finish(t);
	make_truncate(path, at);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, BOTH);
	is_only_problem(&seen, at, "the file is cut short: it had ");
	seen_free(&seen);
}
END_TEST

static void set_base(uint64_t block, uint64_t base)
{
	make_poke(path, block + offsetof(struct crumb_block, base_ticks), &base, 8);
}

START_TEST(damaged_base_spoils_one_block_only)
{
	uint64_t at[4];

	for (uint64_t i = 0; i < 4; i++) {
		call(i * 1000 + 100);
		leave(i * 1000 + 200);
		at[i] = make_block(t, thread);
	}
	make_finish(t);
	set_base(at[1], UINT64_C(1) << 50);
	struct seen seen = seen_of(path);
	ck_assert_ptr_nonnull(strstr(seen.text, "1 call f +3100 0"));
	ck_assert_ptr_nonnull(strstr(seen.text, "1 return f +3200 0 took 100 self 100"));
	is_only_problem(&seen, at[1], "times in it are approximate");
	seen_free(&seen);
	set_base(at[1], 0);
	seen = seen_of(path);
	ck_assert_ptr_nonnull(strstr(seen.text, "1 call f +3100 0"));
	is_only_problem(&seen, at[1], "times in it are approximate");
	seen_free(&seen);
}
END_TEST

START_TEST(damaged_ticks_do_not_pass_the_next_block)
{
	uint64_t word =
	    CRUMB_WORD_CALL | (uint64_t)code << CRUMB_KIND_BITS | UINT64_MAX << 28;

	call(100);
	uint64_t at = make_block(t, thread);
	leave(200);
	make_block(t, thread);
	leave(300);
	make_finish(t);
	make_poke(path, at + 64, &word, 8);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, "1 call f +100 0 :100\n"
	                            "1 return f +200 0 took 100 self 100\n"
	                            "1 return f +300 0\n");
	seen_free(&seen);
}
END_TEST

static void add_windows(Suite *suite)
{
	TCase *windows = tcase_create("windows");

	tcase_add_checked_fixture(windows, setup, temp_teardown);
	tcase_add_test(windows, window_holds_the_last_events);
	tcase_add_test(windows, window_before_its_blocks_is_still_the_last);
	tcase_add_test(windows, window_that_was_appended_adds_nothing);
	tcase_add_test(windows, window_with_less_than_its_block_adds_nothing);
	tcase_add_test(windows, window_of_thread_0_is_unused);
	tcase_add_test(windows, empty_window_is_no_damage);
	tcase_add_test(windows, full_window_is_read_to_its_end);
	tcase_add_test(windows, damaged_window_is_read_up_to_the_damage);
	suite_add_tcase(suite, windows);
}

static void add_blocks(Suite *suite)
{
	TCase *blocks = tcase_create("blocks");

	tcase_add_checked_fixture(blocks, setup, temp_teardown);
	tcase_add_test(blocks, torn_block_is_told_and_left_out);
	tcase_add_test(blocks, window_makes_up_for_a_torn_block);
	tcase_add_test(blocks, doubled_block_is_told_and_read_once);
	tcase_add_test(blocks, missing_block_is_told_with_its_thread);
	tcase_add_test(blocks, missing_blocks_are_counted);
	tcase_add_test(blocks, block_that_was_lost_before_an_empty_window_is_told);
	tcase_add_test(blocks, thread_without_definition_has_no_name);
	tcase_add_test(blocks, function_without_definition_is_told_once);
	tcase_add_test(blocks, zeros_between_blocks_are_skipped);
	tcase_add_test(blocks, large_hole_takes_no_time);
	tcase_add_test(blocks, many_short_gaps_cost_no_more_than_they_are);
	tcase_add_test(blocks, garbage_between_blocks_is_told_and_passed);
	tcase_add_test(blocks, block_with_a_damaged_header_is_passed);
	tcase_add_test(blocks, block_of_a_later_kind_is_skipped);
	tcase_add_test(blocks, sizes_that_no_block_can_have_are_damage);
	tcase_add_test(blocks, used_bytes_must_fit_the_block);
	tcase_add_test(blocks, file_cut_inside_a_block_is_read_up_to_there);
	tcase_add_test(blocks, file_cut_inside_a_header_is_told);
	tcase_add_test(blocks, clean_end_may_trim_the_last_window);
	tcase_add_test(blocks, clean_end_may_trim_the_definitions);
	tcase_add_test(blocks, file_cut_between_blocks_is_told);
	tcase_add_test(blocks, damaged_base_spoils_one_block_only);
	tcase_add_test(blocks, damaged_ticks_do_not_pass_the_next_block);
	suite_add_tcase(suite, blocks);
}

int main(void)
{
	Suite *suite = suite_create("reader: blocks");

	add_windows(suite);
	add_blocks(suite);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
