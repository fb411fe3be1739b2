/* SPDX-License-Identifier: MIT */
/*
 * The words are searched for all at once, by an automaton (Aho and Corasick's) over the
 * letters and digits of a name: one look at a table for each character, because the names
 * of all variables, keys and attributes go through it.
 *
 * A word counts wherever it is in the name: `userpassword` and `dbPassword2` are as
 * secret as `password`.  That `tokenizer` is hidden too is the price.
 */
#include "redact.h"

#include <stdint.h>
#include <string.h>

#define STATES  512
#define SYMBOLS 36 /* letters and digits */
#define FOUND   UINT16_MAX

/* From the state after a prefix of some word: where a symbol leads.  State 0 is the
 * beginning. */
static uint16_t next[STATES][SYMBOLS];
static unsigned states = 1;

static int symbol_of(unsigned c)
{
	if (c >= 'a' && c <= 'z')
		return (int)(c - 'a');
	if (c >= 'A' && c <= 'Z')
		return (int)(c - 'A');
	if (c >= '0' && c <= '9')
		return (int)(c - '0') + 26;
	return -1;
}

static bool add_word(const char *word, size_t length)
{
	unsigned state = 0;
	uint16_t *last = NULL;

	for (size_t i = 0; i < length; i++) {
		int symbol = symbol_of((unsigned char)word[i]);
		if (symbol < 0)
			continue;
		last = &next[state][symbol];
		if (*last == FOUND) /* a shorter word is found before */
			return true;
		if (!*last) {
			if (states == STATES)
				return false;
			*last = (uint16_t)states++;
		}
		state = *last;
	}
	if (last)
		*last = FOUND;
	return true;
}

/* Where a prefix fails, the longest one of another word goes on: in order of length, so
 * that shorter ones are done already. */
static void connect(void)
{
	static uint16_t queue[STATES], fallback[STATES];
	unsigned head = 0, tail = 0;

	memset(fallback, 0, sizeof fallback);
	for (unsigned s = 0; s < SYMBOLS; s++) {
		if (next[0][s] && next[0][s] != FOUND)
			queue[tail++] = next[0][s];
	}
	while (head < tail) {
		unsigned state = queue[head++];
		for (unsigned s = 0; s < SYMBOLS; s++) {
			uint16_t other = next[fallback[state]][s];
			uint16_t *to = &next[state][s];
			if (!*to || other == FOUND) {
				*to = other;
			} else if (*to != FOUND) {
				fallback[*to] = other;
				queue[tail++] = *to;
			}
		}
	}
}

bool redact_step(unsigned *state, unsigned character)
{
	int symbol = symbol_of(character);

	if (symbol >= 0)
		*state = next[*state][symbol];
	return *state == FOUND;
}

bool redact_name(const char *name, size_t length)
{
	unsigned state = 0;

	for (size_t i = 0; i < length; i++) {
		if (redact_step(&state, (unsigned char)name[i]))
			return true;
	}
	return false;
}

#define CARD_MIN 12
#define CARD_MAX 19

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of base64 and its variants, and of what joins the parts of a token. */
static bool is_token(char c)
{
	return symbol_of((unsigned char)c) >= 0 || (c && strchr("-_.~+/=", c));
}

static size_t token_length(const char *at, const char *end)
{
	const char *from = at;
	while (at < end && is_token(*at))
		at++;
	return (size_t)(at - from);
}

static bool starts(const char *at, const char *end, const char *with)
{
	size_t length = strlen(with);
	if ((size_t)(end - at) < length)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = at[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != with[i])
			return false;
	}
	return true;
}

/* A JSON object in base64, which a JSON web token begins with; its other parts may have
 * been cut off. */
static bool is_web_token(const char *at, const char *end)
{
	return end - at > 3 && memcmp(at, "eyJ", 3) == 0 && token_length(at, end) >= 20;
}

/* Tokens that say what they are by how they begin: case matters to them, but not here. */
static bool is_known_token(const char *at, const char *end)
{
	static const struct {
		const char *prefix;
		size_t length; /* at least, prefix included */
	} known[] = {
	    {"ghp_", 30},        {"gho_", 30},   {"ghs_", 30},     {"ghu_", 30},
	    {"github_pat_", 30}, {"glpat-", 20}, {"xoxb-", 20},    {"xoxp-", 20},
	    {"akia", 20},        {"sk-", 24},    {"sk_live_", 20}, {"npm_", 30},
	    {"pypi-", 30},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (starts(at, end, known[i].prefix) &&
		    token_length(at, end) >= known[i].length)
			return true;
	}
	return false;
}

static bool is_bearer(const char *at, const char *end)
{
	if (!starts(at, end, "bearer"))
		return false;
	at += strlen("bearer");
	const char *token = at;
	while (token < end && (*token == ' ' || *token == '\t'))
		token++;
	return token > at && token_length(token, end) >= 6;
}

static bool is_private_key(const char *at, const char *end)
{
	if (!starts(at, end, "-----begin "))
		return false;
	for (const char *key = at + 11; key < end && *key != '\n' && key < at + 60;
	     key++) {
		if (starts(key, end, "private key"))
			return true;
	}
	return false;
}

/* Lengths by the first digits of the cards in use, and the check digit (Luhn's). */
static bool is_card(const char *digits, size_t count)
{
	static const struct {
		uint16_t from, to; /* the first four digits */
		uint8_t least, most;
	} cards[] = {
	    {2221, 2720, 16, 16}, {3000, 3059, 14, 14}, {3400, 3499, 15, 15},
	    {3528, 3589, 16, 16}, {3600, 3699, 14, 14}, {3700, 3799, 15, 15},
	    {3800, 3999, 14, 14}, {4000, 4999, 13, 19}, {5000, 5099, 12, 19},
	    {5100, 5599, 16, 16}, {5600, 5899, 12, 19}, {6000, 6999, 12, 19},
	};
	unsigned first = 0, sum = 0;
	bool known = false;

	for (size_t i = 0; i < 4; i++)
		first = first * 10 + (unsigned)(digits[i] - '0');
	for (size_t i = 0; i < sizeof cards / sizeof *cards; i++)
		known |= cards[i].from <= first && first <= cards[i].to &&
		         cards[i].least <= count && count <= cards[i].most;
	for (size_t i = 0; known && i < count; i++) {
		unsigned digit = (unsigned)(digits[count - 1 - i] - '0');
		if (i % 2)
			digit = digit > 4 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return known && sum % 10 == 0;
}

/* Whether the number of a card begins at this group of digits: single blanks and dashes
 * may be between its groups.  *past: behind the first group. */
static bool has_card(const char *at, const char *end, const char **past)
{
	char digits[CARD_MAX];
	size_t count = 0;

	*past = NULL;
	for (;;) {
		const char *group = at;
		while (at < end && is_digit(*at))
			at++;
		size_t length = (size_t)(at - group);
		if (!*past)
			*past = at;
		if (length > CARD_MAX - count)
			return false;
		memcpy(digits + count, group, length);
		count += length;
		if (count >= CARD_MIN && is_card(digits, count))
			return true;
		if (end - at < 2 || (*at != ' ' && *at != '-') || !is_digit(at[1]))
			return false;
		at++;
	}
}

/* Where something secret may begin: of a word's first character only. */
enum { NO_WORD, WORD, DIGIT, DASH };
static const uint8_t classes[256] = {
    ['a' ... 'z'] = WORD,
    ['A' ... 'Z'] = WORD,
    ['0' ... '9'] = DIGIT,
    ['-'] = DASH,
};

bool redact_init(const char *words)
{
	bool all = true;

	memset(next, 0, sizeof next);
	states = 1;
	while (*words) {
		size_t length = strcspn(words, ",");
		all &= add_word(words, length);
		words += length + (words[length] == ',');
	}
	connect();
	return all;
}

/* A word begins here, with a letter. */
static bool begins_secret(const char *at, const char *end)
{
	switch (*at | 0x20) {
	case 'b':
		return is_bearer(at, end);
	case 'e':
		return is_web_token(at, end);
	case 'a':
	case 'g':
	case 'n':
	case 'p':
	case 's':
	case 'x':
		return is_known_token(at, end);
	default:
		return false;
	}
}

bool redact_looks_secret(const char *text, size_t length)
{
	const char *at = text, *end = text + length;

	if (length < 12)
		return false;
	while (at < end) {
		switch (classes[(uint8_t)*at]) {
		case DASH:
			if (is_private_key(at, end))
				return true;
			at++;
			continue;
		case DIGIT:
			if (has_card(at, end, &at))
				return true;
			break;
		case WORD:
			if (begins_secret(at, end))
				return true;
			break;
		default:
			at++;
			continue;
		}
		/* The rest of the word. */
		while (at < end &&
		       (classes[(uint8_t)*at] == WORD || classes[(uint8_t)*at] == DIGIT))
			at++;
	}
	return false;
}
