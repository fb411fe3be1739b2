/* SPDX-License-Identifier: MIT */
/*
 * breadcrumb: walks the table of commands.  What a command does is in its cmd_*.c.
 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include <breadcrumb/reader.h>

#include "options.h"
#include "util.h"

static const struct cmd *const commands[] = {
    &cmd_record, &cmd_tree, &cmd_report, &cmd_find, &cmd_dump, &cmd_info,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *stream)
{
	fputs("Usage: breadcrumb COMMAND [OPTION...] ...\n"
	      "       breadcrumb --help | --version\n\n"
	      "Records what a Python program does, and shows it.\n\n"
	      "Commands:\n",
	      stream);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stream, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'breadcrumb COMMAND --help' explains a command, breadcrumb(1) all of "
	      "them.\n\n"
	      "Examples:\n"
	      "  breadcrumb record -- python3 app.py   run a program and record it\n"
	      "  breadcrumb tree breadcrumb-*.crumb    who called what, and how long it "
	      "took\n"
	      "  breadcrumb report breadcrumb-*.crumb  where the time went\n",
	      stream);
}

/* Standard output of --help and --version goes by stdio: say it when that fails. */
static int flushed(void)
{
	if (fflush(stdout) != 0)
		util_fail("cannot write to standard output");
	return UTIL_DONE;
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static _Noreturn void unknown(const char *name)
{
	const char *names[COMMANDS + 1] = {NULL};

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i]->name;
	const char *near = util_nearest(name, names);
	const char *what = name[0] == '-' ? "option" : "command";
	if (near && name[0] != '-')
		util_misuse(NULL, "unknown %s '%s'; did you mean '%s'?", what, name,
		            near);
	util_misuse(NULL, "unknown %s '%s'", what, name);
}

/* `breadcrumb help`, `breadcrumb help tree`. */
static int run_help(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stdout);
		return flushed();
	}
	const struct cmd *cmd = find(argv[1]);
	if (!cmd)
		unknown(argv[1]);
	options_print_help(cmd, stdout);
	return flushed();
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return UTIL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return flushed();
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("breadcrumb %s (trace file format %u)\n", crumb_version(),
		       crumb_format());
		return flushed();
	}
	if (strcmp(argv[1], "help") == 0)
		return run_help(argc - 1, argv + 1);
	const struct cmd *cmd = find(argv[1]);
	if (!cmd)
		unknown(argv[1]);
	return cmd->run(cmd, argc - 1, argv + 1);
}
