/* SPDX-License-Identifier: MIT */
/*
 * Standard output.  One buffer, written only at the end of a line; numbers and padding
 * are made here because printf() would cost more than reading the event did.
 */
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pager.h"
#include "progress.h"
#include "text.h"
#include "util.h"

#define FLUSH_AT (64 * 1024)

static struct {
	char *bytes;
	size_t room, used;
	size_t line; /* where the current line begins */
	unsigned width;
	bool color, pager, started, closed;
} out;

static bool is_utf8(void)
{
	const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

const char *out_ellipsis(void)
{
	static const char *sign;

	if (!sign)
		sign = is_utf8() ? "…" : "..";
	return sign;
}

static unsigned terminal_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	long number = columns ? strtol(columns, NULL, 10) : 0;
	return number > 0 && number < 10000 ? (unsigned)number : 80;
}

void out_setup(enum out_when color, bool pager, bool wide)
{
	const char *terminal = getenv("TERM"), *no_color = getenv("NO_COLOR");

	/* A closed standard output would be taken by the first file that is opened.  This
	 * one cannot be written to, so the user is told. */
	if (fcntl(STDOUT_FILENO, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
		return;
	bool on_terminal = isatty(STDOUT_FILENO);
	bool dumb = !terminal || !*terminal || strcmp(terminal, "dumb") == 0;

	out.color = color == OUT_ALWAYS || (color == OUT_AUTO && on_terminal && !dumb &&
	                                    !(no_color && *no_color));
	out.pager = pager && on_terminal && !dumb;
	out.width = on_terminal && !wide ? terminal_width() : 0;
}

unsigned out_width(void)
{
	return out.width;
}

bool out_started(void)
{
	return out.started;
}

/* A reader that has gone: with a pager the user has seen enough, else die as others do.
 */
static _Noreturn void reader_gone(void)
{
	out.closed = true;
	if (pager_running()) {
		close(STDOUT_FILENO);
		pager_wait();
		util_exit(UTIL_DONE);
	}
	util_exit_by_signal(SIGPIPE);
}

static void write_all(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, length);
		if (n >= 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd wait = {STDOUT_FILENO, POLLOUT, 0};
			poll(&wait, 1, -1);
		} else if (errno == EPIPE) {
			reader_gone();
		} else if (errno != EINTR) {
			int error = errno;
			out.closed = true;
			util_fail("cannot write the output: %s", strerror(error));
		}
	}
}

static void flush(size_t length)
{
	if (length == 0 || out.closed)
		return;
	if (!out.started) {
		out.started = true;
		if (isatty(STDOUT_FILENO))
			progress_clear();
		if (out.pager)
			pager_start();
	}
	write_all(out.bytes, length);
	memmove(out.bytes, out.bytes + length, out.used - length);
	out.used -= length;
	out.line = 0;
}

void out_finish(void)
{
	if (out.closed)
		return;
	progress_clear();
	if (out.used > 0 || out.started) {
		flush(out.used);
		out.closed = true;
		/* Some file systems tell of a full disk only now. */
		if (close(STDOUT_FILENO) < 0 && errno != EINTR) {
			int error = errno;
			pager_wait();
			util_fail("cannot write the output: %s", strerror(error));
		}
		pager_wait();
	}
	free(out.bytes);
	out.bytes = NULL;
	out.room = out.used = out.line = 0;
}

static char *reserve(size_t length)
{
	if (out.room - out.used < length)
		out.bytes =
		    util_grow(out.bytes, &out.room, out.used + length + FLUSH_AT, 1);
	char *place = out.bytes + out.used;
	out.used += length;
	return place;
}

void out_raw(const char *text, size_t length)
{
	memcpy(reserve(length), text, length);
}

void out_str(const char *text)
{
	out_raw(text, strlen(text));
}

void out_char(char c)
{
	*reserve(1) = c;
}

void out_fill(char c, size_t count)
{
	memset(reserve(count), c, count);
}

void out_u64_in(uint64_t number, unsigned width, char fill)
{
	char digits[20];
	unsigned length = 0;

	do
		digits[sizeof(digits) - ++length] = (char)('0' + number % 10);
	while (number /= 10);
	if (length < width)
		out_fill(fill, width - length);
	out_raw(digits + sizeof(digits) - length, length);
}

void out_u64(uint64_t number)
{
	out_u64_in(number, 0, ' ');
}

void out_printf(const char *format, ...)
{
	va_list arguments;
	char small[256], *text = small;

	va_start(arguments, format);
	int length = vsnprintf(small, sizeof(small), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(small)) {
		va_start(arguments, format);
		length = vasprintf(&text, format, arguments);
		va_end(arguments);
	}
	if (length < 0)
		util_fail("out of memory");
	out_raw(text, (size_t)length);
	if (text != small)
		free(text);
}

/* One character of a trace's text as it is shown; returns its columns. */
static unsigned put_character(const char **text, bool print)
{
	char room[TEXT_ESCAPE_MAX];
	uint32_t c;
	const char *start = *text;
	size_t length = text_decode(start, &c);

	*text += length;
	if (!text_harmful(c)) {
		if (print)
			out_raw(start, length);
		return text_columns(c);
	}
	length = text_escape(c, (unsigned char)*start, room);
	if (print)
		out_raw(room, length);
	return (unsigned)length;
}

/* The length of text that is printable ASCII to its end; 0 when it is not, or empty. */
static size_t plain_length(const char *text)
{
	size_t length = 0;

	for (; text[length]; length++)
		if ((unsigned char)(text[length] - 0x20) >= 0x7f - 0x20)
			return 0;
	return length;
}

void out_text(const char *text)
{
	size_t length = plain_length(text);

	if (length > 0)
		out_raw(text, length);
	else
		while (*text)
			put_character(&text, true);
}

unsigned out_text_width(const char *text)
{
	unsigned columns = (unsigned)plain_length(text);

	if (columns == 0)
		while (*text)
			columns += put_character(&text, false);
	return columns;
}

void out_text_in(const char *text, unsigned width)
{
	unsigned columns = out_text_width(text);
	unsigned sign = out_ellipsis()[0] == '.' ? 2 : 1;

	if (columns <= width) {
		out_text(text);
		out_fill(' ', width - columns);
		return;
	}
	/* The end of a qualified name says more than its beginning. */
	unsigned head = width > sign ? (width - sign) / 3 : 0;
	unsigned tail = width > sign ? width - sign - head : 0;
	unsigned done = 0, shown = 0;
	while (*text) {
		const char *next = text;
		unsigned c = put_character(&next, false);
		if (done + c > head)
			break;
		done += put_character(&text, true);
	}
	shown = done + sign;
	out_str(out_ellipsis());
	while (*text && columns - done > tail)
		done += put_character(&text, false);
	while (*text)
		shown += put_character(&text, true);
	if (shown < width)
		out_fill(' ', width - shown);
}

void out_role(enum out_role role)
{
	static const char *const codes[] = {
	    [OUT_PLAIN] = "\033[0m", [OUT_HEADING] = "\033[1m", [OUT_FAINT] = "\033[2m",
	    [OUT_GOOD] = "\033[32m", [OUT_WARN] = "\033[33m",   [OUT_BAD] = "\033[31m",
	    [OUT_NAME] = "\033[36m",
	};

	if (out.color)
		out_str(codes[role]);
}

/*
 * Walks the current line up to `limit` columns; returns the columns, and in *end the
 * bytes that belong to them.  Our own colours take no columns.
 */
static unsigned walk(unsigned limit, size_t *end)
{
	unsigned columns = 0;
	size_t at = out.line;

	while (at < out.used) {
		uint32_t c;
		size_t length;
		if (out.bytes[at] == '\033') {
			while (at < out.used && out.bytes[at] != 'm')
				at++;
			at += at < out.used;
			continue;
		}
		length = text_decode(out.bytes + at, &c);
		if (columns + text_columns(c) > limit)
			break;
		columns += text_columns(c);
		at += length;
	}
	*end = at;
	return columns;
}

unsigned out_column(void)
{
	size_t end;

	*reserve(1) = '\0'; /* so that decoding stops at the end */
	out.used--;
	return walk(UINT32_MAX, &end);
}

void out_line(void)
{
	if (out.width > 0) {
		size_t end;
		*reserve(1) = '\0';
		out.used--;
		walk(out.width, &end);
		if (end < out.used) {
			unsigned sign = out_ellipsis()[0] == '.' ? 2 : 1;
			walk(out.width > sign ? out.width - sign : 0, &end);
			out.used = end;
			out_str(out_ellipsis());
			out_role(OUT_PLAIN);
		}
	}
	out_char('\n');
	out.line = out.used;
	if (out.used >= FLUSH_AT)
		flush(out.used);
}
