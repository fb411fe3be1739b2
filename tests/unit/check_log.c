/* SPDX-License-Identifier: MIT */
/* This exercises: the agent's voice, and that it disturbs nothing. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wchar.h>

#include "agent_fixture.h"
#include "fault.h"
#include "log.h"
#include "read_trace.h"

START_TEST(only_errors_are_told_until_more_is_asked_for)
{
	capture_begin();
	log_error("number %d", 1);
	log_warn("number %d", 2);
	log_info("number %d", 3);
	log_debug("number %d", 4);
	ck_assert_str_eq(capture_end(), "breadcrumb: number 1\n");
}
END_TEST

START_TEST(levels_up_to_the_highest_are_told)
{
	log_set_level(LOG_INFO);
	capture_begin();
	log_error("a");
	log_warn("b");
	log_info("c");
	log_debug("d");
	ck_assert_str_eq(capture_end(), "breadcrumb: a\nbreadcrumb: b\nbreadcrumb: c\n");
	log_set_level(LOG_ERROR);
	capture_begin();
	log_warn("e");
	ck_assert_str_eq(capture_end(), "");
}
END_TEST

/* Standard error is the writing end of this pipe until pipe_end(). */
static int pipe_ends[2], saved_error;

static void pipe_begin(int flags)
{
	saved_error = dup(STDERR_FILENO);
	ck_assert_int_eq(pipe2(pipe_ends, flags | O_NONBLOCK | O_CLOEXEC), 0);
	dup2(pipe_ends[1], STDERR_FILENO);
	close(pipe_ends[1]);
}

static void pipe_end(void)
{
	dup2(saved_error, STDERR_FILENO);
}

/* A pipe that keeps the bounds of writes: other processes write to standard error too. */
START_TEST(line_is_one_write)
{
	char got[4096];

	pipe_begin(O_DIRECT);
	log_start();
	log_error("%s and %s", "one", "two");
	log_error("three");
	pipe_end();
	ck_assert_int_eq(read(pipe_ends[0], got, sizeof(got)), 24);
	ck_assert_mem_eq(got, "breadcrumb: one and two\n", 24);
	ck_assert_int_eq(read(pipe_ends[0], got, sizeof(got)), 18);
	ck_assert_int_eq(read(pipe_ends[0], got, sizeof(got)), 0);
}
END_TEST

START_TEST(long_line_is_cut_and_still_ends)
{
	char text[5000];

	for (size_t length = 900; length < sizeof(text) - 1; length += 7) {
		memset(text, 'x', length);
		text[length] = '\0';
		capture_begin();
		log_error("%s", text);
		const char *said = capture_end();
		size_t got = strlen(said);
		ck_assert(is_line_with(said, "breadcrumb: xxx"));
		ck_assert_uint_le(got, 1024);
		ck_assert_uint_ge(got, length < 1000 ? length + 13 : 1000);
	}
}
END_TEST

START_TEST(errno_is_kept)
{
	log_set_level(LOG_WARN);
	capture_begin();
	for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		errno = ERANGE;
		log_line((enum log_level)level, "x");
		ck_assert_int_eq(errno, ERANGE);
	}
	capture_end();
}
END_TEST

START_TEST(closed_standard_error_is_no_failure)
{
	int saved = dup(STDERR_FILENO);

	for (int early = 0; early < 2; early++) {
		if (!early)
			log_start();
		close(STDERR_FILENO);
		if (early)
			log_start();
		errno = ERANGE;
		log_error("nobody hears this");
		ck_assert_int_eq(errno, ERANGE);
		ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFD), -1);
		dup2(saved, STDERR_FILENO);
	}
}
END_TEST

START_TEST(nothing_is_told_before_the_start)
{
	char got;

	pipe_begin(0);
	log_error("too early");
	pipe_end();
	ck_assert_int_eq(read(pipe_ends[0], &got, 1), 0);
}
END_TEST

/* What descriptor 2 has become, and whether lines are for it. */
static off_t written_to(int fd)
{
	int saved = dup(STDERR_FILENO);

	dup2(fd, STDERR_FILENO);
	log_error("line");
	dup2(saved, STDERR_FILENO);
	close(saved);
	return lseek(fd, 0, SEEK_END);
}

START_TEST(file_that_took_the_number_of_standard_error_gets_no_line)
{
	int data = open(temp_path("data"), O_RDWR | O_CREAT, 0600);
	int daemons_log = open(temp_path("log"), O_RDWR | O_CREAT | O_APPEND, 0600);

	capture_begin();
	ck_assert_int_eq(written_to(data), 0);
	ck_assert_int_eq(written_to(daemons_log), 17);
	int null = open("/dev/null", O_WRONLY);
	written_to(null);
	log_error("as ever");
	ck_assert_str_eq(capture_end(), "breadcrumb: as ever\n");
}
END_TEST

/* On the same file system as what standard error was. */
START_TEST(neighbour_of_standard_error_gets_no_line)
{
	capture_begin();
	ck_assert_int_eq(written_to(memfd_create("other", MFD_CLOEXEC)), 0);
	ck_assert_str_eq(capture_end(), "");
}
END_TEST

START_TEST(socket_that_became_standard_error_gets_lines)
{
	int ends[2];
	char got[64];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	capture_begin();
	written_to(ends[1]);
	ck_assert_int_eq(recv(ends[0], got, sizeof(got), MSG_DONTWAIT), 17);
	capture_end();
}
END_TEST

START_TEST(thing_that_is_not_written_to_gets_no_line)
{
	uint64_t count;
	int event = eventfd(0, EFD_NONBLOCK);

	capture_begin();
	written_to(event);
	ck_assert_int_eq(read(event, &count, sizeof(count)), -1);
	capture_end();
}
END_TEST

START_TEST(failed_write_is_no_failure)
{
	capture_begin();
	fault_fail(FAULT_WRITE, 0, 1, EIO);
	errno = ERANGE;
	log_error("lost");
	ck_assert_int_eq(errno, ERANGE);
	log_error("not lost");
	ck_assert_str_eq(capture_end(), "breadcrumb: not lost\n");
}
END_TEST

START_TEST(pipe_that_became_standard_error_gets_lines)
{
	char got[64];

	capture_begin();
	pipe_begin(0);
	log_error("to the pipe");
	pipe_end();
	ck_assert_int_eq(read(pipe_ends[0], got, sizeof(got)), 24);
	capture_end();
}
END_TEST

static unsigned signals_got;

static void on_signal(int number)
{
	(void)number;
	signals_got++;
}

static bool is_pending(int number)
{
	sigset_t pending;
	ck_assert_int_eq(sigpending(&pending), 0);
	return sigismember(&pending, number);
}

START_TEST(pipe_that_nobody_reads_sends_no_signal)
{
	sigset_t mask;

	signal(SIGPIPE, on_signal);
	pipe_begin(0);
	close(pipe_ends[0]);
	log_start();
	errno = ERANGE;
	log_error("nobody reads this");
	pipe_end();
	ck_assert_int_eq(errno, ERANGE);
	ck_assert_uint_eq(signals_got, 0);
	ck_assert(!is_pending(SIGPIPE));
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
	ck_assert(!sigismember(&mask, SIGPIPE));
}
END_TEST

START_TEST(file_that_is_as_large_as_it_may_be_sends_no_signal)
{
	const struct rlimit none = {0, RLIM_INFINITY},
			    any = {RLIM_INFINITY, RLIM_INFINITY};

	signal(SIGXFSZ, on_signal);
	int saved = dup(STDERR_FILENO);
	int file = open(temp_path("log"), O_RDWR | O_CREAT | O_APPEND, 0600);
	ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
	log_start();
	setrlimit(RLIMIT_FSIZE, &none);
	log_error("there is no room for this");
	setrlimit(RLIMIT_FSIZE, &any);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(file);
	ck_assert_uint_eq(signals_got, 0);
	ck_assert(!is_pending(SIGXFSZ));
}
END_TEST

START_TEST(signal_that_was_waiting_waits_on)
{
	sigset_t mask;

	signal(SIGPIPE, on_signal);
	sigemptyset(&mask);
	sigaddset(&mask, SIGPIPE);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	raise(SIGPIPE);
	pipe_begin(0);
	close(pipe_ends[0]);
	log_start();
	log_error("nobody reads this");
	pipe_end();
	ck_assert(is_pending(SIGPIPE));
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	ck_assert_uint_eq(signals_got, 1);
}
END_TEST

START_TEST(control_characters_do_not_reach_the_terminal)
{
	capture_begin();
	log_error("a\nb\rc\033[31md\177e\tf\xc3\xa9");
	ck_assert_str_eq(capture_end(), "breadcrumb: a?b?c?[31md?e?f\xc3\xa9\n");
}
END_TEST

START_TEST(text_that_cannot_be_converted_leaves_a_line)
{
	wchar_t text[] = {0x20ac, 0};

	capture_begin();
	errno = ERANGE;
	log_error("%ls", text);
	ck_assert_int_eq(errno, ERANGE);
	ck_assert_str_eq(capture_end(), "breadcrumb: \n");
}
END_TEST

START_TEST(standard_output_is_the_programs)
{
	int ends[2], saved = dup(STDOUT_FILENO);
	char got;

	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	capture_begin();
	log_error("x");
	capture_end();
	dup2(saved, STDOUT_FILENO);
	ck_assert_int_eq(read(ends[0], &got, 1), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: log");
	TCase *c = add_case(suite, "lines");
	tcase_add_test(c, only_errors_are_told_until_more_is_asked_for);
	tcase_add_test(c, levels_up_to_the_highest_are_told);
	tcase_add_test(c, line_is_one_write);
	tcase_add_test(c, long_line_is_cut_and_still_ends);
	tcase_add_test(c, errno_is_kept);
	tcase_add_test(c, closed_standard_error_is_no_failure);
	tcase_add_test(c, nothing_is_told_before_the_start);
	tcase_add_test(c, file_that_took_the_number_of_standard_error_gets_no_line);
	tcase_add_test(c, neighbour_of_standard_error_gets_no_line);
	tcase_add_test(c, socket_that_became_standard_error_gets_lines);
	tcase_add_test(c, thing_that_is_not_written_to_gets_no_line);
	tcase_add_test(c, failed_write_is_no_failure);
	tcase_add_test(c, pipe_that_became_standard_error_gets_lines);
	tcase_add_test(c, pipe_that_nobody_reads_sends_no_signal);
	tcase_add_test(c, file_that_is_as_large_as_it_may_be_sends_no_signal);
	tcase_add_test(c, signal_that_was_waiting_waits_on);
	tcase_add_test(c, control_characters_do_not_reach_the_terminal);
	tcase_add_test(c, text_that_cannot_be_converted_leaves_a_line);
	tcase_add_test(c, standard_output_is_the_programs);
	return run_suite(suite);
}
