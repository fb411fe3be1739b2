/* SPDX-License-Identifier: MIT */
/*
 * Matches module names against comma-separated globs.  The lists are walked as text each
 * time: nothing is allocated, and the question comes once for each code object only.
 * fnmatch(3) is not used: it depends on the program's locale and allocates.
 */
#include "filter.h"

#include <string.h>

static const char *include_list = "";
static const char *exclude_list = "";

void filter_init(const char *include, const char *exclude)
{
	include_list = include;
	exclude_list = exclude;
}

/* Matches one character against the set that starts behind `[`; *end is set behind `]`.
 * Without a `]` the `[` stands for itself: *end is NULL. */
static bool in_set(const char *set, const char *stop, char c, const char **end)
{
	bool negated = set < stop && (*set == '!' || *set == '^');
	bool found = false;
	const char *p = set + negated;
	for (const char *first = p; p < stop && (*p != ']' || p == first); p++) {
		if (p + 2 < stop && p[1] == '-' && p[2] != ']') {
			found |= *p <= c && c <= p[2];
			p += 2;
		} else {
			found |= *p == c;
		}
	}
	*end = p < stop ? p + 1 : NULL;
	return found != negated;
}

/* Iterative, with one point to fall back to: no pattern makes it exponential. */
static bool glob(const char *p, const char *p_end, const char *s, const char *s_end)
{
	const char *star = NULL, *retry = NULL, *behind;
	for (;;) {
		if (p < p_end && *p == '*') {
			star = ++p;
			retry = s;
			continue;
		}
		if (s == s_end)
			return p == p_end;
		bool hit = false;
		if (p < p_end) {
			behind = p + 1;
			if (*p == '?')
				hit = true;
			else if (*p == '[')
				hit = in_set(p + 1, p_end, *s, &behind);
			else
				hit = *p == *s;
			if (!behind) {
				behind = p + 1;
				hit = *s == '[';
			}
		}
		if (hit) {
			p = behind;
			s++;
		} else if (star) {
			p = star;
			s = ++retry;
		} else {
			return false;
		}
	}
}

static bool matches(const char *p, const char *p_end, const char *s, const char *s_end)
{
	if (glob(p, p_end, s, s_end))
		return true;
	bool subtree = p_end - p > 2 && p_end[-2] == '.' && p_end[-1] == '*';
	return subtree && glob(p, p_end - 2, s, s_end);
}

static bool listed(const char *list, const char *s, size_t length)
{
	while (*list) {
		const char *end = strchrnul(list, ',');
		const char *p = list + strspn(list, " \t"), *p_end = end;
		while (p_end > p && (p_end[-1] == ' ' || p_end[-1] == '\t'))
			p_end--;
		if (p < p_end && matches(p, p_end, s, s + length))
			return true;
		list = *end ? end + 1 : end;
	}
	return false;
}

bool filter_accepts(const char *module, size_t length)
{
	if (listed(exclude_list, module, length))
		return false;
	return include_list[strspn(include_list, ", \t")] == '\0' ||
	       listed(include_list, module, length);
}
