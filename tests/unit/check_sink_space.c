/* SPDX-License-Identifier: MIT */
/* This exercises: which bytes of the file are handed out, and what is set aside for them.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent_fixture.h"
#include "breadcrumb/format.h"
#include "fault.h"
#include "read_trace.h"
#include "sink.h"
#include "sink_file.h"
#include "sink_space.h"

#define LARGE 65536u

START_TEST(space_is_handed_out_in_order)
{
	sink_space_begin(4096);
	ck_assert_uint_eq(sink_space_take(128, 64), 4096);
	ck_assert_uint_eq(sink_space_take(64, 64), 4224);
	ck_assert_uint_eq(sink_space_take(8192, 4096), 8192);
	ck_assert_uint_eq(sink_space_take(64, 64), 16384);
	ck_assert_uint_eq(sink_space_end(), 16448);
}
END_TEST

START_TEST(last_space_can_be_given_back)
{
	sink_space_begin(4096);
	uint64_t first = sink_space_take(64, 64), second = sink_space_take(64, 64);
	sink_space_give_back(first, 64);
	ck_assert_uint_eq(sink_space_end(), second + 64);
	sink_space_give_back(second, 64);
	ck_assert_uint_eq(sink_space_end(), second);
}
END_TEST

/* However often a small block comes in between. */
START_TEST(large_space_is_aligned_where_that_wastes_little)
{
	uint64_t used = 4096, aligned = 0;

	sink_space_begin(4096);
	for (int i = 0; i < 5000; i++) {
		uint64_t before = sink_space_end(), start = sink_space_take_large(LARGE);
		ck_assert_uint_ge(start, before);
		ck_assert_uint_eq(start % CRUMB_ALIGN, 0);
		aligned += start % LARGE == 0;
		used += LARGE;
		if (i % _i == 0) {
			sink_space_take(64, 64);
			used += 64;
		}
		ck_assert_uint_le(sink_space_end() - used, sink_space_end() / 100);
	}
	/* A small block, a gap: only so many of these can be had. */
	ck_assert_uint_ge(aligned, _i >= 200 ? 4000 : 30);
}
END_TEST

#define TAKERS 4
#define TAKES  20000

static uint64_t taken[TAKERS][TAKES];

static void *take_many(void *data)
{
	uint64_t *mine = data;
	for (int i = 0; i < TAKES; i++)
		mine[i] = i % 3 ? sink_space_take(64, 64) : sink_space_take_large(LARGE);
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

START_TEST(threads_never_get_the_same_space)
{
	pthread_t threads[TAKERS];

	sink_space_begin(4096);
	for (int t = 0; t < TAKERS; t++)
		ck_assert_int_eq(pthread_create(&threads[t], NULL, take_many, taken[t]),
		                 0);
	for (int t = 0; t < TAKERS; t++) {
		ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
		for (int i = 1; i < TAKES; i++)
			must(taken[t][i] > taken[t][i - 1]);
	}
	/* The lowest bit says how large it is. */
	for (int t = 0; t < TAKERS; t++) {
		for (int i = 0; i < TAKES; i++)
			taken[t][i] |= i % 3 == 0;
	}
	uint64_t *all = taken[0];
	qsort(all, TAKERS * TAKES, sizeof(*all), ascending);
	for (int i = 1; i < TAKERS * TAKES; i++)
		must((all[i] & ~1ull) >=
		     (all[i - 1] & ~1ull) + (all[i - 1] & 1 ? LARGE : 64));
}
END_TEST

static uint64_t on_disk(void)
{
	struct stat st;
	ck_assert_int_eq(stat(sink_path(), &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* The file system may need some blocks of its own to keep account of them. */
static void takes(uint64_t bytes)
{
	ck_assert_uint_ge(on_disk(), bytes);
	ck_assert_uint_le(on_disk(), bytes + (16 << 10));
}

START_TEST(room_is_set_aside_for_large_files_in_steps)
{
	struct stat st;

	fixture_open("a.crumb");
	uint64_t before = on_disk();
	sink_space_ahead(512 << 10);
	takes(before);
	fault_none();
	sink_space_ahead(1 << 20);
	if (fault_count(FAULT_FALLOCATE) == 0) {
		say_skipped("room_is_set_aside_for_large_files_in_steps",
		            "the folder for temporary files is in memory");
		return;
	}
	takes(before + (256 << 10));
	for (uint64_t upto = 1 << 20; upto <= (1 << 20) + (256 << 10); upto += 4096)
		sink_space_ahead(upto);
	ck_assert_uint_eq(fault_count(FAULT_FALLOCATE), 1);
	sink_space_ahead((1 << 20) + (260 << 10));
	ck_assert_uint_eq(fault_count(FAULT_FALLOCATE), 2);
	sink_space_ahead(1 << 30);
	ck_assert_uint_le(on_disk(), before + (600 << 10) + (4 << 20));
	ck_assert_int_eq(stat(sink_path(), &st), 0);
	ck_assert_int_lt(st.st_size, 1 << 20); /* the file is as long as before */
	sink_end(CRUMB_END_CLEAN, 0);
	sink_trim(NULL, 0, 0);
	takes(before);
}
END_TEST

START_TEST(room_that_cannot_be_set_aside_is_asked_for_once)
{
	fixture_open("a.crumb");
	fault_none();
	fault_fail(FAULT_FALLOCATE, 0, FAULT_ALWAYS, EOPNOTSUPP);
	for (uint64_t upto = 1 << 20; upto <= 64 << 20; upto += 1 << 20)
		sink_space_ahead(upto);
	ck_assert_uint_le(fault_count(FAULT_FALLOCATE), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: space of the file");
	TCase *c = add_case(suite, "space");
	tcase_add_test(c, space_is_handed_out_in_order);
	tcase_add_test(c, last_space_can_be_given_back);
	tcase_add_loop_test(c, large_space_is_aligned_where_that_wastes_little, 1, 3);
	tcase_add_loop_test(c, large_space_is_aligned_where_that_wastes_little, 200, 202);
	tcase_add_test(c, threads_never_get_the_same_space);
	tcase_add_test(c, room_is_set_aside_for_large_files_in_steps);
	tcase_add_test(c, room_that_cannot_be_set_aside_is_asked_for_once);
	return run_suite(suite);
}
