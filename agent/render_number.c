/* SPDX-License-Identifier: MIT */
/* int, float and complex. */
#include "render.h"

#include "redact.h"

#include <math.h>

#define DIGIT_BITS 30
/* Digits of 30 bits that are made decimal: 660 bits, up to 199 decimal digits.  More
 * would take time that grows with their square (14 us for 2,040 bits). */
#define DECIMAL_MAX 22
#define BILLION     1000000000u

static void put_decimal(struct render *r, const uint32_t *digits, size_t count,
                        bool negative)
{
	uint32_t n[DECIMAL_MAX];
	char place[DECIMAL_MAX * 10];
	char *at = place + sizeof place;

	memcpy(n, digits, count * sizeof *n);
	while (count) {
		uint64_t rest = 0;
		for (size_t i = count; i-- > 0;) {
			rest = rest << DIGIT_BITS | n[i];
			n[i] = (uint32_t)(rest / BILLION);
			rest %= BILLION;
		}
		while (count && n[count - 1] == 0)
			count--;
		for (int i = 0; i < 9 && (rest || count); i++) {
			*--at = (char)('0' + rest % 10);
			rest /= 10;
		}
	}
	size_t length = (size_t)(place + sizeof place - at);
	size_t shown = length < r->extent->length ? length : r->extent->length;
	if (length <= 19 && redact_looks_secret(at, length)) {
		text_put_literal(r->text, REDACT_TEXT);
		return;
	}
	if (negative)
		text_put_char(r->text, '-');
	text_put(r->text, at, shown);
	if (shown < length)
		render_rest(r, length - shown);
}

static unsigned bits_of(uint32_t digit)
{
	return digit ? 32u - (unsigned)__builtin_clz(digit) : 0;
}

/* What is too long is shown by its size and its first bits. */
static void put_huge(struct render *r, const struct object_int *i)
{
	uint64_t top =
	    (uint64_t)i->digits[i->count - 1] << DIGIT_BITS | i->digits[i->count - 2];
	unsigned bits = bits_of(i->digits[i->count - 1]);
	uint64_t all = (uint64_t)(i->count - 1) * DIGIT_BITS + bits;
	/* Its hexadecimal digits are counted from the lowest bit. */
	unsigned drop = (unsigned)((4 - (all - bits - DIGIT_BITS) % 4) % 4);

	text_put_literal(r->text, "<int ");
	if (i->negative)
		text_put_char(r->text, '-');
	text_put_literal(r->text, "0x");
	text_put_hex(r->text, top >> drop, 1);
	text_put_literal(r->text, "\xe2\x80\xa6, ");
	text_put_unsigned(r->text, all);
	text_put_literal(r->text, " bits>");
}

void render_int(struct render *r, const void *number)
{
	struct object_int i = object_int(number);

	if (i.count <= 2) {
		uint64_t value = i.count ? i.digits[0] : 0;
		if (i.count == 2)
			value |= (uint64_t)i.digits[1] << DIGIT_BITS;
		char place[24];
		struct text digits = text_in(place, sizeof place);
		if (i.count == 2) { /* so large as a number of a card */
			text_put_unsigned(&digits, value);
			if (redact_looks_secret(place, text_length(&digits))) {
				text_put_literal(r->text, REDACT_TEXT);
				return;
			}
		}
		if (i.negative)
			text_put_char(r->text, '-');
		text_put_unsigned(r->text, value);
		return;
	}
	if (i.count <= DECIMAL_MAX)
		put_decimal(r, i.digits, i.count, i.negative);
	else
		put_huge(r, &i);
}

#define ADD_DOT_0 2 /* Py_DTSF_ADD_DOT_0 */
#define SIGN      1 /* Py_DTSF_SIGN */

/* CPython's own function, which finds the shortest text; it does not look at the
 * locale. */
static void put_float(struct render *r, double number, int flags)
{
	const struct pyapi *py = pyapi();
	char *text = py->PyOS_double_to_string(number, 'r', 0, flags, NULL);

	if (!text) {
		py->PyErr_Clear();
		text_put_literal(r->text, "<float>");
		return;
	}
	size_t length = strlen(text);
	bool whole = length > 2 && strcmp(text + length - 2, ".0") == 0;
	if (whole && redact_looks_secret(text, length - 2))
		text_put_literal(r->text, REDACT_TEXT);
	else
		text_put(r->text, text, length);
	py->PyMem_Free(text);
}

void render_float(struct render *r, double number)
{
	put_float(r, number, ADD_DOT_0);
}

void render_complex(struct render *r, const void *number)
{
	const double *part = pyapi_field(number, object_head());
	bool both = part[0] != 0 || signbit(part[0]);

	if (both) {
		text_put_char(r->text, '(');
		put_float(r, part[0], 0);
	}
	put_float(r, part[1], both ? SIGN : 0);
	text_put_char(r->text, 'j');
	if (both)
		text_put_char(r->text, ')');
}
