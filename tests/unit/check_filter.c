/* SPDX-License-Identifier: MIT */
/* This exercises: which modules the two lists of globs let through. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent_fixture.h"
#include "filter.h"

static bool accepts(const char *include, const char *exclude, const char *module)
{
	filter_init(include, exclude);
	return filter_accepts(module, strlen(module));
}

/* Each word of `in` is included by the list, each word of `out` is not.  NULL: none. */
static void includes(const char *list, const char *in, const char *out)
{
	for (int wanted = 0; wanted < 2; wanted++) {
		const char *given = wanted ? in : out;
		char *words = given ? strdup(given) : NULL, *rest = words, *word;
		while ((word = strsep(&rest, " "))) {
			ck_assert_msg(accepts(list, "", word) == wanted, "%s: include %s",
			              list, word);
			ck_assert_msg(accepts("", list, word) != wanted, "%s: exclude %s",
			              list, word);
		}
		free(words);
	}
}

START_TEST(before_any_list_every_module_is_recorded)
{
	ck_assert(filter_accepts("app", 3));
	ck_assert(filter_accepts("", 0));
}
END_TEST

START_TEST(empty_include_list_means_every_module)
{
	static const char *const empty[] = {"", ",", " , ", "\t", ",,,"};
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		ck_assert(accepts(empty[i], "", "app"));
		ck_assert(accepts(empty[i], "", ""));
	}
}
END_TEST

START_TEST(name_matches_itself)
{
	includes("app", "app", "apps ap App app.x x.app ");
	includes("__main__", "__main__", "main __main");
}
END_TEST

START_TEST(star_matches_any_run)
{
	includes("*", "a a.b  __main__", NULL);
	includes("a*", "a ab a.b.c", "b ba ");
	includes("*b", "b ab a.b bb", "ba a ");
	includes("a*b*c", "abc axxbyyc a.b.c abbcc", "ab ac abcd bac");
	includes("**", "a  xyz", NULL);
	includes("a*b", "aab ababab", "aba");
}
END_TEST

START_TEST(question_mark_matches_one_character)
{
	includes("lib?", "lib1 libs lib.", "lib lib12 xlib1");
	includes("?", "a", " ab");
	includes("?*", "a ab", "");
}
END_TEST

/* Identifiers may be of any script; what CPython gives is UTF-8. */
START_TEST(question_mark_matches_one_character_of_any_script)
{
	includes("caf?", "café cafe", "caf");
	includes("caf[éè]", "café cafè", "cafe");
	includes("?x", "éx €x 𝔘x", "ééx x");
	includes("[α-ω]", "β", "a ω\xcc\x81");
	includes("€", "€", "é");
}
END_TEST

/* Names are told as they are, whatever they are. */
START_TEST(byte_that_is_no_character_counts_for_itself)
{
	includes("?", "\xff \xc3 \xe2 \xf0 \x80", "\xc3\xc3 \xe2\x82 \xf0\x9d\x94");
	includes("\xe2?", "\xe2\x82", "\xe2");
	includes("*\x80", "a\x80 \x80", "a");
}
END_TEST

START_TEST(set_matches_one_of_its_characters)
{
	includes("lib[abc]", "liba libc", "libd lib libab");
	includes("lib[a-c9]", "liba libb libc lib9", "libd lib- lib8");
	includes("lib[!a-c]", "libd lib9", "liba libc lib");
	includes("lib[^x]", "liba lib^", "libx");
	includes("[]a]", "] a", "b []a]");
	includes("[!]a]", "b", "] a");
	includes("[a-]", "a -", "b");
	includes("[-a]", "a -", "b");
	includes("[a-c]*[x-z]", "ax b.z", "a xa ac");
	includes("[c-a]", NULL, "a b c");
}
END_TEST

START_TEST(bracket_without_end_stands_for_itself)
{
	includes("a[b", "a[b", "ab a");
	includes("[", "[", "a ");
	includes("[!", "[!", "! a");
	includes("*[a", "x[a [a", "a x[b");
	includes("[]", "[]", "] [");
}
END_TEST

START_TEST(package_glob_covers_the_package_itself)
{
	includes("myapp.*", "myapp myapp.x myapp.x.y myapp.", "myappx my xmyapp.x");
	includes("a?.*", "ab ab.c", "a a.c abc");
	includes("*.*", "a  a.b", NULL);
	includes(".*", ".a .", "a");
	includes("a.b", "a.b", "a axb a.b.c");
}
END_TEST

START_TEST(lists_are_separated_by_commas_and_blanks_do_not_count)
{
	includes("a,b", "a b", "a,b c");
	includes(" a ,\tb.*\t", "a b b.c", "c");
	includes("a,,b,", "a b", "c ");
}
END_TEST

START_TEST(exclude_wins)
{
	ck_assert(!accepts("app.*", "app.noise", "app.noise"));
	ck_assert(accepts("app.*", "app.noise", "app.other"));
	ck_assert(!accepts("app", "app", "app"));
	ck_assert(!accepts("app", "other", "third"));
	ck_assert(!accepts("", "*", ""));
}
END_TEST

START_TEST(own_module_is_never_recorded)
{
	ck_assert(!accepts("", "", "breadcrumb_agent"));
	ck_assert(!accepts("*", "", "breadcrumb_agent"));
	ck_assert(!accepts("breadcrumb_agent", "", "breadcrumb_agent"));
	ck_assert(accepts("", "", "breadcrumb_agents"));
	ck_assert(accepts("", "", "breadcrumb"));
}
END_TEST

START_TEST(lists_of_others_are_matched_the_same_way)
{
	ck_assert(filter_lists("x, app.*", "app", 3));
	ck_assert(filter_lists("x,app.*", "app.a", 5));
	ck_assert(!filter_lists("x,app.*", "apps", 4));
	ck_assert(!filter_lists("", "app", 3));
	ck_assert(filter_lists("apx,ap", "app", 2)); /* so many bytes of it */
}
END_TEST

START_TEST(module_without_name_is_matched_by_star_alone)
{
	ck_assert(accepts("*", "", ""));
	ck_assert(!accepts("?*", "", ""));
	ck_assert(!accepts("app", "", ""));
}
END_TEST

START_TEST(name_ends_where_its_length_says)
{
	filter_init("app", "");
	ck_assert(filter_accepts("application", 3));
	ck_assert(!filter_accepts("application", 4));
	filter_init("a[b", "");
	ck_assert(!filter_accepts("a[b", 2));
}
END_TEST

/* 200 stars against a name that almost matches: by trying all ways this would not end. */
START_TEST(many_stars_are_matched_in_no_time)
{
	char glob[401], name[2000];
	for (size_t i = 0; i < 400; i += 2)
		memcpy(glob + i, "a*", 2);
	memcpy(glob + 398, "b", 2);
	memset(name, 'a', sizeof(name));
	filter_init(glob, "");
	clock_t begun = clock();
	ck_assert(!filter_accepts(name, sizeof(name)));
	name[sizeof(name) - 1] = 'b';
	ck_assert(filter_accepts(name, sizeof(name)));
	ck_assert_int_lt((clock() - begun) / CLOCKS_PER_SEC, 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: filter");
	TCase *c = add_case(suite, "globs");
	tcase_add_test(c, before_any_list_every_module_is_recorded);
	tcase_add_test(c, empty_include_list_means_every_module);
	tcase_add_test(c, name_matches_itself);
	tcase_add_test(c, star_matches_any_run);
	tcase_add_test(c, question_mark_matches_one_character);
	tcase_add_test(c, question_mark_matches_one_character_of_any_script);
	tcase_add_test(c, byte_that_is_no_character_counts_for_itself);
	tcase_add_test(c, set_matches_one_of_its_characters);
	tcase_add_test(c, bracket_without_end_stands_for_itself);
	tcase_add_test(c, package_glob_covers_the_package_itself);
	tcase_add_test(c, lists_are_separated_by_commas_and_blanks_do_not_count);
	tcase_add_test(c, exclude_wins);
	tcase_add_test(c, own_module_is_never_recorded);
	tcase_add_test(c, lists_of_others_are_matched_the_same_way);
	tcase_add_test(c, module_without_name_is_matched_by_star_alone);
	tcase_add_test(c, name_ends_where_its_length_says);
	tcase_add_test(c, many_stars_are_matched_in_no_time);
	return run_suite(suite);
}
