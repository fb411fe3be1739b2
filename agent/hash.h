/* SPDX-License-Identifier: MIT */
/* A number by which texts are found again. */
#ifndef BREADCRUMB_AGENT_HASH_H
#define BREADCRUMB_AGENT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Of 64 bits that all depend on all of the text; never 0. */
static inline uint64_t hash_of_text(const char *text, size_t length)
{
	uint64_t h = 0x2545f4914f6cdd1du ^ length * 0x9e3779b97f4a7c15u, w;
	for (; length >= 8; text += 8, length -= 8) {
		memcpy(&w, text, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	w = 0;
	memcpy(&w, text, length);
	h = (h ^ w) * 0xc4ceb9fe1a85ec53u;
	h ^= h >> 29;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 32;
	return h ? h : 1;
}

#endif
