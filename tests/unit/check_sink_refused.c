/* SPDX-License-Identifier: MIT */
/*
 * This exercises: whatever the kernel may refuse.  The recording stops with one line, or
 * does not begin, and leaves nothing half done.
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

static const struct {
	int error;
	enum crumb_loss cause;
	const char *words;
} answers[] = {
    {ENOSPC, CRUMB_LOSS_DISK_FULL, "the file system is full"},
    {EDQUOT, CRUMB_LOSS_DISK_FULL, "the file system is full"},
    {EFBIG, CRUMB_LOSS_FILE_LIMIT, "ulimit -f"},
    {EIO, CRUMB_LOSS_WRITE_ERROR, "Input/output error"},
    {EROFS, CRUMB_LOSS_WRITE_ERROR, "Read-only file system"},
};
#define ANSWERS (int)(sizeof(answers) / sizeof(answers[0]))

START_TEST(refused_write_stops_the_recording)
{
	open_with(0, 0);
	ck_assert(append());
	fault_fail(FAULT_PWRITEV, 0, 1, answers[_i].error);
	const char *said = append_until(answers[_i].cause);
	ck_assert_msg(is_line_with(said, answers[_i].words), "%s", said);
	is_readable();
}
END_TEST

START_TEST(refused_window_stops_the_recording)
{
	open_with(0, 0);
	capture_begin();
	fault_fail(FAULT_FALLOCATE, 0, 1, answers[_i].error);
	ck_assert_ptr_null(sink_window(8192, &cause));
	ck_assert_int_eq(cause, answers[_i].cause);
	ck_assert(!append());
	ck_assert_int_eq(cause, answers[_i].cause);
	const char *said = capture_end();
	ck_assert_msg(is_line_with(said, answers[_i].words), "%s", said);
}
END_TEST

START_TEST(block_that_was_cut_off_does_not_count)
{
	open_with(0, 0);
	ck_assert(append());
	fault_shorten(FAULT_PWRITEV, 1000);
	fault_fail(FAULT_PWRITEV, 1, 1, ENOSPC);
	const char *said = append_until(CRUMB_LOSS_DISK_FULL);
	ck_assert(is_line_with(said, "the file system is full"));
	is_readable();
}
END_TEST

START_TEST(first_cause_stays)
{
	open_with(0, 0);
	fault_fail(FAULT_PWRITEV, 0, 1, EIO);
	append_until(CRUMB_LOSS_WRITE_ERROR);
	capture_begin();
	ck_assert_ptr_null(sink_window(8192, &cause));
	ck_assert_int_eq(cause, CRUMB_LOSS_WRITE_ERROR);
	ck_assert_str_eq(capture_end(), "");
	ck_assert(record_string(1, "there is room for that", 22));
}
END_TEST

/* Memory is short for one thread's window: the others go on. */
START_TEST(want_of_memory_stops_nobody_else)
{
	open_with(0, 0);
	capture_begin();
	fault_fail(FAULT_MMAP, 0, 2, ENOMEM);
	ck_assert_ptr_null(sink_window(8192, &cause));
	ck_assert_int_eq(cause, CRUMB_LOSS_NO_WINDOW);
	ck_assert_ptr_null(sink_window(8192, &cause));
	ck_assert(append());
	ck_assert_ptr_nonnull(sink_window(8192, &cause));
	ck_assert_str_eq(capture_end(), "");
	capture_begin();
	sink_lose(cause, 1); /* it is said when something is lost by it */
	sink_lose(cause, 1);
	ck_assert(is_line_with(capture_end(), "no memory can be mapped"));
	is_readable();
}
END_TEST

START_TEST(want_of_memory_is_told_when_something_is_lost)
{
	open_with(0, 0);
	capture_begin();
	sink_lose(CRUMB_LOSS_NO_WINDOW, 0);
	ck_assert_str_eq(capture_end(), "");
	capture_begin();
	sink_lose(CRUMB_LOSS_NO_WINDOW, 5);
	sink_lose(CRUMB_LOSS_NO_WINDOW, 5);
	ck_assert(is_line_with(capture_end(), "no memory can be mapped"));
}
END_TEST

/* Room that was handed out for a map which could not be made is handed out again. */
START_TEST(maps_that_fail_do_not_make_the_file_grow)
{
	open_with(0, 0);
	ck_assert_ptr_nonnull(sink_window(8192, &cause));
	uint64_t size = size_of(sink_path());
	fault_fail(FAULT_MMAP, 0, 100, ENOMEM);
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_null(sink_window(8192, &cause));
	ck_assert_ptr_nonnull(sink_window(8192, &cause));
	ck_assert_uint_eq(size_of(sink_path()), size + 8192);
	ck_assert(append());
	is_readable();
}
END_TEST

static unsigned signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

START_TEST(file_that_is_gone_stops_the_recording)
{
	signal(SIGXFSZ, on_signal);
	options = fixture_options("a.crumb");
	sink_init(&options);
	ck_assert(sink_open());
	ck_assert(append());
	const char *path = temp_path("a.crumb");
	ck_assert_int_eq(unlink(path), 0);
	fault_fail(FAULT_FSTAT, 0, FAULT_ALWAYS, EBADF);
	capture_begin();
	ck_assert(!append());
	ck_assert_int_eq(cause, CRUMB_LOSS_WRITE_ERROR);
	fault_none();
	ck_assert_str_eq(sink_path(), path);
	capture_end();
	ck_assert_uint_eq(signals, 0);
}
END_TEST

/* Whatever fails while the file is begun: one line that says what, and nothing is left;
 * a forked child may try again. */
static void try_again(void)
{
	sink_forked();
	ck_assert(sink_open());
	ck_assert(append());
}

static void begin_fails(enum fault_call call, unsigned skip, int error, const char *why)
{
	options = fixture_options("a.crumb");
	sink_init(&options);
	fault_fail(call, skip, 1, error);
	is_not_opened(why);
	ck_assert_uint_gt(fault_count(call), skip);
	fault_none();
	in_child(try_again);
	ck_assert_int_eq(unlink(temp_path("a.crumb")), 0);
}

START_TEST(beginning_that_fails_leaves_nothing)
{
	/* First the header, then the definitions. */
	for (unsigned step = 0; step < 2; step++) {
		begin_fails(FAULT_FALLOCATE, step, ENOSPC, "the file system is full");
		begin_fails(FAULT_FALLOCATE, step, EDQUOT, "the file system is full");
		begin_fails(FAULT_MMAP, step, ENOMEM, "no memory can be mapped");
	}
}
END_TEST

START_TEST(beginning_that_fails_says_why)
{
	begin_fails(FAULT_MMAP, 0, ENODEV, "No such device");
	begin_fails(FAULT_LINKAT, 0, EPERM, "Operation not permitted");
}
END_TEST

START_TEST(definitions_that_fail_say_why)
{
	begin_fails(FAULT_FALLOCATE, 1, EIO, "Input/output error");
	begin_fails(FAULT_MMAP, 1, ENODEV, "No such device");
}
END_TEST

START_TEST(folder_that_is_not_there_is_one_line)
{
	options = fixture_options("none/a.crumb");
	sink_init(&options);
	is_not_opened("none/a.crumb: No such file or directory");
}
END_TEST

START_TEST(no_descriptor_is_one_line)
{
	struct rlimit limit;

	options = fixture_options("a.crumb");
	sink_init(&options);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	capture_begin();
	rlim_t usual = limit.rlim_cur;
	limit.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(!sink_open());
	limit.rlim_cur = usual;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(is_line_with(capture_end(), "Too many open files"));
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

static void add_answers(Suite *suite)
{
	TCase *c = add_case(suite, "answers");
	tcase_add_loop_test(c, refused_write_stops_the_recording, 0, ANSWERS);
	tcase_add_loop_test(c, refused_window_stops_the_recording, 0, ANSWERS);
	tcase_add_test(c, block_that_was_cut_off_does_not_count);
	tcase_add_test(c, first_cause_stays);
	tcase_add_test(c, want_of_memory_stops_nobody_else);
	tcase_add_test(c, want_of_memory_is_told_when_something_is_lost);
	tcase_add_test(c, maps_that_fail_do_not_make_the_file_grow);
	tcase_add_test(c, file_that_is_gone_stops_the_recording);
	tcase_add_test(c, beginning_that_fails_leaves_nothing);
	tcase_add_test(c, beginning_that_fails_says_why);
	tcase_add_test(c, definitions_that_fail_say_why);
	tcase_add_test(c, folder_that_is_not_there_is_one_line);
	tcase_add_test(c, no_descriptor_is_one_line);
}

int main(void)
{
	Suite *suite = suite_create("agent: sink, refused");
	add_answers(suite);
	return run_suite(suite);
}
