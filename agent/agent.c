/* SPDX-License-Identifier: MIT */
/*
 * The preloaded object's only entrances: a constructor, the handful of functions that it
 * interposes, and what is registered with libc.  In a process that is not Python the
 * constructor looks for one symbol and that is all; the interposed functions then pass
 * on.
 *
 * Every interposed function looks up the real one by name when it is first needed: an
 * agent that kept a pointer from the constructor could be called before it.
 */
#include "attach.h"
#include "clock.h"
#include "env.h"
#include "log.h"
#include "sink.h"
#include "thread.h"
#include "trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const struct env *env;
static bool following;  /* threads, forks and exits are ours to notice */
static uint32_t status; /* of exit(), by on_exit() */

static void before_fork(void)
{
	trace_before_fork();
}

static void in_parent(void)
{
	trace_after_fork(false);
}

static void in_child(void)
{
	trace_after_fork(true);
}

static void at_exit(int code, void *unused)
{
	(void)unused;
	status = (uint32_t)code & 0xff;
}

static void on_signal(int number)
{
	(void)number;
	sink_snapshot();
}

/* The signal is taken only when nobody has it.  A handler that the program sets later
 * wins. */
static void take_signal(int number)
{
	struct sigaction old,
	    ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
	if (sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_DFL) {
		log_error(
		    "BREADCRUMB_SIGNAL: signal %d is in use by the program; no snapshots",
		    number);
		return;
	}
	sigemptyset(&ours.sa_mask);
	sigaction(number, &ours, NULL);
}

/* The first interpreter is about to be recorded. */
static void follow(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
	thread_init(clock_has_counter(), trace_thread_ended);
	on_exit(at_exit, NULL);
	if (env->signal)
		take_signal(env->signal);
	following = true;
}

/* Reads the environment once; false when the user wants no agent. */
static bool enabled(void)
{
	if (!env) {
		env = env_read();
		clock_start(clock_has_counter());
	}
	return !env->disable;
}

__attribute__((constructor)) static void begin(void)
{
	int saved = errno;
	/* Absent from Python 3.7 and older, and from everything that is not Python. */
	if (dlsym(RTLD_DEFAULT, "PySys_AddAuditHook") && enabled())
		attach_watch(env, false, follow);
	errno = saved;
}

__attribute__((destructor)) static void finish(void)
{
	if (following)
		trace_finish(status);
}

/* ---- interposed
 * --------------------------------------------------------------------------- */

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*routine)(void *), void *argument)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
	                   void *);
	if (!real)
		real = dlsym(RTLD_NEXT, "pthread_create");
	if (following)
		thread_wrap(&routine, &argument);
	int error = real(thread, attributes, routine, argument);
	if (error && following)
		thread_unwrap(routine, argument);
	return error;
}

__attribute__((noreturn)) static void leave(int code)
{
	if (following)
		sink_end(CRUMB_END_CLEAN, (uint32_t)code & 0xff);
	for (;;)
		syscall(SYS_exit_group, code);
}

EXPORT void _exit(int code)
{
	leave(code);
}

EXPORT void _Exit(int code)
{
	leave(code);
}

EXPORT void abort(void)
{
	static void (*real)(void);
	if (following)
		sink_end(CRUMB_END_FATAL, 0);
	if (!real)
		real = dlsym(RTLD_NEXT, "abort");
	real();
	leave(127); /* not reached: abort() does not return */
}

/* An embedded interpreter runs no script of its own, so the audit hook is not told when
 * it starts.  CPython's result by value, as in cpython/initconfig.h; it is passed on. */
struct py_status {
	int type;
	const char *function, *message;
	int exit_code;
};

static void *before_initialize(const char *name, const void *self)
{
	int saved = errno;
	if (enabled())
		attach_watch(env, true, follow);
	void *real = attach_symbol(name, self);
	errno = saved;
	return real;
}

static void after_initialize(void)
{
	int saved = errno;
	if (!env->disable)
		attach_now();
	errno = saved;
}

EXPORT void Py_InitializeEx(int signals);
EXPORT void Py_Initialize(void);
EXPORT struct py_status Py_InitializeFromConfig(const void *config);

void Py_InitializeEx(int signals)
{
	void (*real)(int) =
	    (void (*)(int))before_initialize("Py_InitializeEx", (void *)Py_InitializeEx);
	if (!real)
		return;
	real(signals);
	after_initialize();
}

void Py_Initialize(void)
{
	void (*real)(void) =
	    (void (*)(void))before_initialize("Py_Initialize", (void *)Py_Initialize);
	if (!real)
		return;
	real();
	after_initialize();
}

struct py_status Py_InitializeFromConfig(const void *config)
{
	struct py_status result = {1, "Py_InitializeFromConfig", "no CPython is loaded",
	                           0};
	struct py_status (*real)(const void *) =
	    (struct py_status(*)(const void *))before_initialize(
		"Py_InitializeFromConfig", (void *)Py_InitializeFromConfig);
	if (!real)
		return result;
	result = real(config);
	after_initialize();
	return result;
}
