/* SPDX-License-Identifier: MIT */
/*
 * This exercises: whatever a file holds and however little memory there is, the reader
 * neither crashes nor hangs nor breaks a promise of its header.  Files cut at every byte,
 * with every bit flipped, full of noise; every allocation failing in turn; memory that
 * does not grow with the file.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "make_trace.h"
#include "read_trace.h"

#define EVENTS 12 /* of make_sample() */

static const char *path;
static unsigned char *whole;
static size_t whole_size;

/* 0: none; otherwise that allocation from now on fails, alone or with all after it. */
static unsigned long fail_at;
static bool fails_alone;
static unsigned long allocations;

static bool fails_now(void)
{
	if (!fail_at)
		return false;
	allocations++;
	return fails_alone ? allocations == fail_at : allocations >= fail_at;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
int __wrap_asprintf(char **to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int __real_scandir(const char *folder, struct dirent ***names,
                   int (*choose)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **));
int __wrap_scandir(const char *folder, struct dirent ***names,
                   int (*choose)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **));

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

int __wrap_asprintf(char **to, const char *format, ...)
{
	va_list args;

	if (fails_now())
		return -1;
	va_start(args, format);
	int r = vasprintf(to, format, args);
	va_end(args);
	return r;
}

int __wrap_scandir(const char *folder, struct dirent ***names,
                   int (*choose)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **))
{
	if (fails_now()) {
		errno = ENOMEM;
		return -1;
	}
	return __real_scandir(folder, names, choose, compare);
}

/* 0: none; otherwise that pread from now on fails, and no other. */
static unsigned long read_fails_at;
static unsigned long reads;

ssize_t __real_pread(int fd, void *to, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset);

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset)
{
	if (read_fails_at && ++reads == read_fails_at) {
		errno = EIO;
		return -1;
	}
	return __real_pread(fd, to, size, offset);
}

static void setup(void)
{
	temp_setup();
	path = temp_path("a.crumb");
	make_sample(path);
	whole = make_load(path, &whole_size);
}

static void teardown(void)
{
	free(whole);
	temp_teardown();
}

/* Nothing but the promises (see read_trace.c), and that a failure has an error. */
static size_t survives(void)
{
	struct seen seen = seen_only(path);
	size_t events = seen.events;

	if (seen.result < 0 || events > 3 * whole_size / 8)
		ck_abort_msg("result %d after %zu events", seen.result, events);
	if (seen.added < 0 && events)
		ck_abort_msg("events of a file that was not added");
	seen_free(&seen);
	return events;
}

START_TEST(sample_is_sound)
{
	struct seen seen = seen_of(path);

	ck_assert_uint_eq(seen.events, EVENTS);
	ck_assert_str_eq(seen.problems, "");
	seen_free(&seen);
}
END_TEST

/* Whether a block of the sample starts there: a process that was killed may have ended
 * its file at that point. */
static bool is_border(size_t offset)
{
	size_t at = CRUMB_HEADER_SIZE;
	struct crumb_block block;

	while (at < offset) {
		memcpy(&block, whole + at, sizeof(block));
		ck_assert_uint_eq(block.magic, CRUMB_BLOCK_MAGIC);
		at += block.size;
	}
	return at == offset;
}

START_TEST(file_cut_at_every_byte_is_survived_and_told)
{
	size_t most = 0;

	for (size_t size = 0; size < whole_size; size++) {
		make_save(path, whole, size);
		struct seen seen = seen_only(path);
		if (seen.added == 1 && !*seen.problems && !is_border(size))
			ck_abort_msg("nothing is said of a file cut at %zu", size);
		if (seen.result < 0 || seen.events > EVENTS)
			ck_abort_msg("%zu events of a file cut at %zu", seen.events,
			             size);
		if (seen.events + 1 < most)
			ck_abort_msg("fewer events of a file cut at %zu", size);
		most = seen.events > most ? seen.events : most;
		seen_free(&seen);
	}
	ck_assert_uint_eq(most, EVENTS);
}
END_TEST

START_TEST(every_flipped_bit_is_survived)
{
	for (size_t at = 0; at < whole_size; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			unsigned char changed = (unsigned char)(whole[at] ^ 1u << bit);
			/* The header's padding is never looked at: one bit of it will do.
			 */
			if (at >= sizeof(struct crumb_header) && at < CRUMB_HEADER_SIZE &&
			    bit != at % 8)
				continue;
			make_poke(path, at, &changed, 1);
			survives();
		}
		make_poke(path, at, whole + at, 1);
	}
	ck_assert_uint_eq(survives(), EVENTS);
}
END_TEST

START_TEST(every_byte_of_all_ones_or_zero_is_survived)
{
	for (size_t at = 0; at < whole_size; at++) {
		make_poke(path, at, "\377", 1);
		survives();
		make_poke(path, at, "\0", 1);
		survives();
		make_poke(path, at, whole + at, 1);
	}
}
END_TEST

static uint64_t random_state = 88172645463325252u;

static uint64_t random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

START_TEST(noise_between_sound_headers_is_survived)
{
	unsigned char *noise = malloc(whole_size);

	for (int round = 0; round < 2000; round++) {
		memcpy(noise, whole, whole_size);
		for (size_t at = CRUMB_HEADER_SIZE; at < whole_size; at += 8) {
			uint64_t word = random_number();
			/* Headers of blocks stay often enough to get past them. */
			if (at % CRUMB_ALIGN < 40 || word % 4 == 0)
				continue;
			word = random_number() >> (random_number() % 64);
			memcpy(noise + at, &word, 8);
		}
		make_save(path, noise, whole_size);
		survives();
	}
	free(noise);
}
END_TEST

START_TEST(pieces_in_another_order_are_survived)
{
	unsigned char *mixed = malloc(whole_size);
	const size_t pieces = (whole_size - CRUMB_HEADER_SIZE) / CRUMB_ALIGN;

	for (int round = 0; round < 2000; round++) {
		memcpy(mixed, whole, whole_size);
		for (int k = 0; k < 8; k++) {
			size_t from = random_number() % pieces,
			       to = random_number() % pieces;
			memcpy(mixed + CRUMB_HEADER_SIZE + to * CRUMB_ALIGN,
			       whole + CRUMB_HEADER_SIZE + from * CRUMB_ALIGN,
			       CRUMB_ALIGN);
		}
		make_save(path, mixed, whole_size);
		survives();
	}
	free(mixed);
}
END_TEST

START_TEST(inputs_of_the_fuzzer_are_survived)
{
	struct dirent **names;
	int count = __real_scandir(TOP_SRCDIR "/tests/fuzz/corpus", &names, NULL, NULL);
	int files = 0;

	ck_assert_int_gt(count, 0);
	for (int i = 0; i < count; i++) {
		char *from;
		size_t size;
		ck_assert_int_ge(asprintf(&from, "%s/tests/fuzz/corpus/%s", TOP_SRCDIR,
		                          names[i]->d_name),
		                 0);
		if (names[i]->d_name[0] != '.') {
			unsigned char *bytes = make_load(from, &size);
			make_save(path, bytes, size);
			free(bytes);
			struct seen seen = seen_only(path);
			ck_assert_int_ge(seen.result, 0);
			seen_free(&seen);
			files++;
		}
		free(from);
		free(names[i]);
	}
	free(names);
	ck_assert_int_ge(files, 6);
}
END_TEST

/* Adds `from` and walks it, with the fail_at-th allocation and all that follow failing.
 * 0 when all went well; otherwise everything failed for lack of memory, and said so. */
static int walk_starving(const char *from, size_t *events)
{
	struct crumb_event event;
	int r;

	*events = 0;
	allocations = 0;
	struct crumb_trace *trace = crumb_trace_new();
	if (!trace)
		return -ENOMEM;
	r = crumb_trace_add(trace, from);
	if (r < 0 && !*crumb_trace_error(trace))
		r = -EINVAL;
	if (r > 0) {
		struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
		r = cursor ? 1 : -ENOMEM;
		while (cursor && (r = crumb_cursor_next(cursor, &event)) > 0)
			++*events;
		if (cursor && r < 0 && !strstr(crumb_trace_error(trace), "memory"))
			r = -EINVAL;
		crumb_cursor_free(cursor);
	}
	crumb_trace_free(trace);
	return r;
}

/* Fails each allocation in turn until none is left to fail. */
static void starve_once(const char *from, size_t expected)
{
	size_t events;

	for (unsigned long n = 1;; n++) {
		ck_assert_uint_lt(n, 2000);
		fail_at = n;
		int r = walk_starving(from, &events);
		bool failed = allocations >= n;
		fail_at = 0;
		if (!failed) {
			ck_assert_int_eq(r, 0);
			ck_assert_uint_eq(events, expected);
			return;
		}
		/* One that fails may have been an attempt to need less: all went well. */
		bool is_well = fails_alone && r == 0 && events == expected;
		ck_assert_msg(is_well || r == -ENOMEM, "allocation %lu failed: %d", n, r);
		ck_assert_uint_le(events, expected);
	}
}

static void starve(const char *from, size_t expected)
{
	fails_alone = false;
	starve_once(from, expected);
	fails_alone = true;
	starve_once(from, expected);
}

START_TEST(each_allocation_may_fail)
{
	starve(path, EVENTS);
}
END_TEST

START_TEST(each_allocation_may_fail_in_a_directory)
{
	make_sample(temp_path("b.crumb"));
	make_save(temp_path("c.crumb"), "junk", 4);
	starve(temp_path(""), 2 * EVENTS);
}
END_TEST

START_TEST(each_allocation_may_fail_among_stray_ends)
{
	struct make_trace *t = make_begin(path);
	uint32_t codes[100];
	uint32_t thread = make_thread(t, 1, "t");
	char name[16];

	for (uint32_t i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		codes[i] = make_code(t, "app", name, "/n.py", 1);
	}
	for (uint32_t i = 0; i < 50; i++)
		make_event(t, thread, CRUMB_WORD_CALL, codes[i], i);
	make_event(t, thread, CRUMB_WORD_RETURN, codes[99], 60);
	make_event(t, thread, CRUMB_WORD_RETURN, 7777, 60);
	for (uint32_t i = 50; i < 100; i++)
		make_event(t, thread, CRUMB_WORD_CALL, codes[i], 100 + i);
	make_finish(t);
	starve(path, 102);
}
END_TEST

START_TEST(each_allocation_may_fail_among_problems)
{
	struct make_trace *t = make_begin(path);
	uint32_t thread = make_thread(t, 1, "t");

	/* Some are found when the file is added, some by the cursor. */
	make_lose(t, thread);
	make_event(t, thread, CRUMB_WORD_CALL, 5, 1);
	make_word(t, thread, CRUMB_WORD_EXTENDED | CRUMB_EXT_LOST << CRUMB_KIND_BITS);
	make_word(t, thread, 0);
	make_block(t, thread);
	for (int i = 0; i < 30; i++) {
		make_lose(t, thread);
		make_event(t, thread, CRUMB_WORD_CALL, 6, 10);
		make_word(t, thread, 0);
		make_block(t, thread);
	}
	make_finish(t);
	starve(path, 31);
}
END_TEST

START_TEST(each_read_may_fail)
{
	struct crumb_event event;
	size_t events, failures;
	bool was_added;
	int added = 0, walked = 0;

	for (read_fails_at = 1;; read_fails_at++) {
		reads = events = failures = 0;
		struct crumb_trace *trace = crumb_trace_new();
		int r = crumb_trace_add(trace, path);
		was_added = r > 0;
		if (!was_added) {
			ck_assert_int_eq(r, -EIO);
			ck_assert_ptr_nonnull(strstr(crumb_trace_error(trace),
			                             ": cannot be read: Input/output"));
			added++;
		}
		struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
		while ((r = crumb_cursor_next(cursor, &event)) != 0) {
			if (r > 0) {
				events++;
				continue;
			}
			ck_assert_int_eq(r, -EIO);
			ck_assert_ptr_nonnull(strstr(crumb_trace_error(trace),
			                             ": cannot be read: Input/output"));
			ck_assert_uint_eq(++failures, 1);
		}
		crumb_trace_free(trace);
		if (reads < read_fails_at)
			break;
		ck_assert(events < EVENTS);
		walked += was_added;
	}
	read_fails_at = 0;
	ck_assert_uint_eq(events, EVENTS);
	ck_assert_int_gt(added, 10);
	ck_assert_int_ge(walked, 2); /* a read for each block that is in the file */
}
END_TEST

static long high_water(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (status)
		fclose(status);
	return kib;
}

/* KiB that a process of its own needs at most while it walks a file of `events` events.
 */
static long memory_for(uint64_t events)
{
	struct make_trace *t = make_begin(path);
	uint32_t code = make_code(t, "app", "f", "/f.py", 1);
	uint32_t threads[4];
	int pipes[2];
	long kib = 0;

	make_sizes(t, 65536, 65536);
	for (uint32_t i = 0; i < 4; i++)
		threads[i] = make_thread(t, i + 1, "t");
	for (uint64_t i = 0; i < events; i++)
		make_event(t, threads[i / 2 % 4],
		           i % 2 ? CRUMB_WORD_RETURN : CRUMB_WORD_CALL, code, i * 50);
	make_finish(t);
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		size_t seen;
		long before = high_water();
		int r = walk_starving(path, &seen);
		kib = r == 0 && seen == events ? high_water() - before : -1;
		_exit(write(pipes[1], &kib, sizeof(kib)) != sizeof(kib));
	}
	ck_assert_int_eq(read(pipes[0], &kib, sizeof(kib)), sizeof(kib));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	close(pipes[0]);
	close(pipes[1]);
	ck_assert_int_ge(kib, 0);
	return kib;
}

START_TEST(memory_does_not_grow_with_the_file)
{
	/* 0.8 and 48 MB.  A thousandth of the file is allowed, and some pages of noise.
	 */
	long small = memory_for(100000);
	long large = memory_for(6000000);

	ck_assert_msg(large - small < 48 + 1024, "%ld KiB, then %ld KiB", small, large);
}
END_TEST

static long tick(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec;
}

START_TEST(definitions_of_a_hostile_file_cost_no_more_than_it)
{
	struct make_trace *t = make_begin(path);
	struct crumb_record_code code = {.head = {CRUMB_RECORD_CODE, sizeof(code)}};
	long before = tick(), kib = high_water();

	/* Ids as far apart as they can be, which must not become sizes. */
	for (uint32_t i = 1; i <= 20000; i++) {
		code.id = i * 214748u;
		make_record(t, &code, sizeof(code));
	}
	for (uint32_t i = 1; i <= 1000; i++) {
		struct crumb_record_thread thread = {
		    .head = {CRUMB_RECORD_THREAD, sizeof(thread)},
		    .number = i * 4294967u};
		make_record(t, &thread, sizeof(thread));
	}
	make_finish(t);
	struct seen seen = seen_only(path);
	ck_assert_int_eq(seen.added, 1);
	ck_assert_str_eq(seen.problems, "");
	ck_assert_uint_eq(crumb_trace_process(seen.trace, 0)->codes, 20000);
	ck_assert_uint_eq(crumb_trace_process(seen.trace, 0)->threads, 1000);
	seen_free(&seen);
	ck_assert_int_lt(tick() - before, 20);
	ck_assert_int_lt(high_water() - kib, 64 * 1024);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reader: damage");
	TCase *damage = tcase_create("damage");
	TCase *memory = tcase_create("memory");

	tcase_add_checked_fixture(damage, setup, teardown);
	tcase_set_timeout(damage, 300);
	tcase_add_test(damage, sample_is_sound);
	tcase_add_test(damage, file_cut_at_every_byte_is_survived_and_told);
	tcase_add_test(damage, every_flipped_bit_is_survived);
	tcase_add_test(damage, every_byte_of_all_ones_or_zero_is_survived);
	tcase_add_test(damage, noise_between_sound_headers_is_survived);
	tcase_add_test(damage, pieces_in_another_order_are_survived);
	tcase_add_test(damage, inputs_of_the_fuzzer_are_survived);
	suite_add_tcase(suite, damage);
	tcase_add_checked_fixture(memory, setup, teardown);
	tcase_set_timeout(memory, 60);
	tcase_add_test(memory, each_allocation_may_fail);
	tcase_add_test(memory, each_allocation_may_fail_in_a_directory);
	tcase_add_test(memory, each_allocation_may_fail_among_stray_ends);
	tcase_add_test(memory, each_allocation_may_fail_among_problems);
	tcase_add_test(memory, each_read_may_fail);
	tcase_add_test(memory, memory_does_not_grow_with_the_file);
	tcase_add_test(memory, definitions_of_a_hostile_file_cost_no_more_than_it);
	suite_add_tcase(suite, memory);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
