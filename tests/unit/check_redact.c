/* SPDX-License-Identifier: MIT */
/* This exercises: which names hide their value, and which texts are hidden by their
 * looks.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent_fixture.h"
#include "redact.h"

static bool hides(const char *name)
{
	return redact_name(name, strlen(name));
}

static bool looks(const char *text)
{
	return redact_looks_secret(text, strlen(text));
}

START_TEST(word_is_found_anywhere_and_in_any_case)
{
	static const char *const secret[] = {
	    "password",  "PASSWORD",  "db_password", "userPassword", "password2",
	    "passwords", "api_key",   "apiKey",      "X-Api-Key",    "api key",
	    "APIKEY_ID", "pass_word", "x.token.y",   "__token",      "tokenizer"};
	static const char *const plain[] = {"",     "pass",  "word",     "key",     "api",
	                                    "apik", "tokem", "drowssap", "passord", "to"};

	ck_assert(redact_init("password,api_key,token"));
	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
		ck_assert_msg(hides(secret[i]), "%s", secret[i]);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		ck_assert_msg(!hides(plain[i]), "%s", plain[i]);
}
END_TEST

START_TEST(words_that_overlap_are_all_found)
{
	ck_assert(redact_init("abcd,bce,ab9,c,zabx"));
	ck_assert(hides("c"));
	ck_assert(hides("abc")); /* by c, inside of what could become abcd */
	ck_assert(redact_init("abcd,bce,zabx"));
	ck_assert(hides("abce"));
	ck_assert(hides("zabcd"));
	ck_assert(hides("zababcd"));
	ck_assert(hides("abzabx"));
	ck_assert(!hides("abc"));
	ck_assert(!hides("zab"));
	ck_assert(!hides("abccd"));
}
END_TEST

START_TEST(automaton_finds_what_a_search_finds)
{
	static const char *const words[] = {"aab", "abab", "bb", "baaa", "ababb"};
	char list[64] = "", name[13];

	for (size_t i = 0; i < 5; i++) {
		if (i)
			strcat(list, ",");
		strcat(list, words[i]);
	}
	ck_assert(redact_init(list));
	for (unsigned n = 0; n < 1u << 12; n++) {
		bool expected = false;
		for (unsigned bit = 0; bit < 12; bit++)
			name[bit] = n >> bit & 1 ? 'b' : 'a';
		name[12] = '\0';
		for (size_t i = 0; i < 5; i++)
			expected |= strstr(name, words[i]) != NULL;
		must(hides(name) == expected);
	}
}
END_TEST

START_TEST(no_word_hides_nothing)
{
	ck_assert(redact_init(""));
	ck_assert(!hides("password"));
	ck_assert(redact_init(",-,, _"));
	ck_assert(!hides("password"));
	ck_assert(!hides(""));
}
END_TEST

START_TEST(words_that_are_too_many_are_told)
{
	char *many = malloc(8192);
	size_t used = 0;

	for (unsigned i = 0; i < 600; i++) {
		char word[8] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), 'q', 'x',
		                ','};
		memcpy(many + used, word, 5);
		used += 5;
	}
	many[used] = '\0';
	ck_assert(!redact_init(many));
	ck_assert(hides("aaqx"));
	free(many);
}
END_TEST

START_TEST(tokens_and_keys_look_secret)
{
	static const char *const secret[] = {
	    "Bearer abcdef123456",
	    "authorization: bearer   AbCdEf.123-456",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2ln",
	    "x=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
	    "-----BEGIN PRIVATE KEY-----\nMIIE",
	    "text before -----BEGIN OPENSSH PRIVATE KEY-----",
	    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
	    "key AKIAIOSFODNN7EXAMPLE",
	    "x-ghp_0123456789abcdefghijABCDEFGHIJ012345",
	    "api-AKIAIOSFODNN7EXAMPLE",
	    "-Bearer abcdefghijk",
	};
	static const char *const plain[] = {
	    "",
	    "the bearer of this letter",
	    "bearer x",
	    "-----BEGIN CERTIFICATE-----",
	    "eyJ short",
	    "forbearer abcdef123456",
	    "a quite ordinary sentence with nothing in it",
	};
	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
		ck_assert_msg(looks(secret[i]), "%s", secret[i]);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		ck_assert_msg(!looks(plain[i]), "%s", plain[i]);
}
END_TEST

START_TEST(numbers_of_cards_look_secret)
{
	/* The test numbers that the payment industry publishes. */
	static const char *const secret[] = {
	    "4111111111111111",
	    "4111 1111 1111 1111",
	    "4111-1111-1111-1111",
	    "5555555555554444",
	    "378282246310005",
	    "6011111111111117",
	    "30569309025904",
	    "2223003122003222",
	    "paid with 4111111111111111.",
	    "[4012888888881881]",
	    "card-4111111111111111",
	    "ref-4111 1111 1111 1111",
	    "4111 1111 1111 1111 12/27",
	    "4111111111111111 1227",
	    "2024-01-02 4111111111111111",
	    "order 12 4111 1111 1111 1111",
	};
	static const char *const plain[] = {
	    "4111111111111112",    /* wrong check digit */
	    "41111111111111111",   /* too long */
	    "14111111111111111",   /* in a longer number */
	    "a4111111111111111",   /* in a word */
	    "1763900000000000000", /* nanoseconds since 1970 */
	    "0000000000000000",    "1234567890123456", "4111  1111 1111 1111",
	};
	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
		ck_assert_msg(looks(secret[i]), "%s", secret[i]);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		ck_assert_msg(!looks(plain[i]), "%s", plain[i]);
}
END_TEST

START_TEST(text_is_not_read_past_its_end)
{
	static const char text[] =
	    "Bearer abcdef 4111111111111111 -----BEGIN PRIVATE KEY "
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6";

	for (size_t from = 0; from < sizeof text; from++) {
		for (size_t length = 0; from + length < sizeof text; length++) {
			char *copy = malloc(length + 1);
			memcpy(copy, text + from, length);
			char *exact = realloc(copy, length ? length : 1);
			redact_looks_secret(exact, length);
			redact_name(exact, length);
			free(exact);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("redact");
	TCase *names = add_case(suite, "names"), *text = add_case(suite, "looks");

	tcase_add_test(names, word_is_found_anywhere_and_in_any_case);
	tcase_add_test(names, words_that_overlap_are_all_found);
	tcase_add_test(names, automaton_finds_what_a_search_finds);
	tcase_add_test(names, no_word_hides_nothing);
	tcase_add_test(names, words_that_are_too_many_are_told);
	tcase_add_test(text, tokens_and_keys_look_secret);
	tcase_add_test(text, numbers_of_cards_look_secret);
	tcase_add_test(text, text_is_not_read_past_its_end);
	return run_suite(suite);
}
