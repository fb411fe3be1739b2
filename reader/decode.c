/* SPDX-License-Identifier: MIT */
/*
 * The event words of format.h.  The common kinds are decoded inline (decode.h), because
 * that is where a reader spends its time; here is what has a payload.
 *
 * A record that this version does not know is passed over by its length.  A record that
 * is shorter than its subtype says is damage, and never read past its end.
 */
#include "decode.h"

/* Payload words that a subtype must have; more may follow in later versions. */
static const struct {
	enum crumb_kind kind;
	uint8_t need;
} subtypes[] = {
    [CRUMB_EXT_EXCEPTION] = {CRUMB_EXCEPTION, 2},
    [CRUMB_EXT_LINE] = {CRUMB_LINE, 1},
    [CRUMB_EXT_THREAD_START] = {CRUMB_THREAD_START, 0},
    [CRUMB_EXT_THREAD_END] = {CRUMB_THREAD_END, 0},
    [CRUMB_EXT_EXEC] = {CRUMB_EXEC, 0},
    [CRUMB_EXT_LOST] = {CRUMB_LOST, 2},
    [CRUMB_EXT_MARK] = {CRUMB_MARK, 1},
};

#define SUBTYPES (sizeof(subtypes) / sizeof(subtypes[0]))

size_t decode_need(uint64_t word)
{
	unsigned subtype = decode_subtype(word);
	size_t need = subtype < SUBTYPES ? subtypes[subtype].need : 0;
	size_t have = decode_payload(word);

	return need < have ? need : have;
}

enum decode_result decode_extended(uint64_t word, const uint64_t *payload,
                                   struct decode_record *record)
{
	unsigned subtype = decode_subtype(word);

	if (subtype >= SUBTYPES || !subtypes[subtype].kind)
		return DECODE_SKIP;
	if (decode_payload(word) < subtypes[subtype].need)
		return DECODE_SHORT;
	*record = (struct decode_record){.kind = subtypes[subtype].kind};
	if (subtype == CRUMB_EXT_EXCEPTION || subtype == CRUMB_EXT_LINE) {
		record->code = (uint32_t)payload[0];
		record->line = (int32_t)(uint32_t)(payload[0] >> 32);
	}
	if (subtype == CRUMB_EXT_EXCEPTION)
		record->text = (uint32_t)payload[1];
	if (subtype == CRUMB_EXT_LOST) {
		record->cause =
		    payload[0] > UINT32_MAX ? UINT32_MAX : (unsigned)payload[0];
		record->lost = payload[1];
	}
	if (subtype == CRUMB_EXT_MARK) {
		if (payload[0] > (decode_payload(word) - 1) * sizeof(*payload))
			return DECODE_SHORT;
		record->bytes = (uint32_t)payload[0];
	}
	return DECODE_EVENT;
}

struct decode_summary decode_scan(const uint64_t *words, size_t count, uint64_t ticks)
{
	struct decode_summary summary = {.ticks = ticks};
	struct decode_record record;

	while (summary.words < count) {
		uint64_t word = words[summary.words];
		size_t payload = 0;
		uint64_t now = summary.ticks;
		enum decode_result result = decode_word(word, &now, &record);
		if (result == DECODE_END)
			break;
		if (result == DECODE_LONG) {
			payload = decode_payload(word);
			if (payload >= count - summary.words)
				break;
			result =
			    decode_extended(word, words + summary.words + 1, &record);
		}
		if (result == DECODE_EVENT)
			summary.last = record.kind;
		summary.ticks = now;
		summary.words += 1 + payload;
	}
	return summary;
}
