/* SPDX-License-Identifier: MIT */
/*
 * breadcrumb record: runs a command with the agent preloaded.  All that the agent is told
 * goes through the environment, so that whatever the command starts is recorded too.
 */
#include "cmd.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "options.h"
#include "produced.h"
#include "util.h"

#define AGENT_NAME   "libbreadcrumb_agent.so"
#define DEFAULT_NAME "breadcrumb-%p.crumb"

#ifndef AGENT_PATH
#define AGENT_PATH "/usr/local/lib/" AGENT_NAME
#endif

enum {
	OPTION_OUTPUT = 1,
	OPTION_INCLUDE,
	OPTION_EXCLUDE,
	OPTION_LINES,
	OPTION_LOCALS,
	OPTION_RETURNS,
	OPTION_BACKEND,
	OPTION_QUIET,
};

static const struct option_row record_options[] = {
    {OPTION_OUTPUT, 'o', "output", "FILE",
     "file or folder to write; %p is the process, %e the program"},
    {OPTION_INCLUDE, 'i', "include", "GLOB", "record only these modules (app.*,lib?)"},
    {OPTION_EXCLUDE, 'x', "exclude", "GLOB", "do not record these modules"},
    {OPTION_LINES, 'l', "lines", NULL, "record every line, too"},
    {OPTION_LOCALS, 0, "locals", NULL, "record arguments and local variables, too"},
    {OPTION_RETURNS, 0, "returns", NULL, "record what is returned and yielded, too"},
    {OPTION_BACKEND, 'b', "backend", "NAME",
     "auto, monitoring, frame, settrace or sampling"},
    {OPTION_QUIET, 'q', "quiet", NULL, "do not say which files were written"},
    {0},
};

struct wanted {
	const char *output;
	char *include, *exclude;
	const char *backend;
	bool lines, locals, returns, quiet;
};

static void join(char **list, const char *more)
{
	char *longer =
	    *list ? util_format("%s,%s", *list, more) : util_format("%s", more);

	free(*list);
	*list = longer;
}

static void check_backend(const struct options *options)
{
	static const char *const names[] = {"auto",     "monitoring", "frame",
	                                    "settrace", "sampling",   NULL};

	for (size_t i = 0; names[i]; i++)
		if (strcmp(options->value, names[i]) == 0)
			return;
	options_bad_value(options, "auto, monitoring, frame, settrace or sampling");
}

static void take_options(struct wanted *wanted, struct options *options)
{
	int key;

	while ((key = options_next(options)) != OPTIONS_DONE) {
		switch (key) {
		case OPTION_OUTPUT:
			if (!*options->value)
				options_bad_value(options, "a file or a folder");
			wanted->output = options->value;
			break;
		case OPTION_INCLUDE:
			join(&wanted->include, options->value);
			break;
		case OPTION_EXCLUDE:
			join(&wanted->exclude, options->value);
			break;
		case OPTION_LINES:
			wanted->lines = true;
			break;
		case OPTION_LOCALS:
			wanted->locals = true;
			break;
		case OPTION_RETURNS:
			wanted->returns = true;
			break;
		case OPTION_BACKEND:
			check_backend(options);
			wanted->backend = options->value;
			break;
		case OPTION_QUIET:
			wanted->quiet = true;
			break;
		}
	}
}

/* Looks where an installation and a build tree have it; the result is absolute. */
static char *find_agent(void)
{
	static const char *const beside[] = {"../agent/.libs/", "../../agent/.libs/",
	                                     "../lib/"};
	char own[PATH_MAX];
	const char *given = getenv("BREADCRUMB_AGENT");
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	if (given && *given) {
		char *path = realpath(given, NULL);
		if (!path)
			util_fail("cannot use the agent of $BREADCRUMB_AGENT, '%s': %s",
			          given, strerror(errno));
		return path;
	}
	own[length > 0 ? length : 0] = '\0';
	slash = strrchr(own, '/');
	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; slash && i < sizeof(beside) / sizeof(beside[0]); i++) {
		char *path = util_format("%s%s%s", own, beside[i], AGENT_NAME);
		char *real = realpath(path, NULL);
		free(path);
		if (real)
			return real;
	}
	if (access(AGENT_PATH, R_OK) == 0)
		return util_format("%s", AGENT_PATH);
	util_fail(
	    "cannot find the agent, %s: it is neither beside %s nor at %s; say where it "
	    "is in $BREADCRUMB_AGENT",
	    AGENT_NAME, *own ? own : "this command", AGENT_PATH);
}

static void preload(void)
{
	char *agent = find_agent();
	const char *others = getenv("LD_PRELOAD");

	if (strpbrk(agent, ": "))
		util_fail("the agent's path '%s' has a blank or a colon, which "
		          "LD_PRELOAD cannot "
		          "hold: copy it elsewhere and set $BREADCRUMB_AGENT",
		          agent);
	if (others && *others) {
		char *both = util_format("%s:%s", agent, others);
		setenv("LD_PRELOAD", both, 1);
		free(both);
	} else {
		setenv("LD_PRELOAD", agent, 1);
	}
	free(agent);
}

/* A folder's name as a pattern: its own % are not to be expanded. */
static char *as_pattern(const char *path)
{
	char *text = util_alloc(strlen(path) * 2 + 1, 1);

	for (char *end = text; *path; path++) {
		if (*path == '%')
			*end++ = '%';
		*end++ = *path;
	}
	return text;
}

/* What BREADCRUMB_OUTPUT has to be so that a child in another folder writes here, too. */
static char *absolute_output(const char *output)
{
	char here[PATH_MAX];
	struct stat st;
	char *pattern;

	if (*output == '/') {
		pattern = util_format("%s", output);
	} else {
		if (!getcwd(here, sizeof(here)))
			util_fail("cannot find out the current folder: %s",
			          strerror(errno));
		char *folder = as_pattern(here);
		pattern = util_format("%s/%s", folder, output);
		free(folder);
	}
	bool folder_named = output[strlen(output) - 1] == '/';
	/* If that fails, check_folder() says so. */
	if (folder_named && !strchr(output, '%'))
		mkdir(output, 0777);
	if (folder_named || (stat(output, &st) == 0 && S_ISDIR(st.st_mode))) {
		char *whole =
		    util_format("%s%s%s", pattern, folder_named ? "" : "/", DEFAULT_NAME);
		free(pattern);
		pattern = whole;
	}
	return pattern;
}

/* Better to say it before a long run than after it.  Folders that depend on the process
 * cannot be looked at. */
static void check_folder(const char *pattern)
{
	char *folder = util_format("%s", pattern), *to = folder;

	strrchr(folder, '/')[1] = '\0';
	for (const char *from = folder; *from; from++) {
		if (*from == '%' && from[1] == '%')
			from++;
		else if (*from == '%')
			goto done;
		*to++ = *from;
	}
	*to = '\0';
	if (access(folder, W_OK | X_OK) < 0)
		util_fail("cannot write trace files to '%s': %s", folder,
		          strerror(errno));
done:
	free(folder);
}

static void say_nothing_written(const char *command)
{
	const char *disabled = getenv("BREADCRUMB_DISABLE");

	if (disabled && *disabled && strcmp(disabled, "0") != 0)
		util_say("no trace was written: BREADCRUMB_DISABLE is set");
	else
		util_say(
		    "no trace was written: '%s' ran no Python function of CPython 3.10 "
		    "to "
		    "3.15 that was to be recorded (a static or set-user-ID program takes "
		    "no agent)",
		    command);
}

static int pass_on_end(const struct child_end *end, const char *command)
{
	if (end->error) {
		util_say("cannot run '%s': %s", command, strerror(end->error));
		return end->error == ENOENT ? 127 : 126;
	}
	if (WIFSIGNALED(end->status))
		util_exit_by_signal(WTERMSIG(end->status));
	return WEXITSTATUS(end->status);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct wanted wanted = {0};
	struct options options;
	struct child_end end;

	options_init(&options, cmd, argc, argv);
	options.stop_at_operand = true;
	take_options(&wanted, &options);
	if (options.operands == 0)
		util_misuse(cmd->name, "no command to record was given");
	argv[options.operands + 1] = NULL;
	const char *output = wanted.output ? wanted.output : getenv("BREADCRUMB_OUTPUT");
	char *pattern = absolute_output(output && *output ? output : DEFAULT_NAME);
	check_folder(pattern);
	preload();
	setenv("BREADCRUMB_OUTPUT", pattern, 1);
	if (wanted.include)
		setenv("BREADCRUMB_INCLUDE", wanted.include, 1);
	if (wanted.exclude)
		setenv("BREADCRUMB_EXCLUDE", wanted.exclude, 1);
	if (wanted.lines)
		setenv("BREADCRUMB_CAPTURE_LINES", "1", 1);
	if (wanted.locals)
		setenv("BREADCRUMB_CAPTURE_LOCALS", "1", 1);
	if (wanted.returns)
		setenv("BREADCRUMB_CAPTURE_RETURNS", "1", 1);
	if (wanted.backend)
		setenv("BREADCRUMB_BACKEND", wanted.backend, 1);
	struct produced *produced = produced_begin(pattern);
	child_run(argv + 1, &end);
	if (!end.error && !wanted.quiet && produced_tell(produced) == 0)
		say_nothing_written(argv[1]);
	produced_free(produced);
	free(pattern);
	free(wanted.include);
	free(wanted.exclude);
	return pass_on_end(&end, argv[1]);
}

static const struct option_row *const tables[] = {record_options, options_help_row, NULL};

const struct cmd cmd_record = {
    .name = "record",
    .summary = "run a command and record what its Python code does",
    .synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]",
    .about = "Runs COMMAND, unmodified, and writes one trace file for each Python "
	     "process that it is or starts: breadcrumb-PID.crumb in the current folder. "
	     "Signals and the exit status are passed on.",
    .examples = "  breadcrumb record -- python3 app.py --fast\n"
		"  breadcrumb record -o /tmp/traces/ --include 'myapp.*' -- pytest -x\n"
		"  breadcrumb record --lines -o app.crumb -- python3 -m app\n",
    .options = tables,
    .run = run,
};
