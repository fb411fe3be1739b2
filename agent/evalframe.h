/* SPDX-License-Identifier: MIT */
/* The frame-evaluation hook of an interpreter (PEP 523), on 3.10 and 3.11. */
#ifndef BREADCRUMB_AGENT_EVALFRAME_H
#define BREADCRUMB_AGENT_EVALFRAME_H

#include "buffer.h"
#include "pyapi.h"

/* Puts the hook into an interpreter.  NULL: there is another's (a debugger's, a
 * compiler's), or no memory. */
struct evalframe *evalframe_install(const struct pyapi *py,
                                    PyInterpreterState *interpreter,
                                    pyapi_eval_func hook);

/* Takes it out for good.  NULL is allowed. */
void evalframe_remove(const struct pyapi *py, struct evalframe *e);

/* Puts a hook on top of that one, if there is one; false: as above.  And takes it off. */
bool evalframe_put_on_top(const struct pyapi *py, PyInterpreterState *interpreter,
                          pyapi_eval_func top);
void evalframe_take_off(const struct pyapi *py, PyInterpreterState *interpreter);

/* What a hook on top calls to have a frame evaluated. */
pyapi_eval_func evalframe_below(const struct pyapi *py,
                                const PyInterpreterState *interpreter);

/*
 * Evaluates a frame and all below it with the current interpreter's hooks taken out, for
 * a thread that is in need of its C stack; its buffer is `b`, NULL where it has none.
 * They are put back when no thread needs that any more; a hook of somebody else's, put in
 * meanwhile, stays.
 */
PyObject *evalframe_without(const struct pyapi *py, struct buffer *b,
                            PyThreadState *thread, void *frame, int throwing);

/* Takes the hook out for as long as the program wants, or (pause false) puts it back. */
void evalframe_pause(const struct pyapi *py, struct evalframe *e, bool pause);

/* Around fork(): of the threads that have a hook taken out, only the one that forks lives
 * on. */
void evalframe_before_fork(void);
void evalframe_in_child(const struct pyapi *py);

#endif
