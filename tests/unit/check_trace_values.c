/* SPDX-License-Identifier: MIT */
/*
 * This exercises: values on their way from trace.h into the file, as the reader has them:
 * texts that come again, blocks that end, events that are bounded.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_fixture.h"
#include "fake_source.h"
#include "fault.h"
#include "filter.h"
#include "raw_trace.h"
#include "read_trace.h"

static struct fake f = {"f", "app", 10};
static const struct intern_text names[] = {{"x", 1}, {"yy", 2}, {"zzz", 3}};

static bool add(struct payload *p, unsigned which, const char *value)
{
	struct text text = payload_text(p);
	text_put_string(&text, value);
	return payload_add(p, which, NULL, &text);
}

/* A call of f with these arguments, and its return with the first of them. */
static void call(const char *const *values, unsigned count)
{
	struct payload *p = trace_values(&f, &f, 4096);
	if (p && !trace_knows_variables(&f))
		trace_variables(&f, names, 3);
	for (unsigned i = 0; p && i < count; i++)
		add(p, CRUMB_VALUE_VARIABLES + i, values[i]);
	if (p)
		trace_values_end(p, CRUMB_WORD_CALL, &f);
	fault_clock_advance(10);
	trace_event(CRUMB_WORD_CALL, &f, &f);
	fault_clock_advance(10);
	p = trace_values(&f, &f, 4096);
	if (p) {
		add(p, CRUMB_VALUE_RESULT, values[0]);
		trace_values_end(p, CRUMB_WORD_RETURN, &f);
	}
	fault_clock_advance(10);
	trace_event(CRUMB_WORD_RETURN, &f, &f);
}

/* The words of a mark: head, length, text. */
static const uint64_t *next_mark(const uint64_t *at, const char *text, size_t length)
{
	size_t words = 1 + (length + 7) / 8;
	uint64_t head = *at & ((UINT64_C(1) << CRUMB_TICKS_SHIFT) - 1);

	ck_assert_uint_eq(head, record_extended(CRUMB_EXT_MARK, (unsigned)words, 0));
	ck_assert_uint_eq(at[1], length);
	ck_assert_mem_eq(at + 2, text, length);
	for (size_t i = length; i < 8 * (words - 1); i++)
		ck_assert_int_eq(((const char *)(at + 2))[i], 0);
	return at + 1 + words;
}

START_TEST(marks_hold_their_text)
{
	char text[TRACE_MARK_MAX + 10];
	size_t count;

	memset(text, 'x', sizeof text);
	ck_assert(trace_mark("", 0)); /* the thread's first event */
	ck_assert(trace_mark("seventy", 7));
	ck_assert(trace_mark("eighty-8", 8));
	ck_assert(trace_mark("a\0b", 3));
	ck_assert(trace_mark(text, sizeof text));
	struct raw raw = raw_load(sink_path());
	uint64_t *words = raw_words(&raw, 1, &count);
	const uint64_t *at = words + 1; /* behind the thread's start */
	at = next_mark(at, "", 0);
	at = next_mark(at, "seventy", 7);
	at = next_mark(at, "eighty-8", 8);
	at = next_mark(at, "a\0b", 3);
	at = next_mark(at, text, TRACE_MARK_MAX);
	ck_assert_uint_eq((size_t)(at - words), count);
	free(words);
	raw_free(&raw);
}
END_TEST

/* However full the window is. */
START_TEST(marks_of_many_windows_are_all_kept)
{
	enum { COUNT = 3000 };
	char text[TRACE_MARK_MAX];
	size_t count;

	memset(text, 'x', sizeof text);
	for (unsigned i = 0; i < COUNT; i++)
		ck_assert(trace_mark(text, i % TRACE_MARK_MAX));
	struct raw raw = raw_load(sink_path());
	uint64_t *words = raw_words(&raw, 1, &count);
	const uint64_t *at = words + 1;
	for (unsigned i = 0; i < COUNT; i++)
		at = next_mark(at, text, i % TRACE_MARK_MAX);
	ck_assert_uint_eq((size_t)(at - words), count);
	free(words);
	raw_free(&raw);
}
END_TEST

START_TEST(marks_that_cannot_be_kept_are_counted)
{
	char text[1000] = "x";
	uint64_t kept = 0;

	fault_fail(FAULT_PWRITEV, 0, 1, ENOSPC);
	capture_begin();
	while (trace_mark(text, sizeof text))
		kept++;
	ck_assert(is_line_with(capture_end(), "the file system is full"));
	for (int i = 0; i < 99; i++)
		ck_assert(!trace_mark(text, sizeof text));
	buffer_count_losses(false);
	struct raw raw = raw_load(sink_path());
	ck_assert_uint_gt(kept, 5);
	/* Each is in the file or counted; the thread's start is an event too. */
	ck_assert_uint_eq(raw_count_events(&raw) + sink_lost(CRUMB_LOSS_DISK_FULL),
	                  1 + kept + 100);
	raw_free(&raw);
}
END_TEST

START_TEST(values_come_back_with_their_names)
{
	static const char *const values[] = {"1", "'a text of some length'", "[…]"};

	call(values, 3);
	/* A return with values is as old as they are. */
	seen_is(seen_of(sink_path()),
	        "1 thread_start - +0 0\n"
	        "1 call f +10 0 :10 x=1 yy='a text of some length' zzz=[…]\n"
	        "1 return f +20 0 took 10 self 10 -> 1\n");
}
END_TEST

START_TEST(texts_that_come_again_are_stored_once)
{
	static const char *const values[] = {"'the same long text over and over again'",
	                                     "'another one, which is as long as that'"};
	char expected[256];

	for (unsigned i = 0; i < 5000; i++)
		call(values, 2);
	struct seen seen = seen_of(sink_path());
	ck_assert_uint_eq(seen.events, 1 + 10000);
	ck_assert_str_eq(seen.problems, "");
	const char *line = seen.text;
	for (unsigned i = 0; i < 1 + 9998; i++)
		line = strchr(line, '\n') + 1;
	snprintf(expected, sizeof expected, " :10 x=%s yy=%s\n", values[0], values[1]);
	ck_assert_ptr_nonnull(strstr(line, expected));
	ck_assert_uint_le(crumb_trace_process(seen.trace, 0)->file_bytes, 1u << 20);
	seen_free(&seen);
}
END_TEST

/* Each block stands for itself, whatever was in the one before. */
START_TEST(texts_of_many_blocks_are_all_there)
{
	enum { CALLS = 20000 };
	static char value[64];
	const char *const values[] = {value};

	for (unsigned i = 0; i < CALLS; i++) {
		snprintf(value, sizeof value, "'number %u is like %u'", i % 700, i % 3);
		call(values, 1);
	}
	struct seen seen = seen_of(sink_path());
	ck_assert_uint_eq(seen.events, 1 + 2 * CALLS);
	ck_assert_str_eq(seen.problems, "");
	const char *line = strchr(seen.text, '\n') + 1;
	for (unsigned i = 0; i < CALLS; i++) {
		char expected[128];
		snprintf(expected, sizeof expected, "x='number %u is like %u'\n", i % 700,
		         i % 3);
		must(strncmp(strstr(line, "x="), expected, strlen(expected)) == 0);
		line = strchr(line, '\n') + 1;
		snprintf(expected, sizeof expected, "-> 'number %u is like %u'\n",
		         i % 700, i % 3);
		must(strncmp(strstr(line, "-> "), expected, strlen(expected)) == 0);
		line = strchr(line, '\n') + 1;
	}
	seen_free(&seen);
}
END_TEST

START_TEST(event_has_no_more_than_its_bytes)
{
	struct payload *p = trace_values(&f, &f, 64);

	ck_assert_ptr_nonnull(p);
	trace_variables(&f, names, 3);
	ck_assert(add(p, CRUMB_VALUE_VARIABLES, "'twenty-two bytes long'"));
	ck_assert(!add(p, CRUMB_VALUE_VARIABLES + 1, "'this does not fit any more'"));
	ck_assert(p->cut);
	ck_assert(!add(p, CRUMB_VALUE_VARIABLES + 2, "1"));
	trace_values_end(p, CRUMB_WORD_CALL, &f);
	fake_call(&f);
	seen_is(seen_of(sink_path()),
	        "1 thread_start - +0 0\n"
	        "1 call f +0 0 :10 x='twenty-two bytes long' ...\n");
}
END_TEST

START_TEST(largest_event_has_room)
{
	static char long_text[30000];
	struct payload *p = trace_values(&f, &f, PAYLOAD_BYTES_MAX);

	ck_assert_ptr_nonnull(p); /* in the thread's first, small window there is none */
	memset(long_text, 'x', sizeof long_text - 1);
	trace_variables(&f, names, 3);
	ck_assert(add(p, CRUMB_VALUE_VARIABLES, long_text));
	trace_values_end(p, CRUMB_WORD_CALL, &f);
	fake_call(&f);
	struct seen seen = seen_of(sink_path());
	ck_assert_ptr_nonnull(strstr(seen.text, long_text));
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

START_TEST(excluded_code_has_no_values)
{
	filter_init("", "app");
	ck_assert_ptr_null(trace_values(&f, &f, 64));
	ck_assert(!fake_call(&f));
}
END_TEST

/* Another event comes first: a finalizer's, say. */
START_TEST(values_of_an_event_that_did_not_come_are_nobodys)
{
	static struct fake g = {"g", "app", 20};
	struct payload *p;

	fake_call(&g);
	p = trace_values(&f, &f, 64);
	add(p, CRUMB_VALUE_RESULT, "1");
	trace_values_end(p, CRUMB_WORD_RETURN, &f);
	fake_return(&g);
	seen_is(seen_of(sink_path()), "1 thread_start - +0 0\n"
	                              "1 call g +0 0 :20\n"
	                              "1 return g +0 0 took 0 self 0\n");
}
END_TEST

static void call_in_child(void)
{
	static const char *const values[] = {"'a text that was seen before'"};
	call(values, 1);
	struct seen seen = seen_of(sink_path());
	if (!strstr(seen.text, "x='a text that was seen before'") || *seen.problems)
		leave_child(1);
	seen_free(&seen);
}

START_TEST(child_begins_anew)
{
	static const char *const values[] = {"'a text that was seen before'"};

	call(values, 1);
	call(values, 1);
	in_child(call_in_child);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_values");
	TCase *values = add_case(suite, "values");

	tcase_add_checked_fixture(values, fake_begin, NULL);
	tcase_add_test(values, values_come_back_with_their_names);
	tcase_add_test(values, texts_that_come_again_are_stored_once);
	tcase_add_test(values, texts_of_many_blocks_are_all_there);
	tcase_add_test(values, event_has_no_more_than_its_bytes);
	tcase_add_test(values, largest_event_has_room);
	tcase_add_test(values, excluded_code_has_no_values);
	tcase_add_test(values, values_of_an_event_that_did_not_come_are_nobodys);
	tcase_add_test(values, child_begins_anew);
	TCase *marks = add_case(suite, "marks");
	tcase_add_checked_fixture(marks, fake_begin, NULL);
	tcase_add_test(marks, marks_hold_their_text);
	tcase_add_test(marks, marks_of_many_windows_are_all_kept);
	tcase_add_test(marks, marks_that_cannot_be_kept_are_counted);
	return run_suite(suite);
}
