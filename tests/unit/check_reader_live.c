/* SPDX-License-Identifier: MIT */
/*
 * This exercises: reading a file while it is written.  Another process stores events into
 * mapped windows and appends full ones, as the agent does; whenever the reader looks, it
 * has to find the first so many events of each thread, all of them, in order, and no
 * damage.
 */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "make_trace.h"
#include "read_trace.h"

#define THREADS 3u
#define WINDOW  4096u
#define WINDOWS (CRUMB_HEADER_SIZE + 8192u) /* where the first of them is */

struct writer {
	int fd;
	uint32_t thread;
	struct crumb_block *window;
	uint64_t *words;
	size_t used;
};

static uint64_t file_end = WINDOWS + THREADS * WINDOW;

static void must(bool is_so)
{
	if (!is_so)
		_exit(1);
}

static void append(struct writer *w)
{
	struct crumb_block *window = w->window;
	uint32_t used = (uint32_t)(w->used * sizeof(uint64_t));
	uint32_t size = (64 + used + 8 + 63) / 64 * 64;
	unsigned char *bytes = calloc(1, size);
	struct crumb_block block = *window;

	block.kind = CRUMB_BLOCK_EVENTS;
	block.size = size;
	block.check = crumb_block_check(CRUMB_BLOCK_EVENTS, size);
	block.used = used;
	uint64_t trailer = crumb_trailer(w->thread, block.sequence, used);
	memcpy(bytes, &block, sizeof(block));
	memcpy(bytes + sizeof(block), w->words, used);
	memcpy(bytes + size - 8, &trailer, sizeof(trailer));
	uint64_t at = __atomic_fetch_add(&file_end, size, __ATOMIC_RELAXED);
	must(pwrite(w->fd, bytes, size, (off_t)at) == (ssize_t)size);
	free(bytes);
	memset(w->words, 0, used);
	__atomic_store_n(&window->sequence, window->sequence + 1, __ATOMIC_RELEASE);
	w->used = 0;
	/* Some megabytes a second are enough; more would fill the disk. */
	usleep(100);
}

/* Stores LOST events that count from 0: a reader sees at once which ones it has. */
static void *write_events(void *argument)
{
	struct writer *w = argument;
	const size_t room = (WINDOW - sizeof(struct crumb_block) - 8) / sizeof(uint64_t);

	for (uint64_t i = 0;; i++) {
		uint64_t word = CRUMB_WORD_EXTENDED |
		                (uint64_t)CRUMB_EXT_LOST << CRUMB_KIND_BITS |
		                UINT64_C(2) << CRUMB_EXT_WORDS_SHIFT;
		if (w->used + 3 > room)
			append(w);
		w->words[w->used + 1] = w->thread;
		w->words[w->used + 2] = i;
		__atomic_store_n(&w->words[w->used], word, __ATOMIC_RELEASE);
		w->used += 3;
	}
	return NULL;
}

static void write_for_ever(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	size_t length = WINDOWS + THREADS * WINDOW;
	struct writer writers[THREADS];
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(fd >= 0);
	unsigned char *map =
	    mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(map != MAP_FAILED);
	((struct crumb_header *)(void *)map)->pid = (uint32_t)getpid();
	for (uint32_t i = 0; i < THREADS; i++) {
		unsigned char *at = map + WINDOWS + i * WINDOW;
		writers[i] = (struct writer){.fd = fd,
		                             .thread = i + 1,
		                             .window = (void *)at,
		                             .words = (void *)(at + 64)};
		must(pthread_create(&thread, NULL, write_events, &writers[i]) == 0);
	}
	for (;;)
		pause();
}

/* A file with its windows, before anything was stored in them. */
static void prepare(const char *path)
{
	struct make_trace *t = make_begin(path);
	char host[256];
	struct timespec now;
	uint32_t threads[THREADS];

	gethostname(host, sizeof(host));
	clock_gettime(CLOCK_REALTIME, &now);
	make_header(t)->end = CRUMB_END_UNKNOWN;
	make_header(t)->start_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	clock_gettime(CLOCK_BOOTTIME, &now);
	make_header(t)->start_boot_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	make_sizes(t, 8192, WINDOW);
	make_fact(t, CRUMB_FACT_HOST, host, strlen(host));
	for (uint32_t i = 0; i < THREADS; i++)
		threads[i] = make_thread(t, i + 1, "writer");
	ck_assert_uint_eq(make_offset(t), WINDOWS);
	for (uint32_t i = 0; i < THREADS; i++)
		make_window(t, threads[i]);
	make_finish(t);
}

/* Reads all that is there; how many events each thread has. */
static enum crumb_ended look(const char *path, uint64_t counts[THREADS])
{
	struct crumb_trace *trace = crumb_trace_new();
	struct crumb_event event;
	int r;

	memset(counts, 0, THREADS * sizeof(*counts));
	if (crumb_trace_add(trace, path) != 1)
		ck_abort_msg("%s", crumb_trace_error(trace));
	struct crumb_cursor *cursor = crumb_cursor_new(trace, NULL);
	while ((r = crumb_cursor_next(cursor, &event)) > 0) {
		uint32_t number = event.thread->number;
		if (event.loss != number || event.lost != counts[number - 1])
			ck_abort_msg("thread %u: event %llu where %llu should be", number,
			             (unsigned long long)event.lost,
			             (unsigned long long)counts[number - 1]);
		counts[number - 1]++;
	}
	ck_assert_int_eq(r, 0);
	if (crumb_trace_problem(trace, 0))
		ck_abort_msg("%s", crumb_trace_problem(trace, 0));
	enum crumb_ended ended = crumb_trace_process(trace, 0)->ended;
	crumb_trace_free(trace);
	return ended;
}

START_TEST(live_file_is_always_the_first_so_many_events)
{
	const char *path = temp_path("live.crumb");
	uint64_t counts[THREADS], before[THREADS] = {0};
	struct timespec start, now;
	int looks = 0;

	prepare(path);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		write_for_ever(path);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		look(path, counts);
		for (uint32_t i = 0; i < THREADS; i++)
			ck_assert_uint_ge(counts[i], before[i]);
		memcpy(before, counts, sizeof(before));
		looks++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 2);
	ck_assert_int_eq((int)look(path, counts), CRUMB_ENDED_RUNNING);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	/* And what it had stored when it was killed is all there. */
	ck_assert_int_eq((int)look(path, counts), CRUMB_ENDED_UNKNOWN);
	for (uint32_t i = 0; i < THREADS; i++)
		ck_assert_uint_ge(counts[i], before[i]);
	ck_assert_int_ge(looks, 2);
	ck_assert_uint_ge(counts[0], 1000);
}
END_TEST

/* Waits until the first thread has stored something: a machine may be slow. */
static void wait_for_events(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t word = 0;

	ck_assert_int_ge(fd, 0);
	while (word == 0) {
		ck_assert_int_eq(pread(fd, &word, sizeof(word), WINDOWS + 64), 8);
		usleep(100);
	}
	close(fd);
}

START_TEST(killed_writer_leaves_every_event)
{
	uint64_t counts[THREADS];

	for (int round = 0; round < 20; round++) {
		char name[32];
		snprintf(name, sizeof(name), "killed%d.crumb", round % 4);
		const char *path = temp_path(name);
		prepare(path);
		pid_t child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0)
			write_for_ever(path);
		wait_for_events(path);
		usleep((useconds_t)(round * 517));
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		look(path, counts);
		ck_assert_uint_gt(counts[0], 0);
		if (round % 4 == 3) {
			temp_teardown();
			temp_setup();
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reader: live");
	TCase *live = tcase_create("live");

	tcase_add_checked_fixture(live, temp_setup, temp_teardown);
	tcase_set_timeout(live, 120);
	tcase_add_test(live, live_file_is_always_the_first_so_many_events);
	tcase_add_test(live, killed_writer_leaves_every_event);
	suite_add_tcase(suite, live);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
