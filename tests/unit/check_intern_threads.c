/* SPDX-License-Identifier: MIT */
/*
 * This exercises: many threads that meet code objects and texts at once, some the same,
 * while code objects die and the process forks.  No id is given twice, and each has its
 * definition before anybody has the id.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_fixture.h"
#include "buffer.h"
#include "fault.h"
#include "intern.h"
#include "raw_trace.h"
#include "read_trace.h"
#include "record.h"
#include "sink.h"

#define THREADS 8
#define SHARED  2000 /* code objects that all threads meet */
#define OWN     300  /* and that one thread makes and lets die, again and again */
#define ROUNDS  5
#define FORKS   10

static const void *code(uintptr_t n)
{
	return (const void *)(n * 16 + 0x7f0000000000);
}

static struct intern_text text_of(char *at, size_t size, const char *kind, uintptr_t n)
{
	int length = snprintf(at, size, "%s %u", kind, (unsigned)n);
	return (struct intern_text){at, (size_t)length};
}

/* As trace.c does it: by the thread's own table, else by all threads', else anew. */
static uint32_t meet(uintptr_t n, struct intern_record **fresh)
{
	char name[32], file[32];
	struct intern_slot *slot = intern_slot(buffer_area(buffer_mine), code(n)), out;

	*fresh = NULL;
	if (__atomic_load_n(&slot->code, __ATOMIC_RELAXED) == code(n))
		return slot->id;
	if (!intern_find(code(n), &out)) {
		struct intern_code what = {
		    .name = text_of(name, sizeof(name), "function", n),
		    .filename = text_of(file, sizeof(file), "file", n % 7),
		    .first_line = (uint32_t)n,
		};
		what.qualname = what.name;
		*fresh = intern_add(code(n), &what, true, &out);
	}
	must(out.code == code(n));
	must(out.first_line == (uint32_t)n);
	slot->id = out.id;
	slot->first_line = out.first_line;
	__atomic_store_n(&slot->code, code(n), __ATOMIC_RELEASE);
	return out.id;
}

/* The id that any thread got for a shared code object; all get the same. */
static uint32_t shared_ids[SHARED];
static unsigned records_of_shared; /* atomic */

static void meet_shared(uintptr_t n)
{
	struct intern_record *fresh;
	uint32_t unset = 0, id = meet(n, &fresh);

	if (!__atomic_compare_exchange_n(&shared_ids[n], &unset, id, false,
	                                 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		must(unset == id);
	if (fresh)
		__atomic_fetch_add(&records_of_shared, 1, __ATOMIC_RELAXED);
}

static void *meet_many(void *data)
{
	uintptr_t thread = (uintptr_t)data;
	uint32_t last = 0;

	must(buffer_acquire((uint32_t)thread, 0));
	for (int round = 0; round < ROUNDS; round++) {
		struct intern_record *own[OWN];
		for (uintptr_t n = 0; n < SHARED; n++)
			meet_shared((n * 7 + thread * 100) % SHARED);
		for (uintptr_t n = 0; n < OWN; n++) {
			uint32_t id = meet(SHARED + thread * OWN + n, &own[n]);
			must(own[n] && id > last); /* never one that was there */
			last = id;
		}
		for (uintptr_t n = 0; n < OWN; n++)
			intern_forget(own[n]);
	}
	buffer_release(buffer_mine);
	return NULL;
}

static void define_in_child(void)
{
	struct intern_record *fresh;

	sink_forked();
	buffer_forked();
	intern_forked();
	must(sink_open());
	must(buffer_acquire(1, 0));
	for (uintptr_t n = 0; n < 100; n++)
		must(meet(n, &fresh) == n + 1);
	struct raw raw = raw_load(sink_path());
	must(raw_count_records(&raw, CRUMB_RECORD_CODE) == 100);
	must(raw_count_records(&raw, CRUMB_RECORD_STRING) == 107);
	raw_free(&raw);
	unlink(sink_path());
}

static void *fork_often(void *unused)
{
	for (int i = 0; i < FORKS; i++) {
		intern_lock();
		buffer_lock();
		sink_lock();
		pid_t child = fork();
		if (child == 0) {
			define_in_child();
			leave_child(0);
		}
		sink_unlock();
		buffer_unlock();
		intern_unlock();
		child_ends(child, 0);
	}
	return unused;
}

/* Each id from 1 on has one definition, with texts that are defined before it. */
static void check_definitions(uint32_t codes)
{
	struct raw raw = raw_load(sink_path());
	const struct crumb_record *r = NULL;
	uint32_t last_text = 0, last_code = 0;

	while ((r = raw_record(&raw, r, 0))) {
		const struct crumb_record_string *s = (const void *)r;
		const struct crumb_record_code *c = (const void *)r;
		if (r->type == CRUMB_RECORD_STRING) {
			must(s->id == ++last_text);
		} else if (r->type == CRUMB_RECORD_CODE) {
			must(c->id == ++last_code);
			must(c->name && c->name <= last_text && c->qualname == c->name);
			must(c->filename && c->filename <= last_text);
		}
	}
	ck_assert_uint_eq(last_code, codes);
	ck_assert_uint_eq(last_text, SHARED + THREADS * OWN + 7);
	raw_free(&raw);
}

START_TEST(codes_that_all_threads_meet_have_one_id)
{
	pthread_t threads[THREADS], forker;

	fixture_open("a.crumb");
	buffer_init(INTERN_AREA, false);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, meet_many, (void *)(i + 1));
	pthread_create(&forker, NULL, fork_often, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_join(forker, NULL);
	ck_assert_uint_eq(records_of_shared, SHARED);
	for (int n = 0; n < SHARED; n++)
		must(shared_ids[n] != 0);
	check_definitions(SHARED + THREADS * OWN * ROUNDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agent: intern, threads");
	TCase *c = add_case(suite, "threads");
	tcase_add_test(c, codes_that_all_threads_meet_have_one_id);
	return run_suite(suite);
}
