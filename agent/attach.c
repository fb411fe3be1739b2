/* SPDX-License-Identifier: MIT */
/*
 * The way in.  An audit hook in C may be added before the interpreter exists, and is
 * called, with the interpreter's lock held, just before the program's first line
 * (cpython.run_*); so nothing has to be interposed in the executable, which a static
 * build would not allow.  The same hook tells of sub-interpreters, of exec, and of the
 * interpreter's end, where CPython drops all audit hooks.
 *
 * An audit hook is called for much that is not ours (each id(), each open()): its first
 * branch is on one character.
 */
#include "attach.h"

#include "clock.h"
#include "capture.h"
#include "evalframe.h"
#include "filter.h"
#include "guard.h"
#include "hook.h"
#include "inspect.h"
#include "module.h"
#include "record.h"
#include "redact.h"
#include "sink.h"
#include "trace.h"
#include "tracefunc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* An interpreter that is being recorded. */
struct site {
	struct hook_site hook;
	Py_ssize_t extra; /* index of our datum in its code objects */
	bool awake;       /* the filter has accepted some code in it; atomic */
	bool begun;       /* the backend is in */
	bool recording;   /* and tells: the program has not paused it */
	struct site *next;
};

static const struct env *env;
static const struct pyapi *py;
static void (*on_start)(void);
static const struct hook_ops *backend;
static struct site *sites;
static unsigned asleep; /* sites in which the filter has accepted no code; atomic */
static pthread_mutex_t lock = GUARD_MUTEX; /* guards `sites` */
static bool watching;                      /* the audit hook is in */
static bool given_up;                      /* and a line has said why */
static bool recording;                     /* at least once an interpreter was attached */
static bool begun;                         /* and the backend put into one */

static void before_hooks_go(void);

static struct site *site_here(void)
{
	const PyInterpreterState *here = py->PyInterpreterState_Get();
	pthread_mutex_lock(&lock);
	struct site *s = sites;
	while (s && s->hook.interpreter != here)
		s = s->next;
	pthread_mutex_unlock(&lock);
	return s;
}

/* Called by code objects that die, with what intern_add() gave for them. */
static void code_dies(void *record)
{
	if (record)
		trace_forget(record);
}

static bool remember(const void *code, struct intern_record *record)
{
	const struct site *s = site_here();
	PyObject *type = NULL, *value = NULL, *traceback = NULL;
	bool pending = py->PyErr_Occurred() != NULL;

	if (!s || s->extra < 0)
		return false;
	if (pending)
		py->PyErr_Fetch(&type, &value, &traceback);
	bool done = py->set_extra((PyObject *)(uintptr_t)code, s->extra, record) == 0;
	if (!done)
		py->PyErr_Clear();
	if (pending)
		py->PyErr_Restore(type, value, traceback);
	return done;
}

static bool describe(const void *code, void *hint, struct intern_code *out)
{
	if (backend->meets)
		backend->meets(py, (PyObject *)(uintptr_t)code);
	return inspect_describe(code, hint, out);
}

/* Some events cannot be switched off for excluded code: they are not asked for before
 * there is other code.  It may fail where a recursion has come to its end. */
static bool accepts(const void *code)
{
	(void)code;
	if (!backend->awakes || __atomic_load_n(&asleep, __ATOMIC_RELAXED) == 0)
		return true;
	struct site *s = site_here();
	if (!s || __atomic_load_n(&s->awake, __ATOMIC_RELAXED))
		return true;
	if (!backend->awakes(py, &s->hook)) {
		trace_lost(CRUMB_LOSS_LOW_STACK, 0);
		return false;
	}
	if (!__atomic_exchange_n(&s->awake, true, __ATOMIC_RELAXED))
		__atomic_fetch_sub(&asleep, 1, __ATOMIC_RELAXED);
	return true;
}

static void fact(enum crumb_fact kind, const char *text)
{
	if (text && *text)
		record_fact(kind, text, strlen(text));
}

/* The process's arguments as the kernel has them, NUL between them. */
static void fact_command(void)
{
	char text[8192];
	size_t length = 0;
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	while (fd >= 0 && n > 0 && length < sizeof text) {
		n = read(fd, text + length, sizeof text - length);
		length += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (length)
		record_fact(CRUMB_FACT_COMMAND, text, length);
}

/* Opens this process's file and says what it is about. */
static bool open_file(void)
{
	static char parent[PATH_MAX];
	char text[PATH_MAX];
	struct utsname host;

	snprintf(parent, sizeof parent, "%s", sink_path()); /* of before the fork */
	if (!sink_open())
		return false;
	fact_command();
	ssize_t n = readlink("/proc/self/exe", text, sizeof text);
	if (n > 0)
		record_fact(CRUMB_FACT_EXECUTABLE, text, (size_t)n);
	fact(CRUMB_FACT_PYTHON, py->Py_GetVersion());
	fact(CRUMB_FACT_BACKEND, backend->name);
	if (uname(&host) == 0)
		fact(CRUMB_FACT_HOST, host.nodename);
	fact(CRUMB_FACT_DIRECTORY, getcwd(text, sizeof text));
	fact(CRUMB_FACT_AGENT, PACKAGE_VERSION);
	fact(CRUMB_FACT_INCLUDE, env->include);
	fact(CRUMB_FACT_EXCLUDE, env->exclude);
	fact(CRUMB_FACT_PARENT_FILE, parent);
	if (backend == &hook_frame)
		fact(CRUMB_FACT_NOTE,
		     "the frame backend reports an exception only where it "
		     "leaves a frame, not where it is handled");
	log_info("recording to %s (%s, CPython 3.%u)", sink_path(), backend->name,
	         py->minor);
	return true;
}

static const struct trace_source source = {
    .describe = describe,
    .release = inspect_release,
    .accepts = accepts,
    .nested = inspect_nested,
    .remember = remember,
    .thread_name = inspect_thread_name,
    .open = open_file,
    .in_fork = inspect_in_fork,
};

static const struct hook_ops *const backends[] = {&hook_monitoring, &hook_frame,
                                                  &hook_settrace};

/* The best backend of this version; lines are seen by all but `frame`. */
static const struct hook_ops *best_backend(void)
{
	if (!hook_monitoring.unusable(py))
		return &hook_monitoring;
	return env->lines ? &hook_settrace : &hook_frame;
}

static const struct hook_ops *choose_backend(void)
{
	const struct hook_ops *best = best_backend();
	for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
		if (strcmp(env->backend, backends[i]->name) != 0)
			continue;
		const char *why = backends[i]->unusable(py);
		if (!why && backends[i] == &hook_frame && env->lines)
			why = "it does not see lines";
		if (!why)
			return backends[i];
		log_error("BREADCRUMB_BACKEND=%s cannot be used with CPython 3.%u: %s; "
		          "using %s",
		          env->backend, py->minor, why, best->name);
	}
	return best;
}

/* Values of an interpreter that is not as it is known to be are left alone. */
static void prepare_capture(void)
{
	static struct capture_options capture;

	capture = (struct capture_options){
	    .locals = env->locals,
	    .results = env->returns,
	    .event_bytes = (size_t)env->event_bytes,
	    .extent = {.length = (unsigned)env->value_length,
	               .items = (unsigned)env->value_items,
	               .depth = (unsigned)env->value_depth},
	};
	if (!redact_init(env->redact))
		log_error("BREADCRUMB_REDACT has too many words; the last ones are not "
		          "redacted");
	if (!capture_init(py, &capture) && (env->locals || env->returns))
		log_error("no values are captured: this CPython's objects are not laid "
		          "out as they are known to be");
}

/* Once in a process, before its first interpreter is attached. */
static void prepare(void)
{
	bool counter = clock_has_counter();
	static struct sink_options options;

	backend = choose_backend();
	prepare_capture();
	options = (struct sink_options){
	    .pattern = env->output,
	    .max_size = env->max_size,
	    .keep_free = env->keep_free,
	    .counter = counter,
	    .python_hex = py->hex,
	    .flags =
		(env->lines ? CRUMB_FLAG_LINES : 0) |
		(py->free_threaded ? CRUMB_FLAG_FREE_THREADED : 0) |
		(py->PySys_GetObject("gettotalrefcount") ? CRUMB_FLAG_DEBUG_BUILD : 0) |
		(backend == &hook_frame ? CRUMB_FLAG_UNWIND_ONLY : 0),
	};
	sink_init(&options);
	filter_init(env->include, env->exclude);
	trace_init(&source, counter);
	on_start();
}

/* Starts recording; false: it cannot be. */
static bool begin(struct site *s)
{
	if (!trace_begin())
		return false;
	s->begun = s->extra >= 0 && backend->install(py, &s->hook);
	s->recording = s->begun;
	begun |= s->begun;
	if (!s->begun) {
		trace_lost(CRUMB_LOSS_SUBINTERPRETER, 1);
		log_error(
		    "an interpreter cannot be recorded: the %s backend does not start",
		    backend->name);
	}
	return s->begun;
}

/* One thread at a time starts and stops recording.  What it calls may run the program's
 * code (audit hooks), which may ask for the same: false.  Waiting threads let others run:
 * whoever is ahead may wait for all of them to stop. */
static pid_t controller; /* atomic */

static bool control_enter(void)
{
	pid_t self = gettid(), nobody = 0;

	while (!__atomic_compare_exchange_n(&controller, &nobody, self, false,
	                                    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (nobody == self)
			return false;
		nobody = 0;
		PyThreadState *thread = py->PyEval_SaveThread();
		usleep(100);
		py->PyEval_RestoreThread(thread);
	}
	return true;
}

static void control_leave(void)
{
	__atomic_store_n(&controller, 0, __ATOMIC_RELEASE);
}

/* What the program asks for, by the module breadcrumb_agent: module.h. */
static bool pause_here(void)
{
	if (!control_enter())
		return false;
	struct guard guard = guard_enter();
	struct site *s = site_here();
	bool was = s && s->recording;
	if (was) {
		trace_lost(CRUMB_LOSS_PAUSED, 0);
		backend->pause(py, &s->hook, true);
		s->recording = false;
	}
	guard_leave(&guard);
	control_leave();
	return was;
}

static enum module_resumed resume_here(void)
{
	if (!control_enter())
		return MODULE_WAS_RECORDING;
	struct guard guard = guard_enter();
	struct site *s = site_here();
	enum module_resumed result = MODULE_WAS_RECORDING;
	if (!s) {
		result = MODULE_CANNOT_RECORD;
	} else if (!s->begun) {
		result = begin(s) ? MODULE_RECORDS : MODULE_CANNOT_RECORD;
	} else if (!s->recording) {
		backend->pause(py, &s->hook, false);
		s->recording = true;
		result = MODULE_RECORDS;
	}
	guard_leave(&guard);
	control_leave();
	return result;
}

static struct module_state state_here(void)
{
	const struct site *s = site_here();
	return (struct module_state){s && s->begun, s && s->recording, backend->name};
}

static const struct module_control control = {pause_here, resume_here, state_here};

static void attach_here(void)
{
	if (given_up || site_here())
		return;
	struct site *s = calloc(1, sizeof *s);
	if (!s)
		return;
	if (!recording)
		prepare();
	recording = true;
	s->hook.interpreter = py->PyInterpreterState_Get();
	s->hook.lines = env->lines;
	s->extra = py->request_extra(code_dies);
	pthread_mutex_lock(&lock);
	s->next = sites;
	sites = s;
	pthread_mutex_unlock(&lock);
	__atomic_fetch_add(&asleep, 1, __ATOMIC_RELAXED);
	if (!env->manual)
		begin(s);
}

static void attach(void)
{
	struct guard guard = guard_enter();
	attach_here();
	guard_leave(&guard);
}

/* The current interpreter ends, with its code objects. */
static void detach(bool last)
{
	const PyInterpreterState *here = py->PyInterpreterState_Get();
	struct site **at = &sites, *gone = NULL;

	pthread_mutex_lock(&lock);
	while (*at && (*at)->hook.interpreter != here)
		at = &(*at)->next;
	if (*at) {
		gone = *at;
		*at = gone->next;
	}
	pthread_mutex_unlock(&lock);
	if (gone && !gone->awake)
		__atomic_fetch_sub(&asleep, 1, __ATOMIC_RELAXED);
	if (gone && gone->begun)
		backend->remove(py, &gone->hook);
	module_forget(py->PyInterpreterState_Get());
	free(gone);
	if (last)
		intern_forget_all();
}

static bool is_sub_interpreter(void)
{
	return py->PyInterpreterState_GetID(py->PyInterpreterState_Get()) != 0;
}

static void on_cpython(const char *event)
{
	if (strncmp(event, "run_", 4) == 0) {
		attach();
	} else if (strcmp(event, "PyInterpreterState_Clear") == 0) {
		/* In a forked child the main one clears the others. */
		if (recording && (is_sub_interpreter() || !inspect_in_fork()))
			detach(false);
	} else if (strcmp(event, "_PySys_ClearAuditHooks") == 0) {
		watching = false;
		if (recording)
			detach(true);
		before_hooks_go();
	}
}

static int on_audit(const char *event, PyObject *args, void *data)
{
	(void)args, (void)data;
	switch (event[0]) {
	case 'c':
		if (strncmp(event, "cpython.", 8) == 0)
			on_cpython(event + 8);
		break;
	case 'e':
		/* The first sign of life of a sub-interpreter: 3.13 and newer do not
		 * announce those that have a lock of their own. */
		if (recording && strcmp(event, "exec") == 0 && is_sub_interpreter())
			attach();
		break;
	case 'o':
		if (recording && strncmp(event, "os.fork", 7) == 0)
			inspect_forking();
		break;
	case 's':
		if (begun && backend->program_traces &&
		    strcmp(event, "sys.settrace") == 0 && !tracefunc_is_setting())
			backend->program_traces();
		break;
	default:
		break;
	}
	return 0;
}

static void give_up(enum pyapi_failure failure, const char *what)
{
	if (given_up)
		return;
	given_up = true;
	if (failure == PYAPI_UNSUPPORTED)
		log_error("nothing is recorded: CPython %.*s is not supported (3.10 to "
		          "3.15 are)",
		          (int)strcspn(what, " "), what);
	else
		log_error("nothing is recorded: this CPython has no %s", what);
}

/*
 * CPython allocates the entry of an audit hook with the allocator of that moment, and
 * frees it with that of the end.  With -X dev or PYTHONMALLOC=debug they are not the
 * same, which aborts the process (seen with 3.10 to 3.15).  So the entry's address is
 * caught on its way, and when the allocator has changed, one is put in front of it that
 * knows the entry's own.
 */
static struct pyapi_allocator first_allocator, last_allocator;
static void *entry;

static void *catch_entry(void *context, size_t size)
{
	(void)context;
	return entry = first_allocator.malloc(first_allocator.context, size);
}

static void free_entry(void *context, void *memory)
{
	if (memory && memory == entry) {
		entry = NULL;
		first_allocator.free(first_allocator.context, memory);
	} else {
		last_allocator.free(context, memory);
	}
}

static bool add_audit_hook(void)
{
	py->PyMem_GetAllocator(PYAPI_DOMAIN_RAW, &first_allocator);
	struct pyapi_allocator catching = first_allocator;
	catching.malloc = catch_entry;
	entry = NULL;
	py->PyMem_SetAllocator(PYAPI_DOMAIN_RAW, &catching);
	bool added = py->PySys_AddAuditHook(on_audit, NULL) == 0;
	py->PyMem_SetAllocator(PYAPI_DOMAIN_RAW, &first_allocator);
	return added;
}

/* The hooks' entries are freed next. */
static void before_hooks_go(void)
{
	struct pyapi_allocator front;
	py->PyMem_GetAllocator(PYAPI_DOMAIN_RAW, &last_allocator);
	if (!entry || last_allocator.free == first_allocator.free ||
	    last_allocator.free == free_entry)
		return;
	/* Only one function changes: another thread may be allocating. */
	front = last_allocator;
	front.free = free_entry;
	py->PyMem_SetAllocator(PYAPI_DOMAIN_RAW, &front);
}

bool attach_watch(const struct env *given, bool search, void (*started)(void))
{
	enum pyapi_failure failure;
	const char *what;

	if (watching || given_up)
		return !given_up;
	env = given;
	on_start = started;
	py = pyapi_find(search, &failure, &what);
	if (!py) {
		if (failure != PYAPI_ABSENT)
			give_up(failure, what);
		return failure != PYAPI_ABSENT;
	}
	module_register(py, &control);
	watching = add_audit_hook();
	return true;
}

bool attach_is_initialized(void)
{
	return py && py->Py_IsInitialized();
}

void attach_now(void)
{
	attach();
}

void *attach_symbol(const char *name, const void *except)
{
	return pyapi_symbol(name, except);
}

bool attach_before_fork(void)
{
	evalframe_before_fork();
	return pthread_mutex_lock(&lock) == 0;
}

void attach_after_fork(bool child, bool locked)
{
	if (!child && locked)
		pthread_mutex_unlock(&lock);
	if (child) {
		lock = (pthread_mutex_t)GUARD_MUTEX;
		control_leave(); /* whoever it was is gone */
		if (py)
			evalframe_in_child(py);
	}
}
