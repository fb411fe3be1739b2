/* SPDX-License-Identifier: MIT */
/*
 * An interpreter has one hook; two of the agent's may want to be it: that of the file's
 * backend, and on top of it that of a backend of the module, which asks for the one below
 * at each frame.  Both are out while some thread needs its C stack: such threads are
 * counted for each interpreter.
 *
 * The list has no lock (a fork may come at any time): entries are added in front, never
 * freed, and used again for another interpreter when theirs is gone.
 */
#include "evalframe.h"

#include <stdlib.h>

struct evalframe {
	PyInterpreterState *interpreter; /* NULL: none; atomic */
	pyapi_eval_func hook;            /* NULL: none */
	pyapi_eval_func top;             /* likewise */
	unsigned out;                    /* threads that have them taken out; atomic */
	bool paused;                     /* and the program has, the lower one */
	struct evalframe *next;
};

static struct evalframe *all; /* atomic */
static struct evalframe *forking;

static struct evalframe *first(void)
{
	return __atomic_load_n(&all, __ATOMIC_ACQUIRE);
}

static struct evalframe *find(const PyInterpreterState *interpreter)
{
	struct evalframe *e = first();
	while (e && __atomic_load_n(&e->interpreter, __ATOMIC_ACQUIRE) != interpreter)
		e = e->next;
	return e;
}

/* An entry that is this interpreter's from now on; NULL: no memory. */
static struct evalframe *claim(PyInterpreterState *interpreter)
{
	for (struct evalframe *e = first(); e; e = e->next) {
		PyInterpreterState *none = NULL;
		if (__atomic_compare_exchange_n(&e->interpreter, &none, interpreter,
		                                false, __ATOMIC_ACQ_REL,
		                                __ATOMIC_RELAXED))
			return e;
	}
	struct evalframe *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->interpreter = interpreter;
	e->next = first();
	while (!__atomic_compare_exchange_n(&all, &e->next, e, false, __ATOMIC_RELEASE,
	                                    __ATOMIC_RELAXED))
		;
	return e;
}

/* An entry that nobody uses is anybody's. */
static void release(struct evalframe *e)
{
	if (e->hook || e->top)
		return;
	__atomic_store_n(&e->interpreter, NULL, __ATOMIC_RELEASE);
}

static pyapi_eval_func below(const struct pyapi *py, const struct evalframe *e)
{
	return e && e->hook && !e->paused ? e->hook : py->_PyEval_EvalFrameDefault;
}

static bool is_ours(const struct pyapi *py, const struct evalframe *e,
                    pyapi_eval_func function)
{
	return function == py->_PyEval_EvalFrameDefault ||
	       (e && (function == e->hook || function == e->top));
}

/* Puts in what is wanted now, in the place of ours (or of `old`, which was), not of
 * another's. */
static void settle(const struct pyapi *py, const struct evalframe *e, pyapi_eval_func old)
{
	if (!e->interpreter)
		return;
	pyapi_eval_func now = py->_PyInterpreterState_GetEvalFrameFunc(e->interpreter);
	pyapi_eval_func wanted = e->top ? e->top : below(py, e);

	if (__atomic_load_n(&e->out, __ATOMIC_RELAXED))
		wanted = py->_PyEval_EvalFrameDefault;
	if (now != wanted && (now == old || is_ours(py, e, now)))
		py->_PyInterpreterState_SetEvalFrameFunc(e->interpreter, wanted);
}

/* The entry of an interpreter that has no hook of another's; NULL: it has, or no memory.
 */
static struct evalframe *entry_of(const struct pyapi *py, PyInterpreterState *interpreter)
{
	struct evalframe *e = find(interpreter);
	if (!is_ours(py, e, py->_PyInterpreterState_GetEvalFrameFunc(interpreter)))
		return NULL;
	if (e)
		return e;
	e = claim(interpreter);
	if (e) {
		e->out = 0;
		e->paused = false;
	}
	return e;
}

struct evalframe *evalframe_install(const struct pyapi *py,
                                    PyInterpreterState *interpreter, pyapi_eval_func hook)
{
	struct evalframe *e = entry_of(py, interpreter);
	if (!e)
		return NULL;
	e->hook = hook;
	e->paused = false;
	settle(py, e, NULL);
	return e;
}

void evalframe_remove(const struct pyapi *py, struct evalframe *e)
{
	if (!e)
		return;
	pyapi_eval_func old = e->hook;
	e->hook = NULL;
	settle(py, e, old);
	release(e);
}

bool evalframe_put_on_top(const struct pyapi *py, PyInterpreterState *interpreter,
                          pyapi_eval_func top)
{
	struct evalframe *e = entry_of(py, interpreter);
	if (!e)
		return false;
	e->top = top;
	settle(py, e, NULL);
	return true;
}

void evalframe_take_off(const struct pyapi *py, PyInterpreterState *interpreter)
{
	struct evalframe *e = find(interpreter);
	if (!e)
		return;
	pyapi_eval_func old = e->top;
	e->top = NULL;
	settle(py, e, old);
	release(e);
}

pyapi_eval_func evalframe_below(const struct pyapi *py,
                                const PyInterpreterState *interpreter)
{
	return below(py, find(interpreter));
}

static struct evalframe *take_out(const struct pyapi *py, struct buffer *b)
{
	struct evalframe *e = find(py->PyInterpreterState_Get());
	if (e && __atomic_fetch_add(&e->out, 1, __ATOMIC_RELAXED) == 0)
		settle(py, e, NULL);
	if (b)
		b->without_hook = e;
	return e;
}

static void put_back(const struct pyapi *py, struct evalframe *e)
{
	struct buffer *b = buffer_mine; /* another one in a child */
	if (b)
		b->without_hook = NULL;
	if (e && __atomic_load_n(&e->out, __ATOMIC_RELAXED) &&
	    __atomic_sub_fetch(&e->out, 1, __ATOMIC_RELAXED) == 0)
		settle(py, e, NULL);
}

PyObject *evalframe_without(const struct pyapi *py, struct buffer *b,
                            PyThreadState *thread, void *frame, int throwing)
{
	struct evalframe *e = take_out(py, b);
	PyObject *result = py->_PyEval_EvalFrameDefault(thread, frame, throwing);
	put_back(py, e);
	return result;
}

void evalframe_pause(const struct pyapi *py, struct evalframe *e, bool pause)
{
	if (!e)
		return;
	e->paused = pause;
	settle(py, e, NULL);
}

void evalframe_before_fork(void)
{
	forking = buffer_mine ? buffer_mine->without_hook : NULL;
}

void evalframe_in_child(const struct pyapi *py)
{
	for (struct evalframe *e = first(); e; e = e->next) {
		bool was_out = e->out != 0;
		e->out = e == forking;
		if (e->interpreter && was_out && !e->out)
			settle(py, e, NULL);
	}
}
