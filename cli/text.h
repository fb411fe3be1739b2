/* SPDX-License-Identifier: MIT */
/* Text of unknown origin, a character at a time: UTF-8, columns, what must not be shown.
 */
#ifndef BREADCRUMB_CLI_TEXT_H
#define BREADCRUMB_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A byte that is not part of valid UTF-8. */
#define TEXT_INVALID UINT32_MAX

/* The character at `text`, which is not empty: its bytes are returned, 1 to 4.  Overlong
 * forms, surrogates and cut sequences are TEXT_INVALID, one byte each. */
size_t text_decode(const char *text, uint32_t *character);

/* Columns of a terminal that a character takes: 0 (combining), 1, or 2 (East Asian wide).
 */
unsigned text_columns(uint32_t character);

/* Whether a character would do something to a terminal or to the order of a line, or is
 * no character at all. */
bool text_harmful(uint32_t character);

/* Room that text_escape() needs. */
#define TEXT_ESCAPE_MAX 12

/* How a harmful character is shown: \n, \x1b, \u202e.  Returns the length; `byte` is what
 * stands there when the character is TEXT_INVALID. */
size_t text_escape(uint32_t character, unsigned char byte, char *room);

#endif
