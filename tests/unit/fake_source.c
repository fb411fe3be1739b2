/* SPDX-License-Identifier: MIT */
/* An interpreter for tests.  It may be asked by several threads at once. */
#include "fake_source.h"

#include <pthread.h>
#include <string.h>

#include "agent_fixture.h"
#include "clock.h"
#include "fault.h"
#include "filter.h"
#include "make_trace.h"
#include "thread.h"

struct fake_interpreter fake_interpreter;

static void run_once(void (**body)(void))
{
	void (*run)(void) = __atomic_exchange_n(body, NULL, __ATOMIC_RELAXED);
	if (run)
		run();
}

static struct intern_text text(const char *s)
{
	return (struct intern_text){s, strlen(s)};
}

static bool describe(const void *code, void *hint, struct intern_code *out)
{
	struct fake *f = (struct fake *)(uintptr_t)code;

	must(hint == f);
	__atomic_fetch_add(&f->described, 1, __ATOMIC_RELAXED);
	run_once(&fake_interpreter.in_describe);
	if (f->undescribed)
		return false;
	out->name = out->qualname = text(f->qualname);
	out->module = text(f->module);
	out->filename = text("/srv/app.py");
	out->first_line = f->first_line;
	out->generator = f->generator;
	return true;
}

static void release(struct intern_code *out)
{
	must(out->filename.length);
	__atomic_fetch_add(&fake_interpreter.released, 1, __ATOMIC_RELAXED);
}

static bool remember(const void *code, struct intern_record *record)
{
	struct fake *f = (struct fake *)(uintptr_t)code;

	must(record);
	if (f->forgettable)
		return false;
	f->record = record;
	return true;
}

static void nested(const void *code, const struct intern_code *what,
                   void (*found)(const void *code, const char *name, size_t length))
{
	const struct fake *f = code;

	must(what->qualname.length == strlen(f->qualname));
	if (f->inner)
		found(f->inner, f->inner->qualname, strlen(f->inner->qualname));
}

static size_t thread_name(char *out, size_t size)
{
	const char *name = fake_interpreter.thread_name;

	__atomic_fetch_add(&fake_interpreter.names_asked, 1, __ATOMIC_RELAXED);
	run_once(&fake_interpreter.in_thread_name);
	if (!name)
		return 0;
	must(strlen(name) < size);
	memcpy(out, name, strlen(name));
	return strlen(name);
}

static bool accepts(const void *code)
{
	must(code);
	__atomic_fetch_add(&fake_interpreter.accepted, 1, __ATOMIC_RELAXED);
	return !fake_interpreter.asleep;
}

static bool open_file(void)
{
	fake_interpreter.opened++;
	return !fake_interpreter.cannot_open && sink_open();
}

static bool in_fork(void)
{
	return fake_interpreter.in_fork;
}

static struct trace_source source = {
    .describe = describe,
    .release = release,
    .accepts = accepts,
    .remember = remember,
    .nested = nested,
    .thread_name = thread_name,
    .open = open_file,
    .in_fork = in_fork,
};

static void in_parent(void)
{
	trace_after_fork(false);
}

static void in_child_process(void)
{
	trace_after_fork(true);
}

void fake_begin_with(const struct sink_options *options)
{
	fault_clock_stop((int64_t)clock_nanoseconds(), MAKE_START_NS);
	sink_init(options);
	filter_init("", "");
	must(thread_init(options->counter, trace_thread_ended));
	if (fake_interpreter.codes_know_their_names)
		source.nested = NULL;
	trace_init(&source, options->counter);
	must(pthread_atfork(trace_before_fork, in_parent, in_child_process) == 0);
}

void fake_begin(void)
{
	static struct sink_options options;
	options = fixture_options("a.crumb");
	fake_begin_with(&options);
}

bool fake_call(struct fake *code)
{
	return trace_event(CRUMB_WORD_CALL, code, code);
}

bool fake_return(struct fake *code)
{
	return trace_event(CRUMB_WORD_RETURN, code, code);
}

void fake_dies(struct fake *code)
{
	must(code->record);
	trace_forget(code->record);
	code->record = NULL;
}
