/* log_cases.h: what the tests of the log share: stderr captured in memory, and the monotonic clock in
 * the test's hands (link with --wrap=wt_clock_us). */
#ifndef WIRETAG_TESTS_LOG_CASES_H
#define WIRETAG_TESTS_LOG_CASES_H

#include "observe/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define CAPTURE_BYTES_MAX (4u << 20)

static _Atomic int64_t clock_us = 1000000;
static int saved_stderr;
static int captured;
static char capture[CAPTURE_BYTES_MAX];

int64_t __wrap_wt_clock_us(void);
int64_t __wrap_wt_clock_us(void)
{
    return clock_us;
}

static inline void redirect(int file)
{
    captured = file;
    saved_stderr = dup(STDERR_FILENO);
    assert_true(saved_stderr >= 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
}

static inline int capture_start(void **state)
{
    (void)state;
    clock_us += 60000000;
    redirect(memfd_create("stderr", 0));
    return 0;
}

static inline int capture_end(void **state)
{
    (void)state;
    clock_us += 60000000;
    wt_log_flush();
    (void)dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    (void)close(captured);
    return 0;
}

/* Everything written since the start or the last call. */
static inline const char *written(void)
{
    ssize_t length = pread(captured, capture, sizeof capture - 1, 0);
    assert_true(length >= 0 && length < (ssize_t)sizeof capture - 1);
    capture[length] = '\0';
    assert_int_equal(ftruncate(captured, 0), 0);
    assert_int_equal(lseek(captured, 0, SEEK_SET), 0);
    return capture;
}

/* What lies at the other end of a pseudo terminal, which may hand out one line in parts: read until
 * nothing more comes. */
static inline void read_terminal(int terminal, char *text, size_t text_bytes)
{
    size_t length = 0;
    struct pollfd ready = {.fd = terminal, .events = POLLIN};
    while (length < text_bytes - 1 && poll(&ready, 1, length == 0 ? 60000 : 100) > 0) {
        ssize_t got = read(terminal, text + length, text_bytes - 1 - length);
        assert_true(got > 0);
        length += (size_t)got;
    }
    assert_true(length > 0);
    text[length] = '\0';
}

static inline void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0) {
        fail_msg("\"%s\" does not match %s", text, pattern);
    }
    regfree(&regex);
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture_start, capture_end)

#endif
