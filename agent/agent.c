/* SPDX-License-Identifier: MIT */
/*
 * The preloaded object's only entrances: a constructor, the handful of functions that it
 * interposes, and what is registered with libc.  In a process that is not Python the
 * constructor finds that one symbol is absent, and the interposed functions pass on.
 */
#include "attach.h"
#include "clock.h"
#include "env.h"
#include "log.h"
#include "thread.h"
#include "trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const struct env *env;
static bool following;  /* threads, forks and exits are ours to notice */
static uint32_t status; /* of exit(), by on_exit() */

/* The functions that ours stand for.  Found when the library is loaded: later might be in
 * a forked child, where dlsym() could wait for a lock that nobody holds. */
static struct {
	int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
	                      void *);
	int (*execv)(const char *, char *const[]);
	int (*execve)(const char *, char *const[], char *const[]);
	int (*execvp)(const char *, char *const[]);
	int (*execvpe)(const char *, char *const[], char *const[]);
	int (*fexecve)(int, char *const[], char *const[]);
	void (*abort)(void);
} real;

static void find_real(void)
{
	real.pthread_create = dlsym(RTLD_NEXT, "pthread_create");
	real.execv = dlsym(RTLD_NEXT, "execv");
	real.execve = dlsym(RTLD_NEXT, "execve");
	real.execvp = dlsym(RTLD_NEXT, "execvp");
	real.execvpe = dlsym(RTLD_NEXT, "execvpe");
	real.fexecve = dlsym(RTLD_NEXT, "fexecve");
	real.abort = dlsym(RTLD_NEXT, "abort");
}

static bool attach_locked; /* by before_fork() */

static void before_fork(void)
{
	trace_before_fork();
	attach_locked = attach_before_fork();
}

static void in_parent(void)
{
	attach_after_fork(false, attach_locked);
	trace_after_fork(false);
}

static void in_child(void)
{
	attach_after_fork(true, attach_locked);
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
	trace_snapshot();
}

/* The signal is taken only when nobody has it.  A handler that the program sets later
 * wins. */
static void take_signal(int number)
{
	struct sigaction old;
	struct sigaction ours = {.sa_handler = on_signal,
	                         .sa_flags = SA_RESTART | SA_ONSTACK};

	if (sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_DFL) {
		log_error(
		    "BREADCRUMB_SIGNAL: the program uses signal %d itself; no snapshots",
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

/* Bound when the program and its libraries have it; a look-up that fails would allocate,
 * and leave its message for the program's dlerror().  Python 3.7 and older have none. */
extern int PySys_AddAuditHook(void *hook, void *data) __attribute__((weak));

__attribute__((constructor)) static void begin(void)
{
	int saved = errno;
	find_real();
	if (PySys_AddAuditHook && enabled())
		attach_watch(env, false, follow);
	errno = saved;
}

__attribute__((destructor)) static void finish(void)
{
	if (following)
		trace_finish(status);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*routine)(void *), void *argument)
{
	if (!real.pthread_create)
		find_real();
	if (!following)
		return real.pthread_create(thread, attributes, routine, argument);
	thread_wrap(&routine, &argument);
	int error = real.pthread_create(thread, attributes, routine, argument);
	if (error)
		thread_unwrap(routine, argument);
	return error;
}

__attribute__((noreturn)) static void leave(int code)
{
	if (following)
		trace_exit(CRUMB_END_CLEAN, (uint32_t)code & 0xff);
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
	if (following)
		trace_exit(CRUMB_END_FATAL, 0);
	if (!real.abort)
		find_real();
	real.abort();
	__builtin_unreachable();
}

/* Each returns only when it fails.  A child of vfork() is on its parent's memory here:
 * that is trace_exec()'s care. */
static void exec_begins(void)
{
	if (!real.execve)
		find_real();
	if (following)
		trace_exec(true);
}

static int exec_failed(void)
{
	if (following)
		trace_exec(false);
	return -1;
}

EXPORT int execv(const char *path, char *const arguments[])
{
	exec_begins();
	real.execv(path, arguments);
	return exec_failed();
}

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
	exec_begins();
	real.execve(path, arguments, environment);
	return exec_failed();
}

EXPORT int execvp(const char *file, char *const arguments[])
{
	exec_begins();
	real.execvp(file, arguments);
	return exec_failed();
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[])
{
	exec_begins();
	real.execvpe(file, arguments, environment);
	return exec_failed();
}

EXPORT int fexecve(int file, char *const arguments[], char *const environment[])
{
	exec_begins();
	real.fexecve(file, arguments, environment);
	return exec_failed();
}

/* An embedded interpreter runs no script of its own, so the audit hook is not told when
 * it starts.  CPython's result by value, as in cpython/initconfig.h; it is passed on. */
struct py_status {
	int type;
	const char *function, *message;
	int exit_code;
};

struct initialization {
	void *real;
	bool first; /* nothing was initialized before: then the lock is held afterwards */
};

static struct initialization before_initialize(const char *name, const void *self)
{
	int saved = errno;
	struct initialization i;
	if (enabled())
		attach_watch(env, true, follow);
	i.first = !attach_is_initialized();
	i.real = attach_symbol(name, self);
	errno = saved;
	return i;
}

static void after_initialize(const struct initialization *i)
{
	int saved = errno;
	if (!env->disable && i->first && attach_is_initialized())
		attach_now();
	errno = saved;
}

EXPORT void Py_InitializeEx(int signals);
EXPORT void Py_Initialize(void);
EXPORT struct py_status Py_InitializeFromConfig(const void *config);

void Py_InitializeEx(int signals)
{
	struct initialization i =
	    before_initialize("Py_InitializeEx", (void *)Py_InitializeEx);
	if (!i.real)
		return;
	((void (*)(int))i.real)(signals);
	after_initialize(&i);
}

void Py_Initialize(void)
{
	struct initialization i =
	    before_initialize("Py_Initialize", (void *)Py_Initialize);
	if (!i.real)
		return;
	((void (*)(void))i.real)();
	after_initialize(&i);
}

struct py_status Py_InitializeFromConfig(const void *config)
{
	struct py_status result = {1, "Py_InitializeFromConfig", "no CPython is loaded",
	                           0};
	struct initialization i =
	    before_initialize("Py_InitializeFromConfig", (void *)Py_InitializeFromConfig);
	if (!i.real)
		return result;
	result = ((struct py_status(*)(const void *))i.real)(config);
	if (result.type == 0) /* else it has failed half-way */
		after_initialize(&i);
	return result;
}
