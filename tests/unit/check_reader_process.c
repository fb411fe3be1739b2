/* SPDX-License-Identifier: MIT */
/*
 * This exercises: what is said of a process, its threads and its functions, and how it
 * ended.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "make_trace.h"
#include "read_trace.h"

static const char *path;

static void setup(void)
{
	temp_setup();
	path = temp_path("a.crumb");
}

static void add_call(struct make_trace *t, uint64_t ticks)
{
	uint32_t code = make_code(t, "app", "f", "/srv/app.py", 100);

	make_event(t, make_thread(t, 4711, "MainThread"), CRUMB_WORD_CALL, code, ticks);
}

static void make_small(const char *file)
{
	struct make_trace *t = make_begin(file);

	add_call(t, 10);
	make_finish(t);
}

static struct crumb_trace *open_trace(void)
{
	struct crumb_trace *trace = crumb_trace_new();

	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	return trace;
}

START_TEST(process_is_described)
{
	static const struct {
		uint32_t fact;
		const char *text;
	} facts[] = {
	    {CRUMB_FACT_EXECUTABLE, "/usr/bin/python3.12"},
	    {CRUMB_FACT_PYTHON, "3.12.1 (main)"},
	    {CRUMB_FACT_BACKEND, "monitoring"},
	    {CRUMB_FACT_HOST, "kitchen"},
	    {CRUMB_FACT_DIRECTORY, "/srv"},
	    {CRUMB_FACT_AGENT, "0.1.0"},
	    {CRUMB_FACT_INCLUDE, "app.*"},
	    {CRUMB_FACT_EXCLUDE, "app.noise"},
	    {CRUMB_FACT_PARENT_FILE, "/tmp/parent.crumb"},
	    {CRUMB_FACT_NOTE, "first"},
	    {CRUMB_FACT_NOTE, "second"},
	    {99, "of a later agent"},
	};
	struct make_trace *t = make_begin(path);

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		make_fact(t, facts[i].fact, facts[i].text, strlen(facts[i].text));
	make_fact(t, CRUMB_FACT_COMMAND, "python3\0app.py\0\0--x", 19);
	make_header(t)->parent_id = 77;
	make_header(t)->flags = CRUMB_FLAG_LINES;
	make_header(t)->lost[CRUMB_LOSS_LOW_STACK] = 3;
	make_header(t)->end_status = 42;
	make_header(t)->end_ticks = 5000;
	make_header(t)->end_ns = MAKE_START_NS + 5000;
	add_call(t, 10);
	make_finish(t);
	struct crumb_trace *trace = open_trace();
	const struct crumb_process *p = crumb_trace_process(trace, 0);
	ck_assert_str_eq(p->path, path);
	ck_assert_uint_eq(p->trace_id, 0x1234567812345678);
	ck_assert_uint_eq(p->parent_id, 77);
	ck_assert_uint_eq(p->pid, 4711);
	ck_assert_uint_eq(p->parent_pid, 4710);
	ck_assert_int_eq(p->start_ns, MAKE_START_NS);
	ck_assert_int_eq(p->end_ns, MAKE_START_NS + 5000);
	ck_assert_int_eq((int)p->ended, CRUMB_ENDED_CLEAN);
	ck_assert_int_eq(p->exit_status, 42);
	ck_assert_uint_eq(p->python_hex, 0x030c01f0);
	ck_assert_uint_eq(p->flags, CRUMB_FLAG_LINES);
	ck_assert_uint_eq(p->threads, 1);
	ck_assert_uint_eq(p->codes, 1);
	ck_assert_uint_eq(p->lost[CRUMB_LOSS_LOW_STACK], 3);
	ck_assert_str_eq(p->executable, "/usr/bin/python3.12");
	ck_assert_str_eq(p->python, "3.12.1 (main)");
	ck_assert_str_eq(p->backend, "monitoring");
	ck_assert_str_eq(p->host, "kitchen");
	ck_assert_str_eq(p->directory, "/srv");
	ck_assert_str_eq(p->agent, "0.1.0");
	ck_assert_str_eq(p->include, "app.*");
	ck_assert_str_eq(p->exclude, "app.noise");
	ck_assert_str_eq(p->parent_file, "/tmp/parent.crumb");
	ck_assert_uint_eq(p->note_count, 2);
	ck_assert_str_eq(p->notes[0], "first");
	ck_assert_str_eq(p->notes[1], "second");
	ck_assert_uint_eq(p->argc, 4);
	ck_assert_str_eq(p->arguments[0], "python3");
	ck_assert_str_eq(p->arguments[1], "app.py");
	ck_assert_str_eq(p->arguments[2], "");
	ck_assert_str_eq(p->arguments[3], "--x");
	ck_assert_ptr_null(p->arguments[4]);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(p->file_bytes, (uint64_t)st.st_size);
	crumb_trace_free(trace);
}
END_TEST

START_TEST(unsaid_facts_are_empty)
{
	make_small(path);
	struct crumb_trace *trace = open_trace();
	const struct crumb_process *p = crumb_trace_process(trace, 0);
	ck_assert_str_eq(p->executable, "");
	ck_assert_str_eq(p->parent_file, "");
	ck_assert_uint_eq(p->argc, 0);
	ck_assert_ptr_null(p->arguments[0]);
	ck_assert_uint_eq(p->note_count, 0);
	ck_assert_ptr_null(p->notes[0]);
	crumb_trace_free(trace);
}
END_TEST

START_TEST(thread_and_code_are_described)
{
	struct make_trace *t = make_begin(path);
	const struct crumb_record_thread second = {
	    .head = {CRUMB_RECORD_THREAD, sizeof(second)},
	    .number = 2,
	    .native_id = 4712,
	    .ident = 0x7fffdeadbeef,
	    .start_ticks = 1234,
	    .parent_native_id = 4711,
	};

	add_call(t, 10);
	make_record(t, &second, sizeof(second));
	make_finish(t);
	struct crumb_trace *trace = open_trace();
	const struct crumb_process *p = crumb_trace_process(trace, 0);
	const struct crumb_thread *thread = crumb_process_thread(p, 0);
	ck_assert_str_eq(thread->name, "MainThread");
	ck_assert_uint_eq(thread->native_id, 4711);
	ck_assert_uint_eq(thread->ident, 0x7f0000000000 + 4711);
	thread = crumb_process_thread(p, 1);
	ck_assert_uint_eq(thread->number, 2);
	ck_assert_uint_eq(thread->ident, 0x7fffdeadbeef);
	ck_assert_uint_eq(thread->parent_native_id, 4711);
	ck_assert_int_eq(thread->start_ns, MAKE_START_NS + 1234);
	ck_assert_ptr_eq(thread->process, p);
	const struct crumb_code *code = crumb_process_code(p, 0);
	ck_assert_uint_eq(code->id, 1);
	ck_assert_uint_eq(code->first_line, 100);
	ck_assert_str_eq(code->name, "f");
	ck_assert_str_eq(code->qualname, "f");
	ck_assert_str_eq(code->module, "app");
	ck_assert_str_eq(code->filename, "/srv/app.py");
	crumb_trace_free(trace);
}
END_TEST

static void ends(enum crumb_ended ended, int64_t end_ns, int status)
{
	struct crumb_trace *trace = open_trace();
	const struct crumb_process *p = crumb_trace_process(trace, 0);

	ck_assert_int_eq((int)p->ended, (int)ended);
	ck_assert_int_eq(p->end_ns, end_ns);
	ck_assert_int_eq(p->exit_status, status);
	crumb_trace_free(trace);
}

START_TEST(header_says_how_it_ended)
{
	static const struct {
		uint32_t end;
		enum crumb_ended ended;
		int status;
	} cases[] = {
	    {CRUMB_END_UNKNOWN, CRUMB_ENDED_UNKNOWN, -1},
	    {CRUMB_END_CLEAN, CRUMB_ENDED_CLEAN, 7},
	    {CRUMB_END_EXEC, CRUMB_ENDED_EXEC, -1},
	    {CRUMB_END_FATAL, CRUMB_ENDED_FATAL, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct make_trace *t = make_begin(path);
		make_header(t)->end = cases[i].end;
		make_header(t)->end_status = 7;
		add_call(t, 10);
		make_finish(t);
		/* There is no end_ticks: the last event it is. */
		ends(cases[i].ended, MAKE_START_NS + 10, cases[i].status);
	}
}
END_TEST

START_TEST(unknown_end_is_the_last_event_of_all_threads)
{
	struct make_trace *t = make_begin(path);

	make_header(t)->end = CRUMB_END_UNKNOWN;
	uint32_t code = make_code(t, "app", "f", "/f.py", 1);
	uint32_t one = make_thread(t, 1, "one"), two = make_thread(t, 2, "two");
	make_event(t, one, CRUMB_WORD_CALL, code, 100);
	make_block(t, one);
	make_event(t, one, CRUMB_WORD_CALL, code, 900);
	make_event(t, one, CRUMB_WORD_CALL, code, 12345);
	make_window(t, one);
	make_forget(t, one);
	make_event(t, two, CRUMB_WORD_CALL, code, 9000);
	make_finish(t);
	ends(CRUMB_ENDED_UNKNOWN, MAKE_START_NS + 12345, -1);
}
END_TEST

START_TEST(last_word_exec_says_that_it_was_replaced)
{
	struct make_trace *t = make_begin(path);

	make_header(t)->end = CRUMB_END_UNKNOWN;
	uint32_t code = make_code(t, "app", "f", "/f.py", 1);
	uint32_t one = make_thread(t, 1, "one"), two = make_thread(t, 2, "two");
	make_event(t, one, CRUMB_WORD_CALL, code, 100);
	make_extended(t, one, CRUMB_EXT_EXEC, NULL, 0, 200);
	make_window(t, one);
	make_forget(t, one);
	make_event(t, two, CRUMB_WORD_CALL, code, 300);
	make_finish(t);
	ends(CRUMB_ENDED_EXEC, MAKE_START_NS + 300, -1);
}
END_TEST

START_TEST(exec_that_failed_is_no_end)
{
	struct make_trace *t = make_begin(path);

	make_header(t)->end = CRUMB_END_UNKNOWN;
	uint32_t code = make_code(t, "app", "f", "/f.py", 1);
	uint32_t one = make_thread(t, 1, "one");
	make_extended(t, one, CRUMB_EXT_EXEC, NULL, 0, 200);
	make_event(t, one, CRUMB_WORD_CALL, code, 300);
	make_finish(t);
	ends(CRUMB_ENDED_UNKNOWN, MAKE_START_NS + 300, -1);
}
END_TEST

static int64_t now_by(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Makes a trace that a process of `pid` began `age` seconds ago on `host`; the wall clock
 * has been set forward by `set` seconds since. */
static void make_live_set(uint32_t pid, int64_t age, const char *host, int64_t set)
{
	struct make_trace *t = make_begin(path);
	char name[256];

	gethostname(name, sizeof(name));
	host = host ? host : name;
	make_header(t)->end = CRUMB_END_UNKNOWN;
	make_header(t)->pid = pid;
	make_header(t)->start_ns =
	    now_by(CLOCK_REALTIME) - (age + set) * INT64_C(1000000000);
	make_header(t)->start_boot_ns =
	    now_by(CLOCK_BOOTTIME) - age * INT64_C(1000000000);
	make_fact(t, CRUMB_FACT_HOST, host, strlen(host));
	add_call(t, 10);
	make_finish(t);
}

static void make_live(uint32_t pid, int64_t age, const char *host)
{
	make_live_set(pid, age, host, 0);
}

static enum crumb_ended ended_of(void)
{
	struct crumb_trace *trace = open_trace();
	enum crumb_ended ended = crumb_trace_process(trace, 0)->ended;

	crumb_trace_free(trace);
	return ended;
}

START_TEST(process_that_is_there_is_running)
{
	make_live((uint32_t)getpid(), 0, NULL);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_RUNNING);
}
END_TEST

START_TEST(process_of_another_host_is_unknown)
{
	make_live((uint32_t)getpid(), 0, "no-such-host.example");
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_UNKNOWN);
	make_live((uint32_t)getpid(), 0, "");
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_UNKNOWN);
}
END_TEST

START_TEST(torn_block_is_excused_only_while_it_is_written)
{
	for (int is_here = 0; is_here < 2; is_here++) {
		struct make_trace *t = make_begin(path);
		char name[256];
		gethostname(name, sizeof(name));
		name[0] ^= !is_here;
		make_header(t)->end = CRUMB_END_UNKNOWN;
		make_header(t)->pid = (uint32_t)getpid();
		make_header(t)->start_ns = now_by(CLOCK_REALTIME);
		make_header(t)->start_boot_ns = now_by(CLOCK_BOOTTIME);
		make_fact(t, CRUMB_FACT_HOST, name, strlen(name));
		uint32_t thread = make_thread(t, 1, "t");
		make_event(t, thread, CRUMB_WORD_CALL, 0, 10);
		uint64_t at = make_block(t, thread);
		make_finish(t);
		make_poke(path, at + 128 - 8, "\0", 1);
		struct seen seen = seen_of(path);
		ck_assert_int_eq((int)crumb_trace_process(seen.trace, 0)->ended,
		                 is_here ? CRUMB_ENDED_RUNNING : CRUMB_ENDED_UNKNOWN);
		ck_assert(is_here == (*seen.problems == '\0'));
		seen_free(&seen);
	}
}
END_TEST

START_TEST(process_that_is_gone_is_unknown)
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(0);
	make_live((uint32_t)child, 0, NULL);
	/* A zombie runs no more. */
	siginfo_t info;
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_UNKNOWN);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_UNKNOWN);
}
END_TEST

START_TEST(process_younger_than_the_trace_is_another)
{
	make_live((uint32_t)getpid(), 30, NULL);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_UNKNOWN);
	/* And a trace of the future is nobody's. */
	make_live((uint32_t)getpid(), -3600, NULL);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_UNKNOWN);
}
END_TEST

START_TEST(clock_that_was_set_changes_little)
{
	make_live_set((uint32_t)getpid(), 0, NULL, 20);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_RUNNING);
	make_live_set((uint32_t)getpid(), 0, NULL, -20);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_RUNNING);
	/* By hours: booted since. */
	make_live_set((uint32_t)getpid(), 0, NULL, 7200);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_UNKNOWN);
	make_live_set((uint32_t)getpid(), 0, NULL, -7200);
	ck_assert_int_eq((int)ended_of(), CRUMB_ENDED_UNKNOWN);
}
END_TEST

START_TEST(odd_header_is_told)
{
	struct make_trace *t = make_begin(path);

	make_header(t)->clock = 9;
	make_header(t)->ticks_per_second = 0;
	make_header(t)->end = 77;
	add_call(t, 10);
	make_finish(t);
	struct seen seen = seen_of(path);
	ck_assert_str_eq(seen.text, "1 call f +10 0 :100\n");
	ck_assert_ptr_nonnull(strstr(seen.problems, "at byte 40: the header is damaged: "
	                                            "there is no clock 9"));
	ck_assert_ptr_nonnull(strstr(seen.problems, "at byte 64: the header is damaged: "
	                                            "its clock stands still"));
	ck_assert_ptr_nonnull(strstr(seen.problems, "at byte 256: "));
	ck_assert_int_eq((int)crumb_trace_process(seen.trace, 0)->ended,
	                 CRUMB_ENDED_UNKNOWN);
	seen_free(&seen);
}
END_TEST

static void add_process(Suite *suite)
{
	TCase *process = tcase_create("process");

	tcase_add_checked_fixture(process, setup, temp_teardown);
	tcase_add_test(process, process_is_described);
	tcase_add_test(process, unsaid_facts_are_empty);
	tcase_add_test(process, thread_and_code_are_described);
	tcase_add_test(process, header_says_how_it_ended);
	tcase_add_test(process, unknown_end_is_the_last_event_of_all_threads);
	tcase_add_test(process, last_word_exec_says_that_it_was_replaced);
	tcase_add_test(process, exec_that_failed_is_no_end);
	tcase_add_test(process, process_that_is_there_is_running);
	tcase_add_test(process, process_of_another_host_is_unknown);
	tcase_add_test(process, torn_block_is_excused_only_while_it_is_written);
	tcase_add_test(process, process_that_is_gone_is_unknown);
	tcase_add_test(process, process_younger_than_the_trace_is_another);
	tcase_add_test(process, clock_that_was_set_changes_little);
	tcase_add_test(process, odd_header_is_told);
	suite_add_tcase(suite, process);
}

int main(void)
{
	Suite *suite = suite_create("reader: process");

	add_process(suite);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
