/* SPDX-License-Identifier: MIT */
/*
 * This exercises: depth, duration and self time, also where events are missing and where
 * the stack is deep.
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

int main(void)
{
	Suite *suite = suite_create("reader: span");

	add_spans(suite);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
