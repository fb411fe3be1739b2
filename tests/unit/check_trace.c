/* SPDX-License-Identifier: MIT */
/*
 * This exercises: the path of an event, from what a hook says to what the reader tells,
 * with an interpreter of plain structs.  (Threads, and want: check_trace_threads; forks,
 * ends and many threads: check_trace_process.)
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "fake_source.h"
#include "fault.h"
#include "filter.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "thread.h"

static struct fake f = {"f", "app", 10}, g = {"g", "app", 20, .generator = true};

/* What the reader tells of the file, which has no damage and nothing undefined in it. */
static void tells(const char *text)
{
	seen_is(seen_of(sink_path()), text);
}

static uint64_t lost(enum crumb_loss cause)
{
	struct raw raw = raw_load(sink_path());
	uint64_t count = raw.header->lost[cause];
	raw_free(&raw);
	return count;
}

static size_t records(enum crumb_record_type type)
{
	struct raw raw = raw_load(sink_path());
	size_t count = raw_count_records(&raw, type);
	raw_free(&raw);
	return count;
}

START_TEST(first_event_opens_the_file)
{
	ck_assert_uint_eq(count_files(), 0);
	ck_assert(fake_call(&f));
	ck_assert_uint_eq(fake_interpreter.opened, 1);
	fault_clock_advance(5);
	ck_assert(fake_return(&f));
	ck_assert_uint_eq(fake_interpreter.opened, 1);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 return f +5 0 took 5 self 5\n");
}
END_TEST

START_TEST(events_come_in_the_order_of_the_hooks)
{
	static const enum crumb_word_kind kinds[] = {
	    CRUMB_WORD_CALL, CRUMB_WORD_YIELD, CRUMB_WORD_RESUME, CRUMB_WORD_UNWIND};
	fake_call(&f);
	for (int i = 0; i < 4; i++) {
		fault_clock_advance(10);
		ck_assert(trace_event(kinds[i], &g, &g));
	}
	fault_clock_advance(10);
	fake_return(&f);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 call g +10 1 :20\n"
	      "1 yield g +20 1 took 10 self 10\n"
	      "1 resume g +30 1\n"
	      "1 unwind g +40 1 took 10 self 10\n"
	      "1 return f +50 0 took 50 self 30\n");
}
END_TEST

START_TEST(code_is_described_once)
{
	for (int i = 0; i < 1000; i++) {
		fake_call(&f);
		fake_call(&g);
	}
	ck_assert_uint_eq(f.described, 1);
	ck_assert_uint_eq(g.described, 1);
	ck_assert_uint_eq(fake_interpreter.released, 2);
	ck_assert_uint_le(fake_interpreter.accepted, 4);
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), 2);
}
END_TEST

START_TEST(full_windows_lose_nothing)
{
	for (int i = 0; i < 20000; i++) {
		fake_call(&f);
		fault_clock_advance(i % 7);
		fake_return(&f);
	}
	struct seen seen = seen_only(sink_path());
	ck_assert_uint_eq(seen.events, 40001);
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

/* Ticks of 36 bits are 68 seconds. */
START_TEST(long_silence_is_told_by_a_time_word)
{
	fake_call(&f);
	fault_clock_advance(INT64_C(68719476735));
	fake_call(&f);
	fault_clock_advance(INT64_C(68719476736));
	fake_call(&f);
	fault_clock_advance(INT64_C(1000000000000));
	fake_call(&f);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 call f +68719476735 1 :10\n"
	      "1 call f +137438953471 2 :10\n"
	      "1 call f +1137438953471 3 :10\n");
}
END_TEST

START_TEST(clock_that_goes_back_stands_still)
{
	fake_call(&f);
	fault_clock_advance(100);
	fake_call(&f);
	fault_clock_advance(-60);
	fake_call(&f);
	fault_clock_advance(70);
	fake_call(&f);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 call f +100 1 :10\n"
	      "1 call f +100 2 :10\n"
	      "1 call f +110 3 :10\n");
}
END_TEST

static void line(struct fake *code, uint32_t number)
{
	ck_assert(trace_line(code, code, number));
}

START_TEST(lines_near_and_far_are_told)
{
	static const uint32_t numbers[] = {10, 11, 1, 8201, 8202, 100000, 0xfffffff, 10};
	fake_call(&f);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		fault_clock_advance(1);
		line(&f, numbers[i]);
	}
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 line f +1 0 :10\n"
	      "1 line f +2 0 :11\n"
	      "1 line f +3 0 :1\n"
	      "1 line f +4 0 :8201\n"
	      "1 line f +5 0 :8202\n"
	      "1 line f +6 0 :100000\n"
	      "1 line f +7 0 :268435455\n"
	      "1 line f +8 0 :10\n");
}
END_TEST

/* A line has 26 bits for its ticks: 67 ms. */
START_TEST(lines_after_a_while_are_told)
{
	fake_call(&f);
	fault_clock_advance((1 << 26) - 1);
	line(&f, 11);
	fault_clock_advance(1 << 26);
	line(&f, 12);
	fault_clock_advance(INT64_C(1) << 36);
	line(&f, 100000);
	fault_clock_advance(-1);
	line(&f, 13);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 line f +67108863 0 :11\n"
	      "1 line f +134217727 0 :12\n"
	      "1 line f +68853694463 0 :100000\n"
	      "1 line f +68853694463 0 :13\n");
}
END_TEST

START_TEST(first_event_may_be_a_line)
{
	line(&f, 12);
	line(&g, 22);
	tells("1 thread_start - +0 0\n"
	      "1 line f +0 0 :12\n"
	      "1 line g +0 0 :22\n");
}
END_TEST

START_TEST(many_lines_lose_nothing)
{
	for (uint32_t i = 0; i < 30000; i++)
		must(trace_line(&f, &f, 10 + i));
	struct seen seen = seen_only(sink_path());
	ck_assert_uint_eq(seen.events, 30001);
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

START_TEST(exception_has_its_type_and_line)
{
	fake_call(&f);
	fault_clock_advance(3);
	ck_assert(trace_exception(&f, &f, 14, "ValueError"));
	ck_assert(trace_exception(&f, &f, 15, "KeyError"));
	ck_assert(trace_exception(&f, &f, 0, "ValueError"));
	trace_event(CRUMB_WORD_UNWIND, &f, &f);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 exception f +3 0 :14 ValueError\n"
	      "1 exception f +3 0 :15 KeyError\n"
	      "1 exception f +3 0 ValueError\n"
	      "1 unwind f +3 0 took 3 self 3\n");
}
END_TEST

START_TEST(loss_is_told_where_it_happened_and_counted)
{
	fake_call(&f);
	trace_lost(CRUMB_LOSS_TAKEN_OVER, 0);
	trace_lost(CRUMB_LOSS_LOW_STACK, 7);
	fake_return(&f);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 lost - +0 1 lost 8 0\n"
	      "1 lost - +0 1 lost 7 7\n"
	      "1 return f +0 0 took 0 self 0\n");
	ck_assert_uint_eq(lost(CRUMB_LOSS_TAKEN_OVER), 1);
	ck_assert_uint_eq(lost(CRUMB_LOSS_LOW_STACK), 7);
}
END_TEST

START_TEST(excluded_module_leaves_no_event)
{
	filter_init("", "app");
	for (int i = 0; i < 3; i++) {
		ck_assert(!fake_call(&f));
		ck_assert(!trace_line(&f, &f, 11));
		ck_assert(!trace_exception(&f, &f, 11, "ValueError"));
		ck_assert(!trace_wants(&f, &f));
		ck_assert(!fake_return(&f));
	}
	ck_assert_uint_eq(f.described, 1);
	ck_assert_uint_eq(fake_interpreter.accepted, 0);
	ck_assert_ptr_null(buffer_mine);
	tells("");
	ck_assert_uint_eq(records(0), 0);
}
END_TEST

START_TEST(excluded_code_beside_other_code_leaves_no_event)
{
	struct fake other = {"other", "noise", 1};
	filter_init("", "noise");
	fake_call(&f);
	for (int i = 0; i < 3; i++) {
		ck_assert(!fake_call(&other));
		ck_assert(!trace_line(&other, &other, 2));
		ck_assert(!trace_exception(&other, &other, 2, "E"));
	}
	fake_return(&f);
	ck_assert_uint_eq(other.described, 1);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 return f +0 0 took 0 self 0\n");
}
END_TEST

START_TEST(questions_about_code_are_no_events)
{
	ck_assert(trace_wants(&f, &f));
	ck_assert(!trace_is_generator(&f, &f));
	ck_assert(trace_is_generator(&g, &g));
	fake_call(&f);
	ck_assert(trace_wants(&f, &f));
	ck_assert(trace_is_generator(&g, &g));
	ck_assert_uint_eq(f.described, 1);
	ck_assert_uint_eq(g.described, 1);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n");
}
END_TEST

START_TEST(reused_address_gets_a_new_id)
{
	fake_call(&f);
	fake_dies(&f);
	f.qualname = "another";
	f.first_line = 77;
	fake_call(&f);
	ck_assert_uint_eq(f.described, 2);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 call another +0 1 :77\n");
}
END_TEST

/* 5,000 code objects do not fit into a thread's own table: they take turns there. */
START_TEST(codes_that_share_a_place_are_told_apart)
{
	static struct fake many[5000];
	static char names[5000][8];
	for (int i = 0; i < 5000; i++) {
		snprintf(names[i], sizeof(names[i]), "f%d", i);
		many[i] = (struct fake){names[i], "app", (uint32_t)i + 1};
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5000; i++)
			must(fake_call(&many[i]));
	}
	for (int i = 0; i < 5000; i++)
		must(many[i].described == 1);
	struct raw raw = raw_load(sink_path());
	size_t count, at = 1;
	uint64_t *words = raw_words(&raw, 1, &count);
	ck_assert_uint_eq(count, 10001);
	for (; at < count; at++)
		must((words[at] >> CRUMB_KIND_BITS & 0xffffff) == (at - 1) % 5000 + 1);
	free(words);
	raw_free(&raw);
}
END_TEST

START_TEST(code_that_cannot_be_described_is_counted_and_asked_again)
{
	f.undescribed = true;
	ck_assert(fake_call(&f));
	ck_assert(trace_wants(&f, &f));
	ck_assert(!trace_is_generator(&f, &f));
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_DEFINITION), 3);
	f.undescribed = false;
	ck_assert(fake_call(&f));
	ck_assert_uint_eq(f.described, 4);
	ck_assert_uint_eq(fake_interpreter.released, 1);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n");
}
END_TEST

/* Its address may be another's at any time, so it gets no id: its events are those of
 * unknown code, and the file does not grow by a definition with each of them. */
START_TEST(code_that_cannot_be_remembered_is_counted)
{
	size_t count, unknown = 0;

	f.forgettable = true;
	fake_call(&g);
	for (int i = 0; i < 500; i++) {
		ck_assert(fake_call(&f));
		ck_assert(fake_return(&f));
	}
	ck_assert_uint_ge(lost(CRUMB_LOSS_NO_DEFINITION), 1);
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), 1);
	struct raw raw = raw_load(sink_path());
	uint64_t *words = raw_words(&raw, 1, &count);
	for (size_t i = 0; i < count; i++)
		unknown += (words[i] >> CRUMB_KIND_BITS & 0xffffff) == CRUMB_CODE_UNKNOWN;
	ck_assert_uint_eq(unknown, 1000);
	free(words);
	raw_free(&raw);
	struct seen seen = seen_only(sink_path());
	ck_assert_uint_eq(seen.events, 2 + 1000);
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

START_TEST(excluded_code_that_cannot_be_remembered_is_no_loss)
{
	f.forgettable = true;
	filter_init("", "app");
	for (int i = 0; i < 10; i++)
		fake_call(&f);
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_DEFINITION), 0);
	tells("");
}
END_TEST

/* Memory is short for a while, and there is none to remember code by. */
START_TEST(code_that_there_was_no_memory_for_is_told_and_known_later)
{
	enum { MANY = 3000 };
	static struct fake many[MANY];

	fake_call(&f);
	fault_fail(FAULT_MMAP, 0, FAULT_ALWAYS, ENOMEM);
	for (size_t i = 0; i < MANY; i++) {
		many[i] = (struct fake){"many", "app", 1};
		ck_assert(fake_call(&many[i]));
	}
	fault_none();
	ck_assert_uint_ge(lost(CRUMB_LOSS_NO_DEFINITION), 1);
	unsigned before = 0, after = 0;
	for (size_t i = 0; i < MANY; i++)
		before += many[i].described;
	for (size_t i = 0; i < MANY; i++) {
		ck_assert(fake_call(&many[i]));
		ck_assert(fake_call(&many[i]));
		after += many[i].described;
	}
	/* Those that were not remembered were asked about once more, and only once. */
	ck_assert_uint_eq(before, MANY);
	ck_assert_uint_gt(after, before);
	ck_assert_uint_lt(after, 2 * MANY);
	struct seen seen = seen_only(sink_path());
	ck_assert_uint_eq(seen.events, 2 + 3 * MANY);
	seen_free(&seen);
}
END_TEST

START_TEST(source_is_asked_again_until_all_events_will_be_told)
{
	fake_interpreter.asleep = true;
	for (int i = 0; i < 5; i++)
		ck_assert(fake_call(&f));
	ck_assert_uint_eq(fake_interpreter.accepted, 5);
	fake_interpreter.asleep = false;
	for (int i = 0; i < 5; i++)
		ck_assert(fake_return(&f));
	ck_assert_uint_eq(fake_interpreter.accepted, 6);
	ck_assert_uint_eq(f.described, 1);
	struct seen seen = seen_only(sink_path());
	ck_assert_uint_eq(seen.events, 11);
	seen_free(&seen);
}
END_TEST

START_TEST(inner_code_is_announced_by_the_outer)
{
	struct fake inner = {"f.<locals>.inner", "app", 12}, forgettable = inner;
	f.inner = &inner;
	fake_call(&f);
	struct intern_text name = intern_qualname(&inner);
	ck_assert_uint_eq(name.length, strlen(inner.qualname));
	ck_assert_ptr_nonnull(inner.record);
	ck_assert(fake_call(&inner));
	ck_assert_uint_eq(inner.described, 1);
	fake_dies(&inner);
	ck_assert_uint_eq(intern_qualname(&inner).length, 0);

	forgettable.forgettable = true;
	g.inner = &forgettable;
	fake_call(&g);
	ck_assert_uint_eq(intern_qualname(&forgettable).length, 0);
}
END_TEST

START_TEST(inner_code_that_ran_before_the_outer_is_known_already)
{
	f.inner = &g;
	fake_call(&g);
	const struct intern_record *record = g.record;
	fake_call(&f);
	ck_assert_ptr_eq(g.record, record);
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), 2);
	fake_dies(&g);
}
END_TEST

START_TEST(code_that_knows_its_name_is_not_announced)
{
	fake_interpreter.codes_know_their_names = true;
	fake_begin();
	f.inner = &g;
	fake_call(&f);
	ck_assert_ptr_null(g.record);
}
END_TEST

/* A finalizer that runs within describe() is recorded before the event. */
static void call_from_a_finalizer(void)
{
	struct fake finalizer = {"__del__", "app", 5};
	fake_call(&finalizer);
	fake_return(&finalizer);
	fake_dies(&finalizer);
}

START_TEST(finalizer_within_a_question_is_recorded)
{
	fake_interpreter.in_describe = call_from_a_finalizer;
	ck_assert(fake_call(&f));
	fake_interpreter.in_describe = call_from_a_finalizer;
	ck_assert(fake_call(&g));
	tells("1 thread_start - +0 0\n"
	      "1 call __del__ +0 0 :5\n"
	      "1 return __del__ +0 0 took 0 self 0\n"
	      "1 call f +0 0 :10\n"
	      "1 call __del__ +0 1 :5\n"
	      "1 return __del__ +0 1 took 0 self 0\n"
	      "1 call g +0 1 :20\n");
}
END_TEST

static void call_the_same(void)
{
	fake_call(&f);
}

START_TEST(same_code_within_its_own_question_is_described_once_more_at_most)
{
	fake_interpreter.in_describe = call_the_same;
	ck_assert(fake_call(&f));
	ck_assert_uint_le(f.described, 2);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 call f +0 1 :10\n");
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), 1);
}
END_TEST

static void setup(void)
{
	fake_begin();
}

static void add_events(Suite *suite)
{
	TCase *c = add_case(suite, "events");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, first_event_opens_the_file);
	tcase_add_test(c, events_come_in_the_order_of_the_hooks);
	tcase_add_test(c, code_is_described_once);
	tcase_add_test(c, full_windows_lose_nothing);
	tcase_add_test(c, long_silence_is_told_by_a_time_word);
	tcase_add_test(c, clock_that_goes_back_stands_still);
	tcase_add_test(c, lines_near_and_far_are_told);
	tcase_add_test(c, lines_after_a_while_are_told);
	tcase_add_test(c, first_event_may_be_a_line);
	tcase_add_test(c, many_lines_lose_nothing);
	tcase_add_test(c, exception_has_its_type_and_line);
	tcase_add_test(c, loss_is_told_where_it_happened_and_counted);
	tcase_add_test(c, excluded_module_leaves_no_event);
	tcase_add_test(c, excluded_code_beside_other_code_leaves_no_event);
	tcase_add_test(c, questions_about_code_are_no_events);
}

static void add_codes(Suite *suite)
{
	TCase *c = add_case(suite, "codes");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, reused_address_gets_a_new_id);
	tcase_add_test(c, codes_that_share_a_place_are_told_apart);
	tcase_add_test(c, code_that_cannot_be_described_is_counted_and_asked_again);
	tcase_add_test(c, code_that_cannot_be_remembered_is_counted);
	tcase_add_test(c, excluded_code_that_cannot_be_remembered_is_no_loss);
	tcase_add_test(c, code_that_there_was_no_memory_for_is_told_and_known_later);
	tcase_add_test(c, source_is_asked_again_until_all_events_will_be_told);
	tcase_add_test(c, inner_code_is_announced_by_the_outer);
	tcase_add_test(c, inner_code_that_ran_before_the_outer_is_known_already);
	tcase_add_test(c, code_that_knows_its_name_is_not_announced);
	tcase_add_test(c, finalizer_within_a_question_is_recorded);
	tcase_add_test(c,
	               same_code_within_its_own_question_is_described_once_more_at_most);
}

int main(void)
{
	Suite *suite = suite_create("agent: trace");
	add_events(suite);
	add_codes(suite);
	return run_suite(suite);
}
