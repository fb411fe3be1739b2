/* SPDX-License-Identifier: MIT */
/*
 * This exercises: eight threads that fill their windows again and again, while another
 * thread forks, another takes snapshots, and others come and go.  Whoever looks at any
 * of the files finds each thread's events from the first on, each once.
 */
#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
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
#define WORDS     400000
#define CHILDREN  10
#define SNAPSHOTS 10
#define GUESTS    200 /* threads that come and go */

static unsigned writing;    /* atomic */
static unsigned guests_met; /* atomic */

static uint64_t word(uint32_t thread, uint64_t i)
{
	return record_word(CRUMB_WORD_CALL, thread, i);
}

static bool write_words(uint32_t thread, uint64_t count)
{
	struct buffer *b = buffer_acquire(thread, 0);

	if (!b)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		buffer_put(b, word(thread, i));
		if (buffer_full(b))
			buffer_flush(b);
	}
	buffer_release(b);
	return true;
}

static void *write_many(void *data)
{
	bool done = write_words((uint32_t)(uintptr_t)data, WORDS);
	__atomic_fetch_sub(&writing, 1, __ATOMIC_RELAXED);
	return done ? NULL : data;
}

static bool goes_on(void)
{
	return __atomic_load_n(&writing, __ATOMIC_RELAXED) != 0;
}

/* How many words of a thread are there; they are those from the first on. */
static size_t count_words(const struct raw *raw, uint32_t thread)
{
	size_t count;
	uint64_t *words = raw_words(raw, thread, &count);

	for (size_t i = 0; i < count; i++)
		must(words[i] == word(thread, i));
	free(words);
	return count;
}

/* ---- the child of a busy parent ---- */

static void write_in_child(void)
{
	sink_forked();
	buffer_forked();
	must(sink_open());
	must(write_words(1, 20000));
	struct raw raw = raw_load(sink_path());
	must(count_words(&raw, 1) == 20000);
	must(raw_count_blocks(&raw, CRUMB_BLOCK_WINDOW) == 2);
	raw_free(&raw);
	unlink(sink_path());
}

static void *fork_often(void *unused)
{
	unsigned forks = 0;

	while (goes_on() && forks++ < CHILDREN) {
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
	return unused;
}

/* ---- snapshots, and threads that come and go ---- */

static void *snapshot_often(void *taken)
{
	while (goes_on() && *(unsigned *)taken < SNAPSHOTS) {
		sink_snapshot();
		++*(unsigned *)taken;
	}
	return NULL;
}

static void *be_a_guest(void *data)
{
	uint32_t thread = (uint32_t)(uintptr_t)data;
	return write_words(thread, thread) ? NULL : data;
}

static void visit(void *area, const void *context)
{
	++*(char *)area;
	(void)context;
}

static void *start_guests(void *failed)
{
	pthread_t thread;
	void *result;

	for (unsigned i = 0; goes_on() && i < GUESTS; i++) {
		uintptr_t number = WRITERS + 1 + i;
		if (pthread_create(&thread, NULL, be_a_guest, (void *)number) != 0)
			return failed;
		pthread_join(thread, &result);
		if (result)
			return failed;
		__atomic_fetch_add(&guests_met, 1, __ATOMIC_RELAXED);
		buffer_each_area(visit, NULL);
		if (!buffer_others_in_use())
			sched_yield();
	}
	return NULL;
}

/* ---- all of it ---- */

static void check_snapshots(unsigned taken)
{
	size_t before[WRITERS + 1] = {0};
	char name[PATH_MAX + 16];

	for (unsigned n = 1; n <= taken; n++) {
		snprintf(name, sizeof(name), "%s.%u", sink_path(), n);
		struct raw raw = raw_load(name);
		for (uint32_t thread = 1; thread <= WRITERS; thread++) {
			size_t count = count_words(&raw, thread);
			must(count >= before[thread] && count <= WORDS);
			before[thread] = count;
		}
		raw_free(&raw);
	}
}

START_TEST(busy_threads_forks_and_snapshots_lose_nothing)
{
	static void *(*const others[])(void *) = {fork_often, snapshot_often,
	                                          start_guests};
	pthread_t threads[WRITERS], beside[3];
	unsigned taken = 0;
	void *failed;

	fixture_open("a.crumb");
	buffer_init(64, false);
	fault_shorten(FAULT_COPY_FILE_RANGE, 65536);
	writing = WRITERS;
	for (uintptr_t i = 0; i < WRITERS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, write_many, (void *)(i + 1)), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&beside[i], NULL, others[i], &taken), 0);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(beside[i], &failed);
	ck_assert_uint_gt(taken, 0);
	ck_assert_uint_gt(guests_met, 0);

	struct raw raw = raw_load(sink_path());
	for (uint32_t thread = 1; thread <= WRITERS; thread++)
		ck_assert_uint_eq(count_words(&raw, thread), WORDS);
	for (uint32_t guest = 1; guest <= guests_met; guest++)
		must(count_words(&raw, WRITERS + guest) == WRITERS + guest);
	for (unsigned cause = 0; cause < CRUMB_LOSS_CAUSES; cause++)
		ck_assert_uint_eq(raw.header->lost[cause], 0);
	/* A small and a large window for each of those that were there at once. */
	ck_assert_uint_le(raw_count_blocks(&raw, CRUMB_BLOCK_WINDOW), 2 * (WRITERS + 1));
	raw_free(&raw);
	check_snapshots(taken);
}
END_TEST

/* The room ends for all of them at once: what is in the file and what is counted make up
 * what was stored. */
static void *write_until_stopped(void *data)
{
	return write_words((uint32_t)(uintptr_t)data, 50000) ? NULL : data;
}

START_TEST(end_of_the_room_is_counted_to_the_last_event)
{
	static struct sink_options options;
	pthread_t threads[WRITERS];
	void *failed;
	uint64_t kept = 0;

	options = fixture_options("a.crumb");
	options.max_size = 1500000;
	sink_init(&options);
	ck_assert(sink_open());
	buffer_init(64, false);
	capture_begin();
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], NULL, write_until_stopped, (void *)(i + 1));
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
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
