/* SPDX-License-Identifier: MIT */
/*
 * This exercises: the threads of a traced program, and a path of events on which
 * something is missing: a file, memory, a moment to be cancelled.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "fake_source.h"
#include "fault.h"
#include "filter.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "thread.h"

static struct fake f = {"f", "app", 10}, g = {"g", "app", 20, .generator = true};

/* What the reader tells of the file, which has no damage and nothing undefined in it. */
static void tells(const char *text)
{
	seen_is(seen_of(sink_path()), text);
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

START_TEST(thread_is_described)
{
	fake_interpreter.thread_name = "MainThread";
	fake_call(&f);
	struct seen seen = seen_of(sink_path());
	const struct crumb_thread *t =
	    crumb_process_thread(crumb_trace_process(seen.trace, 0), 0);
	ck_assert_uint_eq(t->number, 1);
	ck_assert_uint_eq(t->native_id, (unsigned)getpid());
	ck_assert_uint_eq(t->ident, (uint64_t)pthread_self());
	ck_assert_str_eq(t->name, "MainThread");
	ck_assert_uint_eq(t->parent_native_id, 0);
	seen_free(&seen);
	for (int i = 0; i < 20000; i++)
		fake_call(&f);
	ck_assert_uint_eq(fake_interpreter.names_asked, 1);
}
END_TEST

START_TEST(name_is_looked_for_until_it_is_known)
{
	for (int i = 0; i < 10; i++)
		fake_call(&f);
	unsigned asked = fake_interpreter.names_asked;
	ck_assert_uint_ge(asked, 5);
	ck_assert_uint_eq(records(CRUMB_RECORD_THREAD_NAME), 0);
	fake_interpreter.thread_name = "worker-1";
	for (int i = 0; i < 10; i++)
		fake_call(&f);
	ck_assert_uint_le(fake_interpreter.names_asked, asked + 2);
	ck_assert_uint_eq(records(CRUMB_RECORD_THREAD_NAME), 1);
}
END_TEST

START_TEST(name_is_not_looked_for_for_ever)
{
	for (int i = 0; i < 1000; i++)
		fake_call(&f);
	ck_assert_uint_ge(fake_interpreter.names_asked, 64);
	ck_assert_uint_le(fake_interpreter.names_asked, 66);
}
END_TEST

static void *call_once(void *code)
{
	fake_call(code);
	fault_clock_advance(1);
	fake_return(code);
	return NULL;
}

static void run_in_thread(void *(*body)(void *), void *argument)
{
	pthread_t thread;
	thread_wrap(&body, &argument);
	ck_assert_int_eq(pthread_create(&thread, NULL, body, argument), 0);
	pthread_join(thread, NULL);
}

START_TEST(threads_start_and_end)
{
	fake_interpreter.thread_name = "worker";
	fake_call(&f);
	run_in_thread(call_once, &g);
	run_in_thread(call_once, &g);
	fake_return(&f);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "2 thread_start - +0 0\n"
	      "2 call g +0 0 :20\n"
	      "2 return g +1 0 took 1 self 1\n"
	      "2 thread_end - +1 0\n"
	      "3 thread_start - +1 0\n"
	      "3 call g +1 0 :20\n"
	      "1 return f +2 0 took 2 self 2\n"
	      "3 return g +2 0 took 1 self 1\n"
	      "3 thread_end - +2 0\n");
	ck_assert_uint_eq(records(CRUMB_RECORD_THREAD), 3);
	ck_assert_uint_eq(g.described, 1);
}
END_TEST

static struct fake excluded = {"x", "noise", 1};

START_TEST(thread_without_recorded_events_is_not_there)
{
	filter_init("", "noise");
	fake_call(&f);
	run_in_thread(call_once, &excluded);
	ck_assert_uint_eq(records(CRUMB_RECORD_THREAD), 1);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n");
}
END_TEST

static struct fake late = {"late", "app", 3};

/* A destructor of the program's own, which runs after ours. */
static void call_late(void *data)
{
	(void)data;
	fake_call(&late);
}

static void *end_twice(void *data)
{
	pthread_key_t key;
	ck_assert_int_eq(pthread_key_create(&key, call_late), 0);
	pthread_setspecific(key, data);
	return call_once(data);
}

START_TEST(event_after_the_end_of_a_thread_is_a_new_thread)
{
	run_in_thread(end_twice, &f);
	tells("1 thread_start - +0 0\n"
	      "1 call f +0 0 :10\n"
	      "1 return f +1 0 took 1 self 1\n"
	      "1 thread_end - +1 0\n"
	      "2 thread_start - +1 0\n"
	      "2 call late +1 0 :3\n"
	      "2 thread_end - +1 1\n");
}
END_TEST

START_TEST(buffer_may_be_asked_for_before_the_first_event)
{
	struct buffer *b = trace_here();
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_eq(b, buffer_mine);
	ck_assert_ptr_eq(trace_here(), b);
	tells("1 thread_start - +0 0\n");
}
END_TEST

START_TEST(file_that_cannot_be_opened_is_tried_once)
{
	fake_interpreter.cannot_open = true;
	for (int i = 0; i < 10; i++) {
		ck_assert(fake_call(&f));
		ck_assert(trace_line(&f, &f, 11));
		ck_assert(trace_exception(&f, &f, 11, "E"));
		ck_assert(!trace_wants(&f, &f));
		ck_assert(!trace_is_generator(&g, &g));
		ck_assert_ptr_null(trace_here());
		ck_assert(!trace_begin());
		trace_lost(CRUMB_LOSS_LOW_STACK, 1);
		trace_exec(true);
		trace_exec(false);
		trace_exit(CRUMB_END_CLEAN, 0);
	}
	trace_thread_ended();
	trace_finish(0);
	ck_assert_uint_eq(fake_interpreter.opened, 1);
	ck_assert_uint_eq(f.described, 0);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(thread_without_memory_for_a_buffer_is_counted)
{
	ck_assert(trace_wants(&f, &f));
	capture_begin();
	fault_fail(FAULT_MMAP, 0, FAULT_ALWAYS, ENOMEM);
	ck_assert(fake_call(&f));
	ck_assert(trace_line(&f, &f, 11));
	ck_assert(trace_exception(&f, &f, 11, "E"));
	ck_assert_ptr_null(trace_here());
	for (int i = 0; i < 1000; i++)
		fake_call(&f);
	/* There is no use in asking the kernel each time. */
	ck_assert_uint_le(fault_count(FAULT_MMAP), 30);
	fault_none();
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_WINDOW), 1003);
	for (int i = 0; i < 2000 && !buffer_mine; i++)
		ck_assert(fake_call(&f));
	ck_assert_ptr_nonnull(buffer_mine);
	ck_assert(is_line_with(capture_end(), "no memory can be mapped"));
}
END_TEST

START_TEST(want_of_memory_is_forgotten_when_there_is_some)
{
	ck_assert(trace_wants(&f, &f));
	fault_fail(FAULT_MMAP, 0, FAULT_ALWAYS, ENOMEM);
	for (int i = 0; i < 3000; i++)
		fake_call(&f);
	fault_none();
	for (int i = 0; i < 1024 && !buffer_mine; i++)
		fake_call(&f);
	ck_assert_ptr_nonnull(buffer_mine);
	uint64_t before = lost(CRUMB_LOSS_NO_WINDOW);
	run_in_thread(call_once, &f);
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_WINDOW), before);
}
END_TEST

START_TEST(loss_of_code_that_is_wanted_is_counted)
{
	filter_init("", "noise");
	capture_begin();
	errno = ERANGE;
	trace_lose(&f, &f, 3);
	trace_lose(&excluded, &excluded, 4);
	ck_assert_int_eq(errno, ERANGE);
	ck_assert(is_line_with(capture_end(), "some events are not recorded"));
	ck_assert_uint_eq(lost(CRUMB_LOSS_NO_WINDOW), 3);
	ck_assert_ptr_null(buffer_mine);
}
END_TEST

START_TEST(errno_is_as_it_was)
{
	static struct fake many[300];
	fake_call(&f);
	for (size_t i = 0; i < 300; i++) {
		many[i] = (struct fake){"f", "app", 1};
		fault_fail(FAULT_FSTAT, 0, 1, EBADF); /* a call that changes errno */
		errno = ERANGE;
		fake_call(&many[i]);
		must(errno == ERANGE);
		trace_line(&many[i], &many[i], 100000);
		must(errno == ERANGE);
		trace_exception(&many[i], &many[i], 3, "E");
		must(errno == ERANGE);
		trace_lost(CRUMB_LOSS_LOW_STACK, 1);
		must(errno == ERANGE);
		fake_dies(&many[i]);
		must(errno == ERANGE);
	}
}
END_TEST

START_TEST(questions_leave_errno_as_it_was)
{
	static struct fake many[3000];
	fake_call(&f);
	for (size_t i = 0; i < 3000; i++) {
		many[i] = (struct fake){"f", "app", 1};
		fault_fail(FAULT_FSTAT, 0, 1, EBADF);
		errno = ERANGE;
		trace_wants(&many[i], &many[i]);
		must(errno == ERANGE);
		trace_is_generator(&g, &g);
		must(errno == ERANGE);
	}
}
END_TEST

/* pthread_cancel() takes effect where the program says so, not in here. */
static void *be_cancelled(void *data)
{
	int state;
	pthread_cancel(pthread_self());
	for (int i = 0; i < 20000; i++)
		fake_call(&f);
	trace_exception(&f, &f, 1, "E");
	trace_wants(&g, &g);
	*(bool *)data = true;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	ck_assert_int_eq(state, PTHREAD_CANCEL_ENABLE);
	pthread_setcancelstate(state, NULL);
	pthread_testcancel();
	*(bool *)data = false;
	return NULL;
}

START_TEST(cancellation_waits_for_the_program)
{
	bool passed = false;
	run_in_thread(be_cancelled, &passed);
	ck_assert(passed);
	fake_call(&g); /* no lock is held */
	struct seen seen = seen_only(sink_path());
	ck_assert_uint_eq(seen.events, 1 + 20000 + 1 + 1 + 2);
	seen_free(&seen);
}
END_TEST

static void setup(void)
{
	fake_begin();
}

static void add_threads(Suite *suite)
{
	TCase *c = add_case(suite, "threads");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, thread_is_described);
	tcase_add_test(c, name_is_looked_for_until_it_is_known);
	tcase_add_test(c, name_is_not_looked_for_for_ever);
	tcase_add_test(c, threads_start_and_end);
	tcase_add_test(c, thread_without_recorded_events_is_not_there);
	tcase_add_test(c, event_after_the_end_of_a_thread_is_a_new_thread);
	tcase_add_test(c, buffer_may_be_asked_for_before_the_first_event);
	c = add_case(suite, "want");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, file_that_cannot_be_opened_is_tried_once);
	tcase_add_test(c, thread_without_memory_for_a_buffer_is_counted);
	tcase_add_test(c, want_of_memory_is_forgotten_when_there_is_some);
	tcase_add_test(c, loss_of_code_that_is_wanted_is_counted);
	tcase_add_test(c, errno_is_as_it_was);
	tcase_add_test(c, questions_leave_errno_as_it_was);
	tcase_add_test(c, cancellation_waits_for_the_program);
}

int main(void)
{
	Suite *suite = suite_create("agent: trace, threads");
	add_threads(suite);
	return run_suite(suite);
}
