/* SPDX-License-Identifier: MIT */
/*
 * Open addressing, a power of two of slots, at most three quarters used.  It is asked
 * once or twice for every event, so a hit costs a multiplication and one look into
 * memory.
 */
#include "map.h"

#include <stdlib.h>

#include "util.h"

static size_t slot_of(const struct map *map, const void *key)
{
	uint64_t h = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 20) & (map->room - 1);

	while (map->slots[i].key && map->slots[i].key != key)
		i = (i + 1) & (map->room - 1);
	return i;
}

static void grow(struct map *map)
{
	struct map old = *map;

	map->room = old.room ? old.room * 2 : 256;
	map->slots = util_alloc(map->room, sizeof(*map->slots));
	for (size_t i = 0; i < old.room; i++)
		if (old.slots[i].key)
			map->slots[slot_of(map, old.slots[i].key)] = old.slots[i];
	free(old.slots);
}

uint32_t *map_at(struct map *map, const void *key)
{
	if (map->used * 4 >= map->room * 3)
		grow(map);
	struct map_slot *slot = &map->slots[slot_of(map, key)];
	if (!slot->key) {
		slot->key = key;
		map->used++;
	}
	return &slot->value;
}

void map_free(struct map *map)
{
	free(map->slots);
	*map = (struct map){0};
}
