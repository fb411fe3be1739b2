/* SPDX-License-Identifier: MIT */
/*
 * This exercises: the trace file where there is room for it.  Header, definitions, blocks
 * of events, windows.  (Its end, and forked children: check_sink_end.)
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "clock.h"
#include "fault.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

static struct raw raw;
static enum crumb_loss cause;

static void load(void)
{
	raw_free(&raw);
	raw = raw_load(sink_path());
}

static void unload(void)
{
	raw_free(&raw);
}

/* Appends a block of `count` words, which are numbered from `first`. */
static void append(uint32_t thread, uint64_t sequence, uint64_t first, size_t count)
{
	uint64_t words[CRUMB_WINDOW_SIZE / 8];

	for (size_t i = 0; i < count; i++)
		words[i] = record_word(CRUMB_WORD_CALL, 1, first + i);
	ck_assert(sink_append(thread, sequence, 1000 + sequence, words, count, &cause));
}

START_TEST(before_it_is_opened_there_is_nothing)
{
	ck_assert(!sink_is_open());
	ck_assert(!sink_is_mine());
	ck_assert_str_eq(sink_path(), "");
	sink_lose(CRUMB_LOSS_DISK_FULL, 1);
	sink_end(CRUMB_END_CLEAN, 0);
	sink_trim(NULL, 0, 0);
	sink_snapshot();
	sink_forked();
	ck_assert(!sink_is_open());
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(header_says_what_it_must)
{
	static struct sink_options options;
	uint64_t ticks = clock_ticks(false);
	int64_t ns = clock_realtime(), boot = clock_boot();

	options = fixture_options("a.crumb");
	options.flags = CRUMB_FLAG_LINES | CRUMB_FLAG_FREE_THREADED;
	sink_init(&options);
	ck_assert(sink_open());
	ck_assert(sink_is_open());
	ck_assert(sink_is_mine());
	ck_assert_str_eq(sink_path(), temp_path("a.crumb"));
	load();
	const struct crumb_header *h = raw.header;
	ck_assert_uint_ne(h->trace_id, 0);
	ck_assert_uint_eq(h->parent_id, 0);
	ck_assert_uint_eq(h->pid, (unsigned)getpid());
	ck_assert_uint_eq(h->parent_pid, (unsigned)getppid());
	ck_assert_uint_eq(h->clock, CRUMB_CLOCK_MONOTONIC);
	ck_assert_uint_eq(h->ticks_per_second, 1000000000);
	ck_assert_uint_eq(h->window_size, CRUMB_WINDOW_SIZE);
	ck_assert_uint_ge(h->start_ticks, ticks);
	ck_assert_uint_le(h->start_ticks, clock_ticks(false));
	ck_assert_int_ge(h->start_ns, ns);
	ck_assert_int_le(h->start_ns, clock_realtime());
	ck_assert_int_ge(h->start_boot_ns, boot);
	ck_assert_int_le(h->start_boot_ns, clock_boot());
	ck_assert_uint_eq(h->python_hex, 0x030c01f0);
	ck_assert_uint_eq(h->flags, options.flags);
	for (size_t i = 0; i < sizeof(h->cold_end); i++)
		ck_assert_uint_eq(h->cold_end[i], 0);
	ck_assert_uint_eq(h->end, CRUMB_END_UNKNOWN);
	ck_assert_uint_eq(h->end_status, 0);
	ck_assert_uint_eq(h->end_ticks, 0);
	ck_assert_int_eq(h->end_ns, 0);
	ck_assert_uint_eq(h->end_size, 0);
	for (size_t i = 0; i < CRUMB_LOSS_CAUSES; i++)
		ck_assert_uint_eq(h->lost[i], 0);
}
END_TEST

START_TEST(counter_is_named_in_the_header)
{
	static struct sink_options options;

	options = fixture_options("a.crumb");
	options.counter = true;
	clock_start(true);
	sink_init(&options);
	ck_assert(sink_open());
	load();
	ck_assert_uint_eq(raw.header->clock, CRUMB_CLOCK_COUNTER);
	ck_assert_uint_gt(raw.header->ticks_per_second, 0);
}
END_TEST

START_TEST(file_begins_with_room_for_definitions)
{
	fixture_open("a.crumb");
	load();
	const struct crumb_block *block = raw_block(&raw, NULL);
	ck_assert_ptr_nonnull(block);
	ck_assert_uint_eq(raw_offset(&raw, block), CRUMB_HEADER_SIZE);
	ck_assert_uint_eq(block->kind, CRUMB_BLOCK_DEFINITIONS);
	ck_assert_uint_eq(block->thread, 0);
	ck_assert_uint_eq(raw_offset(&raw, block) + block->size, 16384);
	ck_assert_ptr_null(raw_block(&raw, block));
	ck_assert_uint_eq(raw.size, 16384);
}
END_TEST

START_TEST(trace_id_needs_no_randomness)
{
	fault_fail(FAULT_GETRANDOM, 0, 1, EAGAIN);
	fixture_open("a.crumb");
	load();
	ck_assert_uint_ne(raw.header->trace_id, 0);
}
END_TEST

START_TEST(full_block_of_definitions_gets_a_successor)
{
	char text[200];

	fixture_open("a.crumb");
	memset(text, 'x', sizeof(text));
	for (uint32_t id = 1; id <= 2000; id++)
		ck_assert(record_string(id, text, id % sizeof(text)));
	load();
	ck_assert_uint_ge(raw_count_blocks(&raw, CRUMB_BLOCK_DEFINITIONS), 4);
	const struct crumb_record *r = NULL;
	for (uint32_t id = 1; id <= 2000; id++) {
		r = raw_record(&raw, r, CRUMB_RECORD_STRING);
		ck_assert_ptr_nonnull(r);
		const struct crumb_record_string *s = (const void *)r;
		ck_assert_uint_eq(s->id, id);
		ck_assert_uint_eq(s->length, id % sizeof(text));
	}
	ck_assert_ptr_null(raw_record(&raw, r, 0));
}
END_TEST

/* A record that fills its block to the last byte leaves no zero word behind it. */
START_TEST(block_may_be_filled_to_its_last_byte)
{
	static char text[12288];
	const size_t room = 12288 - sizeof(struct crumb_block);

	fixture_open("a.crumb");
	ck_assert(record_string(1, text, room - 16));
	ck_assert(record_string(2, "next", 4));
	load();
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_STRING), 2);
	ck_assert_uint_eq(raw_count_blocks(&raw, CRUMB_BLOCK_DEFINITIONS), 2);
	struct seen seen = seen_of(sink_path());
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

START_TEST(largest_text_has_a_block_of_its_own)
{
	static char text[RECORD_TEXT_MAX];

	fixture_open("a.crumb");
	memset(text, 'y', sizeof(text));
	ck_assert(record_string(1, text, sizeof(text)));
	ck_assert(record_string(2, text, 3));
	load();
	char *first = raw_string(&raw, 1);
	ck_assert_uint_eq(strlen(first), RECORD_TEXT_MAX);
	free(first);
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_STRING), 2);
}
END_TEST

START_TEST(appended_block_is_as_the_format_says)
{
	fixture_open("a.crumb");
	for (size_t count = 0; count <= 20; count++)
		append(7, count, 100 * count, count);
	load();
	const struct crumb_block *block = raw_block(&raw, NULL);
	for (size_t count = 0; count <= 20; count++) {
		block = raw_block(&raw, block);
		ck_assert_ptr_nonnull(block);
		ck_assert_uint_eq(block->kind, CRUMB_BLOCK_EVENTS);
		ck_assert_uint_eq(block->thread, 7);
		ck_assert_uint_eq(block->sequence, count);
		ck_assert_uint_eq(block->base_ticks, 1000 + count);
		ck_assert_uint_eq(block->used, 8 * count);
		ck_assert_uint_eq(block->size, (64 + 8 * count + 8 + 63) / 64 * 64);
	}
	size_t n;
	uint64_t *words = raw_words(&raw, 7, &n);
	ck_assert_uint_eq(n, 20 * 21 / 2);
	ck_assert_uint_eq(words[0], record_word(CRUMB_WORD_CALL, 1, 100));
	ck_assert_uint_eq(words[n - 1], record_word(CRUMB_WORD_CALL, 1, 2019));
	free(words);
}
END_TEST

START_TEST(full_window_is_a_block_of_its_size)
{
	fixture_open("a.crumb");
	append(1, 0, 0, (CRUMB_WINDOW_SIZE - 64) / 8 - 1);
	load();
	const struct crumb_block *block = raw_block(&raw, raw_block(&raw, NULL));
	ck_assert_uint_eq(block->size, CRUMB_WINDOW_SIZE);
	size_t n;
	free(raw_words(&raw, 1, &n));
	ck_assert_uint_eq(n, (CRUMB_WINDOW_SIZE - 64) / 8 - 1);
}
END_TEST

static size_t clock_records(void)
{
	load();
	return raw_count_records(&raw, CRUMB_RECORD_CLOCK);
}

START_TEST(clocks_are_compared_once_a_second)
{
	fault_clock_stop(INT64_C(50) << 30, INT64_C(1) << 60);
	fixture_open("a.crumb");
	append(1, 0, 0, 1);
	ck_assert_uint_eq(clock_records(), 1);
	fault_clock_advance(999999999);
	append(1, 1, 0, 1);
	ck_assert_uint_eq(clock_records(), 1);
	fault_clock_advance(1);
	append(1, 2, 0, 1);
	ck_assert_uint_eq(clock_records(), 2);
	const struct crumb_record_clock *c = (const void *)raw_record(
	    &raw, raw_record(&raw, NULL, CRUMB_RECORD_CLOCK), CRUMB_RECORD_CLOCK);
	ck_assert_uint_eq(c->ticks, (UINT64_C(50) << 30) + 1000000000);
	ck_assert_int_eq(c->ns, (INT64_C(1) << 60) + 1000000000);
	fault_clock_run();
}
END_TEST

START_TEST(clocks_are_compared_when_the_time_was_set_back)
{
	fault_clock_stop(INT64_C(50) << 30, INT64_C(1) << 60);
	fixture_open("a.crumb");
	append(1, 0, 0, 1);
	fault_clock_step(-INT64_C(86400) * 1000000000);
	fault_clock_advance(1000);
	append(1, 1, 0, 1);
	ck_assert_uint_eq(clock_records(), 2);
	fault_clock_advance(2000000000);
	append(1, 2, 0, 1);
	ck_assert_uint_eq(clock_records(), 3);
	fault_clock_run();
}
END_TEST

START_TEST(window_is_nobodys_and_has_room_on_the_disk)
{
	struct stat st;

	fixture_open("a.crumb");
	append(1, 0, 0, 1); /* so that it does not lie at the end of a page by itself */
	struct crumb_block *window = sink_window(CRUMB_WINDOW_SIZE, &cause);
	ck_assert_ptr_nonnull(window);
	ck_assert_uint_eq((uintptr_t)window % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
	ck_assert_int_eq(stat(sink_path(), &st), 0);
	ck_assert_uint_ge((uint64_t)st.st_blocks * 512, CRUMB_WINDOW_SIZE + 16384);
	window->thread = 5;
	load();
	const struct crumb_block *block = NULL;
	while ((block = raw_block(&raw, block)) && block->kind != CRUMB_BLOCK_WINDOW)
		;
	ck_assert_ptr_nonnull(block);
	ck_assert_uint_eq(block->size, CRUMB_WINDOW_SIZE);
	ck_assert_uint_eq(block->thread, 5);
	ck_assert_uint_eq(block->sequence, 0);
	ck_assert_uint_eq(block->used, 0);
}
END_TEST

/* Each thread appends, maps and defines; nobody's stretch may overlap another's. */
static void *write_much(void *data)
{
	uint32_t thread = (uint32_t)(uintptr_t)data;
	enum crumb_loss ignored;
	uint64_t words[500];

	for (uint64_t i = 0; i < 60; i++) {
		for (size_t k = 0; k < 500; k++)
			words[k] = record_word(CRUMB_WORD_CALL, thread, i * 500 + k);
		if (!sink_append(thread, i, i, words, 1 + (i * 37 + thread * 11) % 500,
		                 &ignored))
			return data;
		struct crumb_block *window = i % 10 ? NULL : sink_window(8192, &ignored);
		if (window)
			__atomic_store_n(&window->thread, 1000 + thread,
			                 __ATOMIC_RELEASE);
		if (!record_thread_name(thread, (uint32_t)i))
			return data;
		sink_lose(CRUMB_LOSS_LOW_STACK, 1);
	}
	return NULL;
}

START_TEST(stretches_of_many_threads_do_not_overlap)
{
	pthread_t threads[8];

	fixture_open("a.crumb");
	for (uintptr_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, write_much, (void *)(i + 1));
	for (int i = 0; i < 8; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	load();
	ck_assert_uint_eq(raw_count_blocks(&raw, CRUMB_BLOCK_EVENTS), 8 * 60);
	ck_assert_uint_eq(raw_count_blocks(&raw, CRUMB_BLOCK_WINDOW), 8 * 6);
	ck_assert_uint_eq(raw_count_records(&raw, CRUMB_RECORD_THREAD_NAME), 8 * 60);
	ck_assert_uint_eq(raw.header->lost[CRUMB_LOSS_LOW_STACK], 8 * 60);
	for (uint32_t thread = 1; thread <= 8; thread++) {
		size_t n, expected = 0, at = 0;
		uint64_t *words = raw_words(&raw, thread, &n);
		for (uint64_t i = 0; i < 60; i++) {
			size_t count = 1 + (i * 37 + thread * 11) % 500;
			expected += count;
			for (size_t k = 0; k < count; k++, at++)
				ck_assert_uint_eq(
				    words[at],
				    record_word(CRUMB_WORD_CALL, thread, i * 500 + k));
		}
		ck_assert_uint_eq(n, expected);
		free(words);
	}
}
END_TEST

static void add_beginning(Suite *suite)
{
	TCase *c = add_case(suite, "contents");
	tcase_add_checked_fixture(c, NULL, unload);
	tcase_add_test(c, before_it_is_opened_there_is_nothing);
	tcase_add_test(c, header_says_what_it_must);
	tcase_add_test(c, counter_is_named_in_the_header);
	tcase_add_test(c, file_begins_with_room_for_definitions);
	tcase_add_test(c, trace_id_needs_no_randomness);
	tcase_add_test(c, full_block_of_definitions_gets_a_successor);
	tcase_add_test(c, block_may_be_filled_to_its_last_byte);
	tcase_add_test(c, largest_text_has_a_block_of_its_own);
	tcase_add_test(c, appended_block_is_as_the_format_says);
	tcase_add_test(c, full_window_is_a_block_of_its_size);
	tcase_add_test(c, clocks_are_compared_once_a_second);
	tcase_add_test(c, clocks_are_compared_when_the_time_was_set_back);
	tcase_add_test(c, window_is_nobodys_and_has_room_on_the_disk);
	tcase_add_test(c, stretches_of_many_threads_do_not_overlap);
}

int main(void)
{
	Suite *suite = suite_create("agent: sink");
	add_beginning(suite);
	return run_suite(suite);
}
