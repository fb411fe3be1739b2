/* SPDX-License-Identifier: MIT */
/*
 * This exercises: the end of the room.  Every limit stops the recording with one line,
 * and nothing that it does to the program; what was recorded before stays readable.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "fault.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

#define WORDS 500

static struct sink_options options;
static enum crumb_loss cause;
static uint64_t sequence;

static void open_with(uint64_t max_size, uint64_t keep_free)
{
	options = fixture_options("a.crumb");
	options.max_size = max_size;
	options.keep_free = keep_free;
	sink_init(&options);
	ck_assert(sink_open());
}

static bool append(void)
{
	uint64_t words[WORDS];

	for (size_t i = 0; i < WORDS; i++)
		words[i] = record_word(CRUMB_WORD_CALL, 1, sequence * WORDS + i);
	if (!sink_append(1, sequence, 0, words, WORDS, &cause))
		return false;
	sequence++;
	return true;
}

/* Appends until that is refused, and once more; returns what was said. */
static const char *append_until(enum crumb_loss expected)
{
	capture_begin();
	for (int i = 0; i < 3000 && append(); i++)
		;
	ck_assert_int_eq(cause, expected);
	cause = CRUMB_LOSS_CAUSES;
	ck_assert(!append());
	ck_assert_int_eq(cause, expected);
	return capture_end();
}

/* All that was appended is there, and nothing else. */
static void is_readable(void)
{
	struct raw raw = raw_load(sink_path());
	size_t count;
	uint64_t *words = raw_words(&raw, 1, &count);

	ck_assert_uint_eq(count, sequence * WORDS);
	for (size_t i = 0; i < count; i++)
		must(words[i] == record_word(CRUMB_WORD_CALL, 1, i));
	free(words);
	raw_free(&raw);
	struct seen seen = seen_only(sink_path());
	ck_assert_int_eq(seen.added, 1);
	ck_assert_uint_eq(seen.events, count);
	seen_free(&seen);
}

static uint64_t size_of(const char *path)
{
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

/* Nothing could be begun: one line, and no file. */
static void is_not_opened(const char *why)
{
	capture_begin();
	ck_assert(!sink_open());
	const char *said = capture_end();
	ck_assert_msg(is_line_with(said, "nothing is recorded: ") && strstr(said, why),
	              "%s", said);
	ck_assert(!sink_is_open());
	ck_assert(!record_string(1, "x", 1));
	sink_lose(CRUMB_LOSS_DISK_FULL, 1);
	ck_assert_uint_eq(count_files(), 0);
}

START_TEST(size_limit_stops_the_recording)
{
	open_with(100000, 0);
	const char *said = append_until(CRUMB_LOSS_MAX_SIZE);
	ck_assert(is_line_with(said, "BREADCRUMB_MAX_SIZE is reached"));
	ck_assert_ptr_nonnull(strstr(said, sink_path()));
	ck_assert_uint_le(size_of(sink_path()), 100000);
	ck_assert_uint_ge(size_of(sink_path()), 90000);
	is_readable();
}
END_TEST

START_TEST(size_limit_may_be_too_small_for_any_file)
{
	options = fixture_options("a.crumb");
	options.max_size = 16383;
	sink_init(&options);
	is_not_opened("BREADCRUMB_MAX_SIZE is reached");
	options.max_size = 16384;
	sink_init(&options);
	ck_assert(sink_open());
}
END_TEST

START_TEST(size_limit_holds_for_windows_and_definitions)
{
	static char text[4000];

	open_with(40000, 0);
	capture_begin();
	int strings = 0;
	while (record_string((uint32_t)strings + 1, text, sizeof(text)))
		strings++;
	ck_assert_int_eq(strings, 3);
	ck_assert(is_line_with(capture_end(), "BREADCRUMB_MAX_SIZE"));
	capture_begin();
	ck_assert_ptr_null(sink_window(4096, &cause));
	ck_assert_int_eq(cause, CRUMB_LOSS_MAX_SIZE);
	ck_assert_str_eq(capture_end(), "");
	ck_assert(record_string(99, "small", 5)); /* there is room for that */
	ck_assert_uint_le(size_of(sink_path()), 40000);
}
END_TEST

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(limit_on_file_sizes_sends_no_signal)
{
	open_with(0, 0);
	limit_files(100000);
	const char *said = append_until(CRUMB_LOSS_FILE_LIMIT);
	limit_files(RLIM_INFINITY);
	ck_assert(is_line_with(said, "ulimit -f"));
	ck_assert_uint_le(size_of(sink_path()), 100000);
	is_readable();
}
END_TEST

START_TEST(limit_on_file_sizes_holds_for_windows)
{
	open_with(0, 0);
	limit_files(20000);
	capture_begin();
	ck_assert_ptr_null(sink_window(8192, &cause));
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(cause, CRUMB_LOSS_FILE_LIMIT);
	ck_assert(is_line_with(capture_end(), "recording stops"));
}
END_TEST

START_TEST(limit_on_file_sizes_may_allow_no_file)
{
	options = fixture_options("a.crumb");
	sink_init(&options);
	limit_files(16000);
	is_not_opened("ulimit -f");
	limit_files(RLIM_INFINITY);
}
END_TEST

START_TEST(limit_on_file_sizes_that_is_not_known_is_none)
{
	open_with(0, 0);
	fault_fail(FAULT_GETRLIMIT, 0, FAULT_ALWAYS, EPERM);
	ck_assert(append());
	fault_none();
	is_readable();
}
END_TEST

/* The other thread appends just when this one has found that there is room. */
static void append_in_between(void)
{
	uint64_t words[WORDS];
	enum crumb_loss ignored;

	for (size_t i = 0; i < WORDS; i++)
		words[i] = record_word(CRUMB_WORD_CALL, 2, i);
	sink_append(2, 0, 0, words, WORDS, &ignored);
}

START_TEST(last_room_is_found_by_one_thread_only)
{
	open_with(0, 0);
	limit_files(16384 + 6000); /* one block fits, two do not */
	capture_begin();
	fault_before(FAULT_FSTAT, 0, append_in_between);
	append();
	fault_none();
	limit_files(RLIM_INFINITY);
	ck_assert(is_line_with(capture_end(), "ulimit -f"));
	ck_assert_uint_le(size_of(sink_path()), 16384 + 6000);
}
END_TEST

static void *append_alone(void *data)
{
	uint32_t thread = (uint32_t)(uintptr_t)data;
	enum crumb_loss why = CRUMB_LOSS_CAUSES;
	uint64_t words[WORDS], n = 0;

	for (size_t i = 0; i < WORDS; i++)
		words[i] = record_word(CRUMB_WORD_CALL, thread, i);
	while (sink_append(thread, n, 0, words, 1 + (n + thread) % WORDS, &why))
		n++;
	return why == CRUMB_LOSS_FILE_LIMIT ? NULL : data;
}

START_TEST(many_threads_at_the_limit_get_no_signal)
{
	pthread_t threads[8];

	open_with(0, 0);
	limit_files(1000000);
	capture_begin();
	for (uintptr_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, append_alone, (void *)(i + 1));
	for (int i = 0; i < 8; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	ck_assert(is_line_with(capture_end(), "ulimit -f"));
	ck_assert_uint_le(size_of(sink_path()), 1000000);
	limit_files(RLIM_INFINITY);
}
END_TEST

START_TEST(too_little_left_free_stops_after_the_beginning)
{
	open_with(0, UINT64_MAX - 1);
	const char *said = append_until(CRUMB_LOSS_KEEP_FREE);
	ck_assert(is_line_with(said, "less free than BREADCRUMB_KEEP_FREE"));
	ck_assert_uint_eq(sequence, 0);
	is_readable();
}
END_TEST

START_TEST(free_room_is_looked_at_once_a_mebibyte)
{
	open_with(0, 1);
	for (int i = 0; i < 1000; i++)
		ck_assert(append());
	ck_assert_uint_ge(fault_count(FAULT_FSTATVFS), 3);
	ck_assert_uint_le(fault_count(FAULT_FSTATVFS), 6);
}
END_TEST

START_TEST(free_room_that_is_not_known_is_enough)
{
	open_with(0, UINT64_MAX - 1);
	fault_fail(FAULT_FSTATVFS, 0, FAULT_ALWAYS, ENOSYS);
	for (int i = 0; i < 400; i++)
		ck_assert(append());
}
END_TEST

/* A file system of its own, with this many bytes.  False: that cannot be had here. */
static bool small_disk(const char *test, const char *size)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("small", temp_path("."), "tmpfs", 0, size) == 0)
		return true;
	say_skipped(test, "a tmpfs cannot be mounted here");
	return false;
}

static void remove_disk(void)
{
	ck_assert_int_eq(umount2(temp_path("."), MNT_DETACH), 0);
}

START_TEST(full_disk_stops_and_counts)
{
	if (!small_disk("full_disk_stops_and_counts", "size=512k"))
		return;
	open_with(0, 0);
	const char *said = append_until(CRUMB_LOSS_DISK_FULL);
	ck_assert(is_line_with(said, "the file system is full"));
	ck_assert_uint_ge(sequence, 40);
	sink_lose(cause, 17);
	sink_end(CRUMB_END_CLEAN, 0);
	is_readable();
	struct raw raw = raw_load(sink_path());
	ck_assert_uint_eq(raw.header->lost[CRUMB_LOSS_DISK_FULL], 17);
	raw_free(&raw);
	remove_disk();
}
END_TEST

START_TEST(window_on_a_full_disk_is_refused_and_sends_no_signal)
{
	int windows = 0;

	if (!small_disk("window_on_a_full_disk_is_refused_and_sends_no_signal",
	                "size=512k"))
		return;
	open_with(0, 0);
	capture_begin();
	struct crumb_block *window;
	while ((window = sink_window(CRUMB_WINDOW_SIZE, &cause))) {
		memset(window + 1, 1, CRUMB_WINDOW_SIZE - sizeof(*window));
		windows++;
	}
	ck_assert_int_eq(windows, 3);
	ck_assert_int_eq(cause, CRUMB_LOSS_DISK_FULL);
	ck_assert(is_line_with(capture_end(), "the file system is full"));
	remove_disk();
}
END_TEST

START_TEST(disk_that_is_full_already_gets_no_file)
{
	if (!small_disk("disk_that_is_full_already_gets_no_file", "size=8k"))
		return;
	options = fixture_options("a.crumb");
	sink_init(&options);
	is_not_opened("the file system is full");
	remove_disk();
}
END_TEST

START_TEST(snapshot_that_would_leave_too_little_is_not_made)
{
	open_with(0, 1ull << 60);
	capture_begin();
	sink_snapshot();
	ck_assert(is_line_with(capture_end(), "no snapshot"));
	ck_assert_uint_eq(count_files(), 1);
}
END_TEST

static void add_sizes(Suite *suite)
{
	TCase *c = add_case(suite, "sizes");
	tcase_add_test(c, size_limit_stops_the_recording);
	tcase_add_test(c, size_limit_may_be_too_small_for_any_file);
	tcase_add_test(c, size_limit_holds_for_windows_and_definitions);
	tcase_add_test(c, limit_on_file_sizes_sends_no_signal);
	tcase_add_test(c, limit_on_file_sizes_holds_for_windows);
	tcase_add_test(c, limit_on_file_sizes_may_allow_no_file);
	tcase_add_test(c, limit_on_file_sizes_that_is_not_known_is_none);
	tcase_add_test(c, last_room_is_found_by_one_thread_only);
	tcase_add_test(c, many_threads_at_the_limit_get_no_signal);
}

static void add_disk(Suite *suite)
{
	TCase *c = add_case(suite, "disk");
	tcase_add_test(c, too_little_left_free_stops_after_the_beginning);
	tcase_add_test(c, free_room_is_looked_at_once_a_mebibyte);
	tcase_add_test(c, free_room_that_is_not_known_is_enough);
	tcase_add_test(c, snapshot_that_would_leave_too_little_is_not_made);
	tcase_add_test(c, full_disk_stops_and_counts);
	tcase_add_test(c, window_on_a_full_disk_is_refused_and_sends_no_signal);
	tcase_add_test(c, disk_that_is_full_already_gets_no_file);
}

int main(void)
{
	Suite *suite = suite_create("agent: sink, limits");
	add_sizes(suite);
	add_disk(suite);
	return run_suite(suite);
}
