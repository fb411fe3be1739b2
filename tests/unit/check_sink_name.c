/* SPDX-License-Identifier: MIT */
/*
 * This exercises: what the trace file is called, and that creating it takes nothing from
 * anybody: no name that is taken, no link that somebody else has laid.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "fault.h"
#include "read_trace.h"
#include "sink_name.h"

/* Opens a file and gives it its name, as the sink does with a beginning in between. */
static int make_file(char *path, size_t size)
{
	bool linked;
	int fd = sink_name_open(path, size, &linked);
	if (fd < 0 || linked)
		return fd;
	int error = sink_name_link(fd, path, size);
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static char path[PATH_MAX];

/* File systems differ: with files that have no name at first (O_TMPFILE), and without. */
enum { UNNAMED_FIRST, NAMED_AT_ONCE, WAYS };
static int way;

/* Opens a file and gives it its name. */
static int create_here(void)
{
	bool linked;

	if (way == NAMED_AT_ONCE)
		fault_fail(FAULT_ACCESS, 0, 1, ENOENT);
	int fd = sink_name_open(path, sizeof(path), &linked);
	if (fd < 0)
		return -1;
	ck_assert_int_eq(linked, way == NAMED_AT_ONCE);
	int error = linked ? 0 : sink_name_link(fd, path, sizeof(path));
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static int create(const char *pattern)
{
	sink_name_init(pattern);
	return create_here();
}

/* The pattern, in the test's folder, gives this file there. */
static void gives(const char *pattern, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void gives(const char *pattern, const char *format, ...)
{
	char name[PATH_MAX];
	struct stat st, by_name;
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	int fd = create(temp_path(pattern));
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_str_eq(path, temp_path(name));
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(lstat(path, &by_name), 0);
	ck_assert_uint_eq(st.st_ino, by_name.st_ino);
	ck_assert_uint_eq(st.st_size, 0);
	close(fd);
}

/* No file can be made of it. */
static void fails_with(const char *pattern, int error)
{
	errno = 0;
	ck_assert_int_eq(create(pattern), -1);
	ck_assert_int_eq(errno, error);
}

START_TEST(process_and_start_are_in_the_name)
{
	time_t before = time(NULL);
	sink_name_init(temp_path("%t"));
	time_t after = time(NULL);
	int fd = make_file(path, sizeof(path));
	ck_assert_int_ge(fd, 0);
	close(fd);
	long long said = atoll(strrchr(path, '/') + 1);
	ck_assert_int_ge(said, before);
	ck_assert_int_le(said, after);

	gives("a%p.crumb", "a%d.crumb", (int)getpid());
	gives("%p-%p", "%d-%d", (int)getpid(), (int)getpid());
}
END_TEST

START_TEST(program_and_host_are_in_the_name)
{
	struct utsname host;

	ck_assert_int_eq(uname(&host), 0);
	gives("%h.crumb", "%s.crumb", host.nodename);
	gives("%e.crumb", "%s.crumb", program_invocation_short_name);
}
END_TEST

START_TEST(host_without_a_name_is_localhost)
{
	fault_fail(FAULT_UNAME, 0, 1, EFAULT);
	gives("%h", "localhost");
}
END_TEST

START_TEST(program_cannot_lead_to_another_folder)
{
	program_invocation_short_name = (char *)(uintptr_t) "../../etc/x";
	gives("%e.crumb", ".._.._etc_x.crumb");
}
END_TEST

START_TEST(percent_sign_is_written_twice)
{
	gives("100%%", "100%%");
	gives("%%p", "%%p");
}
END_TEST

START_TEST(unknown_letter_stands_as_it_is)
{
	gives("%q%Z.crumb", "%%q%%Z.crumb");
	gives("x%", "x%%");
	gives("%", "%%");
}
END_TEST

START_TEST(child_process_has_its_own_number)
{
	sink_name_init(temp_path("%p.crumb"));
	int fd = make_file(path, sizeof(path));
	close(fd);
	pid_t child = fork();
	if (child == 0) {
		char expected[32];
		snprintf(expected, sizeof(expected), "/%d.crumb", (int)getpid());
		ck_assert_int_ge(make_file(path, sizeof(path)), 0);
		ck_assert_str_eq(strrchr(path, '/'), expected);
		leave_child(0);
	}
	child_ends(child, 0);
}
END_TEST

START_TEST(relative_name_starts_where_the_program_started)
{
	way = _i;
	char start[PATH_MAX], expected[PATH_MAX + 32];

	ck_assert_int_eq(mkdir(temp_path("cwd"), 0700), 0);
	ck_assert_int_eq(chdir(temp_path("cwd")), 0);
	ck_assert_ptr_nonnull(getcwd(start, sizeof(start)));
	sink_name_init("a.crumb");
	ck_assert_int_eq(chdir("/"), 0);
	int fd = make_file(path, sizeof(path));
	ck_assert_int_ge(fd, 0);
	close(fd);
	snprintf(expected, sizeof(expected), "%s/a.crumb", start);
	ck_assert_str_eq(path, expected);
	ck_assert_int_eq(access(expected, F_OK), 0);
}
END_TEST

START_TEST(folder_gets_the_default_name)
{
	way = _i;
	ck_assert_int_eq(mkdir(temp_path("d"), 0700), 0);
	gives("d", "d/breadcrumb-%d.crumb", (int)getpid());
	/* With a slash it is the same folder, so that name is taken now. */
	int fd = create(temp_path("d/"));
	ck_assert_int_ge(fd, 0);
	close(fd);
	char expected[64];
	snprintf(expected, sizeof(expected), "/breadcrumb-%d-2.crumb", (int)getpid());
	ck_assert_str_eq(strrchr(path, '/'), expected);
}
END_TEST

START_TEST(folder_that_is_not_there_is_not_made)
{
	way = _i;
	fails_with(temp_path("none/"), ENOENT);
	ck_assert_ptr_nonnull(strstr(path, "/none/"));
	fails_with(temp_path("none/a.crumb"), ENOENT);
	ck_assert_str_eq(path, temp_path("none/a.crumb"));
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(file_is_no_folder)
{
	way = _i;
	close(creat(temp_path("f"), 0600));
	fails_with(temp_path("f/a.crumb"), ENOTDIR);
	fails_with(temp_path("f/"), ENOTDIR);
}
END_TEST

/* The folder that a relative name starts from is gone: then there is no such file, and
 * the root folder is not where it goes instead. */
START_TEST(lost_working_directory_is_not_the_root)
{
	way = _i;
	char name[64];

	snprintf(name, sizeof(name), "crumb-test-%d", (int)getpid());
	ck_assert_int_eq(mkdir(temp_path("cwd"), 0700), 0);
	ck_assert_int_eq(chdir(temp_path("cwd")), 0);
	ck_assert_int_eq(rmdir(temp_path("cwd")), 0);
	int fd = create(name);
	int error = errno;
	if (fd >= 0)
		unlink(path);
	ck_assert_msg(fd == -1, "created %s", path);
	ck_assert_int_eq(error, ENOENT);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

static void take(const char *name)
{
	int fd = creat(temp_path(name), 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "mine", 4), 4);
	close(fd);
}

static void is_untouched(const char *name)
{
	struct stat st;
	ck_assert_int_eq(stat(temp_path(name), &st), 0);
	ck_assert_int_eq(st.st_size, 4);
}

START_TEST(taken_name_gets_a_new_one)
{
	way = _i;
	take("a.crumb");
	gives("a.crumb", "a-2.crumb");
	gives("a.crumb", "a-3.crumb");
	gives("a.crumb", "a-4.crumb");
	is_untouched("a.crumb");
}
END_TEST

START_TEST(number_goes_before_the_extension)
{
	way = _i;
	take("plain");
	gives("plain", "plain-2");
	take("a.b.c");
	gives("a.b.c", "a.b-2.c");
	take(".hidden");
	gives(".hidden", ".hidden-2");
	ck_assert_int_eq(mkdir(temp_path("d.x"), 0700), 0);
	take("d.x/y");
	gives("d.x/y", "d.x/y-2");
}
END_TEST

START_TEST(symlink_is_not_followed)
{
	way = _i;
	take("victim");
	ck_assert_int_eq(symlink("victim", temp_path("a.crumb")), 0);
	gives("a.crumb", "a-2.crumb");
	is_untouched("victim");
	ck_assert_int_eq(symlink("nowhere", temp_path("b.crumb")), 0);
	gives("b.crumb", "b-2.crumb");
	ck_assert_int_eq(access(temp_path("nowhere"), F_OK), -1);
}
END_TEST

START_TEST(fifo_is_not_opened)
{
	way = _i;
	ck_assert_int_eq(mkfifo(temp_path("a.crumb"), 0600), 0);
	gives("a.crumb", "a-2.crumb");
}
END_TEST

START_TEST(search_for_a_name_has_an_end)
{
	way = _i;
	enum fault_call call = way == NAMED_AT_ONCE ? FAULT_OPEN : FAULT_LINKAT;
	fault_fail(call, 0, FAULT_ALWAYS, EEXIST);
	fails_with(temp_path("a.crumb"), EEXIST);
	ck_assert_uint_eq(fault_count(call), 10000);
	ck_assert_str_eq(path, temp_path("a.crumb"));
}
END_TEST

START_TEST(other_failure_is_told_at_once)
{
	way = _i;
	enum fault_call call = way == NAMED_AT_ONCE ? FAULT_OPEN : FAULT_LINKAT;
	fault_fail(call, 0, 1, EROFS);
	fails_with(temp_path("a.crumb"), EROFS);
	ck_assert_uint_eq(fault_count(call), 1);
	ck_assert_str_eq(path, temp_path("a.crumb"));
}
END_TEST

START_TEST(name_that_is_too_long_is_refused)
{
	static char pattern[3 * PATH_MAX];

	memset(pattern, 'x', sizeof(pattern) - 1);
	fails_with(pattern, ENAMETOOLONG);
	pattern[0] = '/';
	fails_with(pattern, ENAMETOOLONG);
	pattern[PATH_MAX - 1] = '\0'; /* it would just fit, but for the system */
	fails_with(pattern, ENAMETOOLONG);
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "%p", 2);
	fails_with(pattern, ENAMETOOLONG);
}
END_TEST

START_TEST(number_that_makes_the_name_too_long_is_refused)
{
	static char pattern[PATH_MAX - 1];

	memset(pattern, 'x', sizeof(pattern) - 1);
	pattern[0] = '/';
	way = NAMED_AT_ONCE;
	fault_fail(FAULT_OPEN, 0, 1, EEXIST);
	fails_with(pattern, ENAMETOOLONG);
	ck_assert_uint_eq(fault_count(FAULT_OPEN), 1);
}
END_TEST

START_TEST(file_is_for_its_owner_alone)
{
	way = _i;
	struct stat st;

	umask(0);
	int fd = create(temp_path("a.crumb"));
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	close(fd);
}
END_TEST

START_TEST(file_system_without_unnamed_files_gets_a_named_one)
{
	bool linked = false;

	sink_name_init(temp_path("a.crumb"));
	fault_fail(FAULT_OPEN, 0, 1, EOPNOTSUPP);
	int fd = sink_name_open(path, sizeof(path), &linked);
	ck_assert_int_ge(fd, 0);
	ck_assert(linked);
	ck_assert_str_eq(path, temp_path("a.crumb"));
	ck_assert_int_eq(access(path, F_OK), 0);
	close(fd);
}
END_TEST

START_TEST(file_without_a_name_leaves_nothing)
{
	bool linked = true;

	sink_name_init(temp_path("a.crumb"));
	int fd = sink_name_open(path, sizeof(path), &linked);
	ck_assert_int_ge(fd, 0);
	ck_assert(!linked);
	ck_assert_uint_eq(count_files(), 0);
	ck_assert_str_eq(path, temp_path("a.crumb"));
	close(fd);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(folder_without_permission_says_so)
{
	way = _i;
	if (geteuid() == 0 && seteuid(65534) != 0) {
		say_skipped("folder_without_permission_says_so", "cannot be nobody");
		return;
	}
	fails_with("/crumb-test.crumb", EACCES);
	ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

START_TEST(snapshot_has_the_name_and_a_number)
{
	char out[64];

	sink_name_numbered(out, sizeof(out), "/a/b.crumb", 1);
	ck_assert_str_eq(out, "/a/b.crumb.1");
	sink_name_numbered(out, sizeof(out), "/a/b.crumb", 100);
	ck_assert_str_eq(out, "/a/b.crumb.100");
	sink_name_numbered(out, sizeof(out), "x", 0);
	ck_assert_str_eq(out, "x.0");
	sink_name_numbered(out, sizeof(out), "x", UINT_MAX);
	ck_assert_str_eq(out, "x.4294967295");
}
END_TEST

START_TEST(snapshot_name_stays_within_its_room)
{
	char out[32];

	memset(out, '#', sizeof(out));
	sink_name_numbered(out, 24, "a-name-that-is-longer-than-that", UINT_MAX);
	ck_assert_uint_le(strlen(out), 23);
	ck_assert_ptr_nonnull(strstr(out, ".4294967295"));
	ck_assert_int_eq(out[24], '#');
}
END_TEST

static void add_patterns(Suite *suite)
{
	TCase *c = add_case(suite, "patterns");
	tcase_add_test(c, process_and_start_are_in_the_name);
	tcase_add_test(c, program_and_host_are_in_the_name);
	tcase_add_test(c, host_without_a_name_is_localhost);
	tcase_add_test(c, program_cannot_lead_to_another_folder);
	tcase_add_test(c, percent_sign_is_written_twice);
	tcase_add_test(c, unknown_letter_stands_as_it_is);
	tcase_add_test(c, child_process_has_its_own_number);
	tcase_add_test(c, name_that_is_too_long_is_refused);
	tcase_add_test(c, number_that_makes_the_name_too_long_is_refused);
	tcase_add_test(c, snapshot_has_the_name_and_a_number);
	tcase_add_test(c, snapshot_name_stays_within_its_room);
}

static void add_places(Suite *suite)
{
	TCase *c = add_case(suite, "places");
	tcase_add_loop_test(c, relative_name_starts_where_the_program_started, 0, WAYS);
	tcase_add_loop_test(c, folder_gets_the_default_name, 0, WAYS);
	tcase_add_loop_test(c, folder_that_is_not_there_is_not_made, 0, WAYS);
	tcase_add_loop_test(c, file_is_no_folder, 0, WAYS);
	tcase_add_loop_test(c, lost_working_directory_is_not_the_root, 0, WAYS);
	tcase_add_loop_test(c, taken_name_gets_a_new_one, 0, WAYS);
	tcase_add_loop_test(c, number_goes_before_the_extension, 0, WAYS);
	tcase_add_loop_test(c, symlink_is_not_followed, 0, WAYS);
	tcase_add_loop_test(c, fifo_is_not_opened, 0, WAYS);
	tcase_add_loop_test(c, search_for_a_name_has_an_end, 0, WAYS);
	tcase_add_loop_test(c, other_failure_is_told_at_once, 0, WAYS);
	tcase_add_loop_test(c, file_is_for_its_owner_alone, 0, WAYS);
	tcase_add_test(c, file_system_without_unnamed_files_gets_a_named_one);
	tcase_add_test(c, file_without_a_name_leaves_nothing);
	tcase_add_loop_test(c, folder_without_permission_says_so, 0, WAYS);
}

int main(void)
{
	Suite *suite = suite_create("agent: sink_name");
	add_patterns(suite);
	add_places(suite);
	return run_suite(suite);
}
