/* SPDX-License-Identifier: MIT */
/* The text of one process: strings with an id, and text without one. */
#ifndef BREADCRUMB_READER_STRTAB_H
#define BREADCRUMB_READER_STRTAB_H

#include "reader_internal.h"

/* Keeps a copy of `length` bytes, always valid UTF-8 without NUL: what is not is replaced
 * by U+FFFD.  NULL when there is no memory.  It lives until strtab_free(). */
const char *strtab_text(struct strtab *table, const char *bytes, size_t length);

/* Likewise, under an id.  0 or -ENOMEM. */
int strtab_add(struct strtab *table, uint32_t id, const char *bytes, size_t length);

/* To be called between the last strtab_add() and the first strtab_find().  Returns the
 * first id that was added twice (the text that came first is kept), or 0. */
uint32_t strtab_sort(struct strtab *table);

/* The text of an id; NULL when it has none. */
const char *strtab_find(const struct strtab *table, uint32_t id);

void strtab_free(struct strtab *table);

#endif
