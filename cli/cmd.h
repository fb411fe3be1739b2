/* SPDX-License-Identifier: MIT */
/* A command of breadcrumb: a row of the table that main.c walks. */
#ifndef BREADCRUMB_CLI_CMD_H
#define BREADCRUMB_CLI_CMD_H

struct option_row;

struct cmd {
	const char *name;
	const char *summary;  /* one line for the list of commands */
	const char *synopsis; /* what follows the name on its command line */
	const char *about;    /* a paragraph or two of help */
	const char *examples; /* lines */
	/* Tables of options, NULL ends them; each table ends with a row without a name.
	 */
	const struct option_row *const *options;
	/* argv[0] is the command's name.  Returns the exit status. */
	int (*run)(const struct cmd *cmd, int argc, char **argv);
};

extern const struct cmd cmd_record, cmd_info, cmd_dump, cmd_tree, cmd_report, cmd_find;

#endif
