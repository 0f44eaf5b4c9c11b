/* apart.h: runs the tests of a group in a process each, several at a time: for tests that mostly wait.
 *
 * What a test prints appears when it is over. `PROGRAM WORD` runs only those with WORD in their name. */
#ifndef WIRETAG_TESTS_APART_H
#define WIRETAG_TESTS_APART_H

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART_PROCESSES_MAX 6u

struct apart {
    pid_t process; /* 0: over */
    FILE *printed;
};

/* Called before there is any thread. */
static inline void apart_start(const struct CMUnitTest *test, CMFixtureFunction create,
                               CMFixtureFunction destroy, struct apart *apart)
{
    apart->printed = tmpfile();
    (void)fflush(NULL);
    apart->process = apart->printed != NULL ? fork() : -1;
    if (apart->process < 0) {
        perror("a test's process cannot be started");
        exit(EXIT_FAILURE);
    }
    if (apart->process == 0) {
        if (dup2(fileno(apart->printed), STDOUT_FILENO) < 0 ||
            dup2(fileno(apart->printed), STDERR_FILENO) < 0) {
            exit(EXIT_FAILURE);
        }
        exit(_cmocka_run_group_tests(test->name, test, 1, create, destroy) == 0 ? EXIT_SUCCESS
                                                                                : EXIT_FAILURE);
    }
}

/* Waits for any of them. True: it passed. */
static inline bool apart_wait(struct apart *aparts, size_t count)
{
    int status = 0;
    char line[1024];
    pid_t process = wait(&status);
    for (size_t i = 0; i < count; i++) {
        if (process > 0 && aparts[i].process == process) {
            aparts[i].process = 0;
            rewind(aparts[i].printed);
            while (fgets(line, sizeof line, aparts[i].printed) != NULL) {
                (void)fputs(line, stdout);
            }
            (void)fclose(aparts[i].printed);
        }
    }
    return process > 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* What `main` returns. */
static inline int apart_run(const struct CMUnitTest *tests, size_t count, CMFixtureFunction create,
                            CMFixtureFunction destroy, const char *word)
{
    static struct apart
        *aparts; /* where a leak check finds it in the tests' processes, which leave it */
    aparts = calloc(count, sizeof *aparts);
    size_t running = 0;
    size_t passed = 0;
    size_t started = 0;
    for (size_t i = 0; i < count; i++) {
        if (word != NULL && strstr(tests[i].name, word) == NULL) {
            continue;
        }
        if (running == APART_PROCESSES_MAX) {
            passed += apart_wait(aparts, count);
            running--;
        }
        apart_start(&tests[i], create, destroy, &aparts[i]);
        started++;
        running++;
    }
    for (; running > 0; running--) {
        passed += apart_wait(aparts, count);
    }
    free(aparts);
    (void)printf("%zu of %zu passed\n", passed, started);
    return started > 0 && passed == started ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
