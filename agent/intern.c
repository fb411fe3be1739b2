/* SPDX-License-Identifier: MIT */
/*
 * Three hash tables under one lock: code objects by address, texts by their 64-bit hash
 * (the text itself is in the file; keeping a copy would double the memory, and two texts
 * of equal hash and length do not occur by chance), and sites of exceptions.  None is
 * asked in the course of an event: each thread has a table of its own in front, filled as
 * they are met.
 *
 * No function of CPython is called under the lock: it might wait for another thread that
 * waits for the lock.
 *
 * Memory comes from anonymous maps and never goes back; records of dead code objects are
 * used again, so a program that makes code objects for ever does not grow.
 */
#include "intern.h"

#include "buffer.h"
#include "guard.h"
#include "hash.h"
#include "record.h"
#include "sink.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct intern_record {
	struct intern_slot what; /* code NULL: forgotten */
	uint32_t file;           /* number of the file that has its definition */
	uint32_t qualname_length;
	char *qualname; /* by intern_expect(); NULL: none */
	struct intern_record *free;
};

struct known_text {
	uint64_t hash; /* 0: empty */
	uint32_t length;
	uint32_t id;
};

struct known_site {
	uint32_t code, line, type;
	uint32_t id; /* 0: empty */
};

/* Open addressing, a power of two in size, at most 3/4 full. */
static struct {
	struct intern_record **at;
	size_t size, used;
} codes;
static struct {
	struct known_text *at;
	size_t size, used;
} texts;
static struct {
	struct known_site *at;
	size_t size, used;
} sites;

static pthread_mutex_t lock = GUARD_MUTEX;
static struct intern_record *free_records;
static uint32_t last_code_id, last_text_id, last_site_id;
static uint32_t this_file = 1;

bool intern_lock(void)
{
	return pthread_mutex_lock(&lock) == 0;
}

void intern_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static void *pages(size_t bytes)
{
	void *at =
	    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

static size_t hash_address(const void *code)
{
	uint64_t h = (uint64_t)(uintptr_t)code * 0x9e3779b97f4a7c15u;
	return (size_t)(h ^ h >> 29);
}

/* Where the code object is in the table, or where it would go. */
static size_t place(const void *code)
{
	size_t i = hash_address(code) & (codes.size - 1);
	while (codes.at[i] && codes.at[i]->what.code != code)
		i = (i + 1) & (codes.size - 1);
	return i;
}

static struct intern_record *known(const void *code)
{
	return codes.size ? codes.at[place(code)] : NULL;
}

static bool grow_codes(void)
{
	if (codes.used * 4 < codes.size * 3)
		return true;
	struct intern_record **old = codes.at;
	size_t old_size = codes.size, size = old_size ? old_size * 2 : 1024;
	struct intern_record **at = pages(size * sizeof(void *));
	if (!at)
		return false;
	codes.at = at;
	codes.size = size;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i])
			codes.at[place(old[i]->what.code)] = old[i];
	}
	if (old)
		munmap(old, old_size * sizeof(void *));
	return true;
}

static struct intern_record *new_record(void)
{
	if (!free_records) {
		size_t bytes = 64 * 1024;
		struct intern_record *r = pages(bytes);
		for (size_t i = 0; r && i < bytes / sizeof *r; i++) {
			r[i].free = free_records;
			free_records = &r[i];
		}
	}
	struct intern_record *r = free_records;
	if (r)
		free_records = r->free;
	return r;
}

bool intern_find(const void *code, struct intern_slot *out)
{
	intern_lock();
	const struct intern_record *r = known(code);
	bool found = r && r->file == this_file;
	if (found)
		*out = r->what;
	intern_unlock();
	return found;
}

static struct known_text *text_place(uint64_t hash, uint32_t length)
{
	size_t i = (size_t)hash & (texts.size - 1);
	while (texts.at[i].hash &&
	       (texts.at[i].hash != hash || texts.at[i].length != length))
		i = (i + 1) & (texts.size - 1);
	return &texts.at[i];
}

static bool grow_texts(void)
{
	if (texts.used * 4 < texts.size * 3)
		return true;
	struct known_text *old = texts.at;
	size_t old_size = texts.size, size = old_size ? old_size * 2 : 2048;
	struct known_text *at = pages(size * sizeof *at);
	if (!at)
		return false;
	texts.at = at;
	texts.size = size;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].hash)
			*text_place(old[i].hash, old[i].length) = old[i];
	}
	if (old)
		munmap(old, old_size * sizeof *old);
	return true;
}

/* As intern_string(); the lock is held. */
static uint32_t text_id(const char *text, size_t length)
{
	if (!length || !grow_texts())
		return 0;
	length = record_cut(text, length);
	uint64_t hash = hash_of_text(text, length);
	struct known_text *t = text_place(hash, (uint32_t)length);
	if (!t->hash) {
		if (!record_string(last_text_id + 1, text, length))
			return 0;
		*t = (struct known_text){hash, (uint32_t)length, ++last_text_id};
		texts.used++;
	}
	return t->id;
}

uint32_t intern_string(const char *text, size_t length)
{
	intern_lock();
	uint32_t id = text_id(text, length);
	intern_unlock();
	return id;
}

static struct known_site *site_place(uint32_t code, uint32_t line, uint32_t type)
{
	uint64_t h = ((uint64_t)code << 32 | line) * 0x9e3779b97f4a7c15u + type;
	h *= 0xff51afd7ed558ccdu;
	size_t i = (size_t)(h >> 32) & (sites.size - 1);
	while (sites.at[i].id && (sites.at[i].code != code || sites.at[i].line != line ||
	                          sites.at[i].type != type))
		i = (i + 1) & (sites.size - 1);
	return &sites.at[i];
}

static bool grow_sites(void)
{
	if (sites.used * 4 < sites.size * 3)
		return true;
	struct known_site *old = sites.at;
	size_t old_size = sites.size, size = old_size ? old_size * 2 : 256;
	struct known_site *at = pages(size * sizeof *at);
	if (!at)
		return false;
	sites.at = at;
	sites.size = size;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].id)
			*site_place(old[i].code, old[i].line, old[i].type) = old[i];
	}
	if (old)
		munmap(old, old_size * sizeof *old);
	return true;
}

uint32_t intern_site(uint32_t code, uint32_t line, uint32_t type)
{
	uint32_t id = 0;
	intern_lock();
	struct known_site *s = grow_sites() ? site_place(code, line, type) : NULL;
	if (s && !s->id && last_site_id + 1 < 1u << CRUMB_CODE_BITS) {
		struct crumb_record_site r = {
		    .id = last_site_id + 1, .code = code, .line = line, .type = type};
		if (record_site(&r)) {
			*s = (struct known_site){code, line, type, ++last_site_id};
			sites.used++;
		}
	}
	if (s)
		id = s->id;
	intern_unlock();
	return id;
}

/* Writes the definition and returns its id.  Without room for it the events are told all
 * the same, as those of unknown code.  The lock is held. */
static uint32_t define(const struct intern_code *what)
{
	struct crumb_record_code c = {
	    .id = last_code_id + 1,
	    .first_line = what->first_line,
	    .name = text_id(what->name.text, what->name.length),
	    .qualname = text_id(what->qualname.text, what->qualname.length),
	    .filename = text_id(what->filename.text, what->filename.length),
	    .module = text_id(what->module.text, what->module.length),
	    .flags = what->flags,
	    .interpreter = what->interpreter,
	};
	if (c.id >= CRUMB_CODE_UNKNOWN) {
		sink_lose(CRUMB_LOSS_TOO_MANY_IDS, 1);
		return CRUMB_CODE_UNKNOWN;
	}
	if (!record_code(&c)) {
		sink_lose(CRUMB_LOSS_NO_DEFINITION, 1);
		return CRUMB_CODE_UNKNOWN;
	}
	return ++last_code_id;
}

void intern_variables(const void *code, const struct intern_text *names, uint32_t count)
{
	uint32_t ids[INTERN_VARIABLES_MAX];

	intern_lock();
	struct intern_record *r = known(code);
	if (r && r->file == this_file && !r->what.variables) {
		if (count > INTERN_VARIABLES_MAX)
			count = INTERN_VARIABLES_MAX;
		for (uint32_t i = 0; i < count; i++)
			ids[i] = text_id(names[i].text, names[i].length);
		r->what.variables = record_variables(r->what.id, ids, count);
	}
	intern_unlock();
}

/* A record for a code object that has none; NULL: no memory.  The lock is held. */
static struct intern_record *enter(const void *code)
{
	struct intern_record *r = grow_codes() ? new_record() : NULL;
	if (r) {
		*r = (struct intern_record){.what = {.code = code}};
		codes.at[place(code)] = r;
		codes.used++;
	}
	return r;
}

struct intern_record *intern_add(const void *code, const struct intern_code *what,
                                 bool accepted, struct intern_slot *out)
{
	struct intern_record *fresh = NULL;

	*out = (struct intern_slot){.code = code};
	intern_lock();
	struct intern_record *r = known(code);
	if (!r)
		r = fresh = enter(code);
	if (r && r->file != this_file) {
		r->what.id = accepted ? define(what) : 0;
		r->what.first_line = what->first_line & 0x3fffffffu;
		r->what.generator = what->generator;
		r->what.variables = false;
		r->file = this_file;
	}
	if (r)
		*out = r->what;
	else
		sink_lose(CRUMB_LOSS_NO_DEFINITION, 1);
	intern_unlock();
	return fresh;
}

struct intern_record *intern_expect(const void *code, const char *qualname, size_t length)
{
	struct intern_record *fresh = NULL;

	intern_lock();
	struct intern_record *r = known(code);
	if (!r)
		r = fresh = enter(code);
	if (r && length && !r->qualname && (r->qualname = malloc(length))) {
		memcpy(r->qualname, qualname, length);
		r->qualname_length = (uint32_t)length;
	}
	intern_unlock();
	return fresh;
}

bool intern_knows(const void *code)
{
	intern_lock();
	bool knows = known(code) != NULL;
	intern_unlock();
	return knows;
}

struct intern_text intern_qualname(const void *code)
{
	struct intern_text t = {"", 0};
	intern_lock();
	const struct intern_record *r = known(code);
	if (r && r->qualname)
		t = (struct intern_text){r->qualname, r->qualname_length};
	intern_unlock();
	return t;
}

/* Takes the entry out and moves up those behind it that had to step aside for it. */
static void take_out(const void *code)
{
	size_t mask = codes.size - 1, hole = place(code), i = hole;
	if (!codes.at[hole])
		return;
	codes.at[hole] = NULL;
	codes.used--;
	for (;;) {
		i = (i + 1) & mask;
		if (!codes.at[i])
			return;
		size_t home = hash_address(codes.at[i]->what.code) & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			codes.at[hole] = codes.at[i];
			codes.at[i] = NULL;
			hole = i;
		}
	}
}

/* Another thread may be filling this very slot for another code object: it is emptied
 * only when it still holds the dead one. */
static void forget_in_area(void *area, const void *code)
{
	struct intern_slot *slot = intern_slot(area, code);
	const void *dead = code;
	__atomic_compare_exchange_n(&slot->code, &dead, NULL, false, __ATOMIC_RELAXED,
	                            __ATOMIC_RELAXED);
}

void intern_forget(struct intern_record *record)
{
	const void *code = record->what.code;
	if (code)
		buffer_each_area(forget_in_area, code);
	intern_lock();
	if (code)
		take_out(code);
	record->what.code = NULL;
	free(record->qualname);
	record->qualname = NULL;
	record->free = free_records;
	free_records = record;
	intern_unlock();
}

static void forget_area(void *area, const void *unused)
{
	(void)unused;
	for (size_t i = 0; i < (size_t)1 << INTERN_SLOTS_LOG; i++) {
		struct intern_slot *slot = (struct intern_slot *)area + i;
		__atomic_store_n(&slot->code, NULL, __ATOMIC_RELAXED);
	}
}

void intern_forget_all(void)
{
	buffer_each_area(forget_area, NULL);
	intern_lock();
	for (size_t i = 0; i < codes.size; i++) {
		if (codes.at[i])
			codes.at[i]->what.code = NULL;
		codes.at[i] = NULL;
	}
	codes.used = 0;
	intern_unlock();
}

uint32_t intern_codes(void)
{
	return __atomic_load_n(&last_code_id, __ATOMIC_RELAXED);
}

void intern_forked(void)
{
	lock = (pthread_mutex_t)GUARD_MUTEX;
	this_file++;
	last_code_id = last_text_id = last_site_id = 0;
	if (texts.at)
		munmap(texts.at, texts.size * sizeof *texts.at);
	texts.at = NULL;
	texts.size = texts.used = 0;
	if (sites.at)
		munmap(sites.at, sites.size * sizeof *sites.at);
	sites.at = NULL;
	sites.size = sites.used = 0;
}
