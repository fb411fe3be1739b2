/* SPDX-License-Identifier: MIT */
/*
 * The command line, read by tables: one row says an option's name, its value and its
 * help, so that what is accepted and what --help shows cannot differ.
 */
#ifndef BREADCRUMB_CLI_OPTIONS_H
#define BREADCRUMB_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cmd.h"

struct option_row {
	int key;           /* what options_next() returns; above 0, unique in a command */
	char letter;       /* short form, 0: none */
	const char *name;  /* long form without dashes */
	const char *value; /* name of its value, NULL: it takes none */
	const char *help;
};

/* Keys of the tables below; a command's own keys are smaller. */
enum {
	OPTIONS_DONE = 0,
	OPTION_HELP = 1000,
	OPTION_COLOR,
	OPTION_NO_PAGER,
	OPTION_WIDE,
};

extern const struct option_row options_help_row[]; /* --help */
extern const struct option_row options_view[];     /* --color --no-pager --wide --help */

struct options {
	const struct cmd *cmd;
	int argc;
	char **argv;
	bool stop_at_operand; /* options of a command line that follows are not ours */
	int at;               /* next argument to look at */
	int operands;         /* how many were met; moved to the front, from argv[1] on */
	const char *letters;  /* rest of a cluster such as -lq */
	bool ended;           /* "--" was met */
	const char *value;    /* of the option that was returned */
	const char *shown;    /* how it was written, for messages */
};

void options_init(struct options *options, const struct cmd *cmd, int argc, char **argv);

/*
 * The key of the next option, its value in options->value; OPTIONS_DONE after the last:
 * then argv[1] to argv[operands] are the operands.  --help is printed here.  Ends the
 * process with a message on an option that is not in the tables.
 */
int options_next(struct options *options);

/* Ends the process: the value of the option just returned is not `expected`. */
_Noreturn void options_bad_value(const struct options *options, const char *expected);

/* The help of a command, on `stream`. */
void options_print_help(const struct cmd *cmd, FILE *stream);

/* Keeps what options_view says; true when the key was one of them.  Then start the
 * output. */
struct options_look {
	int color; /* enum out_when */
	bool no_pager;
	bool wide;
};
bool options_take_look(struct options_look *look, const struct options *options, int key);
void options_apply_look(const struct options_look *look);

#endif
