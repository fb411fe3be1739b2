/* SPDX-License-Identifier: MIT */
/* Cursors: the events of many threads, merged by time. */
#ifndef BREADCRUMB_READER_MERGE_H
#define BREADCRUMB_READER_MERGE_H

#include "reader_internal.h"

/* Frees the cursors that are still open. */
void merge_free_all(struct crumb_trace *trace);

#endif
