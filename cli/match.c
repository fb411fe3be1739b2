/* SPDX-License-Identifier: MIT */
/* Values are compared as the text that the agent has made of them: nothing else is left.
 */
#include "match.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

char *match_read(struct match *match, const char *text, bool exact)
{
	size_t length = strlen(text);
	char why[256];

	*match =
	    (struct match){.how = exact ? MATCH_EQUALS : MATCH_CONTAINS, .text = text};
	if (*text == '=') {
		match->how = MATCH_EQUALS;
		match->text = text + 1;
	} else if (length >= 2 && *text == '/' && text[length - 1] == '/') {
		char *pattern = util_format("%.*s", (int)length - 2, text + 1);
		int error = regcomp(&match->regex, pattern, REG_EXTENDED | REG_NOSUB);
		match->text = text;
		if (error) {
			regerror(error, &match->regex, why, sizeof(why));
			free(pattern);
			return util_format("%s", why);
		}
		free(pattern);
		match->how = MATCH_REGEX;
	}
	return NULL;
}

/* The text of a str, 'text' or "text", without its quotes. */
static bool is_quoted(const char *value, const char *text)
{
	size_t length = strlen(text);

	return (*value == '\'' || *value == '"') && strlen(value) == length + 2 &&
	       value[length + 1] == *value && memcmp(value + 1, text, length) == 0;
}

bool match_value(const struct match *match, const char *value)
{
	switch (match->how) {
	case MATCH_EQUALS:
		return strcmp(value, match->text) == 0 || is_quoted(value, match->text);
	case MATCH_REGEX:
		return regexec(&match->regex, value, 0, NULL, 0) == 0;
	default:
		return strstr(value, match->text) != NULL;
	}
}

void match_free(struct match *match)
{
	if (match->how == MATCH_REGEX)
		regfree(&match->regex);
}
