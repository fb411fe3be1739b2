/* SPDX-License-Identifier: MIT */
/*
 * This exercises: definition records, sound ones in any order, and those that contradict
 * themselves or each other.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_trace.h"
#include "read_trace.h"

static struct make_trace *t;
static const char *path;
static uint32_t code, thread;

static void setup(void)
{
	temp_setup();
	path = temp_path("a.crumb");
	t = make_begin(path);
	code = make_code(t, "app", "f", "/srv/app.py", 100);
	thread = make_thread(t, 4711, "MainThread");
	/* A killed process: only such a file has something in its windows. */
	make_header(t)->end = CRUMB_END_UNKNOWN;
}

static void call(uint64_t ticks)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, ticks);
}

static void leave(uint64_t ticks)
{
	make_event(t, thread, CRUMB_WORD_RETURN, code, ticks);
}

static struct seen finish(void)
{
	make_finish(t);
	return seen_of(path);
}

#define BOTH                                                                             \
	"1 call f +10 0 :100\n"                                                          \
	"1 return f +30 0 took 20 self 20\n"

START_TEST(definitions_may_come_in_any_order)
{
	const struct crumb_record_thread_name name = {
	    {CRUMB_RECORD_THREAD_NAME, sizeof(name)}, 2, 900};
	const struct crumb_record_thread second = {
	    .head = {CRUMB_RECORD_THREAD, sizeof(second)}, .number = 2};
	struct {
		struct crumb_record_string head;
		char text[8];
	} text = {{{CRUMB_RECORD_STRING, sizeof(text)}, 900, 6}, "worker"};

	make_record(t, &name, sizeof(name));
	make_record(t, &second, sizeof(second));
	make_record(t, &text, sizeof(text));
	make_finish(t);
	struct seen seen = seen_of(path);
	const struct crumb_process *process = crumb_trace_process(seen.trace, 0);
	ck_assert_uint_eq(process->threads, 2);
	ck_assert_str_eq(crumb_process_thread(process, 0)->name, "MainThread");
	ck_assert_str_eq(crumb_process_thread(process, 1)->name, "worker");
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

START_TEST(last_thread_name_wins)
{
	const struct crumb_record_thread_name again = {
	    {CRUMB_RECORD_THREAD_NAME, sizeof(again)}, 1, make_string(t, "renamed")};

	make_record(t, &again, sizeof(again));
	make_finish(t);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(
	    crumb_process_thread(crumb_trace_process(seen.trace, 0), 0)->name, "renamed");
	seen_free(&seen);
}
END_TEST

START_TEST(text_is_valid_utf8_whatever_the_file_holds)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *text;
	} cases[] = {
	    {"plain", 5, "plain"},
	    {"\303\251\342\202\254\360\237\220\215", 9,
	     "\303\251\342\202\254\360\237\220\215"},
	    {"a\0b", 3, "a\357\277\275b"},
	    {"\377", 1, "\357\277\275"},
	    {"\303", 1, "\357\277\275"},
	    {"\300\257", 2, "\357\277\275\357\277\275"},
	    {"\355\240\200", 3, "\357\277\275\357\277\275\357\277\275"},
	    {"\340\200\200", 3, "\357\277\275\357\277\275\357\277\275"},
	    {"\360\200\200\200", 4, "\357\277\275\357\277\275\357\277\275\357\277\275"},
	    {"\364\220\200\200", 4, "\357\277\275\357\277\275\357\277\275\357\277\275"},
	    {"\342\202x", 3, "\357\277\275\357\277\275x"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		make_fact(t, CRUMB_FACT_NOTE, cases[i].bytes, cases[i].length);
	make_finish(t);
	struct seen seen = seen_of(path);
	const struct crumb_process *process = crumb_trace_process(seen.trace, 0);
	ck_assert_uint_eq(process->note_count, sizeof(cases) / sizeof(cases[0]));
	for (size_t i = 0; i < process->note_count; i++)
		ck_assert_str_eq(process->notes[i], cases[i].text);
	seen_free(&seen);
}
END_TEST

/* Puts a record into the file and returns what was told of it; to be freed. */
static char *problems_of(const void *record, size_t size)
{
	make_record(t, record, size);
	make_clock(t, 500, MAKE_START_NS + 500);
	call(10);
	leave(30);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, BOTH);
	char *problems = strdup(seen.problems);
	seen_free(&seen);
	return problems;
}

START_TEST(definition_that_is_too_short_is_left_out)
{
	const struct crumb_record record[2] = {{CRUMB_RECORD_CODE, 16}};
	char *problems = problems_of(record, sizeof(record));

	ck_assert_ptr_nonnull(strstr(problems, "definition of a function is damaged"));
	free(problems);
}
END_TEST

START_TEST(site_that_is_too_short_or_nobody_is_left_out)
{
	const struct crumb_record short_one[2] = {{CRUMB_RECORD_SITE, 16}};
	const struct crumb_record_site nobody = {{CRUMB_RECORD_SITE, 24}, 0, 1, 1, 1};
	char *problems = _i ? problems_of(&nobody, sizeof(nobody))
	                    : problems_of(short_one, sizeof(short_one));

	ck_assert_ptr_nonnull(strstr(problems, "definition of an exception is damaged"));
	free(problems);
}
END_TEST

START_TEST(site_that_is_not_defined_is_told_once)
{
	make_event(t, thread, CRUMB_WORD_EXCEPTION, 7, 10);
	make_event(t, thread, CRUMB_WORD_EXCEPTION, 9, 20);
	make_event(t, thread, CRUMB_WORD_EXCEPTION, 0, 30);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 exception ? +10 0 \n"
	                            "1 exception ? +20 0 \n"
	                            "1 exception ? +30 0 \n");
	const char *told = strstr(seen.problems, "exception 7 has events");
	ck_assert_ptr_nonnull(told);
	ck_assert_ptr_null(strstr(told + 1, "exception"));
	seen_free(&seen);
}
END_TEST

START_TEST(site_that_is_defined_twice_keeps_one)
{
	const struct crumb_record_site again = {
	    {CRUMB_RECORD_SITE, 24}, 1, code, 12, make_string(t, "E")};
	make_site(t, code, 12, "E");
	char *problems = problems_of(&again, sizeof(again));

	ck_assert_ptr_nonnull(strstr(problems, "exception 1 is defined twice"));
	free(problems);
}
END_TEST

START_TEST(string_longer_than_its_record_is_left_out)
{
	const struct crumb_record_string record = {{CRUMB_RECORD_STRING, 16}, 50, 1};
	char *problems = problems_of(&record, sizeof(record));

	ck_assert_ptr_nonnull(strstr(problems, "definition of a string is damaged"));
	free(problems);
}
END_TEST

START_TEST(fact_longer_than_its_record_is_left_out)
{
	const struct crumb_record_fact record = {{CRUMB_RECORD_FACT, 16}, 1, UINT32_MAX};
	char *problems = problems_of(&record, sizeof(record));

	ck_assert_ptr_nonnull(strstr(problems, "definition of a fact is damaged"));
	free(problems);
}
END_TEST

START_TEST(definition_with_an_impossible_size_ends_its_block)
{
	static const uint32_t sizes[] = {1, 7, 9, 12, 4096, UINT32_MAX - 7};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct crumb_record record[2] = {{CRUMB_RECORD_STRING, sizes[i]}};
		if (i > 0) {
			temp_teardown();
			setup();
		}
		char *problems = problems_of(record, sizeof(record));
		ck_assert_ptr_nonnull(strstr(problems, "the rest of its block"));
		free(problems);
	}
}
END_TEST

START_TEST(definition_of_a_later_type_is_skipped)
{
	const struct crumb_record record[2] = {{99, 16}};
	char *problems = problems_of(record, sizeof(record));

	ck_assert_str_eq(problems, "");
	free(problems);
}
END_TEST

START_TEST(id_that_is_defined_twice_keeps_one)
{
	const struct crumb_record_code again = {
	    .head = {CRUMB_RECORD_CODE, sizeof(again)},
	    .id = code,
	    .first_line = 100,
	    .qualname = make_string(t, "f")};
	char *problems = problems_of(&again, sizeof(again));

	ck_assert_ptr_nonnull(strstr(problems, "function 1 is defined twice"));
	free(problems);
}
END_TEST

START_TEST(string_ids_may_be_far_apart)
{
	struct crumb_record_code record = {.head = {CRUMB_RECORD_CODE, sizeof(record)}};
	const uint32_t ids[] = {UINT32_MAX, 5000000, 3000000000u};

	for (uint32_t i = 0; i < 3; i++) {
		struct {
			struct crumb_record_string head;
			char text[8];
		} string = {{{CRUMB_RECORD_STRING, sizeof(string)}, ids[i], 2}, "f "};
		string.text[1] = (char)('0' + i);
		make_record(t, &string, sizeof(string));
		record.id = 10 + i;
		record.qualname = ids[i];
		make_record(t, &record, sizeof(record));
	}
	for (uint32_t i = 0; i < 3; i++)
		make_event(t, thread, CRUMB_WORD_CALL, 10 + i, 1 + i);
	seen_is(finish(), "1 call f0 +1 0\n"
	                  "1 call f1 +2 1\n"
	                  "1 call f2 +3 2\n");
}
END_TEST

static void add_definitions(Suite *suite)
{
	TCase *definitions = tcase_create("definitions");

	tcase_add_checked_fixture(definitions, setup, temp_teardown);
	tcase_add_test(definitions, definitions_may_come_in_any_order);
	tcase_add_test(definitions, last_thread_name_wins);
	tcase_add_test(definitions, text_is_valid_utf8_whatever_the_file_holds);
	tcase_add_test(definitions, definition_that_is_too_short_is_left_out);
	tcase_add_loop_test(definitions, site_that_is_too_short_or_nobody_is_left_out, 0,
	                    2);
	tcase_add_test(definitions, site_that_is_not_defined_is_told_once);
	tcase_add_test(definitions, site_that_is_defined_twice_keeps_one);
	tcase_add_test(definitions, string_longer_than_its_record_is_left_out);
	tcase_add_test(definitions, fact_longer_than_its_record_is_left_out);
	tcase_add_test(definitions, definition_with_an_impossible_size_ends_its_block);
	tcase_add_test(definitions, definition_of_a_later_type_is_skipped);
	tcase_add_test(definitions, id_that_is_defined_twice_keeps_one);
	tcase_add_test(definitions, string_ids_may_be_far_apart);
	suite_add_tcase(suite, definitions);
}

int main(void)
{
	Suite *suite = suite_create("reader: define");

	add_definitions(suite);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
