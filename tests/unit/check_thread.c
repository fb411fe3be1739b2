/* SPDX-License-Identifier: MIT */
/* This exercises: what is known of a thread, and that its end is noticed once. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "clock.h"
#include "fault.h"
#include "thread.h"

static unsigned ends;     /* calls of `ended`; atomic */
static uint32_t ended_id; /* native id of the last thread that ended */

static uint32_t native_id(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static void ended(void)
{
	ended_id = native_id();
	__atomic_fetch_add(&ends, 1, __ATOMIC_RELAXED);
}

static void setup(void)
{
	ck_assert(thread_init(false, ended));
}

/* Starts a thread as agent.c does, and waits for its end. */
static void *run_wrapped(void *(*routine)(void *), void *argument)
{
	pthread_t thread;
	void *result;

	thread_wrap(&routine, &argument);
	ck_assert_int_eq(pthread_create(&thread, NULL, routine, argument), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	return result;
}

static void *run_plain(void *(*routine)(void *), void *argument)
{
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pthread_create(&thread, NULL, routine, argument), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	return result;
}

struct told {
	struct thread_start start;
	uint64_t before, after;
	uint32_t native_id;
	uint64_t ident;
};

static void *ask(void *data)
{
	struct told *told = data;
	/* A tick that can be told from the thread's start. */
	uint64_t first = clock_ticks(false);
	while (clock_ticks(false) == first)
		;
	told->before = clock_ticks(false);
	thread_here(&told->start);
	told->after = clock_ticks(false);
	told->native_id = native_id();
	told->ident = (uint64_t)pthread_self();
	return data;
}

START_TEST(first_thread_has_no_parent)
{
	struct told told;

	ask(&told);
	ck_assert_uint_eq(told.start.native_id, (unsigned)getpid());
	ck_assert_uint_eq(told.start.ident, told.ident);
	ck_assert_uint_eq(told.start.parent_native_id, 0);
	ck_assert_uint_ge(told.start.ticks, told.before);
	ck_assert_uint_le(told.start.ticks, told.after);
}
END_TEST

START_TEST(started_thread_knows_its_parent_and_beginning)
{
	struct told told;
	uint64_t before = clock_ticks(false);

	ck_assert_ptr_eq(run_wrapped(ask, &told), &told);
	ck_assert_uint_eq(told.start.parent_native_id, native_id());
	ck_assert_uint_eq(told.start.native_id, told.native_id);
	ck_assert_uint_ne(told.start.native_id, native_id());
	ck_assert_uint_eq(told.start.ident, told.ident);
	ck_assert_uint_ge(told.start.ticks, before);
	ck_assert_uint_lt(told.start.ticks, told.before);
}
END_TEST

static void *ask_through_another(void *data)
{
	struct told *told = data;
	run_wrapped(ask, &told[1]);
	return ask(told);
}

START_TEST(parent_is_the_thread_that_started_it)
{
	struct told told[2];

	run_wrapped(ask_through_another, told);
	ck_assert_uint_eq(told[0].start.parent_native_id, native_id());
	ck_assert_uint_eq(told[1].start.parent_native_id, told[0].native_id);
}
END_TEST

START_TEST(thread_that_was_not_wrapped_begins_when_it_is_met)
{
	struct told told;

	run_plain(ask, &told);
	ck_assert_uint_eq(told.start.parent_native_id, 0);
	ck_assert_uint_eq(told.start.native_id, told.native_id);
	ck_assert_uint_ge(told.start.ticks, told.before);
	ck_assert_uint_le(told.start.ticks, told.after);
}
END_TEST

static void *ask_twice(void *data)
{
	ask(data);
	return ask(data);
}

START_TEST(asked_again_a_thread_begins_anew)
{
	struct told told;

	run_wrapped(ask_twice, &told);
	ck_assert_uint_ge(told.start.ticks, told.before);
	ck_assert_uint_eq(told.start.parent_native_id, native_id());
	ck_assert_uint_eq(ends, 1);
	run_plain(ask_twice, &told);
	ck_assert_uint_ge(told.start.ticks, told.before);
	ck_assert_uint_eq(ends, 2);
}
END_TEST

START_TEST(end_is_told_in_the_thread_itself)
{
	struct told told;

	run_wrapped(ask, &told);
	ck_assert_uint_eq(ends, 1);
	ck_assert_uint_eq(ended_id, told.native_id);
	run_plain(ask, &told);
	ck_assert_uint_eq(ends, 2);
	ck_assert_uint_eq(ended_id, told.native_id);
}
END_TEST

static void *do_nothing(void *data)
{
	return data;
}

START_TEST(thread_that_nobody_asked_about_ends_in_silence)
{
	run_wrapped(do_nothing, NULL);
	run_plain(do_nothing, NULL);
	ck_assert_uint_eq(ends, 0);
}
END_TEST

static void *ask_and_exit(void *data)
{
	ask(data);
	pthread_exit(data);
}

START_TEST(pthread_exit_is_an_end_too)
{
	struct told told;

	ck_assert_ptr_eq(run_wrapped(ask_and_exit, &told), &told);
	ck_assert_uint_eq(ends, 1);
}
END_TEST

static struct told late;

static void ended_too_early(void)
{
	if (ends++ == 0)
		ask(&late);
}

START_TEST(thread_that_goes_on_after_its_end_ends_again)
{
	struct told told;

	ck_assert(thread_init(false, ended_too_early));
	run_wrapped(ask, &told);
	ck_assert_uint_eq(late.start.native_id, told.native_id);
	ck_assert_uint_ge(late.start.ticks, late.before);
	ck_assert_uint_eq(ends, 2);
}
END_TEST

START_TEST(routine_gets_its_argument_and_gives_its_result)
{
	int x;
	ck_assert_ptr_eq(run_wrapped(do_nothing, &x), &x);
	ck_assert_ptr_null(run_wrapped(do_nothing, NULL));
}
END_TEST

START_TEST(wrapping_can_be_undone)
{
	int x;
	void *(*routine)(void *) = do_nothing;
	void *argument = &x;

	thread_wrap(&routine, &argument);
	ck_assert_ptr_ne(argument, &x);
	thread_unwrap(routine, argument);
	/* Nothing to undo: the argument is the program's. */
	thread_unwrap(do_nothing, &x);
}
END_TEST

START_TEST(without_memory_the_routine_is_left_alone)
{
	int x;
	void *(*routine)(void *) = do_nothing;
	void *argument = &x;

	fault_fail(FAULT_MALLOC, 0, 1, ENOMEM);
	thread_wrap(&routine, &argument);
	fault_none();
	ck_assert(routine == do_nothing);
	ck_assert_ptr_eq(argument, &x);
}
END_TEST

START_TEST(thread_without_a_place_for_its_datum_runs_all_the_same)
{
	struct told told;

	fault_fail(FAULT_SETSPECIFIC, 0, FAULT_ALWAYS, ENOMEM);
	ck_assert_ptr_eq(run_wrapped(ask, &told), &told);
	fault_none();
	ck_assert_uint_eq(told.start.native_id, told.native_id);
	ck_assert_uint_eq(told.start.parent_native_id, 0);
	ck_assert_uint_eq(ends, 0);
}
END_TEST

START_TEST(without_a_key_threads_run_and_nothing_is_noticed)
{
	struct told told;

	fault_fail(FAULT_KEY_CREATE, 0, 1, EAGAIN);
	ck_assert(!thread_init(false, ended));
	run_wrapped(ask, &told);
	ck_assert_uint_eq(told.start.native_id, told.native_id);
	ck_assert_uint_eq(told.start.parent_native_id, 0);
	ck_assert_uint_ge(told.start.ticks, told.before);
	ck_assert_uint_eq(ends, 0);
	ck_assert(thread_init(false, ended));
	run_wrapped(ask, &told);
	ck_assert_uint_eq(ends, 1);
}
END_TEST

static void all_keys_are_taken(void)
{
	pthread_key_t key;
	struct told told;

	while (pthread_key_create(&key, NULL) == 0)
		;
	ck_assert(!thread_init(false, ended));
	run_wrapped(ask, &told);
	ck_assert_uint_eq(told.start.native_id, told.native_id);
}

START_TEST(program_that_has_all_keys_keeps_them)
{
	in_child(all_keys_are_taken);
}
END_TEST

START_TEST(ticks_are_of_the_clock_that_was_chosen)
{
	struct told told;
	bool counter = clock_has_counter();

	ck_assert(thread_init(counter, ended));
	uint64_t before = clock_ticks(counter);
	run_wrapped(ask, &told);
	ck_assert_uint_ge(told.start.ticks, before);
	ck_assert_uint_le(told.start.ticks, clock_ticks(counter));
}
END_TEST

static struct told *before_fork;

static void *ask_and_fork(void *data)
{
	struct told child;

	before_fork = ask(data);
	pid_t pid = fork();
	if (pid == 0) {
		ask(&child);
		ck_assert_uint_eq(child.start.native_id, (unsigned)getpid());
		ck_assert_uint_eq(child.start.ident, before_fork->ident);
		ck_assert_uint_ge(child.start.ticks, child.before);
		leave_child(0);
	}
	child_ends(pid, 0);
	return data;
}

START_TEST(forked_child_is_a_thread_that_begins_anew)
{
	struct told told;
	run_wrapped(ask_and_fork, &told);
	ck_assert_uint_eq(ends, 1);
}
END_TEST

/* The parent's start and starter are not the child's. */
static void *fork_unasked(void *data)
{
	struct told told;
	pid_t pid = fork();

	if (pid == 0) {
		thread_forked();
		ask(&told);
		ck_assert_uint_ge(told.start.ticks, told.before);
		ck_assert_uint_eq(told.start.parent_native_id, 0);
		ck_assert_uint_eq(told.start.native_id, (unsigned)getpid());
		leave_child(0);
	}
	child_ends(pid, 0);
	return data;
}

START_TEST(forked_child_was_started_by_nobody)
{
	struct told told;

	thread_forked(); /* in a thread of which nothing is known */
	run_wrapped(fork_unasked, NULL);
	run_plain(fork_unasked, NULL);
	ask(&told);
	thread_forked();
	ask(&told);
	ck_assert_uint_eq(told.start.parent_native_id, 0);
}
END_TEST

START_TEST(fork_before_the_beginning_is_nothing)
{
	thread_forked();
	ck_assert_uint_eq(ends, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: thread");
	TCase *c = add_case(suite, "threads");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, first_thread_has_no_parent);
	tcase_add_test(c, started_thread_knows_its_parent_and_beginning);
	tcase_add_test(c, parent_is_the_thread_that_started_it);
	tcase_add_test(c, thread_that_was_not_wrapped_begins_when_it_is_met);
	tcase_add_test(c, asked_again_a_thread_begins_anew);
	tcase_add_test(c, end_is_told_in_the_thread_itself);
	tcase_add_test(c, thread_that_nobody_asked_about_ends_in_silence);
	tcase_add_test(c, pthread_exit_is_an_end_too);
	tcase_add_test(c, thread_that_goes_on_after_its_end_ends_again);
	tcase_add_test(c, routine_gets_its_argument_and_gives_its_result);
	tcase_add_test(c, wrapping_can_be_undone);
	tcase_add_test(c, without_memory_the_routine_is_left_alone);
	tcase_add_test(c, thread_without_a_place_for_its_datum_runs_all_the_same);
	tcase_add_test(c, ticks_are_of_the_clock_that_was_chosen);
	tcase_add_test(c, forked_child_is_a_thread_that_begins_anew);
	tcase_add_test(c, forked_child_was_started_by_nobody);
	c = add_case(suite, "without keys");
	tcase_add_test(c, fork_before_the_beginning_is_nothing);
	tcase_add_test(c, without_a_key_threads_run_and_nothing_is_noticed);
	tcase_add_test(c, program_that_has_all_keys_keeps_them);
	return run_suite(suite);
}
