/* SPDX-License-Identifier: MIT */
/*
 * Reads traces for tests, and holds each event against what reader.h promises for every
 * file, damaged or not.
 */
#include "read_trace.h"

#include <check.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "make_trace.h"

static char folder[256];
static char *paths[16];
static size_t path_count;

void temp_setup(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/crumb-test-XXXXXX", base ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path_count = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void temp_teardown(void)
{
	ck_assert_int_eq(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	while (path_count)
		free(paths[--path_count]);
}

const char *temp_path(const char *name)
{
	ck_assert_uint_lt(path_count, sizeof(paths) / sizeof(paths[0]));
	ck_assert_int_ge(asprintf(&paths[path_count], "%s/%s", folder, name), 0);
	return paths[path_count++];
}

/* Check notes the place of every ck_assert in a file, which takes longer than an event.
 */
#define PROMISE(condition)                                                               \
	do {                                                                             \
		if (!(condition))                                                        \
			ck_abort_msg("broken promise: %s", #condition);                  \
	} while (0)

static void check_text(const char *text)
{
	PROMISE((text) != NULL);
	PROMISE(strlen(text) < CRUMB_BLOCK_MAX * 3);
}

static void check_event(const struct crumb_event *event)
{
	bool has_code = event->kind <= CRUMB_LINE;

	PROMISE((int)event->kind >= CRUMB_CALL);
	PROMISE((int)event->kind <= CRUMB_MARK);
	PROMISE((event->thread) != NULL);
	PROMISE((event->thread->process) != NULL);
	check_text(event->thread->name);
	PROMISE(has_code == (event->code != NULL));
	if (event->code) {
		check_text(event->code->name);
		check_text(event->code->qualname);
		check_text(event->code->filename);
		check_text(event->code->module);
	}
	PROMISE((event->kind == CRUMB_EXCEPTION) == (event->exception != NULL));
	PROMISE(!event->message || event->kind == CRUMB_EXCEPTION);
	PROMISE(!event->result || event->kind == CRUMB_RETURN ||
	        event->kind == CRUMB_YIELD);
	PROMISE(has_code || event->local_count == 0);
	for (size_t i = 0; i < event->local_count; i++) {
		check_text(event->locals[i].name);
		check_text(event->locals[i].text);
	}
	PROMISE((event->kind == CRUMB_MARK) == (event->text != NULL));
	if (event->text)
		check_text(event->text);
	PROMISE(event->duration_ns >= -1);
	PROMISE(event->self_ns >= -1);
	PROMISE(event->self_ns <= event->duration_ns);
	PROMISE((event->self_ns == -1) == (event->duration_ns == -1));
}

static void check_process(const struct crumb_process *process)
{
	const char *const texts[] = {
	    process->path,    process->executable, process->python, process->backend,
	    process->host,    process->directory,  process->agent,  process->include,
	    process->exclude, process->parent_file};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_text(texts[i]);
	for (size_t i = 0; i < process->argc; i++)
		check_text(process->arguments[i]);
	PROMISE((process->arguments[process->argc]) == NULL);
	for (size_t i = 0; i < process->note_count; i++)
		check_text(process->notes[i]);
	PROMISE((process->notes[process->note_count]) == NULL);
	for (uint32_t i = 0; i < process->threads; i++) {
		const struct crumb_thread *thread = crumb_process_thread(process, i);
		PROMISE((thread) != NULL);
		PROMISE(thread->process == process);
		check_text(thread->name);
	}
	PROMISE((crumb_process_thread(process, process->threads)) == NULL);
	for (uint32_t i = 0; i < process->codes; i++)
		PROMISE((crumb_process_code(process, i)) != NULL);
	PROMISE((crumb_process_code(process, process->codes)) == NULL);
}

static void print_event(FILE *out, const struct crumb_event *event)
{
	fprintf(out, "%u %s %s %+" PRId64 " %u", event->thread->number,
	        crumb_kind_name(event->kind), event->code ? event->code->qualname : "-",
	        event->time_ns - MAKE_START_NS, event->depth);
	if (event->line)
		fprintf(out, " :%u", event->line);
	if (event->duration_ns != -1)
		fprintf(out, " took %" PRId64 " self %" PRId64, event->duration_ns,
		        event->self_ns);
	if (event->exception)
		fprintf(out, " %s", event->exception);
	if (event->message)
		fprintf(out, " \"%s\"", event->message);
	if (event->result)
		fprintf(out, " -> %s", event->result);
	for (size_t i = 0; i < event->local_count; i++)
		fprintf(out, " %s=%s", event->locals[i].name, event->locals[i].text);
	if (event->locals_cut)
		fprintf(out, " ...");
	if (event->text)
		fprintf(out, " <%s>", event->text);
	if (event->kind == CRUMB_LOST)
		fprintf(out, " lost %u %" PRIu64, event->loss, event->lost);
	fputc('\n', out);
}

static void walk(struct seen *seen, FILE *out)
{
	struct crumb_cursor *cursor = crumb_cursor_new(seen->trace, NULL);
	struct crumb_event event;
	int64_t last = INT64_MIN;
	uint64_t done, total;

	ck_assert_ptr_nonnull(cursor);
	while ((seen->result = crumb_cursor_next(cursor, &event)) > 0) {
		check_event(&event);
		PROMISE(event.time_ns >= last);
		last = event.time_ns;
		seen->events++;
		if (out)
			print_event(out, &event);
	}
	crumb_cursor_progress(cursor, &done, &total);
	ck_assert_uint_eq(done, total);
	crumb_cursor_free(cursor);
}

static struct seen look(const char *const *files, size_t count, bool wants_text)
{
	struct seen seen = {.trace = crumb_trace_new()};
	size_t size;

	ck_assert_ptr_nonnull(seen.trace);
	for (size_t i = 0; i < count; i++) {
		seen.added = crumb_trace_add(seen.trace, files[i]);
		if (seen.added < 0)
			ck_assert_int_eq(strncmp(crumb_trace_error(seen.trace), files[i],
			                         strlen(files[i])),
			                 0);
		else
			ck_assert_str_eq(crumb_trace_error(seen.trace), "");
	}
	FILE *out = wants_text ? open_memstream(&seen.text, &size) : NULL;
	walk(&seen, out);
	if (out)
		fclose(out);
	for (size_t i = 0; i < crumb_trace_processes(seen.trace); i++)
		check_process(crumb_trace_process(seen.trace, i));
	out = open_memstream(&seen.problems, &size);
	for (size_t i = 0; crumb_trace_problem(seen.trace, i); i++)
		fprintf(out, "%s\n", crumb_trace_problem(seen.trace, i));
	fclose(out);
	return seen;
}

struct seen seen_of(const char *path)
{
	return look(&path, 1, true);
}

struct seen seen_only(const char *path)
{
	return look(&path, 1, false);
}

struct seen seen_of_all(const char *const *files, size_t count)
{
	return look(files, count, true);
}

void seen_free(struct seen *seen)
{
	crumb_trace_free(seen->trace);
	free(seen->text);
	free(seen->problems);
}

void seen_is(struct seen seen, const char *text)
{
	ck_assert_int_eq(seen.added, 1);
	ck_assert_int_eq(seen.result, 0);
	ck_assert_str_eq(seen.problems, "");
	ck_assert_str_eq(seen.text, text);
	seen_free(&seen);
}
