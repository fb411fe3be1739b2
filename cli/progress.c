/* SPDX-License-Identifier: MIT */
/*
 * The progress bar.  It must never mix with output: once lines go to a terminal, or to a
 * pipe that may end on one (`| less`), it is not drawn any more.
 */
#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "out.h"

#define FIRST_AFTER_NS 1000000000
#define EVERY_NS       100000000
#define CELLS_MAX      40

static enum { UNKNOWN, ON, OFF } state;
static bool output_is_file;
static bool drawn;
static int64_t next_ns;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void begin(void)
{
	struct stat output;

	state = isatty(STDERR_FILENO) ? ON : OFF;
	output_is_file = fstat(STDOUT_FILENO, &output) == 0 &&
	                 (S_ISREG(output.st_mode) ||
	                  (S_ISCHR(output.st_mode) && !isatty(STDOUT_FILENO)));
	next_ns = now() + FIRST_AFTER_NS;
}

void progress_show(uint64_t done, uint64_t total)
{
	struct winsize size;
	char line[256];

	if (state == UNKNOWN)
		begin();
	if (state == OFF || total == 0)
		return;
	if (out_started() && !output_is_file) {
		progress_clear();
		state = OFF;
		return;
	}
	int64_t t = now();
	if (t < next_ns)
		return;
	next_ns = t + EVERY_NS;
	if (done > total)
		done = total;
	int columns = 80;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	int cells = columns - 40 < CELLS_MAX ? columns - 40 : CELLS_MAX;
	if (cells < 4)
		cells = 4;
	int full = (int)((double)done / (double)total * cells);
	int length =
	    snprintf(line, sizeof(line), "\rreading [%.*s%*s] %3d %% of %.1f MB", full,
	             "########################################", cells - full, "",
	             (int)((double)done * 100 / (double)total), (double)total / 1e6);
	if (length > 0 && length < (int)sizeof(line)) {
		ssize_t ignored = write(STDERR_FILENO, line, (size_t)length);
		(void)ignored;
		drawn = true;
	}
}

void progress_clear(void)
{
	if (!drawn)
		return;
	drawn = false;
	ssize_t ignored = write(STDERR_FILENO, "\r\033[K", 4);
	(void)ignored;
}
