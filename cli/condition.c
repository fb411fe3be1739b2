/* SPDX-License-Identifier: MIT */
/*
 * A condition is met at one event of a call, whichever that is; who asks keeps which ones
 * were, until the call is over.
 */
#include "condition.h"

#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "parse.h"
#include "util.h"

#define CONDITIONS_SAID "16"

const struct option_row condition_options[] = {
    {OPTION_VALUE, 'v', "value", "WHAT",
     "some value of the call: TEXT in it, =TEXT, /REGEX/"},
    {OPTION_ARG, 'a', "arg", "NAME=WHAT",
     "an argument: NAME=TEXT (all of it), NAME=/REGEX/"},
    {OPTION_RETURNED, 'r', "returned", "WHAT",
     "what was returned or yielded, as --value"},
    {OPTION_RAISED, 'x', "raised", "TYPE",
     "an exception of this type (*Error) was raised in it"},
    {OPTION_MARKED, 0, "marked", "WHAT", "a mark that was made in it, as --value"},
    {0},
};

static void add(struct conditions *conditions, const struct options *options, int key)
{
	struct condition *c = &conditions->items[conditions->count];
	const char *text = options->value;
	char *wrong = NULL;

	if (conditions->count == CONDITIONS_MAX)
		util_misuse(options->cmd->name,
		            "that is more than " CONDITIONS_SAID " conditions");
	*c = (struct condition){.key = key};
	if (key == OPTION_ARG) {
		const char *equals = strchr(text, '=');
		if (!equals || equals == text)
			options_bad_value(options, "NAME=VALUE or NAME=/REGEX/");
		c->name = util_format("%.*s", (int)(equals - text), text);
		wrong = match_read(&c->match, equals + 1, true);
	} else if (key == OPTION_RAISED) {
		if (!*text)
			options_bad_value(options, "the name of an exception");
		c->type = text;
	} else {
		wrong = match_read(&c->match, text, false);
	}
	if (wrong)
		util_misuse(options->cmd->name, "'%s' for --%s: %s", text, options->shown,
		            wrong);
	conditions->count++;
}

bool condition_take(struct conditions *conditions, const struct options *options, int key)
{
	if (key < OPTION_VALUE || key > OPTION_MARKED)
		return false;
	add(conditions, options, key);
	return true;
}

static bool meets_value(const struct condition *c, const struct crumb_event *event)
{
	for (size_t i = 0; i < event->local_count; i++)
		if (match_value(&c->match, event->locals[i].text))
			return true;
	return (event->result && match_value(&c->match, event->result)) ||
	       (event->message && match_value(&c->match, event->message));
}

static bool meets_argument(const struct condition *c, const struct crumb_event *event)
{
	for (size_t i = 0; event->kind == CRUMB_CALL && i < event->local_count; i++)
		if (strcmp(event->locals[i].name, c->name) == 0 &&
		    match_value(&c->match, event->locals[i].text))
			return true;
	return false;
}

static bool meets(const struct condition *c, const struct crumb_event *event,
                  bool was_left)
{
	switch (c->key) {
	case OPTION_VALUE:
		return meets_value(c, event);
	case OPTION_ARG:
		return meets_argument(c, event);
	case OPTION_RETURNED:
		return event->result && match_value(&c->match, event->result);
	case OPTION_MARKED:
		return event->text && match_value(&c->match, event->text);
	default:
		return event->exception && !was_left &&
		       parse_glob(c->type, event->exception);
	}
}

unsigned condition_met(const struct conditions *conditions,
                       const struct crumb_event *event, bool was_left)
{
	unsigned met = 0;

	for (unsigned i = 0; i < conditions->count; i++)
		if (meets(&conditions->items[i], event, was_left))
			met |= 1u << i;
	return met;
}

bool condition_all(const struct conditions *conditions, unsigned met)
{
	unsigned all = (1u << conditions->count) - 1;

	return (met & all) == all;
}

void condition_free(struct conditions *conditions)
{
	for (unsigned i = 0; i < conditions->count; i++) {
		free(conditions->items[i].name);
		match_free(&conditions->items[i].match);
	}
}
