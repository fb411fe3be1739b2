/* SPDX-License-Identifier: MIT */
/*
 * Code objects and strings → the ids by which events and definitions name them.  A code
 * object is known by its address only; who made it is somebody else's business.
 */
#ifndef BREADCRUMB_AGENT_INTERN_H
#define BREADCRUMB_AGENT_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of text; not terminated. */
struct intern_text {
	const char *text;
	size_t length;
};

/* What a code object is, as far as the file says it. */
struct intern_code {
	struct intern_text name, qualname, filename, module;
	uint32_t first_line;
	uint32_t flags; /* co_flags */
	bool generator; /* by its flags */
	uint32_t interpreter;
	void *held[4]; /* what keeps the texts alive; the describer's own business */
};

/* One line of a thread's own table.  id 0: known, and not recorded. */
struct intern_slot {
	const void *code;
	uint32_t id;
	uint32_t first_line : 30;
	uint32_t generator : 1; /* its frames can suspend themselves */
	uint32_t variables : 1; /* their names are in the file */
};

#define INTERN_SLOTS_LOG 11
#define INTERN_AREA      (sizeof(struct intern_slot) << INTERN_SLOTS_LOG)

/* The place in a thread's table (INTERN_AREA bytes) where this code object is, if
 * anywhere. */
static inline struct intern_slot *intern_slot(char *area, const void *code)
{
	/* Code objects lie at least 16 bytes apart; multiplying spreads them over the
	 * table. */
	uint64_t hash = (uint64_t)(uintptr_t)code * 0x9e3779b97f4a7c15u;
	return (struct intern_slot *)(void *)area + (hash >> (64 - INTERN_SLOTS_LOG));
}

/* Fills *out for a code object that has a place in this process's file (or is excluded
 * from it).  False: intern_add() it. */
bool intern_find(const void *code, struct intern_slot *out);

struct intern_record;

/*
 * Gives the code object an id, writes its definition to the file and remembers it until
 * intern_forget(); with `accepted` false it gets id 0 and no definition.  Fills *out.
 * Returns its record when it was not known at all (the caller then arranges for
 * intern_forget() when the code object dies), else NULL.  When ids or the file's room
 * have run out, its id is CRUMB_CODE_UNKNOWN, and a loss is counted; without memory it is
 * 0, likewise.
 */
struct intern_record *intern_add(const void *code, const struct intern_code *what,
                                 bool accepted, struct intern_slot *out);

/*
 * For CPython 3.10, whose code objects do not know their qualified names: says what a
 * code object that has not run yet will be called (length 0: not known).  Returns its
 * record when it was not known at all, as intern_add() does, else NULL. intern_qualname()
 * gives the text back, which lives as long as the code object; of length 0 when nothing
 * was said.
 */
struct intern_record *intern_expect(const void *code, const char *qualname,
                                    size_t length);
struct intern_text intern_qualname(const void *code);

/* Whether the code object has a record, as it has between the two above and
 * intern_forget() unless there was no memory for one. */
bool intern_knows(const void *code);

/* The code object of this record is gone, and its address may be another's soon.  Any
 * thread; no code of that code object runs any more. */
void intern_forget(struct intern_record *record);

/* The interpreter is gone with all its code objects.  Records stay valid for
 * intern_forget(). */
void intern_forget_all(void);

/* The id of a text in this process's file, defined there first if need be; 0: no room. */
uint32_t intern_string(const char *text, size_t length);

/* The id of an exception of this type (a string's id) at this line of this code object
 * (0: not known), defined first if need be; 0: no room. */
uint32_t intern_site(uint32_t code, uint32_t line, uint32_t type);

/* Defines the names of a code object's variables, once. */
#define INTERN_VARIABLES_MAX 250
void intern_variables(const void *code, const struct intern_text *names, uint32_t count);

/* How many code objects have an id. */
uint32_t intern_codes(void);

/* In a forked child: the new file knows nothing yet. */
void intern_forked(void);

bool intern_lock(void);
void intern_unlock(void);

#endif
