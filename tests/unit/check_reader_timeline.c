/* SPDX-License-Identifier: MIT */
/*
 * This exercises: ticks to nanoseconds, over weeks, with clocks that drift apart, that
 * are set, and with damaged readings.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "make_trace.h"
#include "read_trace.h"
#include "timeline.h"

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

static struct seen finish(void)
{
	make_finish(t);
	return seen_of(path);
}

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

	/* A microsecond apart, read with a jitter of 40 ns: within a sixteenth, and yet
	 * two minutes of an hour. */
	timeline_add(&timeline, 0, 0);
	timeline_add(&timeline, 3000, 1040);
	timeline_finish(&timeline, 3000000000);
	ck_assert_int_le(
	    llabs(timeline_once(&timeline, 3000 + UINT64_C(3000000000) * 3600) -
	          (1040 + INT64_C(3600000000000))),
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
	size_t segment = 0;
	ck_assert_int_eq(timeline_ns(&timeline, &segment, 0), INT64_MIN);
	ck_assert_int_eq(
	    timeline_ns(&timeline, &segment, (UINT64_C(1) << 63) + (UINT64_C(1) << 60)),
	    INT64_MAX);
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
	Suite *suite = suite_create("reader: timeline");

	add_clock(suite);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
