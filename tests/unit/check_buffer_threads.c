/* SPDX-License-Identifier: MIT */
/*
 * This exercises: eight threads that fill their windows again and again, while another
 * thread forks, another takes snapshots, and others come and go.  Whoever looks at any
 * of the files finds each thread's events from the first on, each once.
 */
#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "buffer.h"
#include "fault.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

#define WRITERS   8
#define CHUNK     10000
#define LEAST     100000 /* words that each writer writes */
#define MOST      1000000
#define CHILDREN  10
#define SNAPSHOTS 5
#define GUESTS    200 /* threads that come and go */

static unsigned beside; /* threads that do something else; atomic */

static uint64_t word(uint32_t thread, uint64_t i)
{
	return record_word(CRUMB_WORD_CALL, thread, i & 0xffffff);
}

static void write_words(struct buffer *b, uint32_t thread, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		buffer_put(b, word(thread, i));
		if (buffer_full(b))
			buffer_flush(b);
	}
}

/* Writes as long as the others are not done, and returns how much. */
static void *write_many(void *data)
{
	uint32_t thread = (uint32_t)(uintptr_t)data;
	struct buffer *b = buffer_acquire(thread, 0);
	uint64_t done = 0;

	must(b);
	while (done < LEAST ||
	       (done < MOST && __atomic_load_n(&beside, __ATOMIC_RELAXED))) {
		write_words(b, thread, done, done + CHUNK);
		done += CHUNK;
	}
	buffer_release(b);
	return (void *)(uintptr_t)done;
}

/* How many words of a thread are there; they are those from the first on. */
static uint64_t count_words(const struct raw *raw, uint32_t thread)
{
	size_t count;
	uint64_t *words = raw_words(raw, thread, &count);

	for (size_t i = 0; i < count; i++)
		must(words[i] == word(thread, i));
	free(words);
	return count;
}

static void write_in_child(void)
{
	sink_forked();
	buffer_forked();
	must(sink_open());
	struct buffer *b = buffer_acquire(1, 0);
	must(b);
	write_words(b, 1, 0, 20000);
	buffer_release(b);
	struct raw raw = raw_load(sink_path());
	must(count_words(&raw, 1) == 20000);
	must(raw_count_blocks(&raw, CRUMB_BLOCK_WINDOW) == 2);
	raw_free(&raw);
	unlink(sink_path());
}

static void fork_often(void)
{
	for (int i = 0; i < CHILDREN; i++) {
		buffer_lock();
		sink_lock();
		pid_t child = fork();
		if (child == 0) {
			write_in_child();
			leave_child(0);
		}
		sink_unlock();
		buffer_unlock();
		child_ends(child, 0);
	}
}

static void snapshot_often(void)
{
	for (int i = 0; i < SNAPSHOTS; i++)
		sink_snapshot();
}

static void *be_a_guest(void *data)
{
	uint32_t thread = (uint32_t)(uintptr_t)data;
	struct buffer *b = buffer_acquire(thread, 0);

	must(b);
	write_words(b, thread, 0, thread);
	buffer_release(b);
	return NULL;
}

static void visit(void *area, const void *context)
{
	++*(char *)area;
	(void)context;
}

static void start_guests(void)
{
	pthread_t thread;

	for (uintptr_t i = 1; i <= GUESTS; i++) {
		must(pthread_create(&thread, NULL, be_a_guest, (void *)(WRITERS + i)) ==
		     0);
		pthread_join(thread, NULL);
		buffer_each_area(visit, NULL);
		buffer_others_in_use(); /* whatever it is by now */
	}
}

static void *do_beside(void *data)
{
	void (*const *body)(void) = data;
	(*body)();
	__atomic_fetch_sub(&beside, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void check_snapshots(const uint64_t *written)
{
	uint64_t before[WRITERS + 1] = {0};
	char name[PATH_MAX + 16];

	for (unsigned n = 1; n <= SNAPSHOTS; n++) {
		snprintf(name, sizeof(name), "%s.%u", sink_path(), n);
		struct raw raw = raw_load(name);
		for (uint32_t thread = 1; thread <= WRITERS; thread++) {
			uint64_t count = count_words(&raw, thread);
			must(count >= before[thread] && count <= written[thread]);
			before[thread] = count;
		}
		raw_free(&raw);
		unlink(name);
	}
}

START_TEST(busy_threads_forks_and_snapshots_lose_nothing)
{
	static void (*const others[])(void) = {fork_often, snapshot_often, start_guests};
	pthread_t threads[WRITERS], other[3];
	uint64_t written[WRITERS + 1];

	fixture_open("a.crumb");
	buffer_init(64, false);
	fault_shorten(FAULT_COPY_FILE_RANGE, 65536);
	beside = 3;
	for (uintptr_t i = 0; i < WRITERS; i++)
		must(pthread_create(&threads[i], NULL, write_many, (void *)(i + 1)) == 0);
	for (int i = 0; i < 3; i++)
		must(pthread_create(&other[i], NULL, do_beside,
		                    (void *)(uintptr_t)&others[i]) == 0);
	for (int i = 0; i < WRITERS; i++) {
		void *done;
		pthread_join(threads[i], &done);
		written[i + 1] = (uintptr_t)done;
	}
	for (int i = 0; i < 3; i++)
		pthread_join(other[i], NULL);

	struct raw raw = raw_load(sink_path());
	for (uint32_t thread = 1; thread <= WRITERS; thread++)
		ck_assert_uint_eq(count_words(&raw, thread), written[thread]);
	for (uint32_t guest = 1; guest <= GUESTS; guest++)
		must(count_words(&raw, WRITERS + guest) == WRITERS + guest);
	for (unsigned cause = 0; cause < CRUMB_LOSS_CAUSES; cause++)
		ck_assert_uint_eq(raw.header->lost[cause], 0);
	/* A small and a large window for each of those that were there at once. */
	ck_assert_uint_le(raw_count_blocks(&raw, CRUMB_BLOCK_WINDOW), 2 * (WRITERS + 1));
	raw_free(&raw);
	check_snapshots(written);
}
END_TEST

/* The room ends for all of them at once: what is in the file and what is counted make up
 * what was stored. */
static void *write_until_stopped(void *data)
{
	uint32_t thread = (uint32_t)(uintptr_t)data;
	struct buffer *b = buffer_acquire(thread, 0);

	must(b);
	write_words(b, thread, 0, 50000);
	buffer_release(b);
	return NULL;
}

START_TEST(end_of_the_room_is_counted_to_the_last_event)
{
	static struct sink_options options;
	pthread_t threads[WRITERS];
	uint64_t kept = 0;

	options = fixture_options("a.crumb");
	options.max_size = 1500000;
	sink_init(&options);
	ck_assert(sink_open());
	buffer_init(64, false);
	capture_begin();
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], NULL, write_until_stopped, (void *)(i + 1));
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert(is_line_with(capture_end(), "BREADCRUMB_MAX_SIZE"));
	struct raw raw = raw_load(sink_path());
	for (uint32_t thread = 1; thread <= WRITERS; thread++)
		kept += count_words(&raw, thread);
	ck_assert_uint_eq(kept + raw.header->lost[CRUMB_LOSS_MAX_SIZE], WRITERS * 50000);
	ck_assert_uint_le(raw.size, 1500000);
	raw_free(&raw);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: buffer, threads");
	TCase *c = add_case(suite, "threads");
	tcase_add_test(c, busy_threads_forks_and_snapshots_lose_nothing);
	tcase_add_test(c, end_of_the_room_is_counted_to_the_last_event);
	return run_suite(suite);
}
