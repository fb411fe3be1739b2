/* SPDX-License-Identifier: MIT */
/* A map from addresses (of code objects, threads) to numbers; grows as needed. */
#ifndef BREADCRUMB_CLI_MAP_H
#define BREADCRUMB_CLI_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
	const void *key; /* NULL: free */
	uint32_t value;
};

/* All zero is an empty map. */
struct map {
	struct map_slot *slots;
	size_t room, used;
};

/* Where the number of `key` (not NULL) is; 0 is put there when it is new.  The address
 * holds until the next call. */
uint32_t *map_at(struct map *map, const void *key);

void map_free(struct map *map);

#endif
