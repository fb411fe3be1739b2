/* SPDX-License-Identifier: MIT */
/*
 * This exercises: how a process is replaced and ends, as its trace tells it; and many
 * threads on the whole path of an event.  (Forks: check_trace_fork.)
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "fake_source.h"
#include "fault.h"
#include "filter.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "thread.h"

static struct fake f = {"f", "app", 10}, g = {"g", "app", 20};
static struct sink_options options;

static void setup(void)
{
	options = fixture_options("a.crumb");
	fake_begin_with(&options);
}

/* What the reader tells of a file of the folder. */
static void tells(const char *name, const char *text)
{
	seen_is(seen_of(temp_path(name)), text);
}

static uint64_t lost(enum crumb_loss cause)
{
	struct raw raw = raw_load(sink_path());
	uint64_t count = raw.header->lost[cause];
	raw_free(&raw);
	return count;
}

/* How the process of the file ended, with which status (-1: not known). */
static void ended(enum crumb_ended how, int status)
{
	struct seen seen = seen_of(sink_path());
	ck_assert_str_eq(seen.problems, "");
	const struct crumb_process *p = crumb_trace_process(seen.trace, 0);
	ck_assert_int_eq(p->ended, how);
	ck_assert_int_eq(p->exit_status, status);
	seen_free(&seen);
}

START_TEST(end_of_the_process_cuts_the_file)
{
	fake_call(&f);
	fake_return(&f);
	ended(CRUMB_ENDED_UNKNOWN, -1);
	trace_finish(3);
	ended(CRUMB_ENDED_CLEAN, 3);
	tells("a.crumb", "1 thread_start - +0 0\n"
	                 "1 call f +0 0 :10\n"
	                 "1 return f +0 0 took 0 self 0\n");
	struct raw raw = raw_load(sink_path());
	ck_assert_uint_eq(raw.size, 16384 + 128);
	ck_assert_uint_eq(raw.header->end_size, raw.size);
	raw_free(&raw);
}
END_TEST

START_TEST(second_end_changes_nothing)
{
	fake_call(&f);
	trace_finish(3);
	trace_finish(4);
	trace_exit(CRUMB_END_FATAL, 5);
	ended(CRUMB_ENDED_CLEAN, 3);
}
END_TEST

START_TEST(events_after_the_end_do_no_harm)
{
	fake_call(&f);
	trace_finish(0);
	for (int i = 0; i < 1000; i++) {
		fake_call(&f);
		trace_exception(&f, &f, 1, "E");
	}
	trace_thread_ended();
	tells("a.crumb", "1 thread_start - +0 0\n"
	                 "1 call f +0 0 :10\n");
	for (int cause = 0; cause < (int)CRUMB_LOSS_CAUSES; cause++)
		ck_assert_uint_eq(lost((enum crumb_loss)cause), 0);
	/* Threads that are still there may have something to tell. */
	fake_call(&g);
	struct seen seen = seen_of(sink_path());
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

START_TEST(process_that_recorded_nothing_ends_in_silence)
{
	trace_finish(0);
	trace_exit(CRUMB_END_CLEAN, 0);
	trace_thread_ended();
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(exit_at_once_is_told)
{
	fake_call(&f);
	trace_exit(CRUMB_END_CLEAN, 7);
	ended(CRUMB_ENDED_CLEAN, 7);
}
END_TEST

START_TEST(abort_is_told)
{
	fake_call(&f);
	errno = ERANGE;
	trace_exit(CRUMB_END_FATAL, 0);
	ck_assert_int_eq(errno, ERANGE);
	ended(CRUMB_ENDED_FATAL, -1);
}
END_TEST

static void *call_and_wait(void *state)
{
	fake_call(&g);
	__atomic_store_n((int *)state, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n((int *)state, __ATOMIC_ACQUIRE) == 1)
		sched_yield();
	return NULL;
}

/* Their windows stay as they are: the reader takes the events from there. */
START_TEST(end_of_the_process_leaves_the_events_of_other_threads)
{
	pthread_t thread;
	int state = 0;

	fake_call(&f);
	pthread_create(&thread, NULL, call_and_wait, &state);
	while (!__atomic_load_n(&state, __ATOMIC_ACQUIRE))
		sched_yield();
	trace_finish(0);
	tells("a.crumb", "1 thread_start - +0 0\n"
	                 "1 call f +0 0 :10\n"
	                 "2 thread_start - +0 0\n"
	                 "2 call g +0 0 :20\n");
	__atomic_store_n(&state, 2, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(losses_are_all_counted_at_the_end)
{
	options.max_size = 40000;
	sink_init(&options);
	capture_begin();
	uint64_t told = 1;
	for (; told <= 20000; told++)
		fake_call(&f);
	trace_exit(CRUMB_END_CLEAN, 0);
	ck_assert(is_line_with(capture_end(), "BREADCRUMB_MAX_SIZE"));
	struct raw raw = raw_load(sink_path());
	ck_assert_uint_eq(raw_count_events(&raw) + raw.header->lost[CRUMB_LOSS_MAX_SIZE],
	                  told);
	raw_free(&raw);
}
END_TEST

START_TEST(process_that_is_replaced_says_so)
{
	fake_call(&f);
	errno = ERANGE;
	trace_exec(true);
	ck_assert_int_eq(errno, ERANGE);
	ended(CRUMB_ENDED_EXEC, -1);
	tells("a.crumb", "1 thread_start - +0 0\n"
	                 "1 call f +0 0 :10\n"
	                 "1 exec - +0 1\n");
}
END_TEST

START_TEST(exec_that_fails_is_taken_back)
{
	fake_call(&f);
	trace_exec(true);
	trace_exec(false);
	fake_return(&f);
	ended(CRUMB_ENDED_UNKNOWN, -1);
	trace_finish(0);
	ended(CRUMB_ENDED_CLEAN, 0);
	tells("a.crumb", "1 thread_start - +0 0\n"
	                 "1 call f +0 0 :10\n"
	                 "1 exec - +0 1\n"
	                 "1 return f +0 0 took 0 self 0\n");
}
END_TEST

START_TEST(exec_of_a_process_without_events_leaves_no_file)
{
	trace_exec(true);
	trace_exec(false);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

static void *exec_in_thread(void *data)
{
	trace_exec(true);
	return data;
}

START_TEST(exec_by_a_thread_without_events_is_told_by_the_end)
{
	pthread_t thread;
	fake_call(&f);
	pthread_create(&thread, NULL, exec_in_thread, NULL);
	pthread_join(thread, NULL);
	ended(CRUMB_ENDED_EXEC, -1);
}
END_TEST

/* A signal handler may have interrupted a flush: then there is no room for the word, and
 * none is made. */
START_TEST(exec_at_the_end_of_a_window_flushes_nothing)
{
	fake_call(&f);
	struct buffer *b = buffer_mine;
	while (b->end - b->next > 1)
		fake_call(&f);
	const uint64_t *next = b->next;
	trace_exec(true);
	ck_assert_ptr_eq(b->next, next);
	ended(CRUMB_ENDED_EXEC, -1);
}
END_TEST

#define THREADS 8
#define CODES   300
#define CALLS   30000
#define FORKS   8
#define COPIES  4

static struct fake shared[CODES];
static char names[CODES][16];

static void *call_many(void *data)
{
	static __thread struct fake own;
	uintptr_t thread = (uintptr_t)data;

	for (uintptr_t i = 0; i < CALLS; i++) {
		struct fake *code = &shared[(i * 7 + thread * 31) % CODES];
		must(fake_call(code));
		if (i % 10 == 0)
			must(trace_line(code, code, code->first_line + (uint32_t)i));
		if (i % 100 == 0) {
			own = (struct fake){"lambda", "app", (uint32_t)i};
			must(fake_call(&own));
			must(fake_return(&own));
			fake_dies(&own);
		}
		must(fake_return(code));
	}
	return NULL;
}

static void call_all_in_child(void)
{
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < CODES; i++) {
			must(fake_call(&shared[i]));
			must(fake_return(&shared[i]));
		}
	}
	trace_finish(0);
	struct seen seen = seen_only(sink_path());
	must(seen.events == 1 + 3 * 2 * CODES);
	must(!*seen.problems);
	seen_free(&seen);
	unlink(sink_path());
}

static void *fork_many(void *unused)
{
	for (int i = 0; i < FORKS; i++)
		in_child(call_all_in_child);
	return unused;
}

static void *copy_many(void *unused)
{
	for (int i = 0; i < COPIES; i++)
		sink_snapshot();
	return unused;
}

START_TEST(busy_threads_forks_and_snapshots_lose_nothing)
{
	pthread_t threads[THREADS], beside[2];
	char name[32];

	for (int i = 0; i < CODES; i++) {
		snprintf(names[i], sizeof(names[i]), "f%d", i);
		shared[i] = (struct fake){names[i], "app", (uint32_t)i + 1};
	}
	fault_shorten(FAULT_COPY_FILE_RANGE, 65536);
	fake_call(&f);
	for (uintptr_t i = 0; i < THREADS; i++) {
		void *(*routine)(void *) = call_many;
		void *argument = (void *)i;
		thread_wrap(&routine, &argument);
		pthread_create(&threads[i], NULL, routine, argument);
	}
	pthread_create(&beside[0], NULL, fork_many, NULL);
	pthread_create(&beside[1], NULL, copy_many, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(beside[i], NULL);

	struct seen seen = seen_only(sink_path());
	ck_assert_str_eq(seen.problems, "");
	ck_assert_uint_eq(seen.events,
	                  2 + THREADS * (2 + CALLS * 2 + CALLS / 10 + CALLS / 100 * 2));
	seen_free(&seen);
	for (int i = 1; i <= COPIES; i++) {
		snprintf(name, sizeof(name), "a.crumb.%d", i);
		seen = seen_only(temp_path(name));
		ck_assert_str_eq(seen.problems, "");
		seen_free(&seen);
	}
	for (int i = 0; i < CODES; i++)
		must(shared[i].described >= 1 && shared[i].described <= THREADS);
	for (int cause = 0; cause < (int)CRUMB_LOSS_CAUSES; cause++)
		ck_assert_uint_eq(lost((enum crumb_loss)cause), 0);
}
END_TEST

static pthread_barrier_t barrier;

static void *call_at_once(void *data)
{
	pthread_barrier_wait(&barrier);
	fake_call(data);
	return NULL;
}

START_TEST(threads_that_begin_at_once_open_one_file)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, call_at_once, i % 2 ? &f : &g);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(fake_interpreter.opened, 1);
	ck_assert_uint_eq(count_files(), 1);
	struct seen seen = seen_of(sink_path());
	ck_assert_str_eq(seen.problems, "");
	ck_assert_uint_eq(seen.events, 3 * THREADS);
	seen_free(&seen);
}
END_TEST

static void add_ends(Suite *suite)
{
	TCase *c = add_case(suite, "ends");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, end_of_the_process_cuts_the_file);
	tcase_add_test(c, second_end_changes_nothing);
	tcase_add_test(c, events_after_the_end_do_no_harm);
	tcase_add_test(c, process_that_recorded_nothing_ends_in_silence);
	tcase_add_test(c, exit_at_once_is_told);
	tcase_add_test(c, abort_is_told);
	tcase_add_test(c, end_of_the_process_leaves_the_events_of_other_threads);
	tcase_add_test(c, losses_are_all_counted_at_the_end);
	tcase_add_test(c, process_that_is_replaced_says_so);
	tcase_add_test(c, exec_that_fails_is_taken_back);
	tcase_add_test(c, exec_of_a_process_without_events_leaves_no_file);
	tcase_add_test(c, exec_by_a_thread_without_events_is_told_by_the_end);
	tcase_add_test(c, exec_at_the_end_of_a_window_flushes_nothing);
}

static void add_threads(Suite *suite)
{
	TCase *c = add_case(suite, "threads");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, threads_that_begin_at_once_open_one_file);
	tcase_add_test(c, busy_threads_forks_and_snapshots_lose_nothing);
}

int main(void)
{
	Suite *suite = suite_create("agent: trace, processes");
	add_ends(suite);
	add_threads(suite);
	return run_suite(suite);
}
