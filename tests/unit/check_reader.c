/* SPDX-License-Identifier: MIT */
/*
 * This exercises: opening traces (every error and its words), what is said of a process,
 * how it ended, directories, handles.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
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

/* Adding `path` fails like this, in one line that starts with the path. */
static void fails(const char *file, int code, const char *words)
{
	struct crumb_trace *trace = crumb_trace_new();
	char expected[1024];

	ck_assert_int_eq(crumb_trace_add(trace, file), code);
	snprintf(expected, sizeof(expected), "%s: %s", file, words);
	ck_assert_str_eq(crumb_trace_error(trace), expected);
	ck_assert_uint_eq(crumb_trace_processes(trace), 0);
	ck_assert_ptr_null(crumb_trace_problem(trace, 0));
	crumb_trace_free(trace);
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

START_TEST(missing_file_is_enoent)
{
	fails(path, -ENOENT, "No such file or directory");
}
END_TEST

START_TEST(unreadable_file_is_eacces)
{
	make_small(path);
	ck_assert_int_eq(chmod(path, 0), 0);
	/* Root reads everything: be somebody else, in the child that Check forked or in
	 * one of our own. */
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		char folder[512];
		snprintf(folder, sizeof(folder), "%s", path);
		*strrchr(folder, '/') = '\0';
		if (geteuid() == 0 &&
		    (chmod(folder, 0755) < 0 || setegid(65534) < 0 || seteuid(65534) < 0))
			_exit(2);
		struct crumb_trace *trace = crumb_trace_new();
		int r = crumb_trace_add(trace, path);
		bool is_told = strstr(crumb_trace_error(trace), ": Permission denied");
		crumb_trace_free(trace);
		_exit(r == -EACCES && is_told ? 0 : 1);
	}
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(fifo_is_einval_at_once)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	alarm(10);
	fails(path, -EINVAL, "not a regular file");
	alarm(0);
}
END_TEST

START_TEST(device_is_einval)
{
	fails("/dev/zero", -EINVAL, "not a regular file");
}
END_TEST

START_TEST(empty_file_is_enodata)
{
	make_save(path, "", 0);
	fails(path, -ENODATA, "file is empty");
}
END_TEST

START_TEST(foreign_file_is_ebadmsg)
{
	static const char text[] = "#!/usr/bin/env python3\nprint('no trace')\n";

	make_save(path, text, sizeof(text));
	fails(path, -EBADMSG, "at byte 0: not a Breadcrumb trace file");
	make_save(path, "x", 1);
	fails(path, -EBADMSG, "at byte 0: not a Breadcrumb trace file");
}
END_TEST

START_TEST(newer_format_is_enotsup)
{
	struct make_trace *t = make_begin(path);

	make_header(t)->version = 2;
	make_finish(t);
	fails(path, -ENOTSUP,
	      "at byte 8: written in format 2, but this version of Breadcrumb reads "
	      "formats up to 1");
}
END_TEST

START_TEST(format_0_is_ebadmsg)
{
	struct make_trace *t = make_begin(path);

	make_header(t)->version = 0;
	make_finish(t);
	fails(path, -EBADMSG, "at byte 8: the header is damaged: there is no format 0");
}
END_TEST

START_TEST(impossible_header_size_is_ebadmsg)
{
	static const uint32_t sizes[] = {0, 64, 384, 4095, 4097, 1 << 30, UINT32_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct make_trace *t = make_begin(path);
		char words[128];
		make_header(t)->header_size = sizes[i];
		make_finish(t);
		snprintf(words, sizeof(words),
		         "at byte 12: the header is damaged: it cannot have %u bytes",
		         sizes[i]);
		fails(path, -EBADMSG, words);
	}
}
END_TEST

START_TEST(file_cut_inside_its_header_is_ebadmsg)
{
	make_small(path);
	make_truncate(path, 300);
	fails(path, -EBADMSG, "at byte 300: the file ends inside its header");
	make_truncate(path, 5);
	fails(path, -EBADMSG, "at byte 5: the file ends inside its header");
}
END_TEST

START_TEST(longer_header_of_a_later_minor_version_is_read)
{
	struct make_trace *t = make_begin(path);

	make_header(t)->header_size = 8192;
	make_zeros(t, 4096);
	add_call(t, 10);
	make_finish(t);
	seen_is(seen_of(path), "1 call f +10 0 :100\n");
}
END_TEST

START_TEST(control_characters_of_a_path_are_escaped)
{
	struct crumb_trace *trace = crumb_trace_new();

	ck_assert_int_eq(crumb_trace_add(trace, "/nowhere/a\nb\033[31m\177"), -ENOENT);
	ck_assert_str_eq(crumb_trace_error(trace),
	                 "/nowhere/a\\x0ab\\x1b[31m\\x7f: No such file or directory");
	crumb_trace_free(trace);
}
END_TEST

START_TEST(endless_path_fits_the_message)
{
	struct crumb_trace *trace = crumb_trace_new();
	char *name = malloc(100001);

	memset(name, '\n', 100000);
	name[100000] = '\0';
	ck_assert_int_eq(crumb_trace_add(trace, name), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(crumb_trace_error(trace), ": File name too long"));
	free(name);
	crumb_trace_free(trace);
}
END_TEST

START_TEST(file_added_after_a_cursor_is_ebusy)
{
	struct crumb_trace *trace = crumb_trace_new();

	make_small(path);
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	crumb_cursor_free(crumb_cursor_new(trace, NULL));
	ck_assert_int_eq(crumb_trace_add(trace, path), -EBUSY);
	ck_assert_ptr_nonnull(strstr(crumb_trace_error(trace), path));
	crumb_trace_free(trace);
}
END_TEST

START_TEST(file_is_added_once)
{
	struct crumb_trace *trace = crumb_trace_new();
	const char *link_path = temp_path("b.crumb");

	make_small(path);
	ck_assert_int_eq(link(path, link_path), 0);
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	ck_assert_int_eq(crumb_trace_add(trace, path), 0);
	ck_assert_int_eq(crumb_trace_add(trace, link_path), 0);
	ck_assert_str_eq(crumb_trace_error(trace), "");
	ck_assert_uint_eq(crumb_trace_processes(trace), 1);
	crumb_trace_free(trace);
}
END_TEST

START_TEST(failed_file_leaves_the_others)
{
	struct crumb_trace *trace = crumb_trace_new();
	struct crumb_event event;

	make_small(path);
	ck_assert_int_eq(crumb_trace_add(trace, "/nowhere/x.crumb"), -ENOENT);
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	ck_assert_str_eq(crumb_trace_error(trace), "");
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	ck_assert_int_eq(crumb_cursor_next(cursor, &event), 1);
	ck_assert_int_eq(crumb_cursor_next(cursor, &event), 0);
	crumb_trace_free(trace);
}
END_TEST

START_TEST(empty_trace_has_no_events)
{
	struct crumb_trace *trace = crumb_trace_new();
	struct crumb_event event;

	ck_assert_uint_eq(crumb_trace_processes(trace), 0);
	ck_assert_ptr_null(crumb_trace_process(trace, 0));
	ck_assert_str_eq(crumb_trace_error(trace), "");
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	ck_assert_int_eq(crumb_cursor_next(cursor, &event), 0);
	crumb_cursor_free(cursor);
	crumb_cursor_free(NULL);
	crumb_trace_free(trace);
	crumb_trace_free(NULL);
}
END_TEST

START_TEST(file_that_shrinks_while_it_is_read_is_told)
{
	struct crumb_trace *trace = crumb_trace_new();
	struct crumb_event event;
	int r, events = 0;
	struct make_trace *t = make_begin(path);

	make_sizes(t, 4096, 65536);
	uint32_t thread = make_thread(t, 1, "t");
	for (uint64_t i = 0; i < 100000; i++)
		make_event(t, thread, CRUMB_WORD_CALL, 0, i);
	make_finish(t);
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	ck_assert_int_eq(crumb_cursor_next(cursor, &event), 1);
	make_truncate(path, 50000);
	while ((r = crumb_cursor_next(cursor, &event)) > 0)
		events++;
	ck_assert_int_eq(r, 0);
	ck_assert_int_gt(events, 1000);
	ck_assert_int_lt(events, 50000 / 8);
	ck_assert_ptr_nonnull(strstr(crumb_trace_problem(trace, 0), "at byte 50000: "));
	ck_assert_ptr_nonnull(strstr(crumb_trace_problem(trace, 1), "was changed"));
	crumb_trace_free(trace);
}
END_TEST

START_TEST(block_that_is_replaced_while_it_is_read_is_left_out)
{
	struct crumb_trace *trace = crumb_trace_new();
	struct crumb_event event;
	struct make_trace *t = make_begin(path);
	uint32_t thread = make_thread(t, 1, "t");
	const uint64_t other = 7;

	make_event(t, thread, CRUMB_WORD_CALL, 0, 10);
	make_block(t, thread);
	make_event(t, thread, CRUMB_WORD_CALL, 0, 20);
	uint64_t at = make_block(t, thread);
	make_finish(t);
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	make_poke(path, at + offsetof(struct crumb_block, sequence), &other,
	          sizeof(other));
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	ck_assert_int_eq(crumb_cursor_next(cursor, &event), 1);
	ck_assert_int_eq(crumb_cursor_next(cursor, &event), 0);
	ck_assert_ptr_nonnull(strstr(crumb_trace_problem(trace, 0), "was changed"));
	crumb_trace_free(trace);
}
END_TEST

START_TEST(problems_of_a_file_end_at_a_hundred)
{
	struct crumb_trace *trace = crumb_trace_new();
	struct make_trace *t = make_begin(path);
	uint32_t thread = make_thread(t, 1, "t");

	for (int i = 0; i < 300; i++) {
		make_lose(t, thread);
		make_event(t, thread, CRUMB_WORD_CALL, 0, 10);
		make_block(t, thread);
	}
	make_finish(t);
	ck_assert_int_eq(crumb_trace_add(trace, path), 1);
	ck_assert_ptr_nonnull(strstr(crumb_trace_problem(trace, 98), "is missing"));
	ck_assert_ptr_nonnull(
	    strstr(crumb_trace_problem(trace, 99), ": there are more problems than"));
	ck_assert_ptr_null(crumb_trace_problem(trace, 100));
	crumb_trace_free(trace);
}
END_TEST

START_TEST(file_that_was_replaced_is_eio)
{
	struct crumb_trace *trace = crumb_trace_new();
	struct crumb_event event;
	char name[256], folder[512];
	int r, events = 0, failures = 0;

	/* More files than are kept open: the first one is closed when it is wanted again.
	 */
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	ck_assert_int_eq(chdir(folder), 0);
	for (int i = 0; i < 102; i++) {
		snprintf(name, sizeof(name), "n%d.crumb", i);
		make_small(name);
		ck_assert_int_eq(crumb_trace_add(trace, name), 1);
	}
	ck_assert_int_eq(chdir("/"), 0);
	snprintf(name, sizeof(name), "%.200s/n101.crumb", folder);
	ck_assert_int_eq(rename(name, path), 0);
	make_small(name);
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	while ((r = crumb_cursor_next(cursor, &event)) != 0 && failures < 10) {
		if (r < 0) {
			ck_assert_int_eq(r, -EIO);
			ck_assert_str_eq(crumb_trace_error(trace),
			                 "n101.crumb: another file has taken its place");
			failures++;
		}
		events += r > 0;
	}
	ck_assert_int_eq(failures, 1);
	ck_assert_int_eq(events, 101);
	crumb_trace_free(trace);
}
END_TEST

START_TEST(directory_adds_its_trace_files_by_name)
{
	struct crumb_trace *trace = crumb_trace_new();
	const char *folder = temp_path("");

	make_small(temp_path("b.crumb"));
	make_small(path);
	make_small(temp_path("c.crumb.1"));
	make_small(temp_path("d.txt"));
	make_save(temp_path(".crumb"), "", 0);
	ck_assert_int_eq(mkdir(temp_path("sub"), 0700), 0);
	make_small(temp_path("sub/e.crumb"));
	ck_assert_int_eq(crumb_trace_add(trace, folder), 2);
	ck_assert_str_eq(crumb_trace_process(trace, 0)->path, path);
	ck_assert_ptr_nonnull(strstr(crumb_trace_process(trace, 1)->path, "/b.crumb"));
	ck_assert_ptr_null(crumb_trace_problem(trace, 0));
	crumb_trace_free(trace);
}
END_TEST

START_TEST(bad_file_of_a_directory_is_a_problem)
{
	struct crumb_trace *trace = crumb_trace_new();
	const char *bad = temp_path("bad.crumb");

	make_small(path);
	make_save(bad, "junk", 4);
	ck_assert_int_eq(mkfifo(temp_path("c.crumb"), 0600), 0);
	ck_assert_int_eq(mkdir(temp_path("d.crumb"), 0700), 0);
	ck_assert_int_eq(crumb_trace_add(trace, temp_path("")), 1);
	ck_assert_str_eq(crumb_trace_error(trace), "");
	ck_assert_int_eq(strncmp(crumb_trace_problem(trace, 0), bad, strlen(bad)), 0);
	ck_assert_ptr_nonnull(
	    strstr(crumb_trace_problem(trace, 1), "c.crumb: not a regular file"));
	ck_assert_ptr_nonnull(
	    strstr(crumb_trace_problem(trace, 2), "d.crumb: not a regular file"));
	ck_assert_ptr_null(crumb_trace_problem(trace, 3));
	crumb_trace_free(trace);
}
END_TEST

START_TEST(directory_without_good_files_fails)
{
	struct crumb_trace *trace = crumb_trace_new();
	const char *folder = temp_path("");

	ck_assert_int_eq(crumb_trace_add(trace, folder), -ENODATA);
	ck_assert_ptr_nonnull(
	    strstr(crumb_trace_error(trace), "no trace file (*.crumb)"));
	make_save(path, "junk", 4);
	ck_assert_int_eq(crumb_trace_add(trace, folder), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(crumb_trace_error(trace), "can be read"));
	ck_assert_ptr_nonnull(strstr(crumb_trace_problem(trace, 0), "not a Breadcrumb"));
	crumb_trace_free(trace);
}
END_TEST

START_TEST(every_kind_has_a_name)
{
	static const char *const names[CRUMB_KINDS] = {
	    NULL,     "call",      "return", "yield",        "resume",
	    "unwind", "exception", "line",   "thread_start", "thread_end",
	    "exec",   "lost",      "mark"};

	ck_assert_ptr_null(crumb_kind_name((enum crumb_kind)0));
	for (int i = 1; i < CRUMB_KINDS; i++)
		ck_assert_str_eq(crumb_kind_name((enum crumb_kind)i), names[i]);
	ck_assert_ptr_null(crumb_kind_name((enum crumb_kind)CRUMB_KINDS));
	ck_assert_ptr_null(crumb_kind_name((enum crumb_kind) - 1));
}
END_TEST

START_TEST(every_loss_has_a_name)
{
	for (unsigned i = 0; i <= CRUMB_LOSS_NO_DEFINITION; i++)
		ck_assert_str_ne(crumb_loss_name(i), "unknown cause");
	ck_assert_str_eq(crumb_loss_name(CRUMB_LOSS_DISK_FULL), "disk full");
	ck_assert_str_eq(crumb_loss_name(CRUMB_LOSS_CAUSES - 1), "unknown cause");
	ck_assert_str_eq(crumb_loss_name(CRUMB_LOSS_CAUSES), "unknown cause");
	ck_assert_str_eq(crumb_loss_name(UINT32_MAX), "unknown cause");
}
END_TEST

START_TEST(library_says_its_version)
{
	ck_assert_str_eq(crumb_version(), PACKAGE_VERSION);
	ck_assert_uint_eq(crumb_format(), CRUMB_FORMAT);
}
END_TEST

static void add_errors(Suite *suite)
{
	TCase *errors = tcase_create("errors");

	tcase_add_checked_fixture(errors, setup, temp_teardown);
	tcase_add_test(errors, missing_file_is_enoent);
	tcase_add_test(errors, unreadable_file_is_eacces);
	tcase_add_test(errors, fifo_is_einval_at_once);
	tcase_add_test(errors, device_is_einval);
	tcase_add_test(errors, empty_file_is_enodata);
	tcase_add_test(errors, foreign_file_is_ebadmsg);
	tcase_add_test(errors, newer_format_is_enotsup);
	tcase_add_test(errors, format_0_is_ebadmsg);
	tcase_add_test(errors, impossible_header_size_is_ebadmsg);
	tcase_add_test(errors, file_cut_inside_its_header_is_ebadmsg);
	tcase_add_test(errors, longer_header_of_a_later_minor_version_is_read);
	tcase_add_test(errors, control_characters_of_a_path_are_escaped);
	tcase_add_test(errors, endless_path_fits_the_message);
	tcase_add_test(errors, file_added_after_a_cursor_is_ebusy);
	tcase_add_test(errors, file_is_added_once);
	tcase_add_test(errors, failed_file_leaves_the_others);
	tcase_add_test(errors, empty_trace_has_no_events);
	tcase_add_test(errors, file_that_shrinks_while_it_is_read_is_told);
	tcase_add_test(errors, file_that_was_replaced_is_eio);
	tcase_add_test(errors, block_that_is_replaced_while_it_is_read_is_left_out);
	tcase_add_test(errors, problems_of_a_file_end_at_a_hundred);
	tcase_add_test(errors, directory_adds_its_trace_files_by_name);
	tcase_add_test(errors, bad_file_of_a_directory_is_a_problem);
	tcase_add_test(errors, directory_without_good_files_fails);
	suite_add_tcase(suite, errors);
}

int main(void)
{
	Suite *suite = suite_create("reader");
	TCase *names = tcase_create("names");

	add_errors(suite);
	tcase_add_test(names, every_kind_has_a_name);
	tcase_add_test(names, every_loss_has_a_name);
	tcase_add_test(names, library_says_its_version);
	suite_add_tcase(suite, names);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
