/* SPDX-License-Identifier: MIT */
/*
 * One table of all variables: name, default, how its text is understood and what is
 * accepted. The text is copied, since programs overwrite their environment (setproctitle)
 * and change it.
 */
#include "env.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct env values;

static bool parse_text(const char *text, void *out)
{
	char *copy = strdup(text);
	if (!copy)
		return false;
	*(const char **)out = copy;
	return true;
}

static bool parse_nonempty(const char *text, void *out)
{
	return *text && parse_text(text, out);
}

static bool parse_backend(const char *text, void *out)
{
	static const char *const names[] = {"auto", "monitoring", "frame", "settrace"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(text, names[i]) == 0) {
			*(const char **)out = names[i];
			return true;
		}
	}
	return false;
}

static bool parse_switch(const char *text, void *out)
{
	static const char *const on[] = {"1", "yes", "true", "on"};
	static const char *const off[] = {"0", "no", "false", "off", ""};
	for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
		if (strcasecmp(text, on[i]) == 0)
			return *(bool *)out = true;
	}
	for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
		if (strcasecmp(text, off[i]) == 0) {
			*(bool *)out = false;
			return true;
		}
	}
	return false;
}

static bool parse_size(const char *text, void *out)
{
	static const char units[] = "KMGT";
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno)
		return false;
	const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	unsigned shift = unit ? 10u * (unsigned)(unit - units + 1) : 0;
	if (unit)
		end++;
	if (*end || n > UINT64_MAX >> shift)
		return false;
	*(uint64_t *)out = (uint64_t)n << shift;
	return true;
}

/* A size between two bounds. */
static bool parse_between(const char *text, void *out, uint64_t least, uint64_t most)
{
	uint64_t n;
	if (!parse_size(text, &n) || n < least || n > most)
		return false;
	*(uint64_t *)out = n;
	return true;
}

static bool parse_length(const char *text, void *out)
{
	return parse_between(text, out, 1, 10000);
}

static bool parse_items(const char *text, void *out)
{
	return parse_between(text, out, 0, 1000);
}

static bool parse_depth(const char *text, void *out)
{
	return parse_between(text, out, 1, 16);
}

static bool parse_event_bytes(const char *text, void *out)
{
	return parse_between(text, out, 64, 32768);
}

static bool parse_signal(const char *text, void *out)
{
	if (!*text) {
		*(int *)out = 0;
		return true;
	}
	int number = 0;
	if (isdigit((unsigned char)*text)) {
		char *end;
		long n = strtol(text, &end, 10);
		number = *end || n > SIGRTMAX ? 0 : (int)n;
	} else {
		if (strncasecmp(text, "SIG", 3) == 0)
			text += 3;
		for (int i = 1; i < NSIG && !number; i++) {
			const char *name = sigabbrev_np(i);
			if (name && strcasecmp(name, text) == 0)
				number = i;
		}
	}
	/* Those that cannot be caught, and those after which a program cannot go on. */
	static const int refused[] = {0,      SIGKILL, SIGSTOP, SIGSEGV,
	                              SIGBUS, SIGFPE,  SIGILL,  SIGABRT};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		if (number == refused[i])
			return false;
	}
	/* Below SIGRTMIN glibc keeps two for itself. */
	if (number < 0 || (number >= 32 && number < SIGRTMIN))
		return false;
	*(int *)out = number;
	return true;
}

static bool parse_log(const char *text, void *out)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcasecmp(text, names[i]) == 0) {
			*(enum log_level *)out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* A variable that this version does not know how to obey: only its default is accepted.
 */
static bool parse_unset(const char *text, void *out)
{
	(void)out;
	return !*text || strcmp(text, "0") == 0;
}

static bool parse_start(const char *text, void *out)
{
	*(bool *)out = strcmp(text, "manual") == 0;
	return *(bool *)out || strcmp(text, "auto") == 0;
}

struct variable {
	const char *name;
	const char *fallback;
	bool (*parse)(const char *text, void *out);
	size_t offset;
	const char *accepted;
};

#define FIELD(member) offsetof(struct env, member)

static const struct variable variables[] = {
    /* LOG first: it decides what the others may say. */
    {"BREADCRUMB_LOG", "error", parse_log, FIELD(log), "error, warn, info, debug"},
    {"BREADCRUMB_OUTPUT", "breadcrumb-%p.crumb", parse_nonempty, FIELD(output),
     "a file name or a directory"},
    {"BREADCRUMB_BACKEND", "auto", parse_backend, FIELD(backend),
     "auto, monitoring, frame, settrace"},
    {"BREADCRUMB_INCLUDE", "", parse_text, FIELD(include), "module globs"},
    {"BREADCRUMB_EXCLUDE", "", parse_text, FIELD(exclude), "module globs"},
    {"BREADCRUMB_CAPTURE_LINES", "0", parse_switch, FIELD(lines), "0, 1"},
    {"BREADCRUMB_CAPTURE_LOCALS", "0", parse_switch, FIELD(locals), "0, 1"},
    {"BREADCRUMB_CAPTURE_RETURNS", "0", parse_switch, FIELD(returns), "0, 1"},
    {"BREADCRUMB_VALUE_LENGTH", "200", parse_length, FIELD(value_length), "1 to 10000"},
    {"BREADCRUMB_VALUE_ITEMS", "10", parse_items, FIELD(value_items), "0 to 1000"},
    {"BREADCRUMB_VALUE_DEPTH", "2", parse_depth, FIELD(value_depth), "1 to 16"},
    {"BREADCRUMB_EVENT_BYTES", "4096", parse_event_bytes, FIELD(event_bytes),
     "64 to 32768 bytes, or a number with K"},
    {"BREADCRUMB_REDACT",
     "password,passwd,secret,token,api_key,apikey,authorization,cookie,credential,"
     "private_key,sessionid,session_key",
     parse_text, FIELD(redact), "words"},
    {"BREADCRUMB_SIGNAL", "", parse_signal, FIELD(signal),
     "a signal that can be caught, by name (USR2) or number"},
    {"BREADCRUMB_MAX_SIZE", "0", parse_size, FIELD(max_size),
     "bytes, or a number with K, M, G, T"},
    {"BREADCRUMB_KEEP_FREE", "256M", parse_size, FIELD(keep_free),
     "bytes, or a number with K, M, G, T"},
    {"BREADCRUMB_DISABLE", "0", parse_switch, FIELD(disable), "0, 1"},
    {"BREADCRUMB_START", "auto", parse_start, FIELD(manual), "auto, manual"},
    {"BREADCRUMB_RING", "0", parse_unset, 0, "only 0 in this version"},
};

const struct env *env_read(void)
{
	log_start();
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
		const struct variable *v = &variables[i];
		void *out = (char *)&values + v->offset;
		const char *text = secure_getenv(v->name);
		bool known = text && v->parse(text, out);
		if (!known && (v->parse == parse_text || v->parse == parse_nonempty))
			*(const char **)out =
			    v->fallback; /* needs no copy, and no memory */
		else if (!known && v->parse != parse_unset)
			v->parse(v->fallback, out);
		if (i == 0)
			log_set_level(values.log);
		if (text && !known)
			log_error("%s=%s is not understood; accepted: %s", v->name, text,
			          v->accepted);
	}
	return &values;
}
