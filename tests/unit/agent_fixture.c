/* SPDX-License-Identifier: MIT */
/* What the suites of the agent's rooms share; each test runs in a process of its own. */
#include "agent_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "log.h"
#include "read_trace.h"

/* Of libgcov, where the tests are built to measure what they reach. */
extern void __gcov_dump(void) __attribute__((weak));

static char folder[PATH_MAX];
static int caught = -1, standard_error = -1;
static char said[65536];

void fixture_setup(void)
{
	temp_setup();
	snprintf(folder, sizeof(folder), "%s", temp_path("."));
	umask(022);
	fault_none();
}

void fixture_teardown(void)
{
	fault_none();
	fault_clock_run();
	temp_teardown();
}

struct sink_options fixture_options(const char *name)
{
	return (struct sink_options){.pattern = temp_path(name),
	                             .python_hex = 0x030c01f0};
}

const char *fixture_open(const char *name)
{
	static struct sink_options options;

	options = fixture_options(name);
	sink_init(&options);
	ck_assert(sink_open());
	return sink_path();
}

void capture_begin(void)
{
	fflush(stderr);
	caught = memfd_create("said", MFD_CLOEXEC);
	standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
	ck_assert_int_ge(caught, 0);
	ck_assert_int_ge(standard_error, 0);
	ck_assert_int_eq(dup2(caught, STDERR_FILENO), STDERR_FILENO);
	log_start();
}

const char *capture_end(void)
{
	fflush(stderr);
	dup2(standard_error, STDERR_FILENO);
	ssize_t n = pread(caught, said, sizeof(said) - 1, 0);
	close(standard_error);
	close(caught);
	ck_assert_int_ge(n, 0);
	said[n] = '\0';
	return said;
}

_Noreturn void leave_child(int status)
{
	if (__gcov_dump)
		__gcov_dump();
	_exit(status);
}

void child_ends(pid_t child, int status)
{
	int how;

	ck_assert_int_ne(child, -1);
	while (waitpid(child, &how, 0) != child)
		ck_assert_int_eq(errno, EINTR);
	if (WIFSIGNALED(how))
		ck_assert_int_eq(-WTERMSIG(how), status);
	else
		ck_assert_int_eq(WEXITSTATUS(how), status);
}

void in_child(void (*body)(void))
{
	pid_t child = fork();

	if (child == 0) {
		body();
		leave_child(0);
	}
	child_ends(child, 0);
}

bool is_line_with(const char *text, const char *words)
{
	const char *end = strchr(text, '\n');
	return end && end[1] == '\0' && strstr(text, words);
}

void say_skipped(const char *test, const char *why)
{
	fprintf(stderr, "SKIP: %s: %s\n", test, why);
}

size_t count_files(void)
{
	DIR *dir = opendir(folder);
	size_t count = 0;
	const struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

TCase *add_case(Suite *suite, const char *name)
{
	TCase *one = tcase_create(name);
	tcase_set_timeout(one, 30);
	tcase_add_checked_fixture(one, fixture_setup, fixture_teardown);
	suite_add_tcase(suite, one);
	return one;
}

int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
