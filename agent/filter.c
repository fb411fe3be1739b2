/* SPDX-License-Identifier: MIT */
/*
 * Matches module names against comma-separated globs.  The lists are walked as text each
 * time: nothing is allocated, and the question comes once for each code object only.
 * fnmatch(3) is not used: it depends on the program's locale and allocates.
 */
#include "filter.h"

#include <stdint.h>
#include <string.h>

static const char *include_list = "";
static const char *exclude_list = "";

void filter_init(const char *include, const char *exclude)
{
	include_list = include;
	exclude_list = exclude;
}

/* The character at *p, which is moved behind it.  What is not UTF-8 counts byte by byte.
 */
static uint32_t next_character(const char **p, const char *end)
{
	unsigned char first = (unsigned char)*(*p)++;
	int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	uint32_t c = more ? first & (0x3fu >> more) : first;

	if (end - *p < more)
		return first;
	for (int i = 0; i < more; i++) {
		if (((unsigned char)(*p)[i] & 0xc0) != 0x80)
			return first;
		c = c << 6 | ((unsigned char)(*p)[i] & 0x3fu);
	}
	*p += more;
	return c;
}

/* Matches a character against the set that starts behind `[`; *behind is set behind `]`.
 * Without a `]` the `[` stands for itself: *behind is NULL. */
static bool in_set(const char *p, const char *stop, uint32_t c, const char **behind)
{
	bool negated = p < stop && (*p == '!' || *p == '^');
	bool found = false;

	p += negated;
	for (const char *first = p; p < stop && (*p != ']' || p == first);) {
		uint32_t low = next_character(&p, stop), high = low;
		if (p + 1 < stop && *p == '-' && p[1] != ']') {
			p++;
			high = next_character(&p, stop);
		}
		found |= low <= c && c <= high;
	}
	*behind = p < stop ? p + 1 : NULL;
	return found != negated;
}

/* Matches one character; *p and *s are moved behind it. */
static bool match_one(const char **p, const char *p_end, const char **s,
                      const char *s_end)
{
	const char *pattern = *p, *behind;

	if (pattern == p_end)
		return false;
	uint32_t c = next_character(s, s_end);
	if (*pattern == '?') {
		*p = pattern + 1;
		return true;
	}
	if (*pattern == '[') {
		bool found = in_set(pattern + 1, p_end, c, &behind);
		if (behind) {
			*p = behind;
			return found;
		}
	}
	return next_character(p, p_end) == c;
}

/* Iterative, with one point to fall back to: no pattern makes it exponential. */
static bool glob(const char *p, const char *p_end, const char *s, const char *s_end)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		if (p < p_end && *p == '*') {
			star = ++p;
			retry = s;
		} else if (s == s_end) {
			return p == p_end;
		} else if (!match_one(&p, p_end, &s, s_end)) {
			if (!star)
				return false;
			p = star;
			next_character(&retry, s_end);
			s = retry;
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

bool filter_lists(const char *list, const char *s, size_t length)
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

/* The agent's part in Python is no part of the program. */
static bool is_own(const char *module, size_t length)
{
	static const char own[] = "breadcrumb_agent";
	return length == sizeof own - 1 && memcmp(module, own, length) == 0;
}

bool filter_accepts(const char *module, size_t length)
{
	if (is_own(module, length))
		return false;
	if (filter_lists(exclude_list, module, length))
		return false;
	return include_list[strspn(include_list, ", \t")] == '\0' ||
	       filter_lists(include_list, module, length);
}
