/* SPDX-License-Identifier: MIT */
/*
 * This exercises: the table of variables.  What is accepted and what it means, what is
 * refused and what is said of it, and that nothing is read where nothing may be.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "env.h"
#include "fault.h"
#include "read_trace.h"

static const char *program; /* this one */

static const struct env *with(const char *name, const char *value)
{
	ck_assert_int_eq(setenv(name, value, 1), 0);
	capture_begin();
	return env_read();
}

/* The value is understood, and nothing is said. */
static const struct env *accepted(const char *name, const char *value)
{
	const struct env *env = with(name, value);
	const char *text = capture_end();
	ck_assert_msg(!*text, "%s=%s: %s", name, value, text);
	return env;
}

/* It is not: one line, with all that the user has to know. */
static const struct env *refused(const char *name, const char *value, const char *what)
{
	char expected[512];
	const struct env *env = with(name, value);
	snprintf(expected, sizeof(expected),
	         "breadcrumb: %s=%s is not understood; accepted: %s\n", name, value,
	         what);
	ck_assert_str_eq(capture_end(), expected);
	return env;
}

static void has_defaults(const struct env *env)
{
	ck_assert_str_eq(env->output, "breadcrumb-%p.crumb");
	ck_assert_str_eq(env->backend, "auto");
	ck_assert_str_eq(env->include, "");
	ck_assert_str_eq(env->exclude, "");
	ck_assert(!env->lines);
	ck_assert(!env->locals && !env->returns);
	ck_assert_int_eq(env->signal, 0);
	ck_assert_uint_eq(env->max_size, 0);
	ck_assert_uint_eq(env->keep_free, 256 << 20);
	ck_assert_int_eq(env->log, LOG_ERROR);
	ck_assert(!env->disable);
	ck_assert(!env->manual);
}

START_TEST(nothing_set_gives_the_documented_defaults)
{
	capture_begin();
	has_defaults(env_read());
	ck_assert_str_eq(capture_end(), "");
}
END_TEST

START_TEST(text_is_taken_as_it_is)
{
	setenv("BREADCRUMB_OUTPUT", "/var/tmp/%e.crumb", 1);
	setenv("BREADCRUMB_INCLUDE", "a.*,b", 1);
	const struct env *env = accepted("BREADCRUMB_EXCLUDE", "logging*");
	ck_assert_str_eq(env->output, "/var/tmp/%e.crumb");
	ck_assert_str_eq(env->include, "a.*,b");
	ck_assert_str_eq(env->exclude, "logging*");
}
END_TEST

START_TEST(empty_text_is_a_list_but_no_name)
{
	setenv("BREADCRUMB_INCLUDE", "", 1);
	const struct env *env =
	    refused("BREADCRUMB_OUTPUT", "", "a file name or a directory");
	ck_assert_str_eq(env->output, "breadcrumb-%p.crumb");
	ck_assert_str_eq(env->include, "");
}
END_TEST

START_TEST(text_does_not_change_with_the_environment)
{
	char own[] = "BREADCRUMB_INCLUDE=app";
	ck_assert_int_eq(putenv(own), 0);
	const struct env *env = env_read();
	memset(own, 'x', sizeof(own) - 1);
	ck_assert_str_eq(env->include, "app");
}
END_TEST

START_TEST(start_is_automatic_or_manual)
{
	ck_assert(accepted("BREADCRUMB_START", "manual")->manual);
	ck_assert(!accepted("BREADCRUMB_START", "auto")->manual);
	ck_assert(!refused("BREADCRUMB_START", "Manual", "auto, manual")->manual);
	ck_assert(!refused("BREADCRUMB_START", "", "auto, manual")->manual);
}
END_TEST

START_TEST(backends_are_known_by_name)
{
	static const char *const names[] = {"monitoring", "frame", "settrace", "auto"};
	static const char *const others[] = {"", "Auto", "frames", "sampling", "auto "};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_str_eq(accepted("BREADCRUMB_BACKEND", names[i])->backend,
		                 names[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_str_eq(refused("BREADCRUMB_BACKEND", others[i],
		                         "auto, monitoring, frame, settrace")
		                     ->backend,
		                 "auto");
}
END_TEST

START_TEST(switches_have_a_few_spellings)
{
	static const char *const on[] = {"1", "yes", "true", "on", "YES", "True"};
	static const char *const off[] = {"0", "no", "false", "off", "", "OFF"};
	static const char *const neither[] = {"2", "00", "y", " 1", "enable"};
	for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
		ck_assert(accepted("BREADCRUMB_CAPTURE_LINES", on[i])->lines);
		ck_assert(accepted("BREADCRUMB_DISABLE", on[i])->disable);
	}
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		ck_assert(!accepted("BREADCRUMB_CAPTURE_LINES", off[i])->lines);
		ck_assert(!accepted("BREADCRUMB_DISABLE", off[i])->disable);
	}
	for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++)
		ck_assert(
		    !refused("BREADCRUMB_CAPTURE_LINES", neither[i], "0, 1")->lines);
}
END_TEST

START_TEST(sizes_have_units)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {
	    {"0", 0},
	    {"1", 1},
	    {"007", 7},
	    {"4096", 4096},
	    {"1K", 1 << 10},
	    {"1k", 1 << 10},
	    {"512M", 512 << 20},
	    {"3g", UINT64_C(3) << 30},
	    {"2T", UINT64_C(2) << 40},
	    {"0T", 0},
	    {"16777215T", UINT64_C(16777215) << 40},
	    {"18446744073709551615", UINT64_MAX},
	};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_uint_eq(
		    accepted("BREADCRUMB_MAX_SIZE", sizes[i].text)->max_size,
		    sizes[i].bytes);
		ck_assert_uint_eq(
		    accepted("BREADCRUMB_KEEP_FREE", sizes[i].text)->keep_free,
		    sizes[i].bytes);
	}
}
END_TEST

START_TEST(size_that_is_none_gives_the_default)
{
	static const char *const wrong[] = {"",
	                                    "K",
	                                    "-1",
	                                    "+1",
	                                    " 1",
	                                    "1 ",
	                                    "1KB",
	                                    "1 K",
	                                    "1P",
	                                    "0x10",
	                                    "1.5G",
	                                    "16777216T",
	                                    "18446744073709551616",
	                                    "99999999999999999999999"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_uint_eq(refused("BREADCRUMB_KEEP_FREE", wrong[i],
		                          "bytes, or a number with K, M, G, T")
		                      ->keep_free,
		                  256 << 20);
	}
	unsetenv("BREADCRUMB_KEEP_FREE");
	ck_assert_uint_eq(
	    refused("BREADCRUMB_MAX_SIZE", "lots", "bytes, or a number with K, M, G, T")
		->max_size,
	    0);
}
END_TEST

START_TEST(signals_go_by_name_or_number)
{
	static const struct {
		const char *text;
		int number;
	} signals[] = {{"USR2", SIGUSR2}, {"usr1", SIGUSR1}, {"SIGHUP", SIGHUP},
	               {"sigwinch", 28},  {"12", 12},        {"", 0},
	               {"64", 64}};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		ck_assert_int_eq(accepted("BREADCRUMB_SIGNAL", signals[i].text)->signal,
		                 signals[i].number);
}
END_TEST

START_TEST(signal_that_cannot_be_used_is_refused)
{
	static const char *const wrong[] = {
	    "KILL", "9",    "STOP", "SIGSEGV",   "11", "BUS", "FPE",
	    "ILL",  "ABRT", "0",    "-1",        "65", "12x", "99999999999999999999",
	    "NOPE", "SIG",  " 12",  "SIGSIGUSR1"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(
		    refused("BREADCRUMB_SIGNAL", wrong[i],
		            "a signal that can be caught, by name (USR2) or number")
			->signal,
		    0);
}
END_TEST

/* 32 and 33 are glibc's own (SIGCANCEL, SIGSETXID): sigaction() refuses them. */
START_TEST(signal_of_the_c_library_is_refused)
{
	ck_assert_int_eq(refused("BREADCRUMB_SIGNAL", "32",
	                         "a signal that can be caught, by name (USR2) or number")
	                     ->signal,
	                 0);
}
END_TEST

START_TEST(log_level_is_obeyed_at_once)
{
	static const char *const names[] = {"error", "warn", "info", "Debug"};
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(accepted("BREADCRUMB_LOG", names[i])->log, i);
		capture_begin();
		log_debug("one");
		log_info("two");
		log_warn("three");
		const char *said = capture_end();
		ck_assert_int_eq(strstr(said, "one") != NULL, i >= LOG_DEBUG);
		ck_assert_int_eq(strstr(said, "two") != NULL, i >= LOG_INFO);
		ck_assert_int_eq(strstr(said, "three") != NULL, i >= LOG_WARN);
	}
	ck_assert_int_eq(
	    refused("BREADCRUMB_LOG", "loud", "error, warn, info, debug")->log,
	    LOG_ERROR);
}
END_TEST

START_TEST(variable_of_a_later_version_changes_nothing)
{
	has_defaults(refused("BREADCRUMB_RING", "1", "only 0 in this version"));
	has_defaults(accepted("BREADCRUMB_RING", "0"));
	has_defaults(accepted("BREADCRUMB_RING", ""));
}
END_TEST

START_TEST(values_are_captured_when_asked_for)
{
	ck_assert(accepted("BREADCRUMB_CAPTURE_LOCALS", "1")->locals);
	ck_assert(accepted("BREADCRUMB_CAPTURE_RETURNS", "yes")->returns);
	ck_assert(!accepted("BREADCRUMB_CAPTURE_LOCALS", "0")->locals);
	ck_assert_str_eq(accepted("BREADCRUMB_REDACT", "pin,puk")->redact, "pin,puk");
	ck_assert(!refused("BREADCRUMB_CAPTURE_RETURNS", "some", "0, 1")->returns);
}
END_TEST

START_TEST(bounds_of_values_are_kept)
{
	static const struct {
		const char *name, *least, *most, *less, *more, *accepted;
		size_t offset;
		uint64_t fallback;
	} bounds[] = {
	    {"BREADCRUMB_VALUE_LENGTH", "1", "10000", "0", "10001", "1 to 10000",
	     offsetof(struct env, value_length), 200},
	    {"BREADCRUMB_VALUE_ITEMS", "0", "1000", "-1", "1001", "0 to 1000",
	     offsetof(struct env, value_items), 10},
	    {"BREADCRUMB_VALUE_DEPTH", "1", "16", "0", "17", "1 to 16",
	     offsetof(struct env, value_depth), 2},
	    {"BREADCRUMB_EVENT_BYTES", "64", "32K", "63", "32769",
	     "64 to 32768 bytes, or a number with K", offsetof(struct env, event_bytes),
	     4096},
	};
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const char *name = bounds[i].name;
		const uint64_t *value =
		    (const uint64_t *)(const void *)((const char *)accepted(
							 name, bounds[i].most) +
		                                     bounds[i].offset);
		ck_assert_uint_gt(*value, bounds[i].fallback);
		accepted(name, bounds[i].least);
		ck_assert_uint_eq(*value, (uint64_t)strtol(bounds[i].least, NULL, 10));
		refused(name, bounds[i].less, bounds[i].accepted);
		ck_assert_uint_eq(*value, bounds[i].fallback);
		refused(name, bounds[i].more, bounds[i].accepted);
		ck_assert_uint_eq(*value, bounds[i].fallback);
		unsetenv(name);
	}
}
END_TEST

START_TEST(one_wrong_value_leaves_the_others)
{
	setenv("BREADCRUMB_CAPTURE_LINES", "1", 1);
	setenv("BREADCRUMB_INCLUDE", "app", 1);
	const struct env *env =
	    refused("BREADCRUMB_MAX_SIZE", "?", "bytes, or a number with K, M, G, T");
	ck_assert(env->lines);
	ck_assert_str_eq(env->include, "app");
}
END_TEST

START_TEST(without_memory_texts_are_the_defaults)
{
	setenv("BREADCRUMB_OUTPUT", "/tmp/mine", 1);
	fault_fail(FAULT_STRDUP, 0, FAULT_ALWAYS, ENOMEM);
	capture_begin();
	const struct env *env = env_read();
	fault_none();
	capture_end();
	ck_assert_ptr_nonnull(env->output);
	ck_assert_ptr_nonnull(env->include);
	ck_assert_ptr_nonnull(env->exclude);
	ck_assert_str_eq(env->output, "breadcrumb-%p.crumb");
	ck_assert_str_eq(env->include, "");
	ck_assert_str_eq(env->exclude, "");
}
END_TEST

/* A copy of this program that the kernel calls secure: the user's environment is not the
 * owner's. */
START_TEST(setuid_program_reads_nothing)
{
	const char *copy = temp_path("setuid");
	char command[PATH_MAX + 64];

	if (geteuid() != 0) {
		say_skipped("setuid_program_reads_nothing", "only root can make one");
		return;
	}
	snprintf(command, sizeof(command), "cp '%s' '%s' && chmod 04755 '%s'", program,
	         copy, copy);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(chmod(temp_path("."), 0755), 0);
	setenv("BREADCRUMB_DISABLE", "1", 1);
	for (int secure = 0; secure < 2; secure++) {
		pid_t child = fork();
		if (child == 0) {
			if (secure && setresuid(65534, 65534, 65534) != 0)
				_exit(99);
			execl(copy, copy, "--is-disabled", (char *)NULL);
			_exit(98);
		}
		child_ends(child, secure ? 0 : 1);
	}
}
END_TEST

static void setup(void)
{
	static const char *const names[] = {"LOG",
	                                    "OUTPUT",
	                                    "BACKEND",
	                                    "INCLUDE",
	                                    "EXCLUDE",
	                                    "SIGNAL",
	                                    "DISABLE",
	                                    "CAPTURE_LINES",
	                                    "MAX_SIZE",
	                                    "RING",
	                                    "KEEP_FREE",
	                                    "NOTHING",
	                                    "CAPTURE_LOCALS",
	                                    "CAPTURE_RETURNS",
	                                    "VALUE_LENGTH",
	                                    "VALUE_ITEMS",
	                                    "VALUE_DEPTH",
	                                    "EVENT_BYTES",
	                                    "REDACT"};
	char name[64];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "BREADCRUMB_%s", names[i]);
		unsetenv(name);
	}
}

int main(int argc, char **argv)
{
	program = argv[0];
	if (argc > 1)
		return env_read()->disable;

	Suite *suite = suite_create("agent: env");
	TCase *c = add_case(suite, "variables");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, nothing_set_gives_the_documented_defaults);
	tcase_add_test(c, text_is_taken_as_it_is);
	tcase_add_test(c, empty_text_is_a_list_but_no_name);
	tcase_add_test(c, text_does_not_change_with_the_environment);
	tcase_add_test(c, start_is_automatic_or_manual);
	tcase_add_test(c, backends_are_known_by_name);
	tcase_add_test(c, switches_have_a_few_spellings);
	tcase_add_test(c, sizes_have_units);
	tcase_add_test(c, size_that_is_none_gives_the_default);
	tcase_add_test(c, signals_go_by_name_or_number);
	tcase_add_test(c, signal_that_cannot_be_used_is_refused);
	tcase_add_test(c, signal_of_the_c_library_is_refused);
	tcase_add_test(c, log_level_is_obeyed_at_once);
	tcase_add_test(c, variable_of_a_later_version_changes_nothing);
	tcase_add_test(c, values_are_captured_when_asked_for);
	tcase_add_test(c, bounds_of_values_are_kept);
	tcase_add_test(c, one_wrong_value_leaves_the_others);
	tcase_add_test(c, without_memory_texts_are_the_defaults);
	tcase_add_test(c, setuid_program_reads_nothing);
	return run_suite(suite);
}
