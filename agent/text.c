/* SPDX-License-Identifier: MIT */
/* Numbers and characters as text.  No stdio: its locale is the program's. */
#include "text.h"

void text_put_string(struct text *t, const char *string)
{
	text_put(t, string, strlen(string));
}

/* Inlined with a constant base: no division is left then. */
static inline __attribute__((always_inline)) void
put_based(struct text *t, uint64_t number, unsigned base, unsigned digits)
{
	char place[64];
	char *at = place + sizeof place;

	while (number || at == place + sizeof place) {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
	}
	while ((size_t)(place + sizeof place - at) < digits && at > place)
		*--at = '0';
	text_put(t, at, (size_t)(place + sizeof place - at));
}

void text_put_unsigned(struct text *t, uint64_t number)
{
	if (number < 10)
		text_put_char(t, (char)('0' + number));
	else
		put_based(t, number, 10, 1);
}

void text_put_signed(struct text *t, int64_t number)
{
	if (number < 0)
		text_put_char(t, '-');
	text_put_unsigned(t, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void text_put_padded(struct text *t, uint64_t number, unsigned digits)
{
	put_based(t, number, 10, digits);
}

void text_put_hex(struct text *t, uint64_t number, unsigned digits)
{
	put_based(t, number, 16, digits);
}

void text_put_utf8(struct text *t, uint32_t point)
{
	char c[4];

	if (point < 0x80) {
		text_put_char(t, (char)point);
	} else if (point < 0x800) {
		c[0] = (char)(0xc0 | point >> 6);
		c[1] = (char)(0x80 | (point & 0x3f));
		text_put(t, c, 2);
	} else if (point < 0x10000) {
		c[0] = (char)(0xe0 | point >> 12);
		c[1] = (char)(0x80 | (point >> 6 & 0x3f));
		c[2] = (char)(0x80 | (point & 0x3f));
		text_put(t, c, 3);
	} else {
		c[0] = (char)(0xf0 | point >> 18);
		c[1] = (char)(0x80 | (point >> 12 & 0x3f));
		c[2] = (char)(0x80 | (point >> 6 & 0x3f));
		c[3] = (char)(0x80 | (point & 0x3f));
		text_put(t, c, 4);
	}
}
