/* SPDX-License-Identifier: MIT */
/*
 * This exercises: how a process forks, is replaced and ends, as its traces tell it; and
 * many threads on the whole path of an event.
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

/* ---- ends ---- */

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

/* ---- exec ---- */

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

/* ---- forks ---- */

static const char told_by_child[] = "1 thread_start - +0 0\n"
				    "1 call f +0 0 :10\n"
				    "1 return f +0 0 took 0 self 0\n";

static void call_in_child(void)
{
	fault_clock_run();
	fault_clock_stop(1000, INT64_C(1704164645000000000));
	ck_assert_ptr_null(buffer_mine);
	ck_assert(fake_call(&f));
	ck_assert(fake_return(&f));
	ck_assert_str_eq(sink_path(), temp_path("a-2.crumb"));
	trace_finish(0);
}

START_TEST(forked_child_writes_its_own_file)
{
	fake_call(&f);
	in_child(call_in_child);
	fake_return(&f);
	tells("a.crumb", told_by_child);
	tells("a-2.crumb", told_by_child);
	const char *const both[] = {temp_path("a.crumb"), temp_path("a-2.crumb")};
	struct seen seen = seen_of_all(both, 2);
	const struct crumb_process *parent = crumb_trace_process(seen.trace, 0),
				   *child = crumb_trace_process(seen.trace, 1);
	ck_assert_uint_eq(child->parent_id, parent->trace_id);
	ck_assert_uint_eq(child->parent_pid, parent->pid);
	ck_assert_uint_eq(seen.events, 6);
	seen_free(&seen);
	ck_assert_uint_eq(f.described, 1); /* in this process */
}
END_TEST

static void do_nothing(void)
{
	trace_exec(true);
	trace_exit(CRUMB_END_CLEAN, 0);
	trace_finish(0);
	trace_thread_ended();
}

START_TEST(child_that_only_execs_leaves_no_file)
{
	fake_call(&f);
	in_child(do_nothing);
	ck_assert_uint_eq(count_files(), 1);
	ended(CRUMB_ENDED_UNKNOWN, -1);
}
END_TEST

static void call_in_fork_handlers(void)
{
	fake_interpreter.in_fork = true;
	for (int i = 0; i < 5; i++) {
		ck_assert(fake_call(&g));
		ck_assert(trace_line(&g, &g, 21));
	}
	ck_assert_uint_eq(count_files(), 1);
	fake_interpreter.in_fork = false;
	call_in_child();
}

START_TEST(child_is_recorded_from_where_the_program_goes_on)
{
	fake_call(&f);
	in_child(call_in_fork_handlers);
	tells("a-2.crumb", told_by_child);
}
END_TEST

static void fork_again(void)
{
	in_child(call_in_child);
}

START_TEST(grandchild_of_a_silent_child_has_its_file)
{
	fake_call(&f);
	in_child(fork_again);
	tells("a-2.crumb", told_by_child);
	ck_assert_uint_eq(count_files(), 2);
}
END_TEST

static void call_and_fork(void)
{
	call_in_child();
	in_child(do_nothing);
}

START_TEST(child_that_ended_may_fork)
{
	fake_call(&f);
	in_child(call_and_fork);
	ck_assert_uint_eq(count_files(), 2);
}
END_TEST

static void still_nothing(void)
{
	ck_assert(fake_call(&f));
	ck_assert(!trace_begin());
	ck_assert_uint_eq(fake_interpreter.opened, 1);
}

START_TEST(child_of_a_process_without_a_file_has_none)
{
	fake_interpreter.cannot_open = true;
	fake_call(&f);
	in_child(still_nothing);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

static void *fork_in_thread(void *data)
{
	fake_call(&g);
	in_child(call_in_child);
	return data;
}

START_TEST(child_of_a_thread_has_one_thread)
{
	pthread_t thread;
	fake_call(&f);
	pthread_create(&thread, NULL, fork_in_thread, NULL);
	pthread_join(thread, NULL);
	tells("a-2.crumb", told_by_child);
}
END_TEST

/* clone(2) by hand runs no fork handlers. */
static pid_t clone_by_hand(void)
{
	return (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, NULL);
}

START_TEST(child_of_which_nobody_told_writes_its_own_file)
{
	fake_call(&f);
	fake_call(&g);
	pid_t child = clone_by_hand();
	if (child == 0) {
		/* Whatever comes first in the child. */
		if (_i == 0)
			fake_call(&f);
		else if (_i == 1)
			trace_line(&f, &f, 11);
		else if (_i == 2)
			trace_exception(&f, &f, 11, "E");
		else if (_i == 3)
			trace_here();
		else
			trace_lost(CRUMB_LOSS_LOW_STACK, 1);
		must(strcmp(sink_path(), temp_path("a-2.crumb")) == 0);
		fake_call(&g);
		trace_finish(0);
		leave_child(0);
	}
	child_ends(child, 0);
	tells("a.crumb", "1 thread_start - +0 0\n"
	                 "1 call f +0 0 :10\n"
	                 "1 call g +0 1 :20\n");
	struct seen seen = seen_of(temp_path("a-2.crumb"));
	ck_assert_str_eq(seen.problems, "");
	ck_assert_uint_eq(seen.events, _i == 3 ? 2 : 3);
	seen_free(&seen);
}
END_TEST

START_TEST(child_of_which_nobody_told_ends_without_harm)
{
	fake_call(&f);
	pid_t child = clone_by_hand();
	if (child == 0) {
		trace_thread_ended();
		trace_exec(true);
		trace_exit(CRUMB_END_CLEAN, 9);
		trace_finish(9);
		leave_child(0);
	}
	child_ends(child, 0);
	ck_assert_uint_eq(count_files(), 1);
	ended(CRUMB_ENDED_UNKNOWN, -1);
	fake_return(&f);
	tells("a.crumb", told_by_child);
}
END_TEST

/* A finalizer that runs while a thread's name is looked for forks, and records there. */
static void fork_here(void)
{
	pid_t child = fork();
	if (child == 0)
		return; /* and go on in the middle of the parent's event */
	child_ends(child, 0);
}

START_TEST(fork_within_a_question_leaves_both_files_sound)
{
	pid_t self = getpid();

	fake_call(&f);
	if (_i == 0)
		fake_interpreter.in_thread_name = fork_here;
	else
		fake_interpreter.in_describe = fork_here;
	fake_call(_i == 0 ? &f : &g);
	fake_call(&f);
	if (getpid() != self) {
		trace_finish(0);
		leave_child(0);
	}
	struct seen seen = seen_of(temp_path("a.crumb"));
	ck_assert_str_eq(seen.problems, "");
	ck_assert_uint_eq(seen.events, 4);
	seen_free(&seen);
	seen = seen_of(temp_path("a-2.crumb"));
	ck_assert_str_eq(seen.problems, "");
	ck_assert_uint_ge(seen.events, 2);
	seen_free(&seen);
}
END_TEST

/* A signal handler that forks, in a thread that holds a lock: it must not wait for
 * itself. */
static pid_t forked_within;

static void fork_within(void)
{
	forked_within = fork();
	if (forked_within == 0) {
		/* In the midst of a change: such a child is not recorded. */
		fake_call(&f);
		leave_child(trace_begin() ? 1 : 0);
	}
}

START_TEST(fork_by_a_handler_that_interrupts_us_does_not_wait)
{
	fake_call(&f);
	fault_before(FAULT_MMAP, 0, fork_within);
	fault_before(FAULT_FALLOCATE, 0, fork_within);
	static char text[60000];
	memset(text, 'x', sizeof(text));
	ck_assert_uint_ne(intern_string(text, sizeof(text)), 0); /* under two locks */
	ck_assert_int_gt(forked_within, 0);
	child_ends(forked_within, 0);
	fake_call(&g); /* and no lock was lost */
	in_child(call_in_child);
}
END_TEST

/* ---- many threads on the whole path ---- */

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

static void add_forks(Suite *suite)
{
	TCase *c = add_case(suite, "forks");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, forked_child_writes_its_own_file);
	tcase_add_test(c, child_that_only_execs_leaves_no_file);
	tcase_add_test(c, child_is_recorded_from_where_the_program_goes_on);
	tcase_add_test(c, grandchild_of_a_silent_child_has_its_file);
	tcase_add_test(c, child_that_ended_may_fork);
	tcase_add_test(c, child_of_a_process_without_a_file_has_none);
	tcase_add_test(c, child_of_a_thread_has_one_thread);
	tcase_add_loop_test(c, child_of_which_nobody_told_writes_its_own_file, 0, 5);
	tcase_add_test(c, child_of_which_nobody_told_ends_without_harm);
	tcase_add_loop_test(c, fork_within_a_question_leaves_both_files_sound, 0, 2);
	tcase_add_test(c, fork_by_a_handler_that_interrupts_us_does_not_wait);
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
	add_forks(suite);
	add_threads(suite);
	return run_suite(suite);
}
