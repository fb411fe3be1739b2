/* SPDX-License-Identifier: MIT */
/*
 * Names in a trace come from somebody's program: they may hold anything, an escape
 * sequence that changes the terminal as well as bytes that are not UTF-8.  The columns of
 * a character are decided here and not by wcwidth(), so that output does not depend on
 * the locale.
 */
#include "text.h"

#include <stdio.h>

size_t text_decode(const char *text, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)text;
	size_t length;
	uint32_t c = s[0];

	if (c < 0x80) {
		*character = c;
		return 1;
	}
	*character = TEXT_INVALID;
	if ((c & 0xe0) == 0xc0) {
		length = 2;
		c &= 0x1f;
	} else if ((c & 0xf0) == 0xe0) {
		length = 3;
		c &= 0x0f;
	} else if ((c & 0xf8) == 0xf0) {
		length = 4;
		c &= 0x07;
	} else {
		return 1;
	}
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*character = c;
	return length;
}

struct range {
	uint32_t first, last;
};

static bool within(const struct range *ranges, size_t count, uint32_t c)
{
	for (size_t i = 0; i < count; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

#define WITHIN(ranges, c) within(ranges, sizeof(ranges) / sizeof((ranges)[0]), c)

unsigned text_columns(uint32_t c)
{
	static const struct range none[] = {
	    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
	    {0x64b, 0x65f},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200d},
	    {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
	};
	static const struct range wide[] = {
	    {0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
	    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
	    {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
	    {0x1f900, 0x1faff}, {0x20000, 0x3fffd},
	};

	if (c < 0x300)
		return 1;
	if (WITHIN(none, c))
		return 0;
	return WITHIN(wide, c) ? 2 : 1;
}

bool text_harmful(uint32_t c)
{
	static const struct range marks[] = {
	    {0x61c, 0x61c},   {0x200e, 0x200f}, {0x2028, 0x202e},
	    {0x2066, 0x2069}, {0xfeff, 0xfeff}, {TEXT_INVALID, TEXT_INVALID},
	};

	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return true;
	return c >= 0x61c && WITHIN(marks, c);
}

size_t text_escape(uint32_t c, unsigned char byte, char *room)
{
	int length;

	if (c == TEXT_INVALID)
		length = snprintf(room, TEXT_ESCAPE_MAX, "\\x%02x", byte);
	else if (c == '\n' || c == '\t' || c == '\r')
		length = snprintf(room, TEXT_ESCAPE_MAX, "\\%c",
		                  c == '\n' ? 'n' : (c == '\t' ? 't' : 'r'));
	else if (c < 0x100)
		length = snprintf(room, TEXT_ESCAPE_MAX, "\\x%02x", (unsigned)c);
	else
		length = snprintf(room, TEXT_ESCAPE_MAX, "\\u%04x", (unsigned)c & 0xffff);
	return (size_t)length;
}
