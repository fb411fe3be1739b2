/* SPDX-License-Identifier: MIT */
/*
 * Standard output, fast and safe: everything that the command prints goes through one
 * buffer.  Text out of a trace is never trusted: control characters and invalid UTF-8 are
 * shown as escapes.  On a terminal lines can be cut to its width and a pager is started.
 * A failing write ends the process with a message; a reader that has gone ends it
 * quietly.
 */
#ifndef BREADCRUMB_CLI_OUT_H
#define BREADCRUMB_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum out_when {
	OUT_AUTO,
	OUT_ALWAYS,
	OUT_NEVER,
};

/* What a piece of text is; colours follow from it. */
enum out_role {
	OUT_PLAIN,
	OUT_HEADING,
	OUT_FAINT,
	OUT_GOOD,
	OUT_WARN,
	OUT_BAD,
	OUT_NAME,
};

/* How to print; call it once before the first out_*, or leave it for plain output. */
void out_setup(enum out_when color, bool pager, bool wide);

/* Columns that a line may have; 0 when it may have any number. */
unsigned out_width(void);

/* The sign for "something was cut here": three bytes of UTF-8 or "..". */
const char *out_ellipsis(void);

/* Exactly these bytes. */
void out_raw(const char *text, size_t length);
void out_str(const char *text);
void out_char(char c);
void out_fill(char c, size_t count);
void out_u64(uint64_t number);
/* Right-aligned in `width` columns, filled with `fill`. */
void out_u64_in(uint64_t number, unsigned width, char fill);
void out_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text out of a trace, made harmless. */
void out_text(const char *text);
/* The same in exactly `width` columns: filled with blanks, or shortened in the middle. */
void out_text_in(const char *text, unsigned width);
/* How many columns out_text() takes. */
unsigned out_text_width(const char *text);

/* Colour of what follows; OUT_PLAIN ends it.  Nothing when there are no colours. */
void out_role(enum out_role role);

/* Ends a line.  Where lines are cut it is cut here, and here alone the buffer is written.
 */
void out_line(void);
/* Columns of the line so far, colours not counted. */
unsigned out_column(void);

/* Writes what is left, closes standard output and waits for the pager.  May be called
 * more than once. */
void out_finish(void);

/* Whether something was written already and progress would be in its way. */
bool out_started(void);

#endif
