/* SPDX-License-Identifier: MIT */
/*
 * This exercises: what is done at once for an event.  That needs the CPU's counter, which
 * no test can stop: so times are bounded here, and the rest is compared word by word.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_fixture.h"
#include "clock.h"
#include "fake_source.h"
#include "filter.h"
#include "raw_trace.h"
#include "read_trace.h"

static struct fake f = {"f", "app", 10}, g = {"g", "app", 20, .generator = true};

static void setup(void)
{
	static struct sink_options options;
	options = fixture_options("a.crumb");
	options.counter = true;
	fake_begin_with(&options);
}

static uint32_t kind_of(uint64_t word)
{
	return word & ((1u << CRUMB_KIND_BITS) - 1);
}

static uint32_t code_of(uint64_t word)
{
	return word >> CRUMB_KIND_BITS & CRUMB_CODE_UNKNOWN;
}

START_TEST(events_of_many_windows_come_in_order)
{
	static const struct {
		enum crumb_word_kind kind;
		struct fake *code;
	} steps[] = {{CRUMB_WORD_CALL, &f},   {CRUMB_WORD_CALL, &g},
	             {CRUMB_WORD_YIELD, &g},  {CRUMB_WORD_RESUME, &g},
	             {CRUMB_WORD_UNWIND, &g}, {CRUMB_WORD_RETURN, &f}};
	enum { STEPS = sizeof steps / sizeof *steps, ROUNDS = 20000 };
	uint64_t began = clock_counter(), sum = 0;

	for (size_t i = 0; i < (size_t)STEPS * ROUNDS; i++)
		must(trace_event(steps[i % STEPS].kind, steps[i % STEPS].code,
		                 steps[i % STEPS].code));
	uint64_t took = clock_counter() - began;
	ck_assert_uint_eq(f.described, 1);
	size_t count;
	struct raw raw = raw_load(sink_path());
	uint64_t *words = raw_words(&raw, 1, &count);
	ck_assert_uint_eq(count, 1 + (size_t)STEPS * ROUNDS); /* and the thread's start */
	for (size_t i = 0; i + 1 < count; i++) {
		must(kind_of(words[i + 1]) == steps[i % STEPS].kind);
		must(code_of(words[i + 1]) == (steps[i % STEPS].code == &f ? 1 : 2));
		sum += words[i + 1] >> CRUMB_TICKS_SHIFT;
	}
	ck_assert_uint_gt(sum, 0);
	ck_assert_uint_le(sum, took);
	free(words);
	raw_free(&raw);
}
END_TEST

START_TEST(lines_near_and_far_lose_nothing)
{
	size_t count, near = 0, far = 0;

	fake_call(&f);
	for (uint32_t i = 0; i < 30000; i++)
		must(trace_line(&f, &f, 10 + i % 10000));
	struct raw raw = raw_load(sink_path());
	uint64_t *words = raw_words(&raw, 1, &count);
	for (size_t i = 2; i < count; i++) {
		uint32_t expected = 10 + (uint32_t)(near + far) % 10000;
		if (kind_of(words[i]) == CRUMB_WORD_LINE) {
			must((words[i] >> CRUMB_LINE_SHIFT &
			      ((1u << CRUMB_LINE_BITS) - 1)) == expected - 10);
			near++;
		} else {
			must(kind_of(words[i]) == CRUMB_WORD_EXTENDED);
			must(words[++i] >> 32 == expected);
			far++;
		}
	}
	ck_assert_uint_eq(near + far, 30000);
	ck_assert_uint_gt(near, 20000);
	ck_assert_uint_gt(far, 3000); /* lines above 8,191 */
	free(words);
	raw_free(&raw);
}
END_TEST

START_TEST(excluded_code_leaves_no_event)
{
	struct fake other = {"other", "noise", 1};
	size_t count;

	filter_init("", "noise");
	fake_call(&f);
	for (int i = 0; i < 5; i++) {
		ck_assert(!fake_call(&other));
		ck_assert(!trace_line(&other, &other, 2));
		ck_assert(!trace_exception(&other, &other, 2, "E"));
		ck_assert(!trace_wants(&other, &other));
		ck_assert(trace_wants(&f, &f));
	}
	fake_return(&f);
	struct raw raw = raw_load(sink_path());
	free(raw_words(&raw, 1, &count));
	ck_assert_uint_eq(count, 3);
	raw_free(&raw);
}
END_TEST

START_TEST(thread_is_named_when_its_name_is_known)
{
	fake_call(&f);
	for (int i = 0; i < 10; i++)
		fake_call(&f);
	ck_assert_uint_gt(fake_interpreter.names_asked, 5);
	fake_interpreter.thread_name = "Worker";
	fake_call(&f);
	fake_call(&f);
	fake_call(&f);
	unsigned asked = fake_interpreter.names_asked;
	fake_call(&f);
	ck_assert_uint_eq(fake_interpreter.names_asked, asked);
	struct raw raw = raw_load(sink_path());
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_THREAD_NAME), 1);
	raw_free(&raw);
}
END_TEST

/* The name of the type of an EXCEPTION word's site.  To be freed. */
static char *type_of(const struct raw *raw, uint32_t id)
{
	const struct crumb_record *r = NULL;
	while ((r = raw_record(raw, r, CRUMB_RECORD_SITE))) {
		const struct crumb_record_site *site = (const void *)r;
		if (site->id == id) {
			must(site->code == 1 && site->line == 11);
			return raw_string(raw, site->type);
		}
	}
	ck_abort_msg("site %u is not defined", id);
}

/* The type names of all exceptions of thread 1, one per line; each is one word. */
static char *types(void)
{
	struct raw raw = raw_load(sink_path());
	size_t count, used = 0;
	uint64_t *words = raw_words(&raw, 1, &count);
	char *text = calloc(count + 1, 80);

	for (size_t i = 0; text && i < count; i++) {
		if (kind_of(words[i]) == CRUMB_WORD_EXCEPTION) {
			char *name = type_of(&raw, code_of(words[i]));
			used += (size_t)sprintf(text + used, "%s\n", name);
			free(name);
		}
	}
	free(words);
	raw_free(&raw);
	return text;
}

static void raises(const char *type)
{
	must(trace_exception(&f, &f, 11, type));
}

/* A type that is gone may leave its address to another. */
START_TEST(types_are_told_apart_by_their_names)
{
	char reused[32] = "First";
	char longer[80] = "ANameThatIsSoLongThatNoNoteOfItIsKeptByTheThreadAndMoreA";

	ck_assert_uint_gt(strlen(longer), 50);
	memset(longer + strlen(longer), 'a', 70 - strlen(longer));
	fake_call(&f);
	raises(reused);
	raises(reused);
	strcpy(reused, "Second");
	raises(reused);
	raises(reused);
	raises(longer);
	longer[69] = 'b';
	raises(longer);
	raises("First");
	char *all = types();
	longer[69] = 'a';
	char expected[400];
	sprintf(expected, "First\nFirst\nSecond\nSecond\n%s\n%.69sb\nFirst\n", longer,
	        longer);
	ck_assert_str_eq(all, expected);
	free(all);
}
END_TEST

/* There are no sites for it: their number would have no bound. */
START_TEST(exceptions_of_unknown_code_are_told_in_full)
{
	fake_call(&f);
	fake_call(&f);
	intern_slot(buffer_area(buffer_mine), &f)->id = CRUMB_CODE_UNKNOWN;
	for (int i = 0; i < 3; i++)
		raises("E");
	struct raw raw = raw_load(sink_path());
	size_t count;
	uint64_t *words = raw_words(&raw, 1, &count);
	ck_assert_uint_eq(count, 3 + 3 * 3);
	for (size_t i = 3; i < count; i += 3) {
		ck_assert_uint_eq(kind_of(words[i]), CRUMB_WORD_EXTENDED);
		ck_assert_uint_eq(words[i + 1], CRUMB_CODE_UNKNOWN | UINT64_C(11) << 32);
		char *name = raw_string(&raw, (uint32_t)words[i + 2]);
		ck_assert_str_eq(name, "E");
		free(name);
	}
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_SITE), 0);
	free(words);
	raw_free(&raw);
}
END_TEST

START_TEST(exceptions_of_many_places_are_told_apart)
{
	enum { LINES = 3000 };
	size_t count, seen = 0;

	fake_call(&f);
	for (uint32_t i = 0; i < 2 * LINES; i++)
		must(trace_exception(&f, &f, 1 + i % LINES, "E"));
	struct raw raw = raw_load(sink_path());
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_SITE), LINES);
	uint64_t *words = raw_words(&raw, 1, &count);
	for (size_t i = 0; i < count; i++) {
		if (kind_of(words[i]) == CRUMB_WORD_EXCEPTION)
			must(code_of(words[i]) == 1 + seen++ % LINES);
	}
	ck_assert_uint_eq(seen, 2 * LINES);
	free(words);
	raw_free(&raw);
}
END_TEST

START_TEST(exceptions_of_many_windows_are_all_told)
{
	static const char *const names[] = {"A", "BError", "KeyError"};
	enum { COUNT = 30000 };

	fake_call(&f);
	for (int i = 0; i < COUNT; i++)
		raises(names[i % 3]);
	char *all = types(), *at = all;
	for (int i = 0; i < COUNT; i++) {
		size_t length = strlen(names[i % 3]);
		must(strncmp(at, names[i % 3], length) == 0 && at[length] == '\n');
		at += length + 1;
	}
	ck_assert_str_eq(at, "");
	free(all);
}
END_TEST

/* Noted by the address of a type: all that is told of each must be the same. */
START_TEST(noted_exceptions_are_told_where_they_were)
{
	static const char type = 't', other = 'o';

	fake_call(&f); /* the thread's first event of all */
	fake_call(&f);
	ck_assert(!trace_store_exception(&f, 4, &type));
	trace_note_exception(&f, 4, 11, "E", &type); /* nothing was told of it yet */
	ck_assert(!trace_store_exception(&f, 4, &type));
	raises("E");
	trace_note_exception(&f, 4, 12, "E", &type); /* that was another line */
	trace_note_exception(&f, 4, 11, "F", &type); /* and another type */
	ck_assert(!trace_store_exception(&f, 4, &type));
	trace_note_exception(&f, 4, 11, "E", &type);
	ck_assert(trace_store_exception(&f, 4, &type));
	ck_assert(!trace_store_exception(&f, 6, &type));
	ck_assert(!trace_store_exception(&f, 4, &other));
	ck_assert(!trace_store_exception(&f, 4, NULL));
	ck_assert(!trace_store_exception(&g, 4, &type));
	raises("F");
	trace_note_exception(&f, 6, 11, "F", &other);
	ck_assert(trace_store_exception(&f, 6, &other));
	char *all = types();
	ck_assert_str_eq(all, "E\nE\nF\nF\n");
	free(all);
	fake_dies(&f);
	ck_assert(!trace_store_exception(&f, 4, &type));
	fake_call(&f); /* another, at the same address */
	ck_assert(!trace_store_exception(&f, 4, &type));
}
END_TEST

static void raise_in_child(void)
{
	fake_call(&f);
	raises("First");
	raises("First");
	char *all = types();
	ck_assert_str_eq(all, "First\nFirst\n");
	free(all);
}

START_TEST(forked_child_defines_its_types_anew)
{
	fake_call(&f);
	raises("Other");
	raises("First");
	in_child(raise_in_child);
}
END_TEST

START_TEST(line_notes_are_kept_for_code_that_is_recorded)
{
	struct fake other = {"other", "noise", 1};

	filter_init("", "noise");
	ck_assert_ptr_null(trace_line_note(&f, 4));
	fake_call(&f); /* the thread's first event of all */
	fake_call(&f);
	fake_call(&g);
	fake_call(&other);
	ck_assert_ptr_null(trace_line_note(&other, 4));
	uint32_t *note = trace_line_note(&f, 4);
	ck_assert_uint_eq(*note, 0);
	*note = 17;
	ck_assert_uint_eq(*trace_line_note(&f, 4), 17);
	/* Wherever the notes of others are kept. */
	for (int i = 0; i < 1000; i += 2) {
		note = trace_line_note(&g, i);
		ck_assert(*note == 0);
		*note = 1000 + (uint32_t)i;
		ck_assert(*trace_line_note(&g, i) == 1000 + (uint32_t)i);
	}
	note = trace_line_note(&f, 4);
	ck_assert(*note == 0 || *note == 17);
}
END_TEST

/* All code without a definition has one id. */
START_TEST(line_notes_are_not_shared_by_unknown_code)
{
	fake_call(&f);
	fake_call(&f);
	ck_assert_ptr_nonnull(trace_line_note(&f, 4));
	intern_slot(buffer_area(buffer_mine), &f)->id = CRUMB_CODE_UNKNOWN;
	ck_assert_ptr_null(trace_line_note(&f, 4));
}
END_TEST

START_TEST(line_notes_of_dead_code_are_nobodys)
{
	fake_call(&f);
	fake_call(&f);
	*trace_line_note(&f, 4) = 17;
	fake_dies(&f);
	ck_assert_ptr_null(trace_line_note(&f, 4));
	fake_call(&f); /* another, at the same address */
	ck_assert_uint_eq(*trace_line_note(&f, 4), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: trace, with the CPU's counter");
	if (!clock_has_counter()) {
		say_skipped("unit/check_trace_counter",
		            "this CPU has no invariant counter");
		return 77;
	}
	TCase *c = add_case(suite, "events");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, events_of_many_windows_come_in_order);
	tcase_add_test(c, lines_near_and_far_lose_nothing);
	tcase_add_test(c, excluded_code_leaves_no_event);
	tcase_add_test(c, thread_is_named_when_its_name_is_known);
	c = add_case(suite, "exceptions");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, types_are_told_apart_by_their_names);
	tcase_add_test(c, exceptions_of_unknown_code_are_told_in_full);
	tcase_add_test(c, exceptions_of_many_places_are_told_apart);
	tcase_add_test(c, exceptions_of_many_windows_are_all_told);
	tcase_add_test(c, forked_child_defines_its_types_anew);
	tcase_add_test(c, noted_exceptions_are_told_where_they_were);
	tcase_add_test(c, line_notes_are_kept_for_code_that_is_recorded);
	tcase_add_test(c, line_notes_are_not_shared_by_unknown_code);
	tcase_add_test(c, line_notes_of_dead_code_are_nobodys);
	return run_suite(suite);
}
