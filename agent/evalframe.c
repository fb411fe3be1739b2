/* SPDX-License-Identifier: MIT */
/*
 * A hook belongs to a whole interpreter, so threads that have it taken out are counted
 * for each.  The list has no lock (a fork may come at any time): entries are added in
 * front, never freed, and used again for another interpreter when theirs is gone.
 */
#include "evalframe.h"

#include <stdlib.h>

struct evalframe {
	PyInterpreterState *interpreter; /* NULL: none; atomic */
	pyapi_eval_func hook;
	unsigned out; /* threads that have it taken out; atomic */
	bool paused;  /* and the program has */
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

/* Puts a hook in the place of another, if that is the one that is there. */
static void replace(const struct pyapi *py, const struct evalframe *e,
                    pyapi_eval_func old, pyapi_eval_func hook)
{
	if (py->_PyInterpreterState_GetEvalFrameFunc(e->interpreter) == old)
		py->_PyInterpreterState_SetEvalFrameFunc(e->interpreter, hook);
}

struct evalframe *evalframe_install(const struct pyapi *py,
                                    PyInterpreterState *interpreter, pyapi_eval_func hook)
{
	if (py->_PyInterpreterState_GetEvalFrameFunc(interpreter) !=
	    py->_PyEval_EvalFrameDefault)
		return NULL;
	struct evalframe *e = claim(interpreter);
	if (!e)
		return NULL;
	e->hook = hook;
	e->out = 0;
	e->paused = false;
	replace(py, e, py->_PyEval_EvalFrameDefault, hook);
	return e;
}

void evalframe_remove(const struct pyapi *py, struct evalframe *e)
{
	if (!e)
		return;
	replace(py, e, e->hook, py->_PyEval_EvalFrameDefault);
	__atomic_store_n(&e->interpreter, NULL, __ATOMIC_RELEASE);
}

struct evalframe *evalframe_take_out(const struct pyapi *py, struct buffer *b)
{
	struct evalframe *e = find(py->PyInterpreterState_Get());
	if (e && __atomic_fetch_add(&e->out, 1, __ATOMIC_RELAXED) == 0)
		replace(py, e, e->hook, py->_PyEval_EvalFrameDefault);
	b->without_hook = e;
	return e;
}

void evalframe_put_back(const struct pyapi *py, struct evalframe *e)
{
	struct buffer *b = buffer_mine; /* another one in a child */
	if (b)
		b->without_hook = NULL;
	if (e && __atomic_sub_fetch(&e->out, 1, __ATOMIC_RELAXED) == 0 && !e->paused)
		replace(py, e, py->_PyEval_EvalFrameDefault, e->hook);
}

void evalframe_pause(const struct pyapi *py, struct evalframe *e, bool pause)
{
	e->paused = pause;
	if (pause)
		replace(py, e, e->hook, py->_PyEval_EvalFrameDefault);
	else if (__atomic_load_n(&e->out, __ATOMIC_RELAXED) == 0)
		replace(py, e, py->_PyEval_EvalFrameDefault, e->hook);
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
		if (e->interpreter && was_out && !e->out && !e->paused)
			replace(py, e, py->_PyEval_EvalFrameDefault, e->hook);
	}
}
