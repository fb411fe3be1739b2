/* SPDX-License-Identifier: MIT */
/*
 * This exercises: words and definition records, byte for byte as format.h says, and what
 * the reader makes of them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_fixture.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"

START_TEST(word_holds_kind_code_and_ticks)
{
	ck_assert_uint_eq(record_word(CRUMB_WORD_CALL, 1, 0), 0x11);
	ck_assert_uint_eq(record_word(CRUMB_WORD_UNWIND, 0xabcdef, 1),
	                  5 | 0xabcdefull << 4 | 1ull << 28);
	ck_assert_uint_eq(
	    record_word(CRUMB_WORD_RETURN, CRUMB_CODE_UNKNOWN, RECORD_TICKS_LIMIT - 1),
	    0xfffffffffffffff2ull);
}
END_TEST

START_TEST(line_word_is_signed)
{
	ck_assert_uint_eq(record_line(1, 0, 0), 0x16);
	ck_assert_uint_eq(record_line(0xfffff, 8191, 0),
	                  6 | 0xfffffull << 4 | 0x1fffull << 24);
	ck_assert_uint_eq(record_line(1, -1, 0), 0x16 | 0x3fffull << 24);
	ck_assert_uint_eq(record_line(1, -8192, (1u << 26) - 1),
	                  0x16 | 0x2000ull << 24 | 0x3ffffffull << 38);
}
END_TEST

START_TEST(line_word_takes_what_fits)
{
	ck_assert(record_line_fits(1, 0, 0));
	ck_assert(record_line_fits((1u << 20) - 1, 8191, (1u << 26) - 1));
	ck_assert(record_line_fits(1, -8192, 0));
	ck_assert(!record_line_fits(1u << 20, 0, 0));
	ck_assert(!record_line_fits(1, 8192, 0));
	ck_assert(!record_line_fits(1, -8193, 0));
	ck_assert(!record_line_fits(1, 0, 1u << 26));
	ck_assert(!record_line_fits(CRUMB_CODE_UNKNOWN, 0, 0));
}
END_TEST

/* Code can be made with any line numbers (ast, code.replace). */
START_TEST(line_at_the_end_of_numbers_does_not_fit)
{
	ck_assert(!record_line_fits(1, INT32_MAX, 0));
	ck_assert(!record_line_fits(1, INT32_MIN, 0));
}
END_TEST

START_TEST(time_word_holds_sixty_bits)
{
	ck_assert_uint_eq(record_time(0), 7);
	ck_assert_uint_eq(record_time((1ull << 60) - 1), 0xfffffffffffffff7ull);
}
END_TEST

START_TEST(extended_word_says_how_many_follow)
{
	ck_assert_uint_eq(record_extended(CRUMB_EXT_LOST, 2, 3),
	                  8 | 6 << 4 | 2 << 12 | 3ull << 28);
	ck_assert_uint_eq(record_extended(CRUMB_EXT_EXEC, 0xffff, RECORD_TICKS_LIMIT - 1),
	                  8 | 5 << 4 | 0xffffull << 12 | 0xfffffffffull << 28);
}
END_TEST

START_TEST(events_are_counted_without_time_and_payload)
{
	const uint64_t words[] = {
	    record_extended(CRUMB_EXT_THREAD_START, 0, 0),
	    record_word(CRUMB_WORD_CALL, 1, 5),
	    record_time(77),
	    record_line(1, 2, 3),
	    record_extended(CRUMB_EXT_EXCEPTION, 2, 0),
	    record_time(1), /* payload, whatever it looks like */
	    record_extended(CRUMB_EXT_EXCEPTION, 9, 0),
	    record_word(CRUMB_WORD_UNWIND, 1, 5),
	    record_extended(CRUMB_EXT_LINE, 1, 0),
	    0,
	};
	static const size_t events[] = {0, 1, 2, 2, 3, 4, 4, 4, 5, 6, 6};
	for (size_t n = 0; n <= sizeof(words) / sizeof(words[0]); n++)
		ck_assert_uint_eq(record_count_events(words, n), events[n]);
}
END_TEST

START_TEST(longest_record_is_one_event)
{
	static uint64_t words[0x10001];
	words[0] = record_extended(CRUMB_EXT_LINE, 0xffff, 0);
	words[0x10000] = record_word(CRUMB_WORD_CALL, 1, 0);
	ck_assert_uint_eq(record_count_events(words, 0x10001), 2);
}
END_TEST

static struct raw raw;

/* The first record of the type, in the file as it is now. */
static const struct crumb_record *first(enum crumb_record_type type)
{
	raw = raw_load(sink_path());
	const struct crumb_record *r = raw_record(&raw, NULL, type);
	ck_assert_ptr_nonnull(r);
	return r;
}

START_TEST(without_a_file_nothing_is_defined)
{
	struct crumb_record_code code = {.id = 1};
	struct crumb_record_thread thread = {.number = 1};
	ck_assert(!record_string(1, "x", 1));
	ck_assert(!record_code(&code));
	struct crumb_record_site site = {.id = 1};
	ck_assert(!record_site(&site));
	ck_assert(!record_thread(&thread));
	ck_assert(!record_thread_name(1, 1));
	ck_assert(!record_fact(CRUMB_FACT_HOST, "h", 1));
}
END_TEST

START_TEST(string_is_padded_with_zeros)
{
	const char text[] = "0123456789abcdefg";
	fixture_open("a.crumb");
	for (uint32_t length = 0; length < sizeof(text); length++)
		ck_assert(record_string(length + 1, text, length));
	const struct crumb_record *r = first(CRUMB_RECORD_STRING);
	for (uint32_t length = 0; length < sizeof(text); length++) {
		const struct crumb_record_string *s = (const void *)r;
		uint32_t padded = (length + 7) / 8 * 8;
		ck_assert_uint_eq(s->head.size, 16 + padded);
		ck_assert_uint_eq(s->id, length + 1);
		ck_assert_uint_eq(s->length, length);
		ck_assert_mem_eq(s + 1, text, length);
		for (uint32_t i = length; i < padded; i++)
			ck_assert_int_eq(((const char *)(s + 1))[i], 0);
		r = raw_record(&raw, r, 0);
	}
	ck_assert_ptr_null(r);
	raw_free(&raw);
}
END_TEST

START_TEST(string_may_hold_any_bytes)
{
	const char text[] = {'\0', '\377', '\n', '\0', 'x'};
	fixture_open("a.crumb");
	ck_assert(record_string(7, text, sizeof(text)));
	const struct crumb_record_string *s = (const void *)first(CRUMB_RECORD_STRING);
	ck_assert_uint_eq(s->length, sizeof(text));
	ck_assert_mem_eq(s + 1, text, sizeof(text));
	raw_free(&raw);
}
END_TEST

/* Appends `unit` to fill more than a record takes; returns the text of the record. */
static const struct crumb_record_string *cut(const char *unit)
{
	static char text[70000];
	size_t length = 0, step = strlen(unit);
	while (length + step <= sizeof(text)) {
		memcpy(text + length, unit, step);
		length += step;
	}
	fixture_open("a.crumb");
	ck_assert(record_string(1, text, length));
	ck_assert(record_fact(CRUMB_FACT_NOTE, text, length));
	const struct crumb_record_fact *f = (const void *)first(CRUMB_RECORD_FACT);
	ck_assert_uint_le(f->length, RECORD_TEXT_MAX);
	ck_assert_mem_eq(f + 1, text, f->length);
	const struct crumb_record *s = raw_record(&raw, NULL, CRUMB_RECORD_STRING);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(((const struct crumb_record_string *)(const void *)s)->length,
	                  f->length);
	return (const void *)s;
}

START_TEST(long_text_is_cut)
{
	ck_assert_uint_eq(cut("x")->length, RECORD_TEXT_MAX);
	raw_free(&raw);
}
END_TEST

/* 65,535 bytes end in the middle of a character of two or four bytes: what is left would
 * not be UTF-8. */
START_TEST(text_is_cut_between_characters)
{
	const char *unit = _i ? "\360\237\215\236" : "\303\251";
	const struct crumb_record_string *s = cut(unit);
	ck_assert_uint_ge(s->length, RECORD_TEXT_MAX - 3);
	ck_assert_uint_eq(s->length % strlen(unit), 0);
	raw_free(&raw);
}
END_TEST

START_TEST(text_without_a_character_is_cut_to_nothing)
{
	static char text[RECORD_TEXT_MAX + 1];
	memset(text, '\200', sizeof(text));
	ck_assert_uint_eq(record_cut(text, sizeof(text)), 0);
	ck_assert_uint_eq(record_cut(text, RECORD_TEXT_MAX), RECORD_TEXT_MAX);
	ck_assert_uint_eq(record_cut("", 0), 0);
}
END_TEST

START_TEST(site_is_written_as_given)
{
	const struct crumb_record_site given = {.id = 2, .code = 3, .line = 4, .type = 5};
	fixture_open("a.crumb");
	ck_assert(record_site(&given));
	const struct crumb_record *r = first(CRUMB_RECORD_SITE);
	ck_assert_uint_eq(r->size, 24);
	ck_assert_mem_eq(r + 1, (const char *)&given + sizeof(*r), 16);
	raw_free(&raw);
}
END_TEST

START_TEST(code_is_written_as_given)
{
	const struct crumb_record_code given = {.id = 2,
	                                        .first_line = 3,
	                                        .name = 4,
	                                        .qualname = 5,
	                                        .filename = 6,
	                                        .module = 7,
	                                        .flags = 0xffffffff,
	                                        .interpreter = 9};
	fixture_open("a.crumb");
	ck_assert(record_code(&given));
	const struct crumb_record *r = first(CRUMB_RECORD_CODE);
	ck_assert_uint_eq(r->size, 40);
	ck_assert_mem_eq(r + 1, (const char *)&given + sizeof(*r), 32);
	raw_free(&raw);
}
END_TEST

START_TEST(thread_is_written_as_given)
{
	const struct crumb_record_thread given = {.number = 1,
	                                          .native_id = 2,
	                                          .ident = 0x7f0012345678,
	                                          .start_ticks = UINT64_MAX,
	                                          .parent_native_id = 5};
	fixture_open("a.crumb");
	ck_assert(record_thread(&given));
	ck_assert(record_thread_name(1, 77));
	const struct crumb_record *r = first(CRUMB_RECORD_THREAD);
	ck_assert_uint_eq(r->size, 40);
	ck_assert_mem_eq(r + 1, (const char *)&given + sizeof(*r), 32);
	const struct crumb_record_thread_name *n =
	    (const void *)raw_record(&raw, r, CRUMB_RECORD_THREAD_NAME);
	ck_assert_uint_eq(n->head.size, 16);
	ck_assert_uint_eq(n->number, 1);
	ck_assert_uint_eq(n->name, 77);
	raw_free(&raw);
}
END_TEST

static void fact(enum crumb_fact kind, const char *text)
{
	ck_assert(record_fact(kind, text, strlen(text)));
}

START_TEST(facts_reach_the_reader)
{
	fixture_open("a.crumb");
	ck_assert(record_fact(CRUMB_FACT_COMMAND, "python\0-m\0app", 14));
	fact(CRUMB_FACT_EXECUTABLE, "/usr/bin/python3");
	fact(CRUMB_FACT_PYTHON, "3.12.1 (main)");
	fact(CRUMB_FACT_BACKEND, "monitoring");
	fact(CRUMB_FACT_HOST, "bakery");
	fact(CRUMB_FACT_DIRECTORY, "/srv");
	fact(CRUMB_FACT_AGENT, "0.1.0");
	fact(CRUMB_FACT_INCLUDE, "app.*");
	fact(CRUMB_FACT_EXCLUDE, "app.noise");
	fact(CRUMB_FACT_PARENT_FILE, "/srv/parent.crumb");
	fact(CRUMB_FACT_NOTE, "one");
	fact(CRUMB_FACT_NOTE, "two");

	struct seen seen = seen_of(sink_path());
	ck_assert_str_eq(seen.problems, "");
	const struct crumb_process *p = crumb_trace_process(seen.trace, 0);
	ck_assert_uint_eq(p->argc, 3);
	ck_assert_str_eq(p->arguments[0], "python");
	ck_assert_str_eq(p->arguments[2], "app");
	ck_assert_str_eq(p->executable, "/usr/bin/python3");
	ck_assert_str_eq(p->python, "3.12.1 (main)");
	ck_assert_str_eq(p->backend, "monitoring");
	ck_assert_str_eq(p->host, "bakery");
	ck_assert_str_eq(p->directory, "/srv");
	ck_assert_str_eq(p->agent, "0.1.0");
	ck_assert_str_eq(p->include, "app.*");
	ck_assert_str_eq(p->exclude, "app.noise");
	ck_assert_str_eq(p->parent_file, "/srv/parent.crumb");
	ck_assert_uint_eq(p->note_count, 2);
	ck_assert_str_eq(p->notes[1], "two");
	seen_free(&seen);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: record");
	TCase *c = add_case(suite, "words");
	tcase_add_test(c, word_holds_kind_code_and_ticks);
	tcase_add_test(c, line_word_is_signed);
	tcase_add_test(c, line_word_takes_what_fits);
	tcase_add_test(c, line_at_the_end_of_numbers_does_not_fit);
	tcase_add_test(c, time_word_holds_sixty_bits);
	tcase_add_test(c, extended_word_says_how_many_follow);
	tcase_add_test(c, events_are_counted_without_time_and_payload);
	tcase_add_test(c, longest_record_is_one_event);
	c = add_case(suite, "definitions");
	tcase_add_test(c, without_a_file_nothing_is_defined);
	tcase_add_test(c, string_is_padded_with_zeros);
	tcase_add_test(c, string_may_hold_any_bytes);
	tcase_add_test(c, long_text_is_cut);
	tcase_add_loop_test(c, text_is_cut_between_characters, 0, 2);
	tcase_add_test(c, text_without_a_character_is_cut_to_nothing);
	tcase_add_test(c, site_is_written_as_given);
	tcase_add_test(c, code_is_written_as_given);
	tcase_add_test(c, thread_is_written_as_given);
	tcase_add_test(c, facts_reach_the_reader);
	return run_suite(suite);
}
