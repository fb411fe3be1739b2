/* SPDX-License-Identifier: MIT */
/* Which modules are recorded: BREADCRUMB_INCLUDE and BREADCRUMB_EXCLUDE. */
#ifndef BREADCRUMB_AGENT_FILTER_H
#define BREADCRUMB_AGENT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/* Takes two comma-separated lists of globs (`*`, `?`, `[abc]`), which must outlive the
 * filter.  An empty include list means every module. */
void filter_init(const char *include, const char *exclude);

/*
 * Whether code of the module (a frame's __name__; "" when it has none) is recorded.
 * The module breadcrumb_agent never is.  `pkg.*` matches `pkg` and all below it.  Exclude
 * wins over include.  Asked once for each code object, so it may take its time.
 */
bool filter_accepts(const char *module, size_t length);

/* Whether a comma-separated list of globs has one that matches the module, as above. */
bool filter_lists(const char *list, const char *module, size_t length);

#endif
