/* SPDX-License-Identifier: MIT */
/* How much of a value is shown. */
#ifndef BREADCRUMB_AGENT_EXTENT_H
#define BREADCRUMB_AGENT_EXTENT_H

#define EXTENT_DEPTH_MAX 16

struct extent {
	unsigned length; /* characters of a text, bytes of bytes, digits of a number */
	unsigned items;  /* of a container, attributes of an object */
	unsigned depth;  /* containers and objects inside of each other: at most
	                    EXTENT_DEPTH_MAX */
};

#endif
