/* SPDX-License-Identifier: MIT */
/* How much of a value is shown. */
#ifndef BREADCRUMB_AGENT_EXTENT_H
#define BREADCRUMB_AGENT_EXTENT_H

#include <stdint.h>

#define EXTENT_DEPTH_MAX 16

struct extent {
	unsigned length; /* characters of a text, bytes of bytes, digits of a number */
	unsigned items;  /* of a container, attributes of an object */
	unsigned depth;  /* containers and objects inside of each other: at most
	                    EXTENT_DEPTH_MAX */
};

#define EXTENT_NAMES 64

/* A thread's own memory for names that it renders again and again; zero at first. */
struct extent_memo {
	struct extent_name {
		const void *type, *dict;
		uint8_t qualname; /* where in the text it begins */
		uint8_t length;   /* 0: none */
		char text[46];
	} names[EXTENT_NAMES];
};

#endif
