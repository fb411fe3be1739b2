/* SPDX-License-Identifier: MIT */
/*
 * Builds definition records.  The only place of the agent that knows how they are laid
 * out; callers fill in the fields, the heads are made here.
 */
#include "record.h"

#include "sink.h"

size_t record_count_events(const uint64_t *words, size_t count)
{
	size_t events = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned kind = words[i] & ((1u << CRUMB_KIND_BITS) - 1);
		bool values = kind == CRUMB_WORD_EXTENDED &&
		              (words[i] >> CRUMB_KIND_BITS & 0xff) == CRUMB_EXT_VALUES;
		events += kind != CRUMB_WORD_TIME && !values;
		if (kind == CRUMB_WORD_EXTENDED)
			i += words[i] >> CRUMB_EXT_WORDS_SHIFT & 0xffff;
	}
	return events;
}

static uint32_t padded(size_t size)
{
	return (uint32_t)((size + 7) & ~(size_t)7);
}

size_t record_cut(const char *text, size_t length)
{
	if (length <= RECORD_TEXT_MAX)
		return length;
	length = RECORD_TEXT_MAX;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

bool record_string(uint32_t id, const char *text, size_t length)
{
	length = record_cut(text, length);
	uint32_t size = (uint32_t)sizeof(struct crumb_record_string) + padded(length);
	struct crumb_record_string r = {
	    .head = {CRUMB_RECORD_STRING, size}, .id = id, .length = (uint32_t)length};
	return sink_define(&r, size, text, length);
}

bool record_code(const struct crumb_record_code *code)
{
	struct crumb_record_code r = *code;
	r.head = (struct crumb_record){CRUMB_RECORD_CODE, sizeof r};
	return sink_define(&r, sizeof r, NULL, 0);
}

bool record_site(const struct crumb_record_site *site)
{
	struct crumb_record_site r = *site;
	r.head = (struct crumb_record){CRUMB_RECORD_SITE, sizeof r};
	return sink_define(&r, sizeof r, NULL, 0);
}

bool record_variables(uint32_t code, const uint32_t *names, uint32_t count)
{
	uint32_t size = (uint32_t)sizeof(struct crumb_record_variables) +
	                padded(count * sizeof *names);
	struct crumb_record_variables r = {
	    .head = {CRUMB_RECORD_VARIABLES, size}, .code = code, .count = count};
	return sink_define(&r, size, names, count * sizeof *names);
}

bool record_thread(const struct crumb_record_thread *thread)
{
	struct crumb_record_thread r = *thread;
	r.head = (struct crumb_record){CRUMB_RECORD_THREAD, sizeof r};
	return sink_define(&r, sizeof r, NULL, 0);
}

bool record_thread_name(uint32_t number, uint32_t name)
{
	struct crumb_record_thread_name r = {
	    .head = {CRUMB_RECORD_THREAD_NAME, sizeof r}, .number = number, .name = name};
	return sink_define(&r, sizeof r, NULL, 0);
}

bool record_fact(enum crumb_fact fact, const char *text, size_t length)
{
	length = record_cut(text, length);
	uint32_t size = (uint32_t)sizeof(struct crumb_record_fact) + padded(length);
	struct crumb_record_fact r = {
	    .head = {CRUMB_RECORD_FACT, size}, .fact = fact, .length = (uint32_t)length};
	return sink_define(&r, size, text, length);
}
