/* SPDX-License-Identifier: MIT */
/*
 * This exercises: the file's descriptor, which is a guest among the program's own.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "fault.h"
#include "make_trace.h"
#include "read_trace.h"
#include "sink_file.h"
#include "sink_name.h"

static const char *path;

static void create(void)
{
	sink_name_init(temp_path("a.crumb"));
	ck_assert_int_eq(sink_file_create(), 0);
	ck_assert_int_eq(sink_file_publish(), 0);
	path = temp_path("a.crumb");
	ck_assert_str_eq(sink_file_path(), path);
}

/* The number of a descriptor of the file; -1: there is none.  At most one is allowed. */
static int number_of(const char *file)
{
	struct stat wanted, st;
	int found = -1;

	ck_assert_int_eq(stat(file, &wanted), 0);
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);
		if (fstat(fd, &st) != 0 || st.st_dev != wanted.st_dev ||
		    st.st_ino != wanted.st_ino || entry->d_name[0] == '.')
			continue;
		ck_assert_int_eq(found, -1);
		found = fd;
	}
	closedir(dir);
	return found;
}

static int put(const char *text, uint64_t offset)
{
	char copy[64];
	struct iovec piece = {copy, strlen(text)};

	snprintf(copy, sizeof(copy), "%s", text);
	return sink_file_write(&piece, 1, offset);
}

static void holds(const char *file, const char *text)
{
	size_t size;
	unsigned char *bytes = make_load(file, &size);
	ck_assert_uint_eq(size, strlen(text));
	ck_assert_mem_eq(bytes, text, size);
	free(bytes);
}

static void limit_descriptors(rlim_t soft, rlim_t hard)
{
	const struct rlimit limit = {soft, hard};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Whether the limit is what it was, and the program gets the lowest numbers. */
static void is_unnoticed(rlim_t soft, rlim_t hard, int lowest)
{
	struct rlimit limit;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, soft);
	ck_assert_uint_eq(limit.rlim_max, hard);
	int fd = dup(STDERR_FILENO);
	ck_assert_int_eq(fd, lowest);
	close(fd);
}

static int lowest_free(void)
{
	int fd = dup(STDERR_FILENO);
	close(fd);
	return fd;
}

START_TEST(descriptor_is_above_what_the_program_can_get)
{
	int lowest = lowest_free();

	limit_descriptors(256, 4096);
	create();
	ck_assert_int_eq(number_of(path), 256);
	ck_assert_int_eq(fcntl(256, F_GETFD), FD_CLOEXEC);
	is_unnoticed(256, 4096, lowest);
}
END_TEST

START_TEST(descriptor_has_the_first_free_number_above_the_limit)
{
	limit_descriptors(300, 4096);
	ck_assert_int_eq(dup2(STDERR_FILENO, 256), 256);
	limit_descriptors(256, 258);
	create();
	ck_assert_int_eq(number_of(path), 257);
	is_unnoticed(256, 258, lowest_free());
}
END_TEST

START_TEST(descriptor_is_amid_a_large_table)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max <= 8192) {
		say_skipped("descriptor_is_amid_a_large_table",
		            "the limit cannot be raised that far");
		return;
	}
	limit_descriptors(limit.rlim_max, limit.rlim_max);
	fault_descriptor_limit(100000);
	create();
	ck_assert_int_eq(number_of(path), 8192);
}
END_TEST

/* Whether this process may have more descriptors than its hard limit says. */
static bool is_privileged(void)
{
	const struct rlimit more = {2000, 2001};
	limit_descriptors(2000, 2000);
	bool is = setrlimit(RLIMIT_NOFILE, &more) == 0;
	limit_descriptors(2000, 2000);
	return is;
}

START_TEST(descriptor_is_above_the_hard_limit_or_the_last_of_many)
{
	bool privileged = is_privileged();
	int lowest = lowest_free();

	create();
	ck_assert_int_eq(number_of(path), privileged ? 2000 : 1999);
	is_unnoticed(2000, 2000, lowest);
}
END_TEST

/* Works without a descriptor of its own, whatever else goes on. */
static void works_without(void)
{
	int lowest = lowest_free();

	create();
	ck_assert_int_eq(number_of(path), -1);
	ck_assert_int_eq(put("abc", 0), 0);
	ck_assert_int_eq(put("def", 3), 0);
	char got[3];
	ck_assert(sink_file_read(got, 3, 3));
	ck_assert_mem_eq(got, "def", 3);
	ck_assert(sink_file_cut(4));
	ck_assert_uint_ne(sink_file_room(), UINT64_MAX);
	int error;
	void *at = sink_file_map(4096, 4096, &error);
	ck_assert_ptr_nonnull(at);
	munmap(at, 4096);
	ck_assert(sink_file_cut(4));
	holds(path, "abcd");
	ck_assert_int_eq(number_of(path), -1);
	ck_assert_int_eq(lowest_free(), lowest);
}

START_TEST(none_of_a_few_numbers_is_kept)
{
	limit_descriptors(1000, 1000);
	works_without();
}
END_TEST

START_TEST(none_is_kept_when_the_last_number_is_taken)
{
	limit_descriptors(2000, 2000);
	dup2(STDERR_FILENO, 1999);
	works_without();
}
END_TEST

START_TEST(none_is_kept_when_the_limit_cannot_be_asked_or_moved)
{
	limit_descriptors(256, 4096);
	fault_fail(_i ? FAULT_SETRLIMIT : FAULT_GETRLIMIT, 0, FAULT_ALWAYS, EPERM);
	works_without();
}
END_TEST

START_TEST(none_is_kept_when_there_is_none_above_the_limit)
{
	limit_descriptors(256, 4096);
	fault_fail(FAULT_FCNTL, 0, FAULT_ALWAYS, EMFILE);
	works_without();
}
END_TEST

START_TEST(program_that_has_used_up_its_numbers_gets_no_file)
{
	limit_descriptors((rlim_t)lowest_free(), 4096);
	sink_name_init(temp_path("a.crumb"));
	ck_assert_int_eq(sink_file_create(), EMFILE);
	ck_assert_str_eq(sink_file_path(), temp_path("a.crumb"));
	limit_descriptors(256, 4096);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(file_that_cannot_be_looked_at_is_not_left_behind)
{
	sink_name_init(temp_path("a.crumb"));
	int lowest = lowest_free();
	fault_fail(FAULT_ACCESS, 0, (unsigned)_i, ENOENT);
	fault_fail(FAULT_FSTAT, 0, 1, EOVERFLOW);
	ck_assert_int_eq(sink_file_create(), EOVERFLOW);
	fault_none();
	ck_assert_int_eq(lowest_free(), lowest);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(closed_descriptor_is_opened_again)
{
	create();
	int number = number_of(path);
	ck_assert_int_eq(put("abc", 0), 0);
	ck_assert_int_eq(close(number), 0);
	ck_assert_int_eq(put("def", 3), 0);
	ck_assert_int_eq(number_of(path), number);
	ck_assert_int_eq(fcntl(number, F_GETFD), FD_CLOEXEC);
	holds(path, "abcdef");
}
END_TEST

static void be_a_daemon(void)
{
	close_range(0, ~0u, 0);
	ck_assert_int_eq(put("abc", 0), 0);
	ck_assert_int_eq(open("/dev/null", O_RDONLY), 0);
}

/* Later on the limit is not moved for a moment: another thread might be moving it. */
START_TEST(descriptor_that_is_opened_again_is_the_last_below_the_limit)
{
	limit_descriptors(2000, 4096);
	create();
	ck_assert_int_eq(number_of(path), 2000);
	fault_none();
	close(2000);
	ck_assert_int_eq(put("abc", 0), 0);
	ck_assert_int_eq(number_of(path), 1999);
	ck_assert_uint_eq(fault_count(FAULT_SETRLIMIT), 0);
}
END_TEST

START_TEST(file_with_a_name_from_the_beginning_is_as_good)
{
	sink_name_init(temp_path("a.crumb"));
	fault_fail(FAULT_ACCESS, 0, 1, ENOENT);
	ck_assert_int_eq(sink_file_create(), 0);
	ck_assert_int_eq(put("abc", 0), 0);
	ck_assert_int_eq(sink_file_publish(), 0);
	ck_assert_int_eq(put("def", 3), 0);
	holds(temp_path("a.crumb"), "abcdef");
}
END_TEST

START_TEST(daemon_that_closes_all_descriptors_has_them_all)
{
	create();
	in_child(be_a_daemon);
	holds(path, "abc");
}
END_TEST

START_TEST(reused_descriptor_number_is_left_alone)
{
	create();
	int number = number_of(path);
	make_save(temp_path("data"), "data", 4);
	int data = open(temp_path("data"), O_RDWR);
	ck_assert_int_eq(dup2(data, number), number);
	close(data);
	ck_assert_int_eq(put("abc", 0), 0);
	ck_assert(sink_file_cut(2));
	holds(path, "ab");
	holds(temp_path("data"), "data");
	ck_assert_int_eq(write(number, "DATA", 4), 4);
	holds(temp_path("data"), "DATA");
	ck_assert_int_ne(number_of(path), number);
}
END_TEST

static int agents_number;

/* What another thread may do while this one is in pwritev(): the program takes the number
 * for a file of its own, and the agent notices. */
static void take_the_number(void)
{
	int data = open(temp_path("data"), O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(dup2(data, agents_number), agents_number);
	close(data);
	ck_assert_int_eq(put("other", 100), 0);
}

START_TEST(number_that_is_taken_during_a_write_is_not_closed)
{
	create();
	agents_number = number_of(path);
	fault_before(FAULT_PWRITEV, 0, take_the_number);
	put("abc", 0); /* wherever that went: there is no help against it */
	ck_assert_int_eq(number_of(temp_path("data")), agents_number);
}
END_TEST

static void close_the_number(void)
{
	close(agents_number);
}

START_TEST(descriptor_that_is_closed_before_a_write_is_opened_again)
{
	create();
	agents_number = number_of(path);
	fault_before(FAULT_PWRITEV, 0, close_the_number);
	ck_assert_int_eq(put("abcdefgh", 0), 0);
	holds(path, "abcdefgh");
}
END_TEST

START_TEST(descriptor_that_is_closed_amid_a_write_costs_no_byte)
{
	create();
	agents_number = number_of(path);
	fault_shorten(FAULT_PWRITEV, 3);
	fault_before(FAULT_PWRITEV, 1, close_the_number);
	ck_assert_int_eq(put("abcdefgh", 0), 0);
	holds(path, "abcdefgh");
}
END_TEST

START_TEST(file_that_is_gone_is_not_found_again)
{
	create();
	int number = number_of(path);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(put("abc", 0), 0); /* still open */
	close(number);
	ck_assert_int_eq(put("abc", 0), ENOENT);
	int error = 0;
	ck_assert_ptr_null(sink_file_map(0, 4096, &error));
	ck_assert_int_eq(error, ENOENT);
	ck_assert(!sink_file_cut(0));
	char got;
	ck_assert(!sink_file_read(&got, 1, 0));
	ck_assert_uint_eq(sink_file_room(), UINT64_MAX);
}
END_TEST

START_TEST(another_file_of_that_name_is_left_alone)
{
	create();
	int lowest = lowest_free();
	close(number_of(path));
	ck_assert_int_eq(rename(path, temp_path("moved")), 0);
	make_save(path, "mine", 4);
	ck_assert_int_eq(put("abc", 0), ENOENT);
	holds(path, "mine");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("moved", path), 0);
	ck_assert_int_eq(put("abc", 0), ELOOP);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0); /* it does not wait for the other end */
	ck_assert_int_eq(put("abc", 0), ENOENT);
	holds(temp_path("moved"), "");
	ck_assert_int_eq(lowest_free(), lowest);
}
END_TEST

START_TEST(changed_directory_and_limits_do_no_harm)
{
	create();
	int number = number_of(path);
	ck_assert_int_eq(chdir("/"), 0);
	close(number);
	limit_descriptors(64, 64);
	ck_assert_int_eq(put("abc", 0), 0);
	ck_assert_int_eq(number_of(path), -1);
	ck_assert_int_eq(put("def", 3), 0);
	holds(path, "abcdef");
}
END_TEST

static void forget(void)
{
	int number = number_of(path);
	ck_assert_int_ge(number, 0);
	sink_file_forked();
	ck_assert_int_eq(number_of(path), -1);
	sink_file_forked(); /* nothing is left to do */
}

START_TEST(child_closes_the_parents_file)
{
	create();
	in_child(forget);
	ck_assert_int_ge(number_of(path), 0);
}
END_TEST

static void forget_what_was_reused(void)
{
	int number = number_of(path);
	int data = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(dup2(data, number), number);
	sink_file_forked();
	ck_assert_int_ne(fcntl(number, F_GETFD), -1);
}

START_TEST(child_does_not_close_what_the_program_put_there)
{
	create();
	in_child(forget_what_was_reused);
}
END_TEST

/* On both kinds of file systems: see check_sink_name. */
START_TEST(file_that_could_not_be_begun_is_dropped)
{
	int lowest = lowest_free(), error;

	sink_name_init(temp_path("a.crumb"));
	fault_fail(FAULT_ACCESS, 0, (unsigned)_i, ENOENT);
	ck_assert_int_eq(sink_file_create(), 0);
	ck_assert_uint_eq(count_files(), (unsigned)_i);
	void *at = sink_file_map(0, 4096, &error);
	ck_assert_ptr_nonnull(at);
	munmap(at, 4096);
	sink_file_drop();
	ck_assert_uint_eq(count_files(), 0);
	ck_assert_int_eq(lowest_free(), lowest);
}
END_TEST

START_TEST(file_that_gets_no_name_is_dropped)
{
	sink_name_init(temp_path("a.crumb"));
	ck_assert_int_eq(sink_file_create(), 0);
	fault_fail(FAULT_LINKAT, 0, 1, EPERM);
	ck_assert_int_eq(sink_file_publish(), EPERM);
	sink_file_drop();
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(name_is_looked_for_when_the_file_has_a_beginning)
{
	sink_name_init(temp_path("a.crumb"));
	ck_assert_int_eq(sink_file_create(), 0);
	ck_assert_int_eq(put("abc", 0), 0);
	make_save(temp_path("a.crumb"), "mine", 4);
	ck_assert_int_eq(sink_file_publish(), 0);
	ck_assert_str_eq(sink_file_path(), temp_path("a-2.crumb"));
	holds(temp_path("a-2.crumb"), "abc");
	holds(temp_path("a.crumb"), "mine");
}
END_TEST

static void add_place(Suite *suite)
{
	TCase *c = add_case(suite, "place");
	tcase_add_test(c, descriptor_is_above_what_the_program_can_get);
	tcase_add_test(c, descriptor_has_the_first_free_number_above_the_limit);
	tcase_add_test(c, descriptor_is_amid_a_large_table);
	tcase_add_test(c, descriptor_is_above_the_hard_limit_or_the_last_of_many);
	tcase_add_test(c, none_of_a_few_numbers_is_kept);
	tcase_add_test(c, none_is_kept_when_the_last_number_is_taken);
	tcase_add_loop_test(c, none_is_kept_when_the_limit_cannot_be_asked_or_moved, 0,
	                    2);
	tcase_add_test(c, none_is_kept_when_there_is_none_above_the_limit);
	tcase_add_test(c, program_that_has_used_up_its_numbers_gets_no_file);
	tcase_add_loop_test(c, file_that_cannot_be_looked_at_is_not_left_behind, 0, 2);
}

static void add_program(Suite *suite)
{
	TCase *c = add_case(suite, "program");
	tcase_add_test(c, closed_descriptor_is_opened_again);
	tcase_add_test(c, descriptor_that_is_opened_again_is_the_last_below_the_limit);
	tcase_add_test(c, file_with_a_name_from_the_beginning_is_as_good);
	tcase_add_test(c, daemon_that_closes_all_descriptors_has_them_all);
	tcase_add_test(c, reused_descriptor_number_is_left_alone);
	tcase_add_test(c, number_that_is_taken_during_a_write_is_not_closed);
	tcase_add_test(c, descriptor_that_is_closed_before_a_write_is_opened_again);
	tcase_add_test(c, descriptor_that_is_closed_amid_a_write_costs_no_byte);
	tcase_add_test(c, file_that_is_gone_is_not_found_again);
	tcase_add_test(c, another_file_of_that_name_is_left_alone);
	tcase_add_test(c, changed_directory_and_limits_do_no_harm);
	tcase_add_test(c, child_closes_the_parents_file);
	tcase_add_test(c, child_does_not_close_what_the_program_put_there);
	tcase_add_loop_test(c, file_that_could_not_be_begun_is_dropped, 0, 2);
	tcase_add_test(c, file_that_gets_no_name_is_dropped);
	tcase_add_test(c, name_is_looked_for_when_the_file_has_a_beginning);
}

int main(void)
{
	Suite *suite = suite_create("agent: sink_file");
	add_place(suite);
	add_program(suite);
	return run_suite(suite);
}
