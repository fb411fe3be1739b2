/* SPDX-License-Identifier: MIT */
/* This exercises: text in a place that may be too small. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent_fixture.h"
#include "text.h"

static char place[64];
static struct text t;

static void begin(size_t size)
{
	memset(place, '#', sizeof place);
	t = text_in(place, size);
}

static void is(const char *expected)
{
	ck_assert_uint_eq(text_length(&t), strlen(expected));
	ck_assert_int_eq(memcmp(place, expected, strlen(expected)), 0);
	ck_assert_int_eq(place[strlen(expected)], '#');
}

START_TEST(numbers_are_as_printf_has_them)
{
	static const uint64_t numbers[] = {0,   1,    9,          10,        99,
	                                   100, 4096, UINT32_MAX, INT64_MAX, UINT64_MAX};
	char expected[64];

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		uint64_t n = numbers[i];
		begin(sizeof place);
		text_put_unsigned(&t, n);
		snprintf(expected, sizeof expected, "%" PRIu64, n);
		is(expected);
		begin(sizeof place);
		text_put_signed(&t, (int64_t)n);
		snprintf(expected, sizeof expected, "%" PRId64, (int64_t)n);
		is(expected);
		begin(sizeof place);
		text_put_hex(&t, n, 12);
		snprintf(expected, sizeof expected, "%012" PRIx64, n);
		is(expected);
		begin(sizeof place);
		text_put_padded(&t, n, 19);
		snprintf(expected, sizeof expected, "%019" PRIu64, n);
		is(expected);
	}
	begin(sizeof place);
	text_put_signed(&t, INT64_MIN);
	is("-9223372036854775808");
}
END_TEST

START_TEST(characters_are_utf8)
{
	begin(sizeof place);
	text_put_utf8(&t, 'a');
	text_put_utf8(&t, 0x7f);
	text_put_utf8(&t, 0x80);
	text_put_utf8(&t, 0x7ff);
	text_put_utf8(&t, 0x800);
	text_put_utf8(&t, 0xffff);
	text_put_utf8(&t, 0x10000);
	text_put_utf8(&t, 0x10ffff);
	is("a\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf"
	   "\xbf");
}
END_TEST

START_TEST(what_does_not_fit_is_left_out_whole)
{
	begin(5);
	text_put_string(&t, "abc");
	text_put_utf8(&t, 0x20ac);
	is("abc");
	ck_assert(t.full);
	text_put_char(&t, 'd'); /* would fit, but not behind what is missing */
	is("abc");
}
END_TEST

START_TEST(place_may_be_filled_to_its_end)
{
	begin(5);
	text_put_literal(&t, "abcde");
	ck_assert(!t.full);
	is("abcde");
	text_put_unsigned(&t, 1);
	ck_assert(t.full);
	is("abcde");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *text = add_case(suite, "text");

	tcase_add_test(text, numbers_are_as_printf_has_them);
	tcase_add_test(text, characters_are_utf8);
	tcase_add_test(text, what_does_not_fit_is_left_out_whole);
	tcase_add_test(text, place_may_be_filled_to_its_end);
	return run_suite(suite);
}
