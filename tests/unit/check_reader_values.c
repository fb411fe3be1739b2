/* SPDX-License-Identifier: MIT */
/* This exercises: VALUES records that are sound, foreign, damaged, or torn apart. */
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
	make_sizes(t, 4096, 65536);
	code = make_code(t, "app", "f", "/srv/app.py", 100);
	thread = make_thread(t, 4711, "MainThread");
}

/* Bytes of a payload. */
static unsigned char bytes[40000];
static size_t used;

static void put_number(uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		bytes[used++] = (unsigned char)(n | 0x80);
	bytes[used++] = (unsigned char)n;
}

static void put_text(const char *text)
{
	put_number(strlen(text) << 1);
	memcpy(bytes + used, text, strlen(text));
	used += strlen(text);
}

static void put_value(unsigned which, const char *text)
{
	put_number(which);
	put_text(text);
}

static void put_again(unsigned which, uint64_t number)
{
	put_number(which);
	put_number(number << 1 | 1);
}

/* Stores what was put as the values of an event, whose word `size` says how long it is.
 */
static void store_as(enum crumb_word_kind kind, uint64_t ticks, size_t size)
{
	make_values(t, thread, kind, code, bytes, used, size, ticks);
	used = 0;
}

static void store(enum crumb_word_kind kind, uint64_t ticks)
{
	store_as(kind, ticks, used);
}

static void define_names(void)
{
	make_variables(t, code, "x", "long_name");
}

static struct seen finish(void)
{
	make_finish(t);
	return seen_of(path);
}

static void call(uint64_t ticks)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, ticks);
}

START_TEST(each_item_is_read)
{
	uint32_t site = make_site(t, code, 102, "E");

	define_names();
	put_value(CRUMB_VALUE_VARIABLES, "1");
	put_value(CRUMB_VALUE_VARIABLES + 1, "'text'");
	put_value(CRUMB_VALUE_VARIABLES + 2, "unnamed");
	store(CRUMB_WORD_CALL, 1);
	call(2);
	put_number(CRUMB_VALUE_NAMED);
	put_text("z");
	put_text("3");
	store(CRUMB_WORD_LINE, 3);
	make_line(t, thread, code, 1, 4);
	put_value(CRUMB_VALUE_MESSAGE, "why");
	store(CRUMB_WORD_EXCEPTION, 5);
	make_event(t, thread, CRUMB_WORD_EXCEPTION, site, 6);
	put_value(CRUMB_VALUE_RESULT, "[1]");
	put_number(CRUMB_VALUE_MORE);
	store(CRUMB_WORD_RETURN, 7);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 9);
	seen_is(finish(), "1 call f +2 0 :100 x=1 long_name='text' ?=unnamed\n"
	                  "1 line f +3 0 :101 z=3\n"
	                  "1 exception f +5 0 :102 E \"why\"\n"
	                  "1 return f +7 0 took 5 self 5 -> [1] ...\n");
}
END_TEST

START_TEST(text_is_found_by_its_number)
{
	define_names();
	put_value(CRUMB_VALUE_VARIABLES, "short");                /* is not counted */
	put_value(CRUMB_VALUE_VARIABLES + 1, "eight by");         /* 0 */
	put_value(CRUMB_VALUE_VARIABLES + 2, "something longer"); /* 1 */
	store(CRUMB_WORD_CALL, 1);
	call(1);
	put_again(CRUMB_VALUE_VARIABLES, 1);
	put_again(CRUMB_VALUE_VARIABLES + 1, 0);
	store(CRUMB_WORD_LINE, 2);
	make_line(t, thread, code, 0, 2);
	make_finish(t);
	struct seen seen = seen_of(path);
	ck_assert_ptr_nonnull(strstr(
	    seen.text, "line f +2 0 :100 x=something longer long_name=eight by\n"));
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

START_TEST(text_of_another_block_is_damage)
{
	define_names();
	put_value(CRUMB_VALUE_VARIABLES, "a text to refer to");
	store(CRUMB_WORD_CALL, 1);
	call(1);
	make_block(t, thread);
	put_again(CRUMB_VALUE_VARIABLES, 0);
	store(CRUMB_WORD_CALL, 2);
	call(2);
	put_value(CRUMB_VALUE_VARIABLES, "not shown either");
	store(CRUMB_WORD_CALL, 3);
	call(3);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +1 0 :100 x=a text to refer to\n"
	                            "1 call f +2 1 :100\n"
	                            "1 call f +3 2 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "values of an event of thread 1 are "
	                                            "damaged; the rest of the block goes "
	                                            "without values"));
	seen_free(&seen);
}
END_TEST

START_TEST(values_of_another_event_are_nobodys)
{
	uint32_t other = make_code(t, "app", "g", "/srv/app.py", 200);

	put_value(CRUMB_VALUE_RESULT, "1");
	store(CRUMB_WORD_RETURN, 1);
	call(2);
	put_value(CRUMB_VALUE_RESULT, "2");
	store(CRUMB_WORD_CALL, 3);
	make_event(t, thread, CRUMB_WORD_CALL, other, 4);
	put_value(CRUMB_VALUE_RESULT, "3");
	store(CRUMB_WORD_RETURN, 5);
	put_value(CRUMB_VALUE_RESULT, "4");
	store(CRUMB_WORD_RETURN, 6);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 7);
	seen_is(finish(), "1 call f +2 0 :100\n"
	                  "1 call g +4 1 :200\n"
	                  "1 return f +6 0 took 4 self 4 -> 4\n");
}
END_TEST

START_TEST(values_at_the_end_are_left_out)
{
	call(1);
	put_value(CRUMB_VALUE_RESULT, "1");
	store(CRUMB_WORD_RETURN, 2);
	seen_is(finish(), "1 call f +1 0 :100\n");
}
END_TEST

START_TEST(long_values_are_read_in_pieces)
{
	static char text[20000];
	char expected[20100];

	define_names();
	memset(text, 'x', sizeof text - 1);
	for (unsigned i = 0; i < 3; i++) {
		text[0] = (char)('a' + i);
		put_value(CRUMB_VALUE_VARIABLES, text);
		store(CRUMB_WORD_CALL, i);
		call(i);
	}
	struct seen seen = finish();
	ck_assert_str_eq(seen.problems, "");
	const char *line = seen.text;
	for (unsigned i = 0; i < 3; i++) {
		text[0] = (char)('a' + i);
		snprintf(expected, sizeof expected, "1 call f +%u %u :100 x=%s\n", i, i,
		         text);
		ck_assert(strncmp(line, expected, strlen(expected)) == 0);
		line += strlen(expected);
	}
	ck_assert_str_eq(line, "");
	seen_free(&seen);
}
END_TEST

/* One record, whose items are wrong in this way. */
static void damaged(void (*put)(void))
{
	put();
	store(CRUMB_WORD_CALL, 1);
	call(1);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +1 0 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "are damaged"));
	seen_free(&seen);
}

static void no_such_item(void)
{
	put_number(0);
}

static void endless_number(void)
{
	memset(bytes, 0xff, 20);
	used = 20;
}

static void text_past_the_end(void)
{
	put_number(CRUMB_VALUE_RESULT);
	put_number(1000 << 1);
	put_number('x');
}

static void huge_text(void)
{
	put_number(CRUMB_VALUE_RESULT);
	put_number(UINT64_MAX >> 2);
}

static void text_that_was_never_stored(void)
{
	put_again(CRUMB_VALUE_RESULT, 0);
}

static void nothing_behind_the_item(void)
{
	put_number(CRUMB_VALUE_NAMED);
	put_text("x");
}

START_TEST(damaged_values_leave_the_event)
{
	static void (*const ways[])(void) = {no_such_item,
	                                     endless_number,
	                                     text_past_the_end,
	                                     huge_text,
	                                     text_that_was_never_stored,
	                                     nothing_behind_the_item};
	damaged(ways[_i]);
}
END_TEST

START_TEST(values_without_their_first_word_are_damaged)
{
	make_extended(t, thread, CRUMB_EXT_VALUES, NULL, 0, 1);
	call(1);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +1 0 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "are damaged"));
	seen_free(&seen);
}
END_TEST

START_TEST(values_longer_than_their_record_are_damaged)
{
	put_value(CRUMB_VALUE_RESULT, "1");
	store_as(CRUMB_WORD_CALL, 1, 100);
	call(1);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +1 0 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "are damaged"));
	seen_free(&seen);
}
END_TEST

START_TEST(text_that_is_no_utf8_is_mended)
{
	define_names();
	put_value(CRUMB_VALUE_VARIABLES, "a\xff"
	                                 "b");
	store(CRUMB_WORD_CALL, 1);
	call(1);
	seen_is(finish(), "1 call f +1 0 :100 x=a\xef\xbf\xbd"
	                  "b\n");
}
END_TEST

START_TEST(item_of_a_later_agent_is_left_out)
{
	define_names();
	put_value(CRUMB_VALUE_VARIABLES, "1");
	put_value(6, "of a later agent");
	put_value(CRUMB_VALUE_VARIABLES + 1, "2");
	store(CRUMB_WORD_CALL, 1);
	call(1);
	seen_is(finish(), "1 call f +1 0 :100 x=1 long_name=2\n");
}
END_TEST

START_TEST(damaged_names_of_variables_are_told)
{
	struct crumb_record_variables r = {
	    {CRUMB_RECORD_VARIABLES, sizeof r}, code, 1000};

	make_record(t, &r, sizeof r);
	put_value(CRUMB_VALUE_VARIABLES, "1");
	store(CRUMB_WORD_CALL, 1);
	call(1);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +1 0 :100 ?=1\n");
	ck_assert_ptr_nonnull(
	    strstr(seen.problems, "the definition of variables is damaged and left out"));
	seen_free(&seen);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("values");
	TCase *values = tcase_create("values");
	int failed;

	tcase_add_checked_fixture(values, setup, temp_teardown);
	tcase_add_test(values, each_item_is_read);
	tcase_add_test(values, text_is_found_by_its_number);
	tcase_add_test(values, text_of_another_block_is_damage);
	tcase_add_test(values, values_of_another_event_are_nobodys);
	tcase_add_test(values, values_at_the_end_are_left_out);
	tcase_add_test(values, long_values_are_read_in_pieces);
	tcase_add_loop_test(values, damaged_values_leave_the_event, 0, 6);
	tcase_add_test(values, values_without_their_first_word_are_damaged);
	tcase_add_test(values, values_longer_than_their_record_are_damaged);
	tcase_add_test(values, text_that_is_no_utf8_is_mended);
	tcase_add_test(values, item_of_a_later_agent_is_left_out);
	tcase_add_test(values, damaged_names_of_variables_are_told);
	suite_add_tcase(suite, values);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
