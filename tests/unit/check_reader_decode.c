/* SPDX-License-Identifier: MIT */
/*
 * This exercises: event words, from the smallest to the largest value of each field, and
 * words and records that a reader of this version does not know.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
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
}

/* Finishes the file and looks at it. */
static struct seen finish(void)
{
	make_finish(t);
	return seen_of(path);
}

START_TEST(each_frame_event_is_read)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, 10);
	make_event(t, thread, CRUMB_WORD_YIELD, code, 30);
	make_event(t, thread, CRUMB_WORD_RESUME, code, 60);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 100);
	make_event(t, thread, CRUMB_WORD_CALL, code, 150);
	make_event(t, thread, CRUMB_WORD_UNWIND, code, 210);
	seen_is(finish(), "1 call f +10 0 :100\n"
	                  "1 yield f +30 0 took 20 self 20\n"
	                  "1 resume f +60 0\n"
	                  "1 return f +100 0 took 40 self 40\n"
	                  "1 call f +150 0 :100\n"
	                  "1 unwind f +210 0 took 60 self 60\n");
}
END_TEST

START_TEST(each_extended_event_is_read)
{
	const uint64_t line[] = {code | UINT64_C(70000) << 32};
	const uint64_t lost[] = {CRUMB_LOSS_DISK_FULL, 12345678901};
	uint32_t site = make_site(t, code, 102, "E");

	make_extended(t, thread, CRUMB_EXT_THREAD_START, NULL, 0, 1);
	make_event(t, thread, CRUMB_WORD_CALL, code, 2);
	make_extended(t, thread, CRUMB_EXT_LINE, line, 1, 3);
	make_exception(t, thread, code, 101, "builtins.KeyError", 4);
	make_event(t, thread, CRUMB_WORD_EXCEPTION, site, 4);
	make_extended(t, thread, CRUMB_EXT_LOST, lost, 2, 5);
	make_mark(t, thread, "order 17", 8, 8, 5);
	make_extended(t, thread, CRUMB_EXT_EXEC, NULL, 0, 6);
	make_extended(t, thread, CRUMB_EXT_THREAD_END, NULL, 0, 7);
	seen_is(finish(), "1 thread_start - +1 0\n"
	                  "1 call f +2 0 :100\n"
	                  "1 line f +3 0 :70000\n"
	                  "1 exception f +4 0 :101 builtins.KeyError\n"
	                  "1 exception f +4 0 :102 E\n"
	                  "1 lost - +5 1 lost 0 12345678901\n"
	                  "1 mark - +5 1 <order 17>\n"
	                  "1 exec - +6 1\n"
	                  "1 thread_end - +7 1\n");
}
END_TEST

START_TEST(frame_event_takes_ticks_of_36_bits)
{
	const uint64_t most = (UINT64_C(1) << CRUMB_TICKS_BITS) - 1;

	make_event(t, thread, CRUMB_WORD_CALL, code, 0);
	make_event(t, thread, CRUMB_WORD_RETURN, code, most);
	seen_is(finish(),
	        "1 call f +0 0 :100\n"
	        "1 return f +68719476735 0 took 68719476735 self 68719476735\n");
}
END_TEST

START_TEST(longer_ticks_come_with_a_time_word)
{
	const uint64_t more = UINT64_C(1) << CRUMB_TICKS_BITS;

	make_event(t, thread, CRUMB_WORD_CALL, code, 5);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 5 + more);
	seen_is(finish(),
	        "1 call f +5 0 :100\n"
	        "1 return f +68719476741 0 took 68719476736 self 68719476736\n");
}
END_TEST

START_TEST(code_id_of_24_bits_is_found)
{
	const struct crumb_record_code last = {
	    .head = {CRUMB_RECORD_CODE, sizeof(last)},
	    .id = (1u << CRUMB_CODE_BITS) - 2,
	    .first_line = 7,
	    .qualname = make_string(t, "last"),
	};

	make_record(t, &last, sizeof(last));
	make_event(t, thread, CRUMB_WORD_CALL, last.id, 1);
	seen_is(finish(), "1 call last +1 0 :7\n");
}
END_TEST

START_TEST(line_is_signed_and_counts_from_the_first_line)
{
	const struct crumb_record_code big = {
	    .head = {CRUMB_RECORD_CODE, sizeof(big)},
	    .id = 2,
	    .first_line = 10000,
	    .qualname = make_string(t, "big"),
	};

	make_record(t, &big, sizeof(big));
	make_line(t, thread, 2, 0, 1);
	make_line(t, thread, 2, 8191, 2);
	make_line(t, thread, 2, -8192, 3);
	make_line(t, thread, 2, -1, 4);
	/* Before the file's first line: not a line at all. */
	make_line(t, thread, code, -100, 5);
	make_line(t, thread, code, -101, 6);
	seen_is(finish(), "1 line big +1 0 :10000\n"
	                  "1 line big +2 0 :18191\n"
	                  "1 line big +3 0 :1808\n"
	                  "1 line big +4 0 :9999\n"
	                  "1 line f +5 0\n"
	                  "1 line f +6 0\n");
}
END_TEST

START_TEST(line_takes_ticks_of_26_bits)
{
	const uint64_t most = (UINT64_C(1) << CRUMB_LINE_TICKS_BITS) - 1;

	make_line(t, thread, code, 1, 1);
	make_line(t, thread, code, 2, 1 + most);
	make_line(t, thread, code, 3, 1 + most + most + 1);
	seen_is(finish(), "1 line f +1 0 :101\n"
	                  "1 line f +67108864 0 :102\n"
	                  "1 line f +134217728 0 :103\n");
}
END_TEST

START_TEST(unknown_kinds_and_subtypes_are_skipped)
{
	const uint64_t payload[] = {UINT64_MAX, 0, CRUMB_WORD_CALL | 16};

	make_event(t, thread, CRUMB_WORD_CALL, code, 10);
	for (uint64_t kind = 10; kind < 16; kind++)
		make_word(t, thread, kind | UINT64_C(0x123456789ab) << 4);
	make_extended(t, thread, 200, payload, 3, 20);
	make_extended(t, thread, 0, NULL, 0, 30);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 40);
	seen_is(finish(), "1 call f +10 0 :100\n"
	                  "1 return f +40 0 took 30 self 30\n");
}
END_TEST

START_TEST(exceptions_are_told_by_their_sites)
{
	uint32_t other = make_site(t, 0, 0, ""), again = make_site(t, code, 103, "E");

	make_event(t, thread, CRUMB_WORD_CALL, code, 10);
	make_event(t, thread, CRUMB_WORD_EXCEPTION, again, 20);
	make_event(t, thread, CRUMB_WORD_EXCEPTION, other, 30);
	make_line(t, thread, code, 5, 40);
	make_event(t, thread, CRUMB_WORD_EXCEPTION, again, 40);
	make_event(t, thread, CRUMB_WORD_UNWIND, code, 50);
	seen_is(finish(), "1 call f +10 0 :100\n"
	                  "1 exception f +20 0 :103 E\n"
	                  "1 exception ? +30 1 \n"
	                  "1 line f +40 0 :105\n"
	                  "1 exception f +40 0 :103 E\n"
	                  "1 unwind f +50 0 took 40 self 40\n");
}
END_TEST

START_TEST(longer_payload_of_a_later_version_is_skipped)
{
	const uint64_t payload[] = {code | UINT64_C(101) << 32, make_string(t, "E"), 77,
	                            UINT64_MAX};

	make_extended(t, thread, CRUMB_EXT_EXCEPTION, payload, 4, 10);
	make_event(t, thread, CRUMB_WORD_CALL, code, 20);
	seen_is(finish(), "1 exception f +10 0 :101 E\n"
	                  "1 call f +20 0 :100\n");
}
END_TEST

START_TEST(long_unknown_record_is_skipped_whole)
{
	uint64_t *payload = calloc(65535, sizeof(*payload));

	/* Longer than what a stream keeps in memory, and made of what look like events.
	 */
	for (size_t i = 0; i < 65535; i++)
		payload[i] = CRUMB_WORD_CALL | 16;
	make_sizes(t, 4096, CRUMB_BLOCK_MAX);
	make_event(t, thread, CRUMB_WORD_CALL, code, 1);
	make_extended(t, thread, 99, payload, 65535, 2);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 3);
	free(payload);
	seen_is(finish(), "1 call f +1 0 :100\n"
	                  "1 return f +3 0 took 2 self 2\n");
}
END_TEST

START_TEST(record_that_crosses_a_read_is_whole)
{
	size_t events = 0;

	/* Three words each: some of them lie across the 16 KiB that a stream reads. */
	make_sizes(t, 4096, 262144);
	for (uint64_t i = 1; i <= 8000; i++, events++)
		make_exception(t, thread, code, (uint32_t)i, "E", i * 10);
	make_finish(t);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.problems, "");
	ck_assert_uint_eq(seen.events, events);
	const char *at = seen.text;
	for (unsigned i = 1; i <= 8000; i++) {
		char line[64];
		int n = snprintf(line, sizeof(line), "1 exception f +%u 0 :%u E\n",
		                 i * 10, i);
		ck_assert_int_eq(strncmp(at, line, (size_t)n), 0);
		at += n;
	}
	seen_free(&seen);
}
END_TEST

START_TEST(event_that_is_too_short_is_told_and_skipped)
{
	const uint64_t payload[] = {code};

	make_extended(t, thread, CRUMB_EXT_EXCEPTION, payload, 1, 10);
	make_event(t, thread, CRUMB_WORD_CALL, code, 20);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +20 0 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "too short"));
	seen_free(&seen);
}
END_TEST

START_TEST(mark_is_shown_where_it_was_made)
{
	make_mark(t, thread, "", 0, 0, 1);
	make_event(t, thread, CRUMB_WORD_CALL, code, 2);
	make_event(t, thread, CRUMB_WORD_CALL, code, 3);
	make_mark(t, thread, "one", 3, 3, 4);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 5);
	make_mark(t, thread, "two", 3, 3, 6);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 7);
	make_mark(t, thread, "three and four", 14, 5, 8);
	seen_is(finish(), "1 mark - +1 0 <>\n"
	                  "1 call f +2 0 :100\n"
	                  "1 call f +3 1 :100\n"
	                  "1 mark - +4 2 <one>\n"
	                  "1 return f +5 1 took 2 self 2\n"
	                  "1 mark - +6 1 <two>\n"
	                  "1 return f +7 0 took 5 self 3\n"
	                  "1 mark - +8 0 <three>\n");
}
END_TEST

START_TEST(mark_that_is_no_utf8_is_mended)
{
	make_mark(t, thread, "a\377b\0c\303", 6, 6, 1);
	make_mark(t, thread, "\0", 1, 1, 2);
	seen_is(finish(), "1 mark - +1 0 <a\357\277\275b\357\277\275c\357\277\275>\n"
	                  "1 mark - +2 0 <\357\277\275>\n");
}
END_TEST

START_TEST(mark_of_more_bytes_than_it_has_is_told_and_skipped)
{
	const uint64_t said[] = {4, 9, UINT64_C(1) << 32, UINT64_MAX};

	make_mark(t, thread, "abc", 3, 8, 10);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		make_mark(t, thread, "abc", i ? 3 : 0, said[i], 20);
	make_extended(t, thread, CRUMB_EXT_MARK, NULL, 0, 30);
	make_event(t, thread, CRUMB_WORD_CALL, code, 40);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text,
	                 "1 mark - +10 0 <abc\357\277\275\357\277\275\357\277\275"
	                 "\357\277\275\357\277\275>\n"
	                 "1 call f +40 0 :100\n");
	const char *problem = seen.problems;
	for (int i = 0; i < 5; i++) {
		problem = strstr(problem, "too short and left out\n");
		ck_assert_ptr_nonnull(problem);
		problem++;
	}
	seen_free(&seen);
}
END_TEST

START_TEST(mark_that_crosses_a_read_is_whole)
{
	static char text[300000];

	make_sizes(t, 4096, CRUMB_BLOCK_MAX);
	for (unsigned i = 0; i < 3; i++) {
		memset(text, (int)('a' + i), sizeof(text));
		make_mark(t, thread, text, sizeof(text), sizeof(text), i);
	}
	make_event(t, thread, CRUMB_WORD_CALL, code, 9);
	struct seen seen = finish();
	const char *at = seen.text;
	ck_assert_str_eq(seen.problems, "");
	for (unsigned i = 0; i < 3; i++) {
		at = strchr(at, '<');
		ck_assert_ptr_nonnull(at);
		memset(text, (int)('a' + i), sizeof(text));
		ck_assert(memcmp(at + 1, text, sizeof(text)) == 0);
		at += 1 + sizeof(text);
		ck_assert_int_eq(*at, '>');
	}
	ck_assert_str_eq(at, ">\n1 call f +9 0 :100\n");
	seen_free(&seen);
}
END_TEST

START_TEST(mark_in_a_file_that_was_cut_is_left_out)
{
	static const char text[80000];

	make_sizes(t, 4096, CRUMB_BLOCK_MAX);
	make_event(t, thread, CRUMB_WORD_CALL, code, 1);
	make_mark(t, thread, text, sizeof(text), sizeof(text), 2);
	make_finish(t);
	make_truncate(path, CRUMB_HEADER_SIZE + 4096 + 50000);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, "1 call f +1 0 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "cut"));
	seen_free(&seen);
}
END_TEST

START_TEST(values_before_a_mark_are_nobodys)
{
	make_values(t, thread, CRUMB_WORD_RETURN, code, "\001\0021", 3, 3, 1);
	make_mark(t, thread, "one", 3, 3, 5);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 6);
	seen_is(finish(), "1 mark - +5 0 <one>\n"
	                  "1 return f +6 0\n");
}
END_TEST

START_TEST(event_past_the_end_of_its_block_is_told)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, 10);
	uint64_t at = make_offset(t) + sizeof(struct crumb_block) + 8;
	make_word(t, thread,
	          CRUMB_WORD_EXTENDED | UINT64_C(1000) << CRUMB_EXT_WORDS_SHIFT);
	make_word(t, thread, CRUMB_WORD_RETURN | (uint64_t)code << CRUMB_KIND_BITS);
	make_block(t, thread);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 50);
	struct seen seen = finish();
	char expected[64];
	ck_assert_str_eq(seen.text, "1 call f +10 0 :100\n"
	                            "1 return f +50 0 took 40 self 40\n");
	snprintf(expected, sizeof(expected),
	         "at byte %lu: an event of thread 1 goes past", (unsigned long)at);
	ck_assert_ptr_nonnull(strstr(seen.problems, expected));
	seen_free(&seen);
}
END_TEST

START_TEST(zero_word_inside_a_block_is_told)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, 10);
	make_word(t, thread, 0);
	make_event(t, thread, CRUMB_WORD_CALL, code, 20);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +10 0 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "end before their block does"));
	seen_free(&seen);
}
END_TEST

START_TEST(time_word_never_goes_back)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, 1000);
	make_word(t, thread, CRUMB_WORD_TIME | UINT64_C(500) << CRUMB_KIND_BITS);
	make_event(t, thread, CRUMB_WORD_RETURN, code, 1010);
	struct seen seen = finish();
	ck_assert_str_eq(seen.text, "1 call f +1000 0 :100\n"
	                            "1 return f +1010 0 took 10 self 10\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "time of thread 1 goes back"));
	seen_free(&seen);
}
END_TEST

START_TEST(ticks_that_overflow_stay_at_the_end_of_time)
{
	make_event(t, thread, CRUMB_WORD_CALL, code, (UINT64_C(1) << 60) - 1);
	for (int i = 0; i < 3; i++)
		make_word(t, thread, CRUMB_WORD_RETURN | UINT64_MAX << CRUMB_TICKS_SHIFT);
	make_finish(t);
	const uint64_t base = UINT64_MAX - 5;
	make_poke(path,
	          CRUMB_HEADER_SIZE + 4096 + offsetof(struct crumb_block, base_ticks),
	          &base, sizeof(base));
	struct seen seen = seen_of(path);
	ck_assert_uint_eq(seen.events, 4);
	seen_free(&seen);
}
END_TEST

START_TEST(scan_stops_before_a_record_that_is_not_whole)
{
	const uint64_t words[] = {
	    CRUMB_WORD_CALL | UINT64_C(7) << CRUMB_TICKS_SHIFT,
	    CRUMB_WORD_EXTENDED | CRUMB_EXT_EXEC << CRUMB_KIND_BITS,
	    CRUMB_WORD_EXTENDED | UINT64_C(2) << CRUMB_EXT_WORDS_SHIFT,
	    0,
	    0,
	};

	struct decode_summary all = decode_scan(words, 5, 100);
	ck_assert_uint_eq(all.words, 5);
	struct decode_summary cut = decode_scan(words, 4, 100);
	ck_assert_uint_eq(cut.words, 2);
	ck_assert_uint_eq(cut.ticks, 107);
	ck_assert_int_eq((int)cut.last, CRUMB_EXEC);
	struct decode_summary none = decode_scan(words, 0, 100);
	ck_assert_uint_eq(none.words, 0);
	ck_assert_int_eq((int)none.last, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reader: decode");
	TCase *words = tcase_create("words");

	tcase_add_checked_fixture(words, setup, temp_teardown);
	tcase_add_test(words, each_frame_event_is_read);
	tcase_add_test(words, each_extended_event_is_read);
	tcase_add_test(words, frame_event_takes_ticks_of_36_bits);
	tcase_add_test(words, longer_ticks_come_with_a_time_word);
	tcase_add_test(words, code_id_of_24_bits_is_found);
	tcase_add_test(words, line_is_signed_and_counts_from_the_first_line);
	tcase_add_test(words, line_takes_ticks_of_26_bits);
	tcase_add_test(words, unknown_kinds_and_subtypes_are_skipped);
	tcase_add_test(words, exceptions_are_told_by_their_sites);
	tcase_add_test(words, longer_payload_of_a_later_version_is_skipped);
	tcase_add_test(words, long_unknown_record_is_skipped_whole);
	tcase_add_test(words, record_that_crosses_a_read_is_whole);
	tcase_add_test(words, event_that_is_too_short_is_told_and_skipped);
	tcase_add_test(words, mark_is_shown_where_it_was_made);
	tcase_add_test(words, mark_that_is_no_utf8_is_mended);
	tcase_add_test(words, mark_of_more_bytes_than_it_has_is_told_and_skipped);
	tcase_add_test(words, mark_that_crosses_a_read_is_whole);
	tcase_add_test(words, mark_in_a_file_that_was_cut_is_left_out);
	tcase_add_test(words, values_before_a_mark_are_nobodys);
	tcase_add_test(words, event_past_the_end_of_its_block_is_told);
	tcase_add_test(words, zero_word_inside_a_block_is_told);
	tcase_add_test(words, time_word_never_goes_back);
	tcase_add_test(words, ticks_that_overflow_stay_at_the_end_of_time);
	suite_add_tcase(suite, words);
	TCase *scan = tcase_create("scan");
	tcase_add_test(scan, scan_stops_before_a_record_that_is_not_whole);
	suite_add_tcase(suite, scan);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
