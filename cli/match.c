/* SPDX-License-Identifier: MIT */
/* Values are compared as the text that the agent has made of them: nothing else is left.
 */
#include "match.h"

#include <stdio.h>
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

/* The character that an escape of repr() stands for, and how long the escape is; 0: it is
 * none of these. */
static size_t unescape(const char *at, char *character)
{
	static const char letters[] = "ntr\\'\"", meant[] = "\n\t\r\\'\"";
	const char *found = at[1] ? strchr(letters, at[1]) : NULL;
	unsigned number;

	if (found) {
		*character = meant[found - letters];
		return 2;
	}
	if (at[1] == 'x' && sscanf(at + 2, "%2x", &number) == 1 && number < 0x80) {
		*character = (char)number;
		return 4;
	}
	return 0;
}

/* The text of a str, 'text' or "text", without its quotes and escapes. */
static bool is_quoted(const char *value, const char *text)
{
	const char quote = *value, *at = value + 1;

	if (quote != '\'' && quote != '"')
		return false;
	while (*text) {
		char character = *at;
		size_t length = *at == '\\' ? unescape(at, &character) : 1;
		if (!*at || !length || character != *text)
			return false;
		at += length;
		text++;
	}
	return at[0] == quote && at[1] == '\0';
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
