/* SPDX-License-Identifier: MIT */
/*
 * This exercises: copies of the file while it is written.  A copy is a trace of its own:
 * for each thread it holds the events up to some moment, none twice, none missing before
 * that, and what they name is defined.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "buffer.h"
#include "fault.h"
#include "log.h"
#include "make_trace.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

static struct buffer *b;
static uint64_t told; /* events of thread 1 */

/* A file with thread 1 in it, and functions 1 and 2. */
static void setup(void)
{
	const struct crumb_record_thread thread = {.number = 1, .native_id = 1};
	struct crumb_record_code code = {.id = 1, .name = 1, .qualname = 1};

	fixture_open("a.crumb");
	buffer_init(0, false);
	ck_assert(record_thread(&thread));
	ck_assert(record_string(1, "f", 1));
	ck_assert(record_code(&code));
	b = buffer_acquire(1, 0);
	ck_assert_ptr_nonnull(b);
}

static void put(uint32_t code)
{
	buffer_put(b, record_word(CRUMB_WORD_CALL, code, 1));
	told++;
	if (buffer_full(b))
		buffer_flush(b);
}

static void put_many(unsigned count)
{
	while (count--)
		put(1);
}

/* The snapshot is readable without a complaint, and has so many events. */
static void holds(const char *name, uint64_t events)
{
	struct seen seen = seen_only(temp_path(name));
	ck_assert_int_eq(seen.added, 1);
	ck_assert_str_eq(seen.problems, "");
	ck_assert_uint_eq(seen.events, events);
	seen_free(&seen);
}

START_TEST(snapshot_is_the_file_as_it_is)
{
	struct stat st;
	size_t size, other_size;

	put_many(20000);
	umask(0);
	sink_snapshot();
	unsigned char *file = make_load(temp_path("a.crumb"), &size);
	unsigned char *copy = make_load(temp_path("a.crumb.1"), &other_size);
	ck_assert_uint_eq(size, other_size);
	ck_assert_mem_eq(file, copy, size);
	ck_assert_int_eq(lstat(temp_path("a.crumb.1"), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	holds("a.crumb.1", 20000);
	free(file);
	free(copy);
}
END_TEST

START_TEST(snapshot_says_what_it_is_called)
{
	char path[4096] = "?", little[8] = "?";

	put_many(10);
	ck_assert(sink_snapshot_as(path, sizeof path));
	ck_assert_str_eq(path, temp_path("a.crumb.1"));
	holds("a.crumb.1", 10);
	ck_assert(!sink_snapshot_as(little, sizeof little)); /* but it is there */
	ck_assert_str_eq(little, "?");
	holds("a.crumb.2", 10);
	ck_assert_int_eq(unlink(sink_path()), 0);
	capture_begin();
	ck_assert(!sink_snapshot_as(path, sizeof path));
	ck_assert(is_line_with(capture_end(), "a.crumb: No such file or directory"));
	ck_assert_str_eq(path, temp_path("a.crumb.1"));
}
END_TEST

START_TEST(tracing_goes_on_and_snapshots_are_counted)
{
	put_many(10);
	sink_snapshot();
	put_many(3000);
	sink_snapshot();
	put_many(30000);
	sink_snapshot();
	holds("a.crumb.1", 10);
	holds("a.crumb.2", 3010);
	holds("a.crumb.3", 33010);
	ck_assert_uint_eq(count_files(), 4);
}
END_TEST

START_TEST(taken_name_of_a_snapshot_is_passed_over)
{
	make_save(temp_path("a.crumb.1"), "mine", 4);
	ck_assert_int_eq(symlink("victim", temp_path("a.crumb.2")), 0);
	put_many(5);
	sink_snapshot();
	holds("a.crumb.3", 5);
	ck_assert_int_eq(access(temp_path("victim"), F_OK), -1);
	struct stat st;
	ck_assert_int_eq(stat(temp_path("a.crumb.1"), &st), 0);
	ck_assert_int_eq(st.st_size, 4);
}
END_TEST

static int copy_errors[] = {EXDEV, EINVAL, ENOSYS, EOPNOTSUPP};

START_TEST(file_system_that_copies_nothing_is_read_and_written)
{
	put_many(20000);
	fault_fail(FAULT_COPY_FILE_RANGE, 0, FAULT_ALWAYS, copy_errors[_i]);
	sink_snapshot();
	holds("a.crumb.1", 20000);
}
END_TEST

/* In a stretch that was reserved and not written, as in any other. */
START_TEST(what_only_looks_like_a_block_is_passed_over)
{
	struct crumb_block fakes[3] = {
	    {.magic = CRUMB_BLOCK_MAGIC},
	    {.magic = CRUMB_BLOCK_MAGIC, .kind = CRUMB_BLOCK_EVENTS, .size = 64},
	    {.magic = CRUMB_BLOCK_MAGIC, .kind = CRUMB_BLOCK_WINDOW, .size = 32},
	};
	enum crumb_loss cause;

	put_many(20);
	fakes[0].check = crumb_block_check(0, 0);
	fakes[2].check = crumb_block_check(CRUMB_BLOCK_WINDOW, 32);
	struct crumb_block *window = sink_window(4096, &cause);
	ck_assert_ptr_nonnull(window);
	memset(window, 0, sizeof(*window)); /* reserved, and no block yet */
	memcpy(window + 8, fakes, sizeof(fakes));
	ck_assert_ptr_nonnull(sink_window(4096, &cause));
	sink_snapshot();
	memset(window + 8, 0, sizeof(fakes));
	put_many(5);
	holds("a.crumb.1", 20);
	ck_assert_ptr_nonnull(sink_window(4096, &cause));
	struct raw raw = raw_load(temp_path("a.crumb.1"));
	ck_assert_uint_eq(raw_count_blocks(&raw, CRUMB_BLOCK_WINDOW), 2);
	raw_free(&raw);
}
END_TEST

START_TEST(copy_in_pieces_is_finished)
{
	put_many(20000);
	fault_shorten(FAULT_COPY_FILE_RANGE, 10007);
	sink_snapshot();
	holds("a.crumb.1", 20000);
}
END_TEST

static void on_signal(int number)
{
	(void)number;
	sink_snapshot();
}

START_TEST(snapshot_may_be_asked_for_by_a_signal)
{
	signal(SIGUSR2, on_signal);
	put_many(5);
	errno = ERANGE;
	raise(SIGUSR2);
	ck_assert_int_eq(errno, ERANGE);
	holds("a.crumb.1", 5);
}
END_TEST

START_TEST(snapshot_within_a_snapshot_is_left_out)
{
	put_many(5);
	fault_before(FAULT_COPY_FILE_RANGE, 0, sink_snapshot);
	sink_snapshot();
	ck_assert_uint_eq(count_files(), 2);
	holds("a.crumb.1", 5);
	sink_snapshot();
	holds("a.crumb.2", 5);
}
END_TEST

/* The program goes on between two pieces of the copy: after the header, amid the windows,
 * amid the blocks, behind them. */
#define MOMENTS 8

static void copy_meets(int moment, void (*program)(void))
{
	fault_shorten(FAULT_COPY_FILE_RANGE, 65536);
	fault_before(FAULT_COPY_FILE_RANGE, (unsigned)moment, program);
	sink_snapshot();
}

static void go_on(void)
{
	put_many(40000);
}

START_TEST(events_during_the_copy_leave_no_gap)
{
	put_many(20000);
	copy_meets(_i, go_on);
	ck_assert_uint_gt(told, 20000);
	struct raw raw = raw_load(temp_path("a.crumb.1"));
	size_t count;
	free(raw_words(&raw, 1, &count));
	ck_assert_uint_ge(count, 20000);
	ck_assert_uint_le(count, told);
	holds("a.crumb.1", count);
	raw_free(&raw);
}
END_TEST

static void call_a_new_function(void)
{
	const struct crumb_record_code code = {.id = 2, .name = 2, .qualname = 2};
	ck_assert(record_string(2, "g", 1));
	ck_assert(record_code(&code));
	for (int i = 0; i < 40000; i++)
		put(2);
}

START_TEST(snapshot_defines_what_its_events_name)
{
	put_many(20000);
	copy_meets(_i, call_a_new_function);
	struct seen seen = seen_only(temp_path("a.crumb.1"));
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

/* Meanwhile a block of definitions has become full, and somebody else asks for a
 * snapshot, which there is none of. */
static void define_much_and_ask_again(void)
{
	static char text[4000];
	call_a_new_function();
	for (uint32_t id = 3; id < 40; id++)
		ck_assert(record_string(id, text, sizeof(text)));
	sink_snapshot();
}

START_TEST(snapshot_that_is_asked_for_twice_is_as_good)
{
	put_many(20000);
	copy_meets(_i, define_much_and_ask_again);
	struct seen seen = seen_only(temp_path("a.crumb.1"));
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
	ck_assert_uint_eq(count_files(), 2);
}
END_TEST

/* Another thread is in the midst of writing a block, which lies before the end of the
 * file already.  At one moment of the copy it begins, at a later one it is done and
 * writes the next. */
enum { STARTED, STORED, MAY_BEGIN, BEGUN, MAY_END, ENDED };
static int step; /* atomic */

static void reach(int next)
{
	__atomic_store_n(&step, next, __ATOMIC_RELEASE);
}

static void wait_for(int next)
{
	while (__atomic_load_n(&step, __ATOMIC_ACQUIRE) < next)
		sched_yield();
}

static void is_writing(void)
{
	reach(BEGUN);
	wait_for(MAY_END);
}

static void *write_slowly(void *unused)
{
	struct buffer *mine = buffer_acquire(2, 0);

	must(mine);
	for (uint64_t i = 0; i < 11; i++) {
		if (i == 5) {
			reach(STORED);
			wait_for(MAY_BEGIN);
		}
		if (i == 8) {
			fault_before(FAULT_PWRITEV, 0, is_writing);
			buffer_flush(mine);
		}
		if (i == 10)
			buffer_flush(mine);
		buffer_put(mine, record_word(CRUMB_WORD_CALL, 1, i));
	}
	reach(ENDED);
	return unused;
}

static unsigned later;

static void let_it_end(void)
{
	reach(MAY_END);
	wait_for(ENDED);
}

static void let_it_begin(void)
{
	reach(MAY_BEGIN);
	wait_for(BEGUN);
	buffer_flush(b); /* the file goes on behind the block that is being written */
	put(1);
	fault_before(FAULT_COPY_FILE_RANGE, later, let_it_end);
}

START_TEST(block_that_is_written_during_the_copy_leaves_no_gap)
{
	const struct crumb_record_thread two = {.number = 2, .native_id = 2};
	pthread_t thread;
	size_t count;

	later = (unsigned)_i / MOMENTS;
	put_many(20000);
	ck_assert(record_thread(&two));
	pthread_create(&thread, NULL, write_slowly, NULL);
	wait_for(STORED);
	copy_meets(_i % MOMENTS, let_it_begin);
	/* Where the copy had fewer pieces, now. */
	if (step == STORED)
		reach(MAY_BEGIN);
	wait_for(BEGUN);
	if (step == BEGUN)
		reach(MAY_END);
	wait_for(ENDED);
	pthread_join(thread, NULL);
	struct raw raw = raw_load(temp_path("a.crumb.1"));
	uint64_t *words = raw_words(&raw, 2, &count);
	for (size_t i = 0; i < count; i++)
		must(words[i] == record_word(CRUMB_WORD_CALL, 1, i));
	ck_assert_uint_ge(count, 5);
	free(words);
	struct seen seen = seen_only(temp_path("a.crumb.1"));
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
	raw_free(&raw);
}
END_TEST

/* The child is born while another thread of its parent takes a snapshot. */
static pid_t child;

static void fork_and_snapshot(void)
{
	child = fork();
	if (child)
		return;
	fault_none();
	sink_forked();
	ck_assert(sink_open());
	sink_snapshot();
	ck_assert_int_eq(access(temp_path("a-2.crumb.1"), F_OK), 0);
	leave_child(0);
}

START_TEST(child_of_a_snapshot_can_take_snapshots)
{
	fault_before(FAULT_COPY_FILE_RANGE, 0, fork_and_snapshot);
	sink_snapshot();
	child_ends(child, 0);
}
END_TEST

/* One line with these words, and no half copy. */
static void fails(const char *words)
{
	capture_begin();
	errno = ERANGE;
	sink_snapshot();
	ck_assert_int_eq(errno, ERANGE);
	fault_none();
	const char *said = capture_end();
	ck_assert_msg(is_line_with(said, "no snapshot: ") && strstr(said, words), "%s",
	              said);
	ck_assert_uint_eq(count_files(), 1);
}

/* How many calls of each kind a copy by hand makes. */
static void count_calls(unsigned *preads, unsigned *pwrites)
{
	put_many(20000);
	fault_none();
	fault_fail(FAULT_COPY_FILE_RANGE, 0, FAULT_ALWAYS, EXDEV);
	sink_snapshot();
	*preads = fault_count(FAULT_PREAD);
	*pwrites = fault_count(FAULT_PWRITE);
	fault_none();
	ck_assert_int_eq(unlink(temp_path("a.crumb.1")), 0);
	fault_fail(FAULT_COPY_FILE_RANGE, 0, FAULT_ALWAYS, EXDEV);
}

/* Whichever of the calls it is that fails. */
START_TEST(failed_write_is_told_and_leaves_no_copy)
{
	unsigned preads, pwrites;

	count_calls(&preads, &pwrites);
	ck_assert_uint_gt(pwrites, 5);
	for (unsigned n = 0; n < pwrites; n++) {
		fault_fail(FAULT_COPY_FILE_RANGE, 0, FAULT_ALWAYS, EXDEV);
		fault_fail(FAULT_PWRITE, n, 1, n % 2 ? ENOSPC : EDQUOT);
		fails(n % 2 ? "No space left on device" : "Disk quota exceeded");
	}
}
END_TEST

START_TEST(failed_copy_is_told_and_leaves_no_copy)
{
	put_many(20000);
	for (unsigned n = 0; n < 6; n++) {
		fault_fail(FAULT_COPY_FILE_RANGE, n, 1, n % 2 ? EIO : ENOSPC);
		fails(n % 2 ? "Input/output error" : "No space left on device");
	}
}
END_TEST

START_TEST(failed_read_is_told_and_leaves_no_copy)
{
	unsigned preads, pwrites;

	count_calls(&preads, &pwrites);
	ck_assert_uint_gt(preads, 5);
	for (unsigned n = 0; n < preads; n++) {
		fault_fail(FAULT_COPY_FILE_RANGE, 0, FAULT_ALWAYS, EXDEV);
		fault_fail(FAULT_PREAD, n, 1, EIO);
		fails("Input/output error");
	}
}
END_TEST

START_TEST(short_writes_are_finished)
{
	put_many(20000);
	fault_fail(FAULT_COPY_FILE_RANGE, 0, FAULT_ALWAYS, EXDEV);
	fault_shorten(FAULT_PWRITE, 1000);
	sink_snapshot();
	holds("a.crumb.1", 20000);
}
END_TEST

START_TEST(folder_that_takes_no_more_files_is_told)
{
	fault_fail(FAULT_OPEN, 1, 1, EACCES);
	fails("Permission denied");
}
END_TEST

START_TEST(file_that_is_gone_is_named)
{
	put_many(5);
	sink_snapshot();
	ck_assert_int_eq(unlink(temp_path("a.crumb.1")), 0);
	ck_assert_int_eq(unlink(temp_path("a.crumb")), 0);
	capture_begin();
	sink_snapshot();
	ck_assert(is_line_with(capture_end(), "a.crumb: No such file or directory"));
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(search_for_a_free_number_has_an_end_and_says_so)
{
	fault_fail(FAULT_OPEN, 1, FAULT_ALWAYS, EEXIST);
	fails("File exists");
	/* The next one is no better. */
	fault_fail(FAULT_OPEN, 1, FAULT_ALWAYS, EEXIST);
	fails("File exists");
}
END_TEST

#define WRITERS      8
#define WRITER_WORDS 300000

static unsigned writing = WRITERS;

/* Each word of a writer is its number and how many came before. */
static void *write_events(void *data)
{
	uint32_t thread = (uint32_t)(uintptr_t)data;
	struct buffer *mine = buffer_acquire(thread, 0);

	if (!mine)
		return data;
	for (uint64_t i = 0; i < WRITER_WORDS; i++) {
		buffer_put(mine, record_word(CRUMB_WORD_CALL, thread, i));
		if (buffer_full(mine))
			buffer_flush(mine);
	}
	buffer_release(mine);
	__atomic_fetch_sub(&writing, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Returns how many words of the thread there are, which begin at the beginning. */
static size_t count_in_order(const struct raw *raw, uint32_t thread)
{
	size_t count;
	uint64_t *words = raw_words(raw, thread, &count);

	for (size_t i = 0; i < count; i++)
		must(words[i] == record_word(CRUMB_WORD_CALL, thread, i));
	free(words);
	return count;
}

START_TEST(snapshots_while_threads_write_miss_nothing)
{
	pthread_t threads[WRITERS];
	size_t before[WRITERS + 2] = {0};
	char name[PATH_MAX + 16];
	unsigned taken = 0;

	fault_shorten(FAULT_COPY_FILE_RANGE, 65536);
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], NULL, write_events, (void *)(i + 2));
	while (__atomic_load_n(&writing, __ATOMIC_RELAXED) && taken < 30) {
		sink_snapshot();
		taken++;
	}
	for (int i = 0; i < WRITERS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	ck_assert_uint_gt(taken, 0);
	sink_snapshot();
	for (unsigned n = 1; n <= taken + 1; n++) {
		snprintf(name, sizeof(name), "%s.%u", sink_path(), n);
		struct raw raw = raw_load(name);
		for (uint32_t thread = 2; thread < WRITERS + 2; thread++) {
			size_t count = count_in_order(&raw, thread);
			must(count >= before[thread]);
			before[thread] = count;
		}
		raw_free(&raw);
		unlink(name);
	}
	for (uint32_t thread = 2; thread < WRITERS + 2; thread++)
		ck_assert_uint_eq(before[thread], WRITER_WORDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: snapshots");
	TCase *c = add_case(suite, "copy");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, snapshot_is_the_file_as_it_is);
	tcase_add_test(c, snapshot_says_what_it_is_called);
	tcase_add_test(c, tracing_goes_on_and_snapshots_are_counted);
	tcase_add_test(c, taken_name_of_a_snapshot_is_passed_over);
	tcase_add_loop_test(c, file_system_that_copies_nothing_is_read_and_written, 0, 4);
	tcase_add_test(c, what_only_looks_like_a_block_is_passed_over);
	tcase_add_test(c, copy_in_pieces_is_finished);
	tcase_add_test(c, snapshot_may_be_asked_for_by_a_signal);
	tcase_add_test(c, snapshot_within_a_snapshot_is_left_out);
	tcase_add_loop_test(c, events_during_the_copy_leave_no_gap, 0, MOMENTS);
	tcase_add_loop_test(c, snapshot_defines_what_its_events_name, 0, MOMENTS);
	tcase_add_loop_test(c, snapshot_that_is_asked_for_twice_is_as_good, 0, MOMENTS);
	tcase_add_loop_test(c, block_that_is_written_during_the_copy_leaves_no_gap, 0,
	                    MOMENTS * 4);
	tcase_add_test(c, child_of_a_snapshot_can_take_snapshots);
	tcase_add_test(c, snapshots_while_threads_write_miss_nothing);
	c = add_case(suite, "failure");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, failed_write_is_told_and_leaves_no_copy);
	tcase_add_test(c, failed_copy_is_told_and_leaves_no_copy);
	tcase_add_test(c, failed_read_is_told_and_leaves_no_copy);
	tcase_add_test(c, short_writes_are_finished);
	tcase_add_test(c, folder_that_takes_no_more_files_is_told);
	tcase_add_test(c, file_that_is_gone_is_named);
	tcase_add_test(c, search_for_a_free_number_has_an_end_and_says_so);
	return run_suite(suite);
}
