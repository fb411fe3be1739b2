/* SPDX-License-Identifier: MIT */
/*
 * This exercises: events of many threads and processes in the order of time.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "make_trace.h"
#include "read_trace.h"

static struct make_trace *t;
static const char *path;
static uint32_t f, g, h, thread;

static void setup(void)
{
	temp_setup();
	path = temp_path("a.crumb");
	t = make_begin(path);
	f = make_code(t, "app", "f", "/srv/app.py", 1);
	g = make_code(t, "app", "g", "/srv/app.py", 2);
	h = make_code(t, "app", "h", "/srv/app.py", 3);
	thread = make_thread(t, 4711, "MainThread");
}

static void call(uint32_t code, uint64_t ticks)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, ticks);
}

static void leave(uint32_t code, uint64_t ticks)
{
	make_event(t, thread, CRUMB_WORD_RETURN, code, ticks);
}

static struct seen finish(void)
{
	make_finish(t);
	return seen_of(path);
}

START_TEST(threads_are_merged_by_time)
{
	uint32_t second = make_thread(t, 4712, "b");
	uint32_t third = make_thread(t, 4713, "c");

	call(f, 10);
	make_event(t, second, CRUMB_WORD_CALL, g, 15);
	leave(f, 20);
	make_event(t, third, CRUMB_WORD_CALL, h, 12);
	make_event(t, second, CRUMB_WORD_RETURN, g, 17);
	make_event(t, third, CRUMB_WORD_RETURN, h, 40);
	seen_is(finish(), "1 call f +10 0 :1\n"
	                  "3 call h +12 0 :3\n"
	                  "2 call g +15 0 :2\n"
	                  "2 return g +17 0 took 2 self 2\n"
	                  "1 return f +20 0 took 10 self 10\n"
	                  "3 return h +40 0 took 28 self 28\n");
}
END_TEST

START_TEST(equal_times_go_by_thread_number)
{
	uint32_t second = make_thread(t, 4712, "b");
	uint32_t third = make_thread(t, 4713, "c");

	make_event(t, third, CRUMB_WORD_CALL, f, 10);
	make_event(t, second, CRUMB_WORD_CALL, f, 10);
	make_event(t, third, CRUMB_WORD_CALL, f, 10);
	call(f, 10);
	make_event(t, second, CRUMB_WORD_CALL, f, 10);
	seen_is(finish(), "1 call f +10 0 :1\n"
	                  "2 call f +10 0 :1\n"
	                  "2 call f +10 1 :1\n"
	                  "3 call f +10 0 :1\n"
	                  "3 call f +10 1 :1\n");
}
END_TEST

START_TEST(processes_are_merged_by_time)
{
	const char *second = temp_path("b.crumb");
	struct make_trace *other = make_begin(second);
	uint32_t code = make_code(other, "app", "x", "/x.py", 9);
	uint32_t main_thread = make_thread(other, 4800, "MainThread");

	/* Another machine's clock: started 100 ns later, two ticks a nanosecond. */
	make_header(other)->clock = CRUMB_CLOCK_COUNTER;
	make_header(other)->ticks_per_second = 2000000000;
	make_header(other)->start_ticks = 7000;
	make_header(other)->start_ns = MAKE_START_NS + 100;
	make_event(other, main_thread, CRUMB_WORD_CALL, code, 7100);
	make_event(other, main_thread, CRUMB_WORD_RETURN, code, 7300);
	make_finish(other);
	call(f, 140);
	leave(f, 160);
	call(f, 300);
	make_finish(t);
	const char *const both[] = {path, second};
	struct seen seen = seen_of_all(both, 2);
	ck_assert_str_eq(seen.text, "1 call f +140 0 :1\n"
	                            "1 call x +150 0 :9\n"
	                            "1 return f +160 0 took 20 self 20\n"
	                            "1 return x +250 0 took 100 self 100\n"
	                            "1 call f +300 0 :1\n");
	ck_assert_uint_eq(crumb_trace_processes(seen.trace), 2);
	ck_assert_uint_eq(crumb_trace_process(seen.trace, 1)->index, 1);
	ck_assert_ptr_null(crumb_trace_process(seen.trace, 2));
	seen_free(&seen);
}
END_TEST

START_TEST(cursor_of_one_thread_sees_only_its_events)
{
	uint32_t second = make_thread(t, 4712, "b");
	struct crumb_event event;

	call(f, 10);
	make_event(t, second, CRUMB_WORD_CALL, g, 15);
	make_event(t, second, CRUMB_WORD_RETURN, g, 18);
	leave(f, 20);
	make_finish(t);
	struct crumb_trace *trace = crumb_trace_new();
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	const struct crumb_process *process = crumb_trace_process(trace, 0);
	struct crumb_cursor *two =
	    crumb_cursor_new(trace, crumb_process_thread(process, 1));
	struct crumb_cursor *one =
	    crumb_cursor_new(trace, crumb_process_thread(process, 0));
	ck_assert_int_eq(crumb_cursor_next(two, &event), 1);
	ck_assert_str_eq(event.code->name, "g");
	ck_assert_int_eq(crumb_cursor_next(one, &event), 1);
	ck_assert_str_eq(event.code->name, "f");
	ck_assert_int_eq(crumb_cursor_next(two, &event), 1);
	ck_assert_int_eq(event.duration_ns, 3);
	ck_assert_int_eq(crumb_cursor_next(two, &event), 0);
	ck_assert_int_eq(crumb_cursor_next(two, &event), 0);
	crumb_cursor_free(two);
	ck_assert_int_eq(crumb_cursor_next(one, &event), 1);
	ck_assert_int_eq(event.duration_ns, 10);
	crumb_trace_free(trace); /* with its cursor */
}
END_TEST

START_TEST(progress_ends_at_the_total)
{
	struct crumb_event event;
	uint64_t done, total, last = 0;

	make_sizes(t, 4096, 1024);
	for (uint64_t i = 0; i < 1000; i++)
		call(f, i);
	make_finish(t);
	struct crumb_trace *trace = crumb_trace_new();
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	crumb_cursor_progress(cursor, &done, &total);
	ck_assert_uint_eq(done, 0);
	ck_assert_uint_ge(total, 8000);
	while (crumb_cursor_next(cursor, &event) > 0) {
		crumb_cursor_progress(cursor, &done, &total);
		ck_assert(done >= last && done <= total);
		last = done;
	}
	crumb_cursor_progress(cursor, &done, &total);
	ck_assert_uint_eq(done, total);
	crumb_trace_free(trace);
}
END_TEST

START_TEST(hundred_thousand_short_threads_are_merged)
{
	struct timespec before, after;

	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t one = make_thread(t, 5000 + i, NULL);
		make_event(t, one, CRUMB_WORD_CALL, f, 1000 + i * 10);
		make_event(t, one, CRUMB_WORD_RETURN, f, 1000 + i * 10 + 25);
		make_block(t, one);
	}
	make_finish(t);
	clock_gettime(CLOCK_MONOTONIC, &before);
	struct seen seen = seen_only(path);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_uint_eq(seen.events, 200000);
	ck_assert_str_eq(seen.problems, "");
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 10);
	seen_free(&seen);
}
END_TEST

static void make_many_files(const char *base, uint32_t files)
{
	char name[300];

	for (uint32_t i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "%s%u.crumb", base, i);
		struct make_trace *file = make_begin(name);
		uint32_t code = make_code(file, "app", "f", "/f.py", 1);
		uint32_t number = make_thread(file, 1, NULL);
		make_sizes(file, 4096, 256);
		for (uint64_t k = 0; k < 100; k++)
			make_event(file, number, CRUMB_WORD_CALL, code, k * 1000 + i);
		make_finish(file);
	}
}

/* Their processes all lived at once, so that every file is wanted again and again. */
static void read_many_files(const char *base, uint32_t files)
{
	struct crumb_event event;
	struct crumb_trace *trace = crumb_trace_new();
	char name[300];

	for (uint32_t i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "%s%u.crumb", base, i);
		if (crumb_trace_add(trace, name) != 1)
			ck_abort_msg("%s", crumb_trace_error(trace));
	}
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	for (uint64_t k = 0; k < 100; k++)
		for (uint32_t i = 0; i < files; i++)
			if (crumb_cursor_next(cursor, &event) != 1 ||
			    event.time_ns - MAKE_START_NS != (int64_t)(k * 1000 + i))
				ck_abort_msg("%s", crumb_trace_error(trace));
	ck_assert_int_eq(crumb_cursor_next(cursor, &event), 0);
	ck_assert_ptr_null(crumb_trace_problem(trace, 0));
	crumb_trace_free(trace);
}

START_TEST(more_files_than_are_kept_open_are_read)
{
	make_finish(t);
	make_many_files(path, 150);
	read_many_files(path, 150);
}
END_TEST

START_TEST(more_files_than_descriptors_are_read)
{
	struct rlimit old, few;

	make_finish(t);
	make_many_files(path, 40);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = 20;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	read_many_files(path, 40);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
}
END_TEST

static void add_merge(Suite *suite)
{
	TCase *merge = tcase_create("merge");

	tcase_add_checked_fixture(merge, setup, temp_teardown);
	tcase_set_timeout(merge, 60);
	tcase_add_test(merge, threads_are_merged_by_time);
	tcase_add_test(merge, equal_times_go_by_thread_number);
	tcase_add_test(merge, processes_are_merged_by_time);
	tcase_add_test(merge, cursor_of_one_thread_sees_only_its_events);
	tcase_add_test(merge, progress_ends_at_the_total);
	tcase_add_test(merge, hundred_thousand_short_threads_are_merged);
	tcase_add_test(merge, more_files_than_are_kept_open_are_read);
	tcase_add_test(merge, more_files_than_descriptors_are_read);
	suite_add_tcase(suite, merge);
}

int main(void)
{
	Suite *suite = suite_create("reader: merge");

	add_merge(suite);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
