/* SPDX-License-Identifier: MIT */
/*
 * Reads options as getopt_long(3) does: long names may be shortened as long as they are
 * unambiguous, letters may be joined, options may follow operands.  It is not
 * getopt_long() itself because a wrong option is answered with the one that was probably
 * meant.
 */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "util.h"

#define HELP_ROW                                                                         \
	{                                                                                \
		OPTION_HELP, 'h', "help", NULL, "show this help"                         \
	}

const struct option_row options_help_row[] = {HELP_ROW, {0}};

const struct option_row options_view[] = {
    {OPTION_COLOR, 0, "color", "WHEN", "colours: auto (on a terminal), always or never"},
    {OPTION_NO_PAGER, 0, "no-pager", NULL, "do not start a pager on a terminal"},
    {OPTION_WIDE, 'w', "wide", NULL, "do not cut lines at the width of the terminal"},
    HELP_ROW,
    {0},
};

void options_init(struct options *options, const struct cmd *cmd, int argc, char **argv)
{
	*options = (struct options){.cmd = cmd, .argc = argc, .argv = argv, .at = 1};
}

/* Walks all rows of a command: *table and *row start at 0. */
static const struct option_row *next_row(const struct cmd *cmd, size_t *table,
                                         size_t *row)
{
	while (cmd->options[*table]) {
		const struct option_row *found = &cmd->options[*table][*row];
		if (found->name) {
			(*row)++;
			return found;
		}
		(*table)++;
		*row = 0;
	}
	return NULL;
}

static _Noreturn void unknown(const struct cmd *cmd, const char *name)
{
	const char *names[64];
	size_t count = 0, table = 0, row = 0;
	const struct option_row *option;

	while ((option = next_row(cmd, &table, &row)) && count < 63)
		names[count++] = option->name;
	names[count] = NULL;
	const char *near = util_nearest(name, names);
	if (near)
		util_misuse(cmd->name, "unknown option '--%s'; did you mean '--%s'?",
		            name, near);
	util_misuse(cmd->name, "unknown option '--%s'", name);
}

static const struct option_row *find_long(const struct cmd *cmd, const char *name,
                                          size_t length)
{
	const struct option_row *option, *found = NULL, *other = NULL;
	size_t table = 0, row = 0;

	while ((option = next_row(cmd, &table, &row))) {
		if (strncmp(option->name, name, length) != 0)
			continue;
		if (option->name[length] == '\0')
			return option;
		if (found)
			other = option;
		else
			found = option;
	}
	if (other)
		util_misuse(cmd->name, "option '--%.*s' is ambiguous: '--%s' or '--%s'?",
		            (int)length, name, found->name, other->name);
	return found;
}

static int help(const struct options *options)
{
	options_print_help(options->cmd, stdout);
	if (fflush(stdout) != 0)
		util_fail("cannot write the help");
	util_exit(UTIL_DONE);
}

static int take_long(struct options *options, char *argument)
{
	char *name = argument + 2;
	char *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_row *row = find_long(options->cmd, name, length);

	if (!row || length == 0) {
		if (equals)
			*equals = '\0';
		unknown(options->cmd, name);
	}
	options->shown = row->name;
	options->value = NULL;
	if (row->value && equals)
		options->value = equals + 1;
	else if (row->value && options->at < options->argc)
		options->value = options->argv[options->at++];
	else if (row->value)
		util_misuse(options->cmd->name, "option '--%s' needs a value (%s)",
		            row->name, row->value);
	else if (equals)
		util_misuse(options->cmd->name, "option '--%s' takes no value",
		            row->name);
	return row->key == OPTION_HELP ? help(options) : row->key;
}

static int take_letter(struct options *options)
{
	char letter = *options->letters++;
	const struct option_row *row;
	size_t table = 0, at = 0;

	while ((row = next_row(options->cmd, &table, &at)) && row->letter != letter)
		;
	if (!row)
		util_misuse(options->cmd->name, "unknown option '-%c'", letter);
	options->shown = row->name;
	options->value = NULL;
	if (row->value) {
		if (*options->letters)
			options->value = options->letters;
		else if (options->at < options->argc)
			options->value = options->argv[options->at++];
		else
			util_misuse(options->cmd->name, "option '-%c' needs a value (%s)",
			            letter, row->value);
		options->letters = "";
	}
	return row->key == OPTION_HELP ? help(options) : row->key;
}

int options_next(struct options *options)
{
	if (options->letters && *options->letters)
		return take_letter(options);
	while (options->at < options->argc) {
		char *argument = options->argv[options->at];
		if (options->ended || argument[0] != '-' || argument[1] == '\0') {
			if (options->stop_at_operand)
				options->ended = true;
			options->at++;
			options->argv[++options->operands] = argument;
			continue;
		}
		options->at++;
		if (strcmp(argument, "--") == 0) {
			options->ended = true;
		} else if (argument[1] == '-') {
			return take_long(options, argument);
		} else {
			options->letters = argument + 1;
			return take_letter(options);
		}
	}
	return OPTIONS_DONE;
}

void options_bad_value(const struct options *options, const char *expected)
{
	util_misuse(options->cmd->name, "'%s' for --%s is not understood: expected %s",
	            options->value, options->shown, expected);
}

#define HELP_COLUMN 26
#define HELP_WIDTH  79

/* Prints words up to the width, each line after the first from column `indent` on; the
 * first continues at column `at`. */
static void print_wrapped(FILE *stream, const char *text, unsigned indent, unsigned at)
{
	while (*text) {
		unsigned length = (unsigned)strcspn(text, " ");
		if (at > indent && at + 1 + length > HELP_WIDTH) {
			fputc('\n', stream);
			at = 0;
		}
		if (at < indent)
			at += (unsigned)fprintf(stream, "%*s", (int)(indent - at), "");
		else if (at > indent)
			at += (unsigned)fprintf(stream, " ");
		at += (unsigned)fprintf(stream, "%.*s", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', stream);
}

void options_print_help(const struct cmd *cmd, FILE *stream)
{
	const struct option_row *row;
	size_t table = 0, at = 0;

	fprintf(stream, "Usage: breadcrumb %s %s\n\n", cmd->name, cmd->synopsis);
	print_wrapped(stream, cmd->about, 0, 0);
	fputs("\nOptions:\n", stream);
	while ((row = next_row(cmd, &table, &at))) {
		char left[64];
		char letter[] = {'-', row->letter, ',', ' ', '\0'};
		snprintf(left, sizeof(left), "%s--%s%s%s", row->letter ? letter : "    ",
		         row->name, row->value ? " " : "", row->value ? row->value : "");
		fprintf(stream, "  %-24s%s", left, strlen(left) > 23 ? "\n" : "");
		print_wrapped(stream, row->help, HELP_COLUMN,
		              strlen(left) > 23 ? 0 : HELP_COLUMN);
	}
	if (cmd->examples)
		fprintf(stream, "\nExamples:\n%s", cmd->examples);
}

bool options_take_look(struct options_look *look, const struct options *options, int key)
{
	switch (key) {
	case OPTION_COLOR:
		if (strcmp(options->value, "auto") == 0)
			look->color = OUT_AUTO;
		else if (strcmp(options->value, "always") == 0)
			look->color = OUT_ALWAYS;
		else if (strcmp(options->value, "never") == 0)
			look->color = OUT_NEVER;
		else
			options_bad_value(options, "auto, always or never");
		return true;
	case OPTION_NO_PAGER:
		look->no_pager = true;
		return true;
	case OPTION_WIDE:
		look->wide = true;
		return true;
	default:
		return false;
	}
}

void options_apply_look(const struct options_look *look)
{
	out_setup((enum out_when)look->color, !look->no_pager, look->wide);
}
