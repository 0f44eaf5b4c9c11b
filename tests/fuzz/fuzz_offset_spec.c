/* Fuzz target: the bounds and partition numbers of replay, as typed.
 *
 * Whatever is taken lies within its type, and a time that is shown reads as itself again. */
#include "base/clock.h"
#include "replay/offset_spec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1772366400000)

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_bound(const struct wt_offset_spec *bound)
{
    require(bound->value >= 0);
    for (size_t i = 0; i < bound->count; i++) {
        require(bound->offsets[i].partition >= 0 && bound->offsets[i].offset >= 0);
        require(wt_offset_spec_offset(bound, bound->offsets[i].partition) ==
                bound->offsets[i].offset);
    }
    if (bound->kind == WT_OFFSET_SPEC_TIME) {
        char text[WT_TIME_BYTES_MAX];
        struct wt_offset_spec again;
        wt_time_write(bound->value, text);
        require(wt_offset_spec_parse("--from", text, NOW_MS, &again, NULL) == WT_OK);
        require(again.value == bound->value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct wt_offset_spec bound;
    struct wt_numbers numbers;
    struct wt_error error = {0};
    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (wt_offset_spec_parse("--from", text, NOW_MS, &bound, &error) == WT_OK) {
        check_bound(&bound);
        wt_offset_spec_free(&bound);
    } else {
        require(error.message[0] != '\0');
    }
    if (wt_numbers_parse("--partitions", text, &numbers, &error) == WT_OK) {
        for (size_t i = 0; i < numbers.count; i++) {
            require(numbers.spans[i].low >= 0 && numbers.spans[i].low <= numbers.spans[i].high);
            require(wt_numbers_have(&numbers, numbers.spans[i].high));
        }
        wt_numbers_free(&numbers);
    }
    free(text);
    return 0;
}
