/* SPDX-License-Identifier: MIT */
/*
 * This exercises: children of a traced process, however they came to be.  Each that
 * records something has a file of its own, and no parent's file changes by it.
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

int main(void)
{
	Suite *suite = suite_create("agent: trace, forks");
	add_forks(suite);
	return run_suite(suite);
}
