/* SPDX-License-Identifier: MIT */
/*
 * This exercises: ids of code objects and texts.  Each has one and one definition, as
 * long as it lives and as long as there is room; an address that is used again is a new
 * one.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_fixture.h"
#include "buffer.h"
#include "fault.h"
#include "intern.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

#define TEXT(literal)                                                                    \
	{                                                                                \
		literal, sizeof(literal) - 1                                             \
	}

/* Code objects are addresses; these have nothing behind them. */
static const void *code(uintptr_t n)
{
	return (const void *)(n * 16 + 0x7f0000000000);
}

static const struct intern_code plain = {
    .name = TEXT("f"),
    .qualname = TEXT("C.f"),
    .filename = TEXT("/srv/app.py"),
    .module = TEXT("app"),
    .first_line = 10,
    .flags = 3,
    .interpreter = 7,
};

static struct intern_slot out;

static void setup(void)
{
	fixture_open("a.crumb");
	buffer_init(INTERN_AREA, false);
}

static struct intern_record *add(uintptr_t n)
{
	struct intern_record *record = intern_add(code(n), &plain, true, &out);
	must(out.code == code(n));
	return record;
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

START_TEST(ids_count_from_one)
{
	for (uint32_t n = 1; n <= 100; n++) {
		ck_assert_ptr_nonnull(add(n));
		ck_assert_uint_eq(out.id, n);
	}
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), 100);
}
END_TEST

START_TEST(same_code_has_the_same_id)
{
	ck_assert(!intern_find(code(5), &out));
	ck_assert_ptr_nonnull(add(5));
	ck_assert(intern_find(code(5), &out));
	ck_assert_ptr_eq(out.code, code(5));
	ck_assert_uint_eq(out.id, 1);
	ck_assert_ptr_null(add(5));
	ck_assert_uint_eq(out.id, 1);
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), 1);
}
END_TEST

START_TEST(definition_says_what_was_given)
{
	static const char *const texts[] = {"f", "C.f", "/srv/app.py", "app"};
	add(1);
	struct raw raw = raw_load(sink_path());
	const struct crumb_record_code *c = raw_code(&raw, 1);
	ck_assert_ptr_nonnull(c);
	const uint32_t ids[] = {c->name, c->qualname, c->filename, c->module};
	for (int i = 0; i < 4; i++) {
		char *text = raw_string(&raw, ids[i]);
		ck_assert_str_eq(text, texts[i]);
		free(text);
	}
	ck_assert_uint_eq(c->first_line, 10);
	ck_assert_uint_eq(c->flags, 3);
	ck_assert_uint_eq(c->interpreter, 7);
	/* Its texts come first. */
	const struct crumb_record *r = raw_record(&raw, NULL, 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_uint_eq(r->type, CRUMB_RECORD_STRING);
		r = raw_record(&raw, r, 0);
	}
	ck_assert_ptr_eq(r, &c->head);
	raw_free(&raw);
}
END_TEST

START_TEST(excluded_code_has_id_zero_and_no_definition)
{
	ck_assert_ptr_nonnull(intern_add(code(1), &plain, false, &out));
	ck_assert_uint_eq(out.id, 0);
	ck_assert(intern_find(code(1), &out));
	ck_assert_uint_eq(out.id, 0);
	ck_assert_ptr_null(intern_add(code(1), &plain, true, &out)); /* once decided */
	ck_assert_uint_eq(out.id, 0);
	ck_assert_uint_eq(records(0), 0);
	add(2);
	ck_assert_uint_eq(out.id, 1);
}
END_TEST

START_TEST(slot_tells_line_and_generator)
{
	struct intern_code what = plain;
	what.generator = true;
	what.first_line = 0x7fffffff;
	intern_add(code(1), &what, true, &out);
	ck_assert_uint_eq(out.first_line, 0x3fffffff);
	ck_assert_uint_eq(out.generator, 1);
	what.generator = false;
	what.first_line = 0xffffffff;
	intern_add(code(2), &what, true, &out);
	ck_assert_uint_eq(out.first_line, 0x3fffffff);
	ck_assert_uint_eq(out.generator, 0);
}
END_TEST

START_TEST(code_without_texts_is_defined_without_them)
{
	const struct intern_code nothing = {.first_line = 1};
	intern_add(code(1), &nothing, true, &out);
	ck_assert_uint_eq(out.id, 1);
	ck_assert_uint_eq(records(CRUMB_RECORD_STRING), 0);
}
END_TEST

START_TEST(reused_address_gets_a_new_id)
{
	struct intern_record *record = add(1);
	intern_forget(record);
	ck_assert(!intern_find(code(1), &out));
	ck_assert_ptr_nonnull(add(1));
	ck_assert_uint_eq(out.id, 2);
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), 2);
}
END_TEST

static struct intern_slot *slot(struct buffer *b, uintptr_t n)
{
	return intern_slot(buffer_area(b), code(n));
}

static void *remember_in_thread(void *data)
{
	struct buffer *b = buffer_acquire(2, 0);
	*slot(b, 1) = (struct intern_slot){code(1), 1, 10, 0};
	*slot(b, 2) = (struct intern_slot){code(2), 2, 10, 0};
	buffer_release(b);
	*(struct buffer **)data = b;
	return NULL;
}

START_TEST(forgotten_code_is_in_no_threads_table)
{
	pthread_t thread;
	struct buffer *other, *mine = buffer_acquire(1, 0);

	struct intern_record *first = add(1);
	add(2);
	pthread_create(&thread, NULL, remember_in_thread, &other);
	pthread_join(thread, NULL);
	/* The place that code 1 has in this thread's table is code 3's by now. */
	*slot(mine, 1) = (struct intern_slot){code(3), 3, 10, 0};
	intern_forget(first);
	ck_assert_ptr_null(slot(other, 1)->code);
	ck_assert_ptr_eq(slot(other, 2)->code, code(2));
	ck_assert_ptr_eq(slot(mine, 1)->code, code(3));
}
END_TEST

START_TEST(end_of_an_interpreter_forgets_all)
{
	struct buffer *mine = buffer_acquire(1, 0);
	struct intern_record *first = add(1), *second = add(2);

	*slot(mine, 1) = (struct intern_slot){code(1), 1, 10, 0};
	*slot(mine, 2) = (struct intern_slot){code(2), 2, 10, 0};
	intern_forget_all();
	ck_assert_ptr_null(slot(mine, 1)->code);
	ck_assert_ptr_null(slot(mine, 2)->code);
	ck_assert(!intern_find(code(1), &out));
	struct intern_record *again = add(1);
	ck_assert_ptr_nonnull(again);
	ck_assert_uint_eq(out.id, 3);
	/* A code object of the old interpreter dies late: that is not the new one. */
	intern_forget(first);
	intern_forget(second);
	ck_assert(intern_find(code(1), &out));
	ck_assert_uint_eq(out.id, 3);
	intern_forget(again);
	ck_assert(!intern_find(code(1), &out));
}
END_TEST

START_TEST(nothing_to_forget_is_no_failure)
{
	intern_forget_all();
	intern_forked();
	ck_assert(!intern_find(code(1), &out));
}
END_TEST

START_TEST(program_that_makes_code_for_ever_does_not_grow)
{
	struct intern_record *living[100];

	for (uintptr_t n = 0; n < 100; n++)
		living[n] = intern_add(code(n), &plain, false, &out);
	fault_none();
	for (uintptr_t n = 100; n < 200000; n++) {
		intern_forget(living[n % 100]);
		living[n % 100] = intern_add(code(n), &plain, false, &out);
		must(living[n % 100]);
	}
	ck_assert_uint_eq(fault_count(FAULT_MMAP), 0);
}
END_TEST

/* Against a plain array, through all sizes of the table. */
START_TEST(many_codes_come_and_go)
{
	enum { CODES = 6000 };
	static struct intern_record *known[CODES];
	static bool excluded[CODES];
	uint64_t random = 88172645463325252u;
	size_t alive = 0, most = 0;

	for (int i = 0; i < 200000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uintptr_t n = random % CODES;
		/* Mostly growing at first, mostly shrinking at last. */
		bool shrink = (random >> 40) % 200000 < (uint64_t)i;
		if (known[n] && shrink) {
			intern_forget(known[n]);
			known[n] = NULL;
			alive--;
		} else if (!known[n]) {
			excluded[n] = random >> 32 & 1;
			known[n] = intern_add(code(n), &plain, !excluded[n], &out);
			must(known[n]);
			alive++;
			most = alive > most ? alive : most;
		}
		uintptr_t other = (random >> 20) % CODES;
		must(intern_find(code(other), &out) == (known[other] != NULL));
		must(!known[other] || (out.id == 0) == excluded[other]);
	}
	ck_assert_uint_gt(most, 3000);
	for (uintptr_t n = 0; n < CODES; n++)
		must(intern_find(code(n), &out) == (known[n] != NULL));
}
END_TEST

START_TEST(same_text_is_defined_once)
{
	char text[] = "a text of some length", copy[sizeof(text)];
	memcpy(copy, text, sizeof(text));
	ck_assert_uint_eq(intern_string(text, strlen(text)), 1);
	ck_assert_uint_eq(intern_string(copy, strlen(copy)), 1);
	ck_assert_uint_eq(intern_string(text, 6), 2);
	ck_assert_uint_eq(records(CRUMB_RECORD_STRING), 2);
}
END_TEST

START_TEST(same_site_is_defined_once)
{
	ck_assert_uint_eq(intern_site(1, 10, 1), 1);
	ck_assert_uint_eq(intern_site(2, 10, 1), 2);
	ck_assert_uint_eq(intern_site(1, 11, 1), 3);
	ck_assert_uint_eq(intern_site(1, 10, 2), 4);
	ck_assert_uint_eq(intern_site(1, 10, 1), 1);
	ck_assert_uint_eq(records(CRUMB_RECORD_SITE), 4);
	/* So many that the table grows. */
	for (uint32_t i = 0; i < 5000; i++)
		must(intern_site(100 + i % 50, i, i % 7) == 5 + i);
	for (uint32_t i = 0; i < 5000; i++)
		must(intern_site(100 + i % 50, i, i % 7) == 5 + i);
	ck_assert_uint_eq(intern_site(1, 10, 2), 4);
	ck_assert_uint_eq(records(CRUMB_RECORD_SITE), 5004);
}
END_TEST

START_TEST(empty_text_has_no_id)
{
	ck_assert_uint_eq(intern_string("", 0), 0);
	ck_assert_uint_eq(records(0), 0);
}
END_TEST

/* Texts of all small lengths that differ in one bit, or in their length only. */
START_TEST(texts_that_differ_have_different_ids)
{
	char text[40];
	uint32_t expected = 0;

	for (size_t length = 1; length <= sizeof(text); length++) {
		memset(text, 0, sizeof(text));
		must(intern_string(text, length) == ++expected);
		for (size_t bit = 0; bit < length * 8; bit++) {
			text[bit / 8] = (char)(1 << bit % 8);
			must(intern_string(text, length) == ++expected);
			text[bit / 8] = 0;
		}
	}
	for (uint32_t n = 0; n < 20000; n++) {
		snprintf(text, sizeof(text), "module_%u.function", n);
		must(intern_string(text, strlen(text)) == ++expected);
	}
	for (uint32_t n = 0; n < 20000; n++) {
		snprintf(text, sizeof(text), "module_%u.function", n);
		must(intern_string(text, strlen(text)) == expected - 20000 + 1 + n);
	}
	ck_assert_uint_eq(records(CRUMB_RECORD_STRING), expected);
}
END_TEST

START_TEST(long_texts_with_the_same_beginning_are_one)
{
	static char text[RECORD_TEXT_MAX + 10];
	memset(text, 'x', sizeof(text));
	ck_assert_uint_eq(intern_string(text, RECORD_TEXT_MAX), 1);
	ck_assert_uint_eq(intern_string(text, sizeof(text)), 1);
	ck_assert_uint_eq(intern_string(text, RECORD_TEXT_MAX - 1), 2);
}
END_TEST

static bool is_called(uintptr_t n, const char *name)
{
	struct intern_text t = intern_qualname(code(n));
	return t.length == strlen(name) && memcmp(t.text, name, t.length) == 0;
}

START_TEST(expected_name_is_given_back)
{
	ck_assert(is_called(1, ""));
	struct intern_record *record = intern_expect(code(1), "C.method", 8);
	ck_assert_ptr_nonnull(record);
	ck_assert(is_called(1, "C.method"));
	ck_assert_ptr_null(intern_expect(code(1), "other", 5));
	ck_assert(is_called(1, "C.method"));
	/* It has not run yet: it has no id, and nothing is in the file. */
	ck_assert(!intern_find(code(1), &out));
	ck_assert_uint_eq(records(0), 0);
	ck_assert_ptr_null(add(1));
	ck_assert_uint_eq(out.id, 1);
	ck_assert(is_called(1, "C.method"));
	intern_forget(record);
	ck_assert(is_called(1, ""));
}
END_TEST

START_TEST(code_that_ran_may_be_named_later)
{
	struct intern_record *record = add(1);
	ck_assert(is_called(1, ""));
	ck_assert_ptr_null(intern_expect(code(1), "f", 1));
	ck_assert(is_called(1, "f"));
	ck_assert(intern_find(code(1), &out));
	intern_forget(record);
}
END_TEST

START_TEST(empty_name_may_be_expected)
{
	struct intern_record *record = intern_expect(code(1), "", 0);
	ck_assert_ptr_nonnull(record);
	ck_assert(is_called(1, ""));
	intern_forget(record);
}
END_TEST

START_TEST(name_without_memory_is_not_known)
{
	static struct intern_record *records_made[5000];

	fault_fail(FAULT_MALLOC, 0, 1, ENOMEM);
	struct intern_record *record = intern_expect(code(1), "f", 1);
	fault_none();
	ck_assert_ptr_nonnull(record);
	ck_assert(is_called(1, ""));
	intern_forget(record);
	fault_fail(FAULT_MMAP, 0, FAULT_ALWAYS, ENOMEM);
	for (uintptr_t n = 0; n < 5000; n++) {
		records_made[n] = intern_expect(code(n), "f", 1);
		must(is_called(n, records_made[n] ? "f" : ""));
	}
	ck_assert_ptr_null(records_made[4999]);
	for (uintptr_t n = 0; n < 5000; n++) {
		if (records_made[n])
			intern_forget(records_made[n]);
	}
}
END_TEST

static void let_file_be_full(void)
{
	static struct sink_options options;
	options = fixture_options("a.crumb");
	options.max_size = 16384;
	sink_init(&options);
}

START_TEST(code_without_room_in_the_file_is_unknown_and_counted)
{
	uint32_t defined = 0, unknown = 0;

	let_file_be_full();
	capture_begin();
	for (uintptr_t n = 0; n < 1000; n++) {
		ck_assert_ptr_nonnull(add(n));
		if (out.id == CRUMB_CODE_UNKNOWN)
			unknown++;
		else
			must(out.id == ++defined && !unknown);
		must(intern_find(code(n), &out));
	}
	ck_assert(is_line_with(capture_end(), "recording stops"));
	ck_assert_uint_gt(defined, 100);
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), defined);
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_DEFINITION), unknown);
}
END_TEST

START_TEST(text_without_room_in_the_file_has_no_id)
{
	char text[32];
	uint32_t id = 0, last = 0, zeros = 0;

	let_file_be_full();
	capture_begin();
	for (int n = 0; n < 1000; n++) {
		snprintf(text, sizeof(text), "text number %d", n);
		id = intern_string(text, strlen(text));
		if (!id)
			zeros++;
		else
			must(id == ++last);
	}
	capture_end();
	ck_assert_uint_gt(zeros, 0);
	ck_assert_uint_eq(records(CRUMB_RECORD_STRING), last);
	ck_assert_uint_eq(intern_string("text number 0", 13), 1);
	ck_assert_uint_eq(intern_string("text number 999", 15), 0);
}
END_TEST

START_TEST(site_without_room_in_the_file_has_no_id)
{
	uint32_t last = 0, zeros = 0;

	let_file_be_full();
	capture_begin();
	for (uint32_t n = 0; n < 1000; n++) {
		uint32_t id = intern_site(n, 1, 1);
		zeros += !id;
		must(!id || id == ++last);
	}
	capture_end();
	ck_assert_uint_gt(zeros, 0);
	ck_assert_uint_eq(records(CRUMB_RECORD_SITE), last);
	ck_assert_uint_eq(intern_site(0, 1, 1), 1);
	ck_assert_uint_eq(intern_site(999, 1, 1), 0);
}
END_TEST

START_TEST(site_without_memory_has_no_id)
{
	fault_fail(FAULT_MMAP, 0, 1, ENOMEM);
	ck_assert_uint_eq(intern_site(1, 1, 1), 0);
	ck_assert_uint_eq(intern_site(1, 1, 1), 1);
}
END_TEST

START_TEST(code_without_memory_is_not_recorded_and_counted)
{
	uint64_t failed = 0;

	for (uintptr_t n = 0; n < 5000; n++) {
		if (n == 100)
			fault_fail(FAULT_MMAP, 0, FAULT_ALWAYS, ENOMEM);
		struct intern_record *record = intern_add(code(n), &plain, false, &out);
		failed += !record;
		must(out.code == code(n) && out.id == 0);
		must(intern_find(code(n), &out) == (record != NULL));
	}
	fault_none();
	ck_assert_uint_gt(failed, 0);
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_DEFINITION), failed);
	ck_assert_ptr_nonnull(add(4999)); /* memory is back */
	ck_assert_uint_eq(out.id, 1);
}
END_TEST

/* First the table of code objects wants memory, then the records. */
START_TEST(first_code_without_memory_is_counted)
{
	fault_fail(FAULT_MMAP, (unsigned)_i, 1, ENOMEM);
	ck_assert_ptr_null(intern_add(code(1), &plain, false, &out));
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_DEFINITION), 1);
	ck_assert_ptr_nonnull(intern_add(code(1), &plain, false, &out));
}
END_TEST

START_TEST(text_without_memory_has_no_id)
{
	fault_fail(FAULT_MMAP, 0, 1, ENOMEM);
	ck_assert_uint_eq(intern_string("x", 1), 0);
	ck_assert_uint_eq(intern_string("x", 1), 1);
}
END_TEST

/* Definitions of code objects that only count go nowhere: a file of 700 MB is none of a
 * test's business.  (Linked with --wrap.) */
static bool keeps_no_codes;

bool __real_record_code(const struct crumb_record_code *given);
bool __wrap_record_code(const struct crumb_record_code *given);

bool __wrap_record_code(const struct crumb_record_code *given)
{
	return keeps_no_codes || __real_record_code(given);
}

/* Events have 24 bits for an id. */
START_TEST(ids_run_out_at_the_last)
{
	static struct intern_code nothing;

	keeps_no_codes = true;
	for (uint32_t n = 1; n < CRUMB_CODE_UNKNOWN; n++) {
		struct intern_record *r = intern_add(code(1), &nothing, true, &out);
		if (n < CRUMB_CODE_UNKNOWN - 1)
			must(out.id == n);
		intern_forget(r);
	}
	ck_assert_uint_eq(out.id, CRUMB_CODE_UNKNOWN - 1);
	for (int i = 0; i < 3; i++) {
		intern_forget(intern_add(code(1), &nothing, true, &out));
		ck_assert_uint_eq(out.id, CRUMB_CODE_UNKNOWN);
	}
}
END_TEST

static void know_nothing(void)
{
	sink_forked();
	buffer_forked();
	intern_forked();
	ck_assert(sink_open());
	ck_assert(!intern_find(code(1), &out));
	ck_assert_uint_eq(intern_site(1, 8, 1), 1);
	ck_assert_ptr_null(add(2)); /* its record is known, its definition is not */
	ck_assert_uint_eq(out.id, 1);
	ck_assert(intern_find(code(2), &out));
	ck_assert(!intern_find(code(1), &out));
	ck_assert_ptr_nonnull(add(3));
	ck_assert_uint_eq(out.id, 2);
	struct raw raw = raw_load(sink_path());
	const struct crumb_record_code *c = raw_code(&raw, 1);
	char *name = raw_string(&raw, c->qualname);
	ck_assert_str_eq(name, "C.f");
	free(name);
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_CODE), 2);
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_STRING), 4);
	raw_free(&raw);
}

START_TEST(forked_child_defines_anew)
{
	add(1);
	add(2);
	ck_assert_uint_eq(intern_site(1, 7, 1), 1);
	ck_assert_uint_eq(intern_site(1, 8, 1), 2);
	in_child(know_nothing);
	add(4);
	ck_assert_uint_eq(out.id, 3);
	ck_assert_uint_eq(records(CRUMB_RECORD_CODE), 3);
}
END_TEST

static struct intern_record *parents;

static void forget_in_child(void)
{
	sink_forked();
	buffer_forked();
	intern_forked();
	intern_forget(parents);
	ck_assert(sink_open());
	ck_assert_ptr_nonnull(add(1));
}

START_TEST(code_of_the_parent_may_die_in_the_child)
{
	parents = add(1);
	in_child(forget_in_child);
	ck_assert(intern_find(code(1), &out));
}
END_TEST

static void add_ids(Suite *suite)
{
	TCase *c = add_case(suite, "ids");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, ids_count_from_one);
	tcase_add_test(c, same_code_has_the_same_id);
	tcase_add_test(c, definition_says_what_was_given);
	tcase_add_test(c, excluded_code_has_id_zero_and_no_definition);
	tcase_add_test(c, slot_tells_line_and_generator);
	tcase_add_test(c, code_without_texts_is_defined_without_them);
	tcase_add_test(c, reused_address_gets_a_new_id);
	tcase_add_test(c, forgotten_code_is_in_no_threads_table);
	tcase_add_test(c, end_of_an_interpreter_forgets_all);
	tcase_add_test(c, nothing_to_forget_is_no_failure);
	tcase_add_test(c, program_that_makes_code_for_ever_does_not_grow);
	tcase_add_test(c, many_codes_come_and_go);
	tcase_add_test(c, same_text_is_defined_once);
	tcase_add_test(c, same_site_is_defined_once);
	tcase_add_test(c, empty_text_has_no_id);
	tcase_add_test(c, texts_that_differ_have_different_ids);
	tcase_add_test(c, long_texts_with_the_same_beginning_are_one);
	tcase_add_test(c, expected_name_is_given_back);
	tcase_add_test(c, code_that_ran_may_be_named_later);
	tcase_add_test(c, empty_name_may_be_expected);
}

static void add_room(Suite *suite)
{
	TCase *c = add_case(suite, "room");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, name_without_memory_is_not_known);
	tcase_add_test(c, code_without_room_in_the_file_is_unknown_and_counted);
	tcase_add_test(c, text_without_room_in_the_file_has_no_id);
	tcase_add_test(c, site_without_room_in_the_file_has_no_id);
	tcase_add_test(c, code_without_memory_is_not_recorded_and_counted);
	tcase_add_loop_test(c, first_code_without_memory_is_counted, 0, 2);
	tcase_add_test(c, text_without_memory_has_no_id);
	tcase_add_test(c, site_without_memory_has_no_id);
	tcase_add_test(c, forked_child_defines_anew);
	tcase_add_test(c, code_of_the_parent_may_die_in_the_child);
	/* 16 million ids. */
	c = add_case(suite, "ids without end");
	tcase_set_tags(c, "slow");
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, ids_run_out_at_the_last);
}

int main(void)
{
	Suite *suite = suite_create("agent: intern");
	add_ids(suite);
	add_room(suite);
	return run_suite(suite);
}
