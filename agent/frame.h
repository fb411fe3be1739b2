/* SPDX-License-Identifier: MIT */
/*
 * The variables of a frame, read as memory (see object.h): a frame object, f_locals or
 * their like would have to be made, and would keep what is in them alive.
 */
#ifndef BREADCRUMB_AGENT_FRAME_H
#define BREADCRUMB_AGENT_FRAME_H

#include "pyapi.h"

struct frame {
	const char *place; /* a PyFrameObject on 3.10, else an _PyInterpreterFrame; NULL:
	                      no frame */
	const void *code;
	bool new; /* 3.11, where it has not begun: cells are not made yet */
};

/* After object_init(). */
void frame_init(const struct pyapi *py);

/* The frame that the calling thread runs, when it is one of `code`: 3.12 and newer. */
struct frame frame_here(const void *code);
/* Where in its code such a frame is (bytes); -1: not known. */
int frame_instruction(const struct frame *f);
/* What an eval function is given (3.10, 3.11); `begins`: it has not been evaluated yet.
 */
struct frame frame_of_eval(const void *given, const void *code, bool begins);
/* What a trace function is given. */
struct frame frame_of_object(const PyFrameObject *object, const void *code);

/* How many arguments the code's frames begin with, *args and **kwargs included. */
unsigned frame_arguments(const void *code);
/* How many variables they have: arguments first, then other local and free ones. */
unsigned frame_variables(const void *code);
/* The name of one: a str; NULL where it has none. */
const void *frame_variable_name(const void *code, unsigned i);
/* What it holds; NULL: it is not set (or, 3.12 and newer, not in sight). */
const void *frame_variable(const struct frame *f, unsigned i);

/* Of a class body or module: the dict that its names are in; NULL for functions, and
 * where it is no dict. */
const void *frame_namespace(const struct frame *f);

#endif
