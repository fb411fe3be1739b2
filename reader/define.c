/* SPDX-License-Identifier: MIT */
/*
 * Definition records.  All of a file's definitions are read before its first event is
 * shown; memory for them is bounded by the file's size, never by an id that a record
 * names.
 *
 * Records refer to each other by id and may come in any order, so references are resolved
 * when all have been read: string ids stay in the arrays below until then.
 */
#include "define.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "error.h"
#include "facts.h"
#include "file.h"
#include "strtab.h"
#include "timeline.h"

/* What is on the way while records are read. */
struct loader {
	struct process *process;
	struct crumb_record_code *codes;
	size_t code_count, code_room;
	struct crumb_record_thread_name *names;
	size_t name_count, name_room;
	size_t site_room, variables_room, variable_name_room;
};

/* Every take_ function gets a record that lies wholly in memory, with at least the size
 * of its struct.  1: taken, 0: it contradicts itself, or a negative errno. */

static int take_string(struct loader *loader, const void *record, size_t size)
{
	const struct crumb_record_string *string = record;

	if (string->length > size - sizeof(*string) || string->id == 0)
		return 0;
	int r = strtab_add(&loader->process->strings, string->id,
	                   (const char *)(string + 1), string->length);
	return r < 0 ? r : 1;
}

static int take_code(struct loader *loader, const void *record, size_t size)
{
	const struct crumb_record_code *code = record;

	(void)size;
	if (code->id == 0)
		return 0;
	if (reader_grow(&loader->codes, &loader->code_room, loader->code_count,
	                sizeof(*loader->codes)))
		return -ENOMEM;
	loader->codes[loader->code_count++] = *code;
	return 1;
}

static int take_site(struct loader *loader, const void *record, size_t size)
{
	const struct crumb_record_site *from = record;
	struct process *process = loader->process;

	(void)size;
	if (from->id == 0)
		return 0;
	if (reader_grow(&process->sites, &loader->site_room, process->site_count,
	                sizeof(*process->sites)))
		return -ENOMEM;
	process->sites[process->site_count++] =
	    (struct site){from->id, from->code, from->line, from->type};
	return 1;
}

static int take_variables(struct loader *loader, const void *record, size_t size)
{
	const struct crumb_record_variables *from = record;
	struct process *process = loader->process;
	const char *names = (const char *)(from + 1);

	if (from->code == 0 || from->count > (size - sizeof(*from)) / sizeof(uint32_t))
		return 0;
	if (reader_grow(&process->variables, &loader->variables_room,
	                process->variables_count, sizeof(*process->variables)))
		return -ENOMEM;
	process->variables[process->variables_count++] =
	    (struct variables){from->code, from->count, process->variable_name_count};
	for (uint32_t i = 0; i < from->count; i++) {
		if (reader_grow(&process->variable_names, &loader->variable_name_room,
		                process->variable_name_count, sizeof(uint32_t)))
			return -ENOMEM;
		memcpy(&process->variable_names[process->variable_name_count++],
		       names + i * sizeof(uint32_t), sizeof(uint32_t));
	}
	return 1;
}

static struct thread *add_thread(struct process *process, uint32_t number)
{
	if (reader_grow(&process->threads, &process->thread_room, process->thread_count,
	                sizeof(*process->threads)))
		return NULL;
	struct thread *thread = &process->threads[process->thread_count++];
	*thread = (struct thread){.shown = {.number = number, .name = ""}};
	return thread;
}

static int take_thread(struct loader *loader, const void *record, size_t size)
{
	const struct crumb_record_thread *from = record;

	(void)size;
	if (from->number == 0)
		return 0;
	struct thread *thread = add_thread(loader->process, from->number);
	if (!thread)
		return -ENOMEM;
	thread->shown.native_id = from->native_id;
	thread->shown.ident = from->ident;
	thread->shown.parent_native_id = from->parent_native_id;
	thread->start_ticks = from->start_ticks;
	return 1;
}

static int take_thread_name(struct loader *loader, const void *record, size_t size)
{
	(void)size;
	if (reader_grow(&loader->names, &loader->name_room, loader->name_count,
	                sizeof(*loader->names)))
		return -ENOMEM;
	memcpy(&loader->names[loader->name_count++], record, sizeof(*loader->names));
	return 1;
}

static int take_clock(struct loader *loader, const void *record, size_t size)
{
	const struct crumb_record_clock *from = record;

	(void)size;
	int r = timeline_add(&loader->process->timeline, from->ticks, from->ns);
	return r < 0 ? r : 1;
}

static int take_fact(struct loader *loader, const void *record, size_t size)
{
	return facts_take(loader->process, record, size);
}

static const struct {
	size_t size;
	int (*take)(struct loader *, const void *, size_t);
	const char *name;
} records[] = {
    [CRUMB_RECORD_STRING] = {sizeof(struct crumb_record_string), take_string, "a string"},
    [CRUMB_RECORD_CODE] = {sizeof(struct crumb_record_code), take_code, "a function"},
    [CRUMB_RECORD_THREAD] = {sizeof(struct crumb_record_thread), take_thread, "a thread"},
    [CRUMB_RECORD_THREAD_NAME] = {sizeof(struct crumb_record_thread_name),
                                  take_thread_name, "a thread's name"},
    [CRUMB_RECORD_CLOCK] = {sizeof(struct crumb_record_clock), take_clock,
                            "a clock reading"},
    [CRUMB_RECORD_FACT] = {sizeof(struct crumb_record_fact), take_fact, "a fact"},
    [CRUMB_RECORD_SITE] = {sizeof(struct crumb_record_site), take_site, "an exception"},
    [CRUMB_RECORD_VARIABLES] = {sizeof(struct crumb_record_variables), take_variables,
                                "variables"},
};

static int take_record(struct loader *loader, const struct crumb_record *record,
                       uint64_t offset)
{
	uint32_t type = record->type;

	if (type >= sizeof(records) / sizeof(records[0]) || !records[type].take)
		return 0; /* of a later agent */
	int r = record->size < records[type].size
	            ? 0
	            : records[type].take(loader, record, record->size);
	if (r == 0)
		error_problem(loader->process, offset,
		              "the definition of %s is damaged and left out",
		              records[type].name);
	return r < 0 ? r : 0;
}

static int load_block(struct loader *loader, uint64_t offset)
{
	struct process *process = loader->process;
	struct crumb_block block;
	struct crumb_record record;

	ssize_t got =
	    file_read(process->trace, &process->file, &block, sizeof(block), offset);
	if (got == (ssize_t)sizeof(block) && chain_is_block(&block)) {
		got = file_read_scratch(process, block.size, offset);
	} else if (got >= 0) {
		error_problem(process, offset,
		              "the file was changed while it was read; a block of "
		              "definitions is left out");
		return 0;
	}
	if (got < 0)
		return (int)got;
	size_t end = (size_t)got < block.size ? (size_t)got : block.size;
	for (size_t at = sizeof(block); at + sizeof(record) <= end; at += record.size) {
		memcpy(&record, process->scratch + at, sizeof(record));
		if (record.type == 0 && record.size == 0)
			return 0;
		if (record.size < sizeof(record) || record.size % 8 != 0 ||
		    record.size > end - at) {
			/* A file that is cut short has been told already. */
			if (end == block.size || chain_is_trimmed(process, &block))
				error_problem(process, offset + at,
				              "a definition is damaged; the rest of its "
				              "block is left out");
			return 0;
		}
		int r = take_record(loader, (void *)(process->scratch + at), offset + at);
		if (r < 0)
			return r;
	}
	return 0;
}

static const char *text_or_empty(const struct process *process, uint32_t id)
{
	const char *text = id ? strtab_find(&process->strings, id) : NULL;

	return text ? text : "";
}

static int compare_codes(const void *left, const void *right)
{
	const struct crumb_code *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

static int resolve_codes(struct loader *loader)
{
	struct process *process = loader->process;
	size_t left = 0;

	if (loader->code_count == 0)
		return 0;
	process->codes = calloc(loader->code_count, sizeof(*process->codes));
	if (!process->codes)
		return -ENOMEM;
	for (size_t i = 0; i < loader->code_count; i++) {
		const struct crumb_record_code *from = &loader->codes[i];
		process->codes[i] = (struct crumb_code){
		    .id = from->id,
		    .first_line = from->first_line,
		    .flags = from->flags,
		    .interpreter = from->interpreter,
		    .name = text_or_empty(process, from->name),
		    .qualname = text_or_empty(process, from->qualname),
		    .filename = text_or_empty(process, from->filename),
		    .module = text_or_empty(process, from->module),
		};
	}
	qsort(process->codes, loader->code_count, sizeof(*process->codes), compare_codes);
	for (size_t i = 1; i < loader->code_count; i++) {
		if (process->codes[i].id != process->codes[left].id)
			process->codes[++left] = process->codes[i];
		else
			error_problem(process, ERROR_NOWHERE,
			              "function %" PRIu32 " is defined twice",
			              process->codes[i].id);
	}
	process->code_count = left + 1;
	return 0;
}

static int compare_sites(const void *left, const void *right)
{
	const struct site *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_variables(const void *left, const void *right)
{
	uint32_t a = ((const struct variables *)left)->code;
	uint32_t b = ((const struct variables *)right)->code;
	return a < b ? -1 : a > b;
}

static void sort_variables(struct process *process)
{
	if (process->variables_count)
		qsort(process->variables, process->variables_count,
		      sizeof(*process->variables), compare_variables);
}

static void sort_sites(struct process *process)
{
	size_t left = 0;

	if (process->site_count == 0)
		return;
	qsort(process->sites, process->site_count, sizeof(*process->sites),
	      compare_sites);
	for (size_t i = 1; i < process->site_count; i++) {
		if (process->sites[i].id != process->sites[left].id)
			process->sites[++left] = process->sites[i];
		else
			error_problem(process, ERROR_NOWHERE,
			              "exception %" PRIu32 " is defined twice",
			              process->sites[i].id);
	}
	process->site_count = left + 1;
}

static int compare_threads(const void *left, const void *right)
{
	const struct thread *a = left, *b = right;

	return a->shown.number < b->shown.number ? -1 : a->shown.number > b->shown.number;
}

static void sort_threads(struct process *process)
{
	size_t left = 0;

	if (process->thread_count == 0)
		return;
	qsort(process->threads, process->thread_count, sizeof(*process->threads),
	      compare_threads);
	for (size_t i = 1; i < process->thread_count; i++) {
		if (process->threads[i].shown.number !=
		    process->threads[left].shown.number)
			process->threads[++left] = process->threads[i];
		else
			error_problem(process, ERROR_NOWHERE,
			              "thread %" PRIu32 " is defined twice",
			              process->threads[i].shown.number);
	}
	process->thread_count = left + 1;
}

/* Among the first `count` threads, which are sorted. */
static struct thread *find_thread(struct process *process, size_t count, uint32_t number)
{
	struct thread key = {.shown = {.number = number}};

	if (number - 1u < count && process->threads[number - 1u].shown.number == number)
		return &process->threads[number - 1u];
	if (count == 0)
		return NULL;
	return bsearch(&key, process->threads, count, sizeof(*process->threads),
	               compare_threads);
}

/* A thread that has events but no definition gets one without a name. */
static int add_unknown_threads(struct process *process)
{
	const struct index *index = &process->index;
	size_t defined = process->thread_count;

	for (size_t i = 0; i < index->count; i++) {
		const struct block *block = &index->blocks[i];
		if (i > 0 && index->blocks[i - 1].thread == block->thread)
			continue;
		if (find_thread(process, defined, block->thread))
			continue;
		error_problem(process, block->offset,
		              "thread %" PRIu32 " has events but is not described",
		              block->thread);
		struct thread *thread = add_thread(process, block->thread);
		if (!thread)
			return -ENOMEM;
		thread->start_ticks = block->base_ticks;
	}
	if (process->thread_count != defined)
		sort_threads(process);
	return 0;
}

static int resolve_threads(struct loader *loader)
{
	struct process *process = loader->process;

	sort_threads(process);
	int r = add_unknown_threads(process);
	if (r < 0)
		return r;
	for (size_t i = 0; i < process->thread_count; i++) {
		struct thread *thread = &process->threads[i];
		thread->shown.process = &process->shown;
		thread->shown.start_ns =
		    timeline_once(&process->timeline, thread->start_ticks);
	}
	for (size_t i = 0; i < loader->name_count; i++) {
		struct thread *thread =
		    find_thread(process, process->thread_count, loader->names[i].number);
		const char *name = strtab_find(&process->strings, loader->names[i].name);
		if (thread && name)
			thread->shown.name = name;
	}
	for (size_t i = 0; i < process->index.count; i++) {
		struct thread *thread = find_thread(process, process->thread_count,
		                                    process->index.blocks[i].thread);
		if (thread->block_count++ == 0)
			thread->first_block = i;
	}
	return 0;
}

static int resolve_clock(struct process *process)
{
	const struct crumb_header *header = &process->header;
	int r = timeline_add(&process->timeline, header->start_ticks, header->start_ns);

	if (r == 0 && header->end_ticks != 0)
		r = timeline_add(&process->timeline, header->end_ticks, header->end_ns);
	if (r < 0)
		return r;
	uint64_t rate = header->clock == CRUMB_CLOCK_MONOTONIC ? UINT64_C(1000000000)
	                                                       : header->ticks_per_second;
	size_t left_out = timeline_finish(&process->timeline, rate);
	if (left_out)
		error_problem(
		    process, ERROR_NOWHERE,
		    "%zu readings of the system's clock go back in time (it was "
		    "set, or they are damaged) and are left out",
		    left_out);
	return 0;
}

static int resolve(struct loader *loader)
{
	struct process *process = loader->process;
	uint32_t twice = strtab_sort(&process->strings);

	if (twice)
		error_problem(process, ERROR_NOWHERE,
		              "string %" PRIu32 " is defined twice", twice);
	sort_sites(process);
	sort_variables(process);
	int r = resolve_clock(process);
	if (r == 0)
		r = resolve_codes(loader);
	if (r == 0)
		r = resolve_threads(loader);
	process->shown.codes = (uint32_t)process->code_count;
	process->shown.threads = (uint32_t)process->thread_count;
	return r;
}

int define_load(struct process *process)
{
	struct loader loader = {.process = process};
	int r = 0;

	for (size_t i = 0; r == 0 && i < process->index.definition_count; i++)
		r = load_block(&loader, process->index.definitions[i]);
	if (r == 0)
		r = resolve(&loader);
	free(loader.codes);
	free(loader.names);
	return r;
}

const struct crumb_code *define_code_slowly(struct process *process, uint32_t id)
{
	struct crumb_code key = {.id = id};
	const struct crumb_code *code = NULL;

	if (process->code_count)
		code = bsearch(&key, process->codes, process->code_count,
		               sizeof(*process->codes), compare_codes);
	if (code)
		return code;
	if (id != 0 && id != CRUMB_CODE_UNKNOWN && !process->has_unknown_code) {
		process->has_unknown_code = true;
		error_problem(process, ERROR_NOWHERE,
		              "function %" PRIu32
		              " has events but is not described; there "
		              "may be more such",
		              id);
	}
	return &process->unknown_code;
}

const struct site *define_site(struct process *process, uint32_t id)
{
	struct site key = {.id = id};
	const struct site *site = NULL;

	if (id - 1u < process->site_count && process->sites[id - 1u].id == id)
		return &process->sites[id - 1u];
	if (process->site_count)
		site = bsearch(&key, process->sites, process->site_count,
		               sizeof(*process->sites), compare_sites);
	if (!site && !process->has_unknown_site) {
		process->has_unknown_site = true;
		error_problem(process, ERROR_NOWHERE,
		              "exception %" PRIu32 " has events but is not described; "
		              "there may be more such",
		              id);
	}
	return site;
}

const char *define_variable(const struct process *process, uint32_t code, uint32_t i)
{
	struct variables key = {.code = code};
	const struct variables *v = NULL;
	const char *name = NULL;

	if (process->variables_count)
		v = bsearch(&key, process->variables, process->variables_count,
		            sizeof(*process->variables), compare_variables);
	if (v && i < v->count)
		name =
		    strtab_find(&process->strings, process->variable_names[v->first + i]);
	return name ? name : "?";
}

void define_free(struct process *process)
{
	strtab_free(&process->strings);
	timeline_free(&process->timeline);
	free(process->codes);
	free(process->sites);
	free(process->variables);
	free(process->variable_names);
	free(process->threads);
	free(process->arguments);
	free(process->notes);
	process->codes = NULL;
	process->sites = NULL;
	process->variables = NULL;
	process->variable_names = NULL;
	process->variables_count = process->variable_name_count = 0;
	process->threads = NULL;
	process->arguments = process->notes = NULL;
	process->site_count = 0;
	process->code_count = process->thread_count = process->thread_room = 0;
	process->shown.argc = process->shown.note_count = process->note_room = 0;
}
