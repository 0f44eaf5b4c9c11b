/* Memory in large pages: zeroed, aligned, and back with the system when it is freed. */
#include "base/pages.h"

#include "support.h"

#include <stdint.h>
#include <string.h>

#define LARGE_PAGE ((size_t)2 << 20)

static void blocks_of_any_size_are_zeroed_and_aligned(void **state)
{
    (void)state;
    const size_t sizes[] = {0,
                            1,
                            63,
                            64,
                            4096,
                            100000,
                            LARGE_PAGE - 1,
                            LARGE_PAGE,
                            LARGE_PAGE + 1,
                            3 * LARGE_PAGE - 4096,
                            5 * LARGE_PAGE + 12345};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    unsigned char *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = i % 2 == 0 ? wt_pages_alloc(sizes[i]) : wt_pages_alloc_present(sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 64, 0);
        for (size_t at = 0; at < sizes[i]; at++) {
            assert_int_equal(blocks[i][at], 0);
        }
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < sizes[i]; at++) {
            assert_int_equal(blocks[i][at], i + 1);
        }
        wt_pages_free(blocks[i]);
    }
    wt_pages_free(NULL);
}

/* Small blocks that are allocated in between keep no large one from going back. */
static void large_blocks_go_back_to_the_system(void **state)
{
    (void)state;
    enum { COUNT = 16 };
    const size_t bytes = 3 * LARGE_PAGE;
    size_t before = resident_bytes();
    void *large[COUNT];
    void *small[COUNT];
    for (int i = 0; i < COUNT; i++) {
        large[i] = wt_pages_alloc(bytes);
        assert_non_null(large[i]);
        memset(large[i], 1, bytes);
        small[i] = malloc(64);
    }
    assert_true(resident_bytes() >= before + COUNT * bytes);
    for (int i = 0; i < COUNT; i++) {
        wt_pages_free(large[i]);
    }
    size_t after = resident_bytes();
    for (int i = 0; i < COUNT; i++) {
        free(small[i]);
    }
#if !defined(__SANITIZE_ADDRESS__) /* which keeps what was freed */
    assert_true(after < before + 2 * LARGE_PAGE);
#else
    (void)after;
#endif
}

static void more_than_there_is_is_refused(void **state)
{
    (void)state;
    assert_null(wt_pages_alloc(SIZE_MAX));
#if !defined(__SANITIZE_ADDRESS__) /* which ends the process instead */
    assert_null(wt_pages_alloc(SIZE_MAX / 4));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_any_size_are_zeroed_and_aligned),
        cmocka_unit_test(large_blocks_go_back_to_the_system),
        cmocka_unit_test(more_than_there_is_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
