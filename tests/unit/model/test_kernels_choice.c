/* Which sets of kernels there are, and how one is found. */
#include "kernel_cases.h"

#include <stdio.h>

#if defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

static void a_set_is_found_by_its_name_and_no_other_is(void **state)
{
    (void)state;
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        assert_ptr_equal(wt_kernels_named((*set)->name), *set);
    }
    assert_null(wt_kernels_named("avx1024"));
    assert_null(wt_kernels_named(""));
    assert_ptr_equal(wt_kernels_all()[0], &wt_kernels_portable);
}

/* Beside int8 it follows from the maker of the processor, so that two workers on it agree: on one with AMX
 * only the set for that, on AMD's the one with vdpbf16ps. */
static void attention_is_in_bf16_where_products_of_bf16_are_fast(void **state)
{
    (void)state;
#if defined(__x86_64__)
    const struct wt_kernels *fast = wt_kernels_named("amx");
    if (fast == NULL && __builtin_cpu_is("amd")) {
        fast = wt_kernels_named("avx512-bf16");
    }
#else
    const struct wt_kernels *fast = wt_kernels_named("neon-bf16");
#endif
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        assert_false(wt_kernels_attends_in_bf16(*set, WT_NUMBER_F32));
        assert_int_equal(wt_kernels_attends_in_bf16(*set, WT_NUMBER_S8), *set == fast);
        assert_int_equal(wt_kernels_attends_in_bf16(*set, WT_NUMBER_BF16), (*set)->fast_bf16);
    }
}

/* A tile function of AMX takes whole squares, all others what is there. */
static void rows_and_steps_are_rounded_up_to_what_a_set_takes(void **state)
{
    (void)state;
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        bool amx = strcmp((*set)->name, "amx") == 0;
        assert_int_equal((*set)->begin != NULL, amx);
        assert_int_equal((*set)->end != NULL, amx);
        assert_int_equal(wt_kernels_tile_rows(*set, WT_NUMBER_F32), WT_TILE_ROWS);
        assert_int_equal(wt_kernels_steps(*set, WT_NUMBER_F32, 5), 5);
        for (int number = WT_NUMBER_BF16; number <= WT_NUMBER_S8; number++) {
            enum wt_number n = (enum wt_number)number;
            size_t together = wt_kernels_together(*set, n);
            assert_int_equal(wt_kernels_tile_rows(*set, n), amx ? 32 : 6);
            assert_int_equal(wt_kernels_square(*set, n), amx ? 16 : 1);
            assert_int_equal(wt_kernels_steps(*set, n, 5), amx ? 16 : together == 2 ? 6 : 5);
            assert_int_equal(wt_kernels_steps(*set, n, 32), 32);
        }
    }
}

#if defined(__x86_64__)
/* Whether the system's own list says that this processor has all of `flags`, space separated. */
static bool processor_has(const char *flags)
{
    char line[16384] = "";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && strncmp(line, "flags", 5) != 0 &&
           fgets(line, sizeof line, file) != NULL) {
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    char wanted[200];
    (void)snprintf(wanted, sizeof wanted, "%s", flags);
    bool all = strncmp(line, "flags", 5) == 0;
    for (char *rest, *flag = strtok_r(wanted, " ", &rest); flag != NULL && all;
         flag = strtok_r(NULL, " ", &rest)) {
        char word[40];
        (void)snprintf(word, sizeof word, " %s", flag);
        const char *found = strstr(line, word);
        size_t count = strlen(word);
        while (found != NULL && found[count] != ' ' && found[count] != '\n') {
            found = strstr(found + count, word);
        }
        all = found != NULL;
    }
    return all;
}

/* Whether Linux has given this process the tiles that supported_sets.c asked for. */
static bool tiles_are_given(void)
{
    unsigned long given = 0;
    return syscall(SYS_arch_prctl, 0x1022 /* ARCH_GET_XCOMP_PERM */, &given) == 0 &&
           (given & 1ul << 18) != 0;
}

static void there_is_no_set_that_the_processor_lacks(void **state)
{
    (void)state;
    if (getenv("WIRETAG_EXPECTED_SETS") != NULL) {
        skip();
    }
    static const char *const avx512 = "avx2 fma avx512f avx512bw avx512vl avx512dq";
    static const char *const vnni = "avx2 fma avx512f avx512bw avx512vl avx512dq avx512_vnni";
    static const char *const bf16 =
        "avx2 fma avx512f avx512bw avx512vl avx512dq avx512_vnni avx512_bf16";
    const struct wt_kernels *const *next = wt_kernels_all();
    const struct {
        const struct wt_kernels *set;
        bool there;
    } sets[] = {{&wt_kernels_portable, true},
                {&wt_kernels_avx2, processor_has("avx2 fma")},
                {&wt_kernels_avx_vnni, processor_has("avx2 fma avx_vnni")},
                {&wt_kernels_avx512, processor_has(avx512)},
                {&wt_kernels_avx512_vnni, processor_has(vnni)},
                {&wt_kernels_avx512_bf16, processor_has(bf16)},
                {&wt_kernels_amx, processor_has(bf16) && tiles_are_given() &&
                                      processor_has("amx_tile amx_int8 amx_bf16")}};
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        if (sets[i].there) {
            assert_ptr_equal(*next++, sets[i].set);
        }
    }
    assert_null(*next);
}
#endif

/* Whoever runs the test on an emulated processor says which sets that has. */
static void there_are_the_sets_of_an_emulated_processor(void **state)
{
    (void)state;
    const char *expected = getenv("WIRETAG_EXPECTED_SETS");
    if (expected == NULL) {
        skip();
    }
    char names[200] = "";
    for (const struct wt_kernels *const *set = wt_kernels_all(); *set != NULL; set++) {
        size_t length = strlen(names);
        (void)snprintf(names + length, sizeof names - length, "%s%s", length > 0 ? " " : "",
                       (*set)->name);
    }
    assert_string_equal(names, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_the_sets_of_an_emulated_processor),
        cmocka_unit_test(a_set_is_found_by_its_name_and_no_other_is),
        cmocka_unit_test(attention_is_in_bf16_where_products_of_bf16_are_fast),
        cmocka_unit_test(rows_and_steps_are_rounded_up_to_what_a_set_takes),
#if defined(__x86_64__)
        cmocka_unit_test(there_is_no_set_that_the_processor_lacks),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
