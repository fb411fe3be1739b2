/* SPDX-License-Identifier: MIT */
/* This exercises: how much of a stack hooks may add to, on the stacks that there are. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "fault.h"
#include "stack.h"

#define MIB ((size_t)1 << 20)

static void set_stack_limit(rlim_t bytes)
{
	struct rlimit limit;
	ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
}

static __attribute__((noinline)) bool is_used_here(struct buffer *b)
{
	return stack_is_used(b);
}

/* Whether the stack is used when this much more of it is. */
static __attribute__((noinline)) bool is_used_after(struct buffer *b, size_t bytes)
{
	volatile char *room = __builtin_alloca(bytes);
	room[0] = 1;
	bool used = is_used_here(b);
	return used && room[0] == 1;
}

START_TEST(first_threads_stack_is_as_large_as_its_limit)
{
	struct buffer b = {0};
	char here;

	set_stack_limit(8 * MIB);
	stack_measure(&b, 8);
	ck_assert_uint_eq(b.stack_size, 8 * MIB);
	ck_assert_uint_eq(b.stack_reserve, 7 * MIB + 1);
	ck_assert_uint_lt(b.stack_low, (uintptr_t)&here);
	ck_assert_uint_gt(b.stack_low + b.stack_size, (uintptr_t)&here);
	ck_assert_uint_le(stack_left(&b), b.stack_size);
	ck_assert(!stack_is_used(&b));
	ck_assert(!is_used_after(&b, MIB / 2));
	ck_assert(is_used_after(&b, MIB + 65536));
}
END_TEST

START_TEST(unlimited_stack_is_a_gibibyte)
{
	struct buffer b = {0};

	set_stack_limit(RLIM_INFINITY);
	stack_measure(&b, 4);
	ck_assert_uint_eq(b.stack_size, 1024 * MIB);
	ck_assert(!stack_is_used(&b));
}
END_TEST

/* glibc then looks into /proc/self/maps. */
START_TEST(limit_that_is_not_known_is_asked_of_the_c_library)
{
	struct buffer b = {0};

	set_stack_limit(8 * MIB);
	fault_fail(FAULT_GETRLIMIT, 0, 1, EPERM);
	stack_measure(&b, 8);
	ck_assert_uint_ge(b.stack_size, 7 * MIB);
	ck_assert_uint_le(b.stack_size, 9 * MIB);
	ck_assert(!stack_is_used(&b));
}
END_TEST

/* Runs `body` in a thread with a stack of this size. */
static void run_in_thread(size_t size, void *(*body)(void *))
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, size), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, body, &size), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

static void *measure_in_thread(void *data)
{
	size_t size = *(size_t *)data;
	struct buffer b = {0};

	stack_measure(&b, 4);
	ck_assert_uint_le(b.stack_size, size);
	ck_assert_uint_ge(b.stack_size, size - 65536);
	ck_assert_uint_lt(b.stack_low, (uintptr_t)&b);
	ck_assert_uint_ge(b.stack_low + b.stack_size, (uintptr_t)&b);
	ck_assert_uint_gt(b.stack_reserve, b.stack_size / 4 * 3);
	ck_assert_uint_le(b.stack_reserve, b.stack_size / 4 * 3 + 65536);
	ck_assert(!stack_is_used(&b));
	ck_assert(!is_used_after(&b, size / 8));
	ck_assert(is_used_after(&b, size / 3));
	ck_assert(is_used_after(&b, size / 4 * 3));
	return NULL;
}

START_TEST(thread_has_the_stack_it_was_given)
{
	static const size_t sizes[] = {MIB, 4 * MIB, 64 * MIB};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		run_in_thread(sizes[i], measure_in_thread);
}
END_TEST

/* The child's only thread has the process's number, and yet another stack. */
static void *fork_in_thread(void *data)
{
	pid_t child = fork();

	if (child == 0) {
		measure_in_thread(data);
		leave_child(0);
	}
	child_ends(child, 0);
	return data;
}

START_TEST(child_of_a_thread_has_that_threads_stack)
{
	run_in_thread(4 * MIB, fork_in_thread);
}
END_TEST

static void *measure_without_attributes(void *data)
{
	struct buffer b = {0};

	stack_measure(&b, 4);
	ck_assert_uint_eq(b.stack_size, 0);
	ck_assert_uint_ne(b.stack_reserve, 0); /* it is measured */
	ck_assert(!stack_is_used(&b));
	ck_assert(!stack_holds(&b, 1, 1));
	return data;
}

START_TEST(stack_that_cannot_be_measured_is_never_used_up)
{
	fault_fail(FAULT_THREAD_ATTRIBUTES, 0, FAULT_ALWAYS, ENOMEM);
	run_in_thread(4 * MIB, measure_without_attributes);
}
END_TEST

START_TEST(hooks_may_have_the_whole_stack)
{
	struct buffer b = {0};

	set_stack_limit(8 * MIB);
	stack_measure(&b, 1);
	ck_assert_uint_eq(b.stack_reserve, 1);
	ck_assert(!is_used_after(&b, 4 * MIB));
}
END_TEST

static ucontext_t outside, fiber;
static struct buffer measured;

static void in_fiber(void)
{
	ck_assert(!stack_is_used(&measured));
	ck_assert_uint_gt(stack_left(&measured), 64 * MIB);
}

START_TEST(fiber_is_never_near_the_end)
{
	char *stack = malloc(65536);

	set_stack_limit(8 * MIB);
	stack_measure(&measured, 8);
	getcontext(&fiber);
	fiber.uc_stack.ss_sp = stack;
	fiber.uc_stack.ss_size = 65536;
	fiber.uc_link = &outside;
	makecontext(&fiber, in_fiber, 0);
	ck_assert_int_eq(swapcontext(&outside, &fiber), 0);
	free(stack);
}
END_TEST

START_TEST(calls_fit_with_an_eighth_to_spare)
{
	const struct buffer b = {.stack_size = 8 * MIB};

	ck_assert(stack_holds(&b, 1000, 512));
	ck_assert(stack_holds(&b, 14335, 512));
	ck_assert(!stack_holds(&b, 14336, 512));
	ck_assert(!stack_holds(&b, 0, 512));
	ck_assert(!stack_holds(&b, -1, 512));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: stack");
	TCase *c = add_case(suite, "stacks");
	tcase_add_test(c, first_threads_stack_is_as_large_as_its_limit);
	tcase_add_test(c, unlimited_stack_is_a_gibibyte);
	tcase_add_test(c, limit_that_is_not_known_is_asked_of_the_c_library);
	tcase_add_test(c, thread_has_the_stack_it_was_given);
	tcase_add_test(c, child_of_a_thread_has_that_threads_stack);
	tcase_add_test(c, stack_that_cannot_be_measured_is_never_used_up);
	tcase_add_test(c, hooks_may_have_the_whole_stack);
	tcase_add_test(c, fiber_is_never_near_the_end);
	tcase_add_test(c, calls_fit_with_an_eighth_to_spare);
	return run_suite(suite);
}
