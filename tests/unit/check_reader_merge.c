/* SPDX-License-Identifier: MIT */
/*
 * This exercises: events of many threads and processes in time order; spans (depth,
 * duration, self time), also where events are missing; ticks to nanoseconds over weeks.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "timeline.h"
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

/* ---- merge ---- */

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

/* ---- spans ---- */

START_TEST(self_time_is_total_less_calls)
{
	call(f, 0);
	call(g, 10);
	call(h, 20);
	leave(h, 50);
	leave(g, 60);
	call(h, 70);
	leave(h, 100);
	leave(f, 200);
	seen_is(finish(), "1 call f +0 0 :1\n"
	                  "1 call g +10 1 :2\n"
	                  "1 call h +20 2 :3\n"
	                  "1 return h +50 2 took 30 self 30\n"
	                  "1 return g +60 1 took 50 self 20\n"
	                  "1 call h +70 1 :3\n"
	                  "1 return h +100 1 took 30 self 30\n"
	                  "1 return f +200 0 took 200 self 120\n");
}
END_TEST

START_TEST(generator_runs_inside_who_resumes_it)
{
	call(f, 0);
	call(g, 10);
	make_event(t, thread, CRUMB_WORD_YIELD, g, 20);
	call(h, 30);
	make_event(t, thread, CRUMB_WORD_RESUME, g, 40);
	leave(g, 60);
	leave(h, 70);
	leave(f, 80);
	seen_is(finish(), "1 call f +0 0 :1\n"
	                  "1 call g +10 1 :2\n"
	                  "1 yield g +20 1 took 10 self 10\n"
	                  "1 call h +30 1 :3\n"
	                  "1 resume g +40 2\n"
	                  "1 return g +60 2 took 20 self 20\n"
	                  "1 return h +70 1 took 40 self 20\n"
	                  "1 return f +80 0 took 80 self 30\n");
}
END_TEST

START_TEST(end_without_start_has_no_duration)
{
	leave(f, 10);
	call(g, 20);
	leave(f, 30);
	leave(g, 40);
	seen_is(finish(), "1 return f +10 0\n"
	                  "1 call g +20 0 :2\n"
	                  "1 return f +30 1\n"
	                  "1 return g +40 0 took 20 self 20\n");
}
END_TEST

START_TEST(frames_above_a_match_ended_unseen)
{
	call(f, 0);
	call(g, 10);
	call(h, 20);
	call(h, 30);
	leave(h, 40);
	leave(f, 100);
	call(g, 110);
	leave(g, 115);
	/* g and the outer h are gone; the inner h's 10 were not f's own. */
	seen_is(finish(), "1 call f +0 0 :1\n"
	                  "1 call g +10 1 :2\n"
	                  "1 call h +20 2 :3\n"
	                  "1 call h +30 3 :3\n"
	                  "1 return h +40 3 took 10 self 10\n"
	                  "1 return f +100 0 took 100 self 90\n"
	                  "1 call g +110 0 :2\n"
	                  "1 return g +115 0 took 5 self 5\n");
}
END_TEST

START_TEST(recursion_matches_the_nearest_frame)
{
	call(f, 0);
	call(f, 10);
	call(g, 20);
	leave(f, 30);
	leave(f, 40);
	seen_is(finish(), "1 call f +0 0 :1\n"
	                  "1 call f +10 1 :1\n"
	                  "1 call g +20 2 :2\n"
	                  "1 return f +30 1 took 20 self 20\n"
	                  "1 return f +40 0 took 40 self 20\n");
}
END_TEST

START_TEST(stack_matches_again_after_a_stray_end)
{
	/* From the first stray end on, codes are counted: the same results, also when
	 * there are more of them than the table held at first. */
	uint32_t codes[200];
	char name[16];

	for (uint32_t i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		codes[i] = make_code(t, "app", name, "/n.py", 1);
	}
	call(f, 0);
	leave(g, 1);
	for (uint32_t i = 0; i < 200; i++)
		call(codes[i], 10 + i);
	leave(h, 300);
	for (uint32_t i = 200; i-- > 0;)
		leave(codes[i], 1000 - i);
	leave(f, 2000);
	make_finish(t);
	struct seen seen = seen_of(path);
	ck_assert_ptr_nonnull(strstr(seen.text, "1 return g +1 1\n"));
	ck_assert_ptr_nonnull(strstr(seen.text, "1 return h +300 201\n"));
	ck_assert_ptr_nonnull(
	    strstr(seen.text, "1 return n199 +801 200 took 592 self 592\n"));
	ck_assert_ptr_nonnull(strstr(seen.text, "1 return n0 +1000 1 took 990 self 2\n"));
	ck_assert_ptr_nonnull(
	    strstr(seen.text, "1 return f +2000 0 took 2000 self 1010\n"));
	seen_free(&seen);
}
END_TEST

START_TEST(recursion_of_a_million_frames_is_measured)
{
	struct crumb_event event;
	const uint64_t deep = 1000000;
	uint64_t n = 0;

	make_sizes(t, 4096, 65536);
	for (uint64_t i = 0; i < deep; i++)
		call(f, i);
	for (uint64_t i = 0; i < deep; i++)
		leave(f, deep + i);
	make_finish(t);
	struct crumb_trace *trace = crumb_trace_new();
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	/* No ck_assert for each event: Check notes every one in a file. */
	while (n < deep && crumb_cursor_next(cursor, &event) == 1 && event.depth == n)
		n++;
	ck_assert_uint_eq(n, deep);
	while (crumb_cursor_next(cursor, &event) == 1 && event.depth == n - 1 &&
	       event.duration_ns == (int64_t)(2 * (deep - n) + 1) &&
	       event.self_ns == (n == deep ? 1 : 2))
		n--;
	ck_assert_uint_eq(n, 0);
	crumb_trace_free(trace);
}
END_TEST

START_TEST(stray_ends_on_a_deep_stack_cost_no_search)
{
	struct timespec before, after;

	make_sizes(t, 4096, 65536);
	for (uint64_t i = 0; i < 300000; i++)
		call(f, i);
	for (uint64_t i = 0; i < 300000; i++)
		leave(i % 2 ? g : h, 300000 + i);
	make_finish(t);
	clock_gettime(CLOCK_MONOTONIC, &before);
	struct seen seen = seen_only(path);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_uint_eq(seen.events, 600000);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 10);
	seen_free(&seen);
}
END_TEST

/* ---- clock ---- */

START_TEST(counter_follows_the_clock_for_weeks)
{
	/* 2.9 GHz and a system clock that runs 40 ppm fast, then 40 ppm slow: after six
	 * weeks the time of each reading is still exact, and between them off by no more
	 * than a nanosecond. */
	const uint64_t hz = UINT64_C(2900000000);
	const uint64_t hour = hz * 3600;
	struct timeline timeline = {0};
	int64_t ns[1009];

	ns[0] = MAKE_START_NS;
	for (uint64_t i = 0; i < 1009; i++) {
		if (i > 0)
			ns[i] = ns[i - 1] + INT64_C(3600000000000) +
			        (i < 500 ? 144000000 : -144000000);
		ck_assert_int_eq(timeline_add(&timeline, 12345 + i * hour, ns[i]), 0);
	}
	ck_assert_uint_eq(timeline_finish(&timeline, hz), 0);
	size_t segment = 0;
	int64_t last = INT64_MIN;
	for (uint64_t i = 0; i < 1009; i++) {
		int64_t at = timeline_ns(&timeline, &segment, 12345 + i * hour);
		ck_assert_int_eq(at, ns[i]);
		ck_assert_int_eq(at, timeline_once(&timeline, 12345 + i * hour));
		ck_assert_int_gt(at, last);
		last = at;
		if (i == 1008)
			break;
		int64_t half =
		    timeline_ns(&timeline, &segment, 12345 + i * hour + hour / 2);
		ck_assert_int_le(llabs(half - (ns[i] + (ns[i + 1] - ns[i]) / 2)), 1);
		last = timeline_ns(&timeline, &segment, 12345 + (i + 1) * hour - 1);
		ck_assert_int_le(last, ns[i + 1]);
	}
	/* And on behind the last one, with the last hour's slope. */
	int64_t beyond = timeline_ns(&timeline, &segment, 12345 + 1009 * hour);
	ck_assert_int_le(llabs(beyond - ns[1008] - (ns[1008] - ns[1007])), 1);
	timeline_free(&timeline);
}
END_TEST

START_TEST(one_reading_uses_the_estimate)
{
	struct timeline timeline = {0};

	timeline_add(&timeline, 1000, 5000);
	timeline_finish(&timeline, 3000000000);
	ck_assert_int_eq(timeline_once(&timeline, 1000), 5000);
	ck_assert_int_eq(
	    timeline_once(&timeline, 1000 + UINT64_C(3000000000) * 86400 * 30),
	    5000 + INT64_C(1000000000) * 86400 * 30 - 1);
	ck_assert_int_eq(timeline_once(&timeline, 1000 - 600), 4800);
	timeline_free(&timeline);
}
END_TEST

START_TEST(readings_too_near_to_each_other_give_no_slope)
{
	struct timeline timeline = {0};

	/* A microsecond apart, read with a jitter of 100 ns. */
	timeline_add(&timeline, 0, 0);
	timeline_add(&timeline, 3000, 1100);
	timeline_finish(&timeline, 3000000000);
	ck_assert_int_le(
	    llabs(timeline_once(&timeline, 3000 + UINT64_C(3000000000) * 3600) -
	          (1100 + INT64_C(3600000000000))),
	    1);
	timeline_free(&timeline);
}
END_TEST

START_TEST(clock_that_is_set_forward_does_not_bend_what_follows)
{
	struct timeline timeline = {0};

	timeline_add(&timeline, 0, 0);
	timeline_add(&timeline, 1000000000, 1000000000);
	timeline_add(&timeline, 2000000000, INT64_C(602000000000)); /* ten minutes on */
	ck_assert_uint_eq(timeline_finish(&timeline, 1000000000), 0);
	ck_assert_int_eq(timeline_once(&timeline, 5000000000), INT64_C(605000000000));
	timeline_free(&timeline);
}
END_TEST

START_TEST(clock_that_is_set_back_never_shows)
{
	struct timeline timeline = {0};
	int64_t last = INT64_MIN;
	size_t segment = 0;

	timeline_add(&timeline, 0, INT64_C(100000000000));
	timeline_add(&timeline, 1000000000, INT64_C(101000000000));
	timeline_add(&timeline, 2000000000, INT64_C(42000000000));
	timeline_add(&timeline, 3000000000, INT64_C(43000000000));
	ck_assert_uint_eq(timeline_finish(&timeline, 1000000000), 2);
	for (uint64_t ticks = 0; ticks < 5000000000; ticks += 100000007) {
		int64_t ns = timeline_ns(&timeline, &segment, ticks);
		ck_assert_int_ge(ns, last);
		last = ns;
	}
	timeline_free(&timeline);
}
END_TEST

START_TEST(damaged_reading_is_left_out)
{
	struct timeline timeline = {0};

	timeline_add(&timeline, 0, 1000);
	timeline_add(&timeline, 1000, 2000);
	timeline_add(&timeline, 2000, 3000 + (INT64_C(1) << 50));
	timeline_add(&timeline, 3000, 4000);
	timeline_add(&timeline, 4000, 5000);
	ck_assert_uint_eq(timeline_finish(&timeline, 1000000000), 1);
	ck_assert_int_eq(timeline_once(&timeline, 2000), 3000);
	ck_assert_int_eq(timeline_once(&timeline, 4000), 5000);
	timeline_free(&timeline);
}
END_TEST

START_TEST(times_beyond_64_bits_stay_at_the_border)
{
	struct timeline timeline = {0};

	timeline_add(&timeline, UINT64_C(1) << 63, MAKE_START_NS);
	timeline_finish(&timeline, 1);
	ck_assert_int_eq(timeline_once(&timeline, UINT64_MAX), INT64_MAX);
	ck_assert_int_eq(timeline_once(&timeline, 0), INT64_MIN);
	timeline_free(&timeline);
}
END_TEST

START_TEST(clock_records_in_the_file_are_used)
{
	make_header(t)->clock = CRUMB_CLOCK_COUNTER;
	make_header(t)->ticks_per_second = 1000000;
	make_header(t)->end_ticks = 3000;
	make_header(t)->end_ns = MAKE_START_NS + 5000;
	make_clock(t, 2000, MAKE_START_NS + 4000);
	make_clock(t, 1000, MAKE_START_NS + 1000);
	call(f, 500);
	call(f, 1500);
	call(f, 2500);
	seen_is(finish(), "1 call f +500 0 :1\n"
	                  "1 call f +2500 1 :1\n"
	                  "1 call f +4500 2 :1\n");
}
END_TEST

START_TEST(readings_that_go_back_are_told)
{
	make_clock(t, 1000, MAKE_START_NS - 1000);
	call(f, 500);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +500 0 :1\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "go back in time"));
	seen_free(&seen);
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

static void add_spans(Suite *suite)
{
	TCase *spans = tcase_create("spans");

	tcase_add_checked_fixture(spans, setup, temp_teardown);
	tcase_set_timeout(spans, 60);
	tcase_add_test(spans, self_time_is_total_less_calls);
	tcase_add_test(spans, generator_runs_inside_who_resumes_it);
	tcase_add_test(spans, end_without_start_has_no_duration);
	tcase_add_test(spans, frames_above_a_match_ended_unseen);
	tcase_add_test(spans, recursion_matches_the_nearest_frame);
	tcase_add_test(spans, stack_matches_again_after_a_stray_end);
	tcase_add_test(spans, recursion_of_a_million_frames_is_measured);
	tcase_add_test(spans, stray_ends_on_a_deep_stack_cost_no_search);
	suite_add_tcase(suite, spans);
}

static void add_clock(Suite *suite)
{
	TCase *clock = tcase_create("clock");

	tcase_add_test(clock, counter_follows_the_clock_for_weeks);
	tcase_add_test(clock, one_reading_uses_the_estimate);
	tcase_add_test(clock, readings_too_near_to_each_other_give_no_slope);
	tcase_add_test(clock, clock_that_is_set_forward_does_not_bend_what_follows);
	tcase_add_test(clock, clock_that_is_set_back_never_shows);
	tcase_add_test(clock, damaged_reading_is_left_out);
	tcase_add_test(clock, times_beyond_64_bits_stay_at_the_border);
	suite_add_tcase(suite, clock);
	TCase *file = tcase_create("clock of a file");
	tcase_add_checked_fixture(file, setup, temp_teardown);
	tcase_add_test(file, clock_records_in_the_file_are_used);
	tcase_add_test(file, readings_that_go_back_are_told);
	suite_add_tcase(suite, file);
}

int main(void)
{
	Suite *suite = suite_create("reader: merge");

	add_merge(suite);
	add_spans(suite);
	add_clock(suite);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
