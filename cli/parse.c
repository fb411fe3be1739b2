/* SPDX-License-Identifier: MIT */
/*
 * What users write and read: durations, moments, globs, sizes.  Nothing here looks at the
 * locale: a script that reads the output sees the same everywhere.
 */
#include "parse.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
    {"ns", 1},
    {"us", 1000},
    {"µs", 1000},
    {"μs", 1000},
    {"ms", 1000000},
    {"s", SECOND},
    {"sec", SECOND},
    {"m", 60 * SECOND},
    {"min", 60 * SECOND},
    {"h", 3600 * SECOND},
    {"", SECOND},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with an optional fraction; the fraction in units of 10^-18.  No locale, no
 * rounding through a double. */
static const char *decimal(const char *text, uint64_t *whole, uint64_t *fraction)
{
	uint64_t scale = UINT64_C(100000000000000000);
	bool any = is_digit(*text);

	*whole = *fraction = 0;
	for (; is_digit(*text); text++) {
		if (*whole > (UINT64_MAX - 9) / 10)
			return NULL;
		*whole = *whole * 10 + (uint64_t)(*text - '0');
	}
	if (*text == '.') {
		for (text++; is_digit(*text); text++, any = true) {
			*fraction += scale * (uint64_t)(*text - '0');
			scale /= 10;
		}
	}
	return any ? text : NULL;
}

bool parse_duration(const char *text, int64_t *ns)
{
	uint64_t whole, fraction;
	const char *unit = decimal(text, &whole, &fraction);

	if (!unit)
		return false;
	unit += *unit == ' ';
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		if (whole > (uint64_t)(INT64_MAX / units[i].ns) - 1)
			return false;
		long double part =
		    (long double)fraction * 1e-18L * (long double)units[i].ns;
		*ns = (int64_t)whole * units[i].ns + (int64_t)(part + 0.5L);
		return true;
	}
	return false;
}

/* Exactly `count` digits. */
static const char *digits(const char *text, int count, int *number)
{
	*number = 0;
	for (; count > 0; count--, text++) {
		if (!text || !is_digit(*text))
			return NULL;
		*number = *number * 10 + (*text - '0');
	}
	return text;
}

/* Passes over one of the characters of `allowed`. */
static const char *expect(const char *text, const char *allowed)
{
	return text && *text && strchr(allowed, *text) ? text + 1 : NULL;
}

static const char *clock_time(const char *text, struct tm *t, uint64_t *fraction)
{
	uint64_t whole;

	if (!(text = digits(text, 2, &t->tm_hour)) || !(text = expect(text, ":")) ||
	    !(text = digits(text, 2, &t->tm_min)))
		return NULL;
	if (*text != ':')
		return text;
	const char *seconds = text + 1;
	if (!digits(seconds, 2, &t->tm_sec))
		return NULL;
	return decimal(seconds, &whole, fraction) && whole < 100
	           ? decimal(seconds, &whole, fraction)
	           : NULL;
}

/* 2026-01-31, then optionally T or a blank, hh:mm[:ss[.fraction]], and Z. */
static bool parse_utc(const char *text, int64_t *ns)
{
	struct tm t = {0};
	uint64_t fraction = 0;

	if (!(text = digits(text, 4, &t.tm_year)) || !(text = expect(text, "-")) ||
	    !(text = digits(text, 2, &t.tm_mon)) || !(text = expect(text, "-")) ||
	    !(text = digits(text, 2, &t.tm_mday)))
		return false;
	if (*text == 'T' || *text == ' ')
		text = clock_time(text + 1, &t, &fraction);
	if (text && *text == 'Z')
		text++;
	if (!text || *text || t.tm_year < 1970 || t.tm_year > 2261 || t.tm_hour > 23 ||
	    t.tm_min > 59 || t.tm_sec > 60)
		return false;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	struct tm asked = t;
	time_t seconds = timegm(&t);
	/* timegm() makes 3 March of 31 February. */
	if (t.tm_mon != asked.tm_mon || (t.tm_mday != asked.tm_mday && asked.tm_sec < 60))
		return false;
	*ns = seconds * SECOND + (int64_t)(fraction / 1000000000);
	return true;
}

bool parse_moment(const char *text, struct parse_moment *moment)
{
	moment->given = true;
	moment->absolute = parse_utc(text, &moment->ns);
	if (moment->absolute)
		return true;
	text += *text == '+';
	return parse_duration(text, &moment->ns);
}

bool parse_number(const char *text, uint64_t *number)
{
	if (!is_digit(*text))
		return false;
	for (*number = 0; is_digit(*text); text++) {
		if (*number > (UINT64_MAX - 9) / 10)
			return false;
		*number = *number * 10 + (uint64_t)(*text - '0');
	}
	return *text == '\0';
}

bool parse_glob(const char *glob, const char *text)
{
	return fnmatch(glob, text, 0) == 0;
}

bool parse_module_glob(const char *glob, const char *module)
{
	size_t length = strlen(glob), own = strlen(module);

	if (parse_glob(glob, module))
		return true;
	if (length < 2 || strcmp(glob + length - 2, ".*") != 0 || length - 2 >= PATH_MAX)
		return false;
	char above[PATH_MAX];
	memcpy(above, glob, length - 2);
	above[length - 2] = '\0';
	return own > 0 && parse_glob(above, module);
}

const char *parse_show_size(uint64_t bytes, char room[PARSE_TEXT])
{
	static const char names[] = "kMGTPE";
	double size = (double)bytes;
	int i = -1;

	if (bytes < 1000) {
		snprintf(room, PARSE_TEXT, "%u bytes", (unsigned)bytes);
		return room;
	}
	/* 999.95 would be shown as 1000.0. */
	for (; size >= 999.95 && i < 5; i++)
		size /= 1000;
	snprintf(room, PARSE_TEXT, "%.1f %cB", size, names[i]);
	return room;
}

const char *parse_show_count(uint64_t number, char room[PARSE_TEXT])
{
	char text[24];
	size_t out = 0;
	size_t length =
	    (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			room[out++] = ',';
		room[out++] = text[i];
	}
	room[out] = '\0';
	return room;
}

const char *parse_show_short(int64_t ns, char room[PARSE_TEXT])
{
	static const char *const names[] = {"ns", "us", "ms", "s"};
	double value = (double)ns;
	int i = 0;

	while (i < 3 && value >= 999.5) {
		value /= 1000;
		i++;
	}
	int places = i == 0 || value >= 99.95 ? 0 : (value >= 9.995 ? 1 : 2);
	snprintf(room, PARSE_TEXT, "%.*f %s", places, value, names[i]);
	return room;
}

/* Digits by hand: this is printed for every call. */
static void put_digits(char *end, unsigned count, unsigned number, char fill)
{
	for (; count > 0; count--, number /= 10)
		*--end = number > 0 || fill == '0' ? (char)('0' + number % 10) : fill;
}

const char *parse_show_duration(int64_t ns, char room[PARSE_TEXT])
{
	static const char names[][4] = {" us", " ms", " s "};
	int64_t value = ns;
	int i = 0;

	for (; value >= 1000000 && i < 2; i++)
		value /= 1000;
	if (value >= 1000000) {
		snprintf(room, PARSE_TEXT, "%7lld s ", (long long)(ns / SECOND));
		return room;
	}
	put_digits(room + 2, 2, (unsigned)value / 10000, ' ');
	room[2] = (char)('0' + value / 1000 % 10);
	room[3] = '.';
	put_digits(room + 7, 3, (unsigned)value % 1000, '0');
	memcpy(room + 7, names[i], 4);
	return room;
}

const char *parse_show_utc(int64_t ns, char room[PARSE_TEXT])
{
	/* Events come by the million within one second. */
	static struct {
		int64_t second;
		char text[PARSE_TEXT];
	} last = {.second = INT64_MIN};
	int64_t second = ns / SECOND, rest = ns % SECOND;
	struct tm t;

	if (rest < 0) {
		rest += SECOND;
		second--;
	}
	if (second != last.second) {
		time_t when = second;
		gmtime_r(&when, &t);
		snprintf(last.text, PARSE_TEXT,
		         "%04d-%02d-%02dT%02d:%02d:%02d.000000000Z", t.tm_year + 1900,
		         t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
		last.second = second;
	}
	memcpy(room, last.text, PARSE_TEXT);
	for (size_t i = PARSE_UTC_LENGTH - 2; rest > 0; i--, rest /= 10)
		room[i] = (char)('0' + rest % 10);
	return room;
}
