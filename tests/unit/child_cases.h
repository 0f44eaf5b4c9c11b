/* child_cases.h: what a process does at its end, seen by its parent. */
#ifndef WIRETAG_TESTS_CHILD_CASES_H
#define WIRETAG_TESTS_CHILD_CASES_H

#include "support.h"

#include "base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child ends with that does what it should not. */
#define CHILD_WRONG 99

struct child {
    pid_t process;
    int words;    /* what it logs */
    int steps;    /* a byte for each child_step */
    int steps_in; /* the child's end of it */
};

/* The child says how far it is. */
static inline void child_step(const struct child *child)
{
    if (write(child->steps_in, "x", 1) != 1) {
        _exit(CHILD_WRONG);
    }
}

/* Runs `body` in a process of its own. `opaque` is the body's. */
static inline struct child child_start(void (*body)(const struct child *child, void *opaque),
                                       void *opaque)
{
    struct child child = {0};
    int words[2];
    int steps[2];
    assert_int_equal(pipe(words), 0);
    assert_int_equal(pipe(steps), 0);
    (void)fflush(NULL);
    child.process = fork();
    assert_true(child.process >= 0);
    if (child.process == 0) {
        (void)dup2(words[1], STDERR_FILENO);
        child.steps_in = steps[1];
        body(&child, opaque);
        _exit(CHILD_WRONG);
    }
    (void)close(words[1]);
    (void)close(steps[1]);
    child.words = words[0];
    child.steps = steps[0];
    return child;
}

/* Waits for so many steps. */
static inline void child_await(const struct child *child, int steps)
{
    char byte;
    for (int i = 0; i < steps; i++) {
        assert_int_equal(read(child->steps, &byte, 1), 1);
    }
}

/* Waits for the child's end. Its words are valid until the next call. */
static inline int child_end(const struct child *child, const char **words_out)
{
    static char words[65536];
    size_t length = 0;
    ssize_t got;
    int status = 0;
    while (length < sizeof words - 1 &&
           (got = read(child->words, words + length, sizeof words - 1 - length)) > 0) {
        length += (size_t)got;
    }
    words[length] = '\0';
    assert_int_equal(waitpid(child->process, &status, 0), child->process);
    (void)close(child->words);
    (void)close(child->steps);
    if (words_out != NULL) {
        *words_out = words;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Nobody reads what the child logs from now on, and there is no room for more. In the child. */
static inline void child_fill_log(void)
{
    static char bytes[4096];
    memset(bytes, '.', sizeof bytes);
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
    while (write(STDERR_FILENO, bytes, sizeof bytes) > 0) {
    }
    while (write(STDERR_FILENO, bytes, 1) > 0) {
    }
    (void)fcntl(STDERR_FILENO, F_SETFL, flags);
}

static inline void child_sleep_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    (void)nanosleep(&time, NULL);
}

/* As a library that never returns. */
static inline void child_hang(void)
{
    for (;;) {
        (void)pause();
    }
}

#endif
