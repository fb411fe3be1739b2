/* SPDX-License-Identifier: MIT */
/* This exercises: ticks, and how they are told as times of day. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_fixture.h"
#include "clock.h"
#include "fault.h"

START_TEST(without_a_counter_ticks_are_nanoseconds)
{
	fault_clock_stop(5000000123, 1704164645000000000);
	ck_assert_uint_eq(clock_ticks(false), 5000000123);
	ck_assert_uint_eq(clock_nanoseconds(), 5000000123);
	ck_assert_int_eq(clock_realtime(), 1704164645000000000);
	ck_assert_uint_eq(clock_frequency(false), 1000000000);
	fault_clock_run();
}
END_TEST

START_TEST(time_before_1970_is_negative)
{
	fault_clock_stop(0, -1000000000);
	ck_assert_int_eq(clock_realtime(), -1000000000);
	fault_clock_run();
}
END_TEST

START_TEST(ticks_never_go_back_in_a_thread)
{
	for (int counter = 0; counter <= clock_has_counter(); counter++) {
		uint64_t last = clock_ticks(counter);
		for (int i = 0; i < 100000; i++) {
			uint64_t now = clock_ticks(counter);
			must(now >= last);
			last = now;
		}
	}
}
END_TEST

START_TEST(pair_is_one_moment)
{
	for (int counter = 0; counter <= clock_has_counter(); counter++) {
		uint64_t ticks;
		int64_t ns, first_ns = clock_realtime();
		uint64_t first = clock_ticks(counter);
		clock_pair(counter, &ticks, &ns);
		ck_assert_uint_ge(ticks, first);
		ck_assert_uint_le(ticks, clock_ticks(counter));
		ck_assert_int_ge(ns, first_ns);
		ck_assert_int_le(ns, clock_realtime());
	}
}
END_TEST

START_TEST(pair_is_the_narrowest_of_a_few_tries)
{
	/* ticks before, time of day, ticks after */
	static const int64_t readings[] = {1000, 1,    1100, 2000, 2,    2050, 3000, 3,
	                                   3010, 4000, 4,    4070, 5000, 5,    5090};
	uint64_t ticks;
	int64_t ns;

	fault_clock_script(readings, sizeof(readings) / sizeof(readings[0]));
	clock_pair(false, &ticks, &ns);
	ck_assert_uint_eq(ticks, 3005);
	ck_assert_int_eq(ns, 3);
}
END_TEST

START_TEST(counter_is_used_where_it_is_invariant)
{
#if defined(__x86_64__)
	char line[8192];
	bool nonstop = false, constant = false;
	FILE *f = fopen("/proc/cpuinfo", "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		nonstop |= strstr(line, " nonstop_tsc") != NULL;
		constant |= strstr(line, " constant_tsc") != NULL;
	}
	fclose(f);
	if (nonstop && constant)
		ck_assert(clock_has_counter());
#endif
	ck_assert_int_eq(clock_has_counter(), clock_has_counter());
}
END_TEST

struct moment {
	uint64_t ns, ticks;
};

static struct moment moment_here(void)
{
	struct moment m = {clock_nanoseconds(), clock_ticks(true)};
	return m;
}

/* Whatever the scheduler does in between, the true rate lies between the bounds that
 * readings around give. */
START_TEST(frequency_of_the_counter_is_measured)
{
	if (!clock_has_counter()) {
		say_skipped("frequency_of_the_counter_is_measured",
		            "this CPU has no invariant counter");
		return;
	}
	struct moment a = moment_here();
	clock_start(true);
	struct moment b = moment_here();
	while (clock_nanoseconds() - b.ns < 10000000)
		;
	struct moment c = moment_here();
	uint64_t hz = clock_frequency(true);
	struct moment d = moment_here();
	/* Each moment is two readings, so 1 % is left for what lies between them. */
	double least = (double)(c.ticks - b.ticks) * 0.99e9 / (double)(d.ns - a.ns);
	double most = (double)(d.ticks - a.ticks) * 1.01e9 / (double)(c.ns - b.ns);
	ck_assert_msg((double)hz >= least && (double)hz <= most, "%llu not in %.0f %.0f",
	              (unsigned long long)hz, least, most);
}
END_TEST

START_TEST(frequency_is_not_zero_at_once)
{
	fault_clock_stop(1000, 1000);
	clock_start(true);
	ck_assert_uint_gt(clock_frequency(true), 0);
	fault_clock_run();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: clock");
	TCase *c = add_case(suite, "ticks");
	tcase_add_test(c, without_a_counter_ticks_are_nanoseconds);
	tcase_add_test(c, time_before_1970_is_negative);
	tcase_add_test(c, ticks_never_go_back_in_a_thread);
	tcase_add_test(c, pair_is_one_moment);
	tcase_add_test(c, pair_is_the_narrowest_of_a_few_tries);
	tcase_add_test(c, counter_is_used_where_it_is_invariant);
	tcase_add_test(c, frequency_of_the_counter_is_measured);
	tcase_add_test(c, frequency_is_not_zero_at_once);
	return run_suite(suite);
}
