/* SPDX-License-Identifier: MIT */
/* Messages of the agent to standard error: one line each, "breadcrumb: …". */
#ifndef BREADCRUMB_AGENT_LOG_H
#define BREADCRUMB_AGENT_LOG_H

enum log_level {
	LOG_ERROR, /* the user asked for something that cannot be had */
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

/* Notes what standard error is.  A program that closes it and gets its number for a file
 * of its own finds no line of ours there.  Before it is called nothing is written. */
void log_start(void);

/* Messages above this level are dropped from now on.  LOG_ERROR until it is called. */
void log_set_level(enum log_level level);

/*
 * Writes one line (cut at 1,000 bytes) with a single write(2) from the stack: no stdio,
 * no allocation, errno and the program's streams untouched.  May be called from a signal
 * handler.
 */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
