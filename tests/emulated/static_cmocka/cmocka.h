/* cmocka.h: of cmocka's functions those that the tests of the kernels call, for a program that is linked
 * statically: Debian has cmocka as a shared library only. A failed assertion ends the program. */
#ifndef WIRETAG_TESTS_EMULATED_CMOCKA_H
#define WIRETAG_TESTS_EMULATED_CMOCKA_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

static jmp_buf skipped;

#define cmocka_unit_test(function)                                                                 \
    {                                                                                              \
#function, function                                                                        \
    }
#define skip() longjmp(skipped, 1)
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        printf("%s:%d: ", __FILE__, __LINE__);                                                     \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        exit(1);                                                                                   \
    } while (0)

#define assert_true(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg("%s is not true", #condition);                                                \
        }                                                                                          \
    } while (0)
#define assert_false(condition) assert_true(!(condition))
#define assert_null(pointer) assert_true((pointer) == NULL)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_memory_equal(a, b, count) assert_true(memcmp((a), (b), (count)) == 0)
#define assert_memory_not_equal(a, b, count) assert_true(memcmp((a), (b), (count)) != 0)
#define assert_int_equal(a, b)                                                                     \
    do {                                                                                           \
        intmax_t left = (intmax_t)(a);                                                             \
        intmax_t right = (intmax_t)(b);                                                            \
        if (left != right) {                                                                       \
            fail_msg("%s is %jd, %s is %jd", #a, left, #b, right);                                 \
        }                                                                                          \
    } while (0)
#define assert_int_not_equal(a, b) assert_true((intmax_t)(a) != (intmax_t)(b))
#define assert_string_equal(a, b)                                                                  \
    do {                                                                                           \
        const char *left = (a);                                                                    \
        const char *right = (b);                                                                   \
        if (strcmp(left, right) != 0) {                                                            \
            fail_msg("%s is \"%s\", not \"%s\"", #a, left, right);                                 \
        }                                                                                          \
    } while (0)

static inline int run_tests(const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *state = NULL;
        bool skips = setjmp(skipped) != 0;
        if (!skips) {
            tests[i].run(&state);
        }
        printf("%s: %s\n", skips ? "skipped" : "passed", tests[i].name);
    }
    return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

#endif
