/* SPDX-License-Identifier: MIT */
/* This exercises: what the kernel may answer to a write, a read or a map of the file. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

static void write_three(void)
{
	char a[] = "abcdefg", b[] = "", c[] = "hij";
	struct iovec pieces[] = {{a, 7}, {b, 0}, {c, 3}};
	ck_assert_int_eq(sink_file_write(pieces, 3, 0), 0);
	holds(path, "abcdefghij");
}

START_TEST(short_writes_are_finished)
{
	static const size_t most[] = {0, 1, 2, 3, 7, 10};
	create();
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		fault_shorten(FAULT_PWRITEV, most[i]);
		write_three();
		ck_assert(sink_file_cut(0));
	}
}
END_TEST

START_TEST(interrupted_write_is_made_again)
{
	create();
	fault_fail(FAULT_PWRITEV, 0, 3, EINTR);
	write_three();
	ck_assert_uint_eq(fault_count(FAULT_PWRITEV), 4);
}
END_TEST

START_TEST(failed_write_is_told)
{
	create();
	fault_fail(FAULT_PWRITEV, 0, 1, EIO);
	ck_assert_int_eq(put("abc", 0), EIO);
	fault_fail(FAULT_PWRITEV, 0, 1, 0);
	ck_assert_int_eq(put("abc", 0), ENOSPC);
	fault_none();
	fault_shorten(FAULT_PWRITEV, 1);
	fault_fail(FAULT_PWRITEV, 1, 1, ENOSPC);
	ck_assert_int_eq(put("abc", 0), ENOSPC);
	holds(path, "a");
}
END_TEST

START_TEST(read_past_the_end_is_not_whole)
{
	char got[4];
	create();
	ck_assert_int_eq(put("abc", 0), 0);
	ck_assert(sink_file_read(got, 3, 0));
	ck_assert(!sink_file_read(got, 4, 0));
	ck_assert(!sink_file_read(got, 1, 3));
}
END_TEST

START_TEST(room_that_cannot_be_asked_for_is_endless)
{
	create();
	fault_fail(FAULT_FSTATVFS, 0, 1, ENOSYS);
	ck_assert_uint_eq(sink_file_room(), UINT64_MAX);
	ck_assert_uint_lt(sink_file_room(), UINT64_MAX);
}
END_TEST

static uint64_t blocks_on_disk(void)
{
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* Maps 64 KiB and finds room for them on the disk. */
static void maps(void)
{
	int error = 99;
	char *at = sink_file_map(8192, 65536, &error);
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(error, 0);
	ck_assert_uint_ge(blocks_on_disk(), 65536);
	memset(at, 'x', 65536);
	munmap(at, 65536);
	char got;
	ck_assert(sink_file_read(&got, 1, 8192 + 65535));
	ck_assert_int_eq(got, 'x');
}

START_TEST(map_has_room_on_the_disk)
{
	create();
	maps();
}
END_TEST

START_TEST(interrupted_allocation_is_made_again)
{
	create();
	fault_fail(FAULT_FALLOCATE, 0, 2, EINTR);
	maps();
	ck_assert_uint_eq(fault_count(FAULT_FALLOCATE), 3);
}
END_TEST

START_TEST(file_system_without_allocation_is_filled_with_zeros)
{
	create();
	fault_fail(FAULT_FALLOCATE, 0, 1, _i ? ENOSYS : EOPNOTSUPP);
	maps();
	ck_assert_uint_eq(fault_count(FAULT_PWRITE), 16);
}
END_TEST

static void does_not_map(int expected)
{
	int error = 0;
	ck_assert_ptr_null(sink_file_map(8192, 65536, &error));
	ck_assert_int_eq(error, expected);
}

START_TEST(refused_map_is_told)
{
	create();
	fault_fail(FAULT_FALLOCATE, 0, 1, ENOSPC);
	does_not_map(ENOSPC);
	fault_fail(FAULT_MMAP, 0, 1, ENOMEM);
	does_not_map(ENOMEM);
	fault_fail(FAULT_FALLOCATE, 0, FAULT_ALWAYS, EOPNOTSUPP);
	fault_fail(FAULT_PWRITE, 3, 1, EDQUOT);
	does_not_map(EDQUOT);
	fault_fail(FAULT_PWRITE, 3, 1, 0);
	does_not_map(ENOSPC);
}
END_TEST

static void add_kernel(Suite *suite)
{
	TCase *c = add_case(suite, "kernel");
	tcase_add_test(c, short_writes_are_finished);
	tcase_add_test(c, interrupted_write_is_made_again);
	tcase_add_test(c, failed_write_is_told);
	tcase_add_test(c, read_past_the_end_is_not_whole);
	tcase_add_test(c, room_that_cannot_be_asked_for_is_endless);
	tcase_add_test(c, map_has_room_on_the_disk);
	tcase_add_test(c, interrupted_allocation_is_made_again);
	tcase_add_loop_test(c, file_system_without_allocation_is_filled_with_zeros, 0, 2);
	tcase_add_test(c, refused_map_is_told);
}

int main(void)
{
	Suite *suite = suite_create("agent: sink_file, answers");
	add_kernel(suite);
	return run_suite(suite);
}
