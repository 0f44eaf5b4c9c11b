/* support.h: what the tests of the pipeline's parts share: cmocka, and records made by hand. */
#ifndef WIRETAG_TESTS_SUPPORT_H
#define WIRETAG_TESTS_SUPPORT_H

#include "record/partition.h"
#include "record/record.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A record with a value and nothing else. */
static inline struct wt_record *record_of(const char *value)
{
    return wt_record_create(NULL, 0, value, strlen(value), NULL, 0);
}

/* A record that has `token_count` tokens and is to wait for a batch. */
static inline struct wt_record *record_of_tokens(uint32_t token_count)
{
    struct wt_record *record = record_of("{}");
    record->token_count = token_count;
    return record;
}

/* A FINISHED record of one epoch of `source`. */
static inline struct wt_record *record_finished(struct wt_partition *source, uint32_t epoch,
                                                uint64_t sequence, int64_t offset)
{
    struct wt_record *record = record_of("{}");
    record->source = source;
    record->epoch = epoch;
    record->sequence = sequence;
    record->offset = offset;
    record->outcome = WT_OUTCOME_LABELLED;
    wt_record_advance(record, WT_RECORD_FINISHED);
    return record;
}

static inline void list_end(struct wt_record_list *list)
{
    struct wt_record *record;
    while ((record = wt_record_list_take(list)) != NULL) {
        wt_record_destroy(record);
    }
}

/* Resident bytes of this process. */
static inline size_t resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    (void)fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Whether `body(opaque)` fails an assertion: it runs in a child, which must abort. */
static inline bool aborts(void (*body)(void *opaque), void *opaque)
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)freopen("/dev/null", "w", stderr);
        (void)signal(SIGABRT, SIG_DFL);
        body(opaque);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* Well-formed UTF-8 (Unicode table 3-7). */
static inline bool is_utf8(const char *text, size_t count)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t i = 0;
    while (i < count) {
        unsigned char lead = bytes[i];
        size_t more = lead < 0x80 ? 0 : lead < 0xC2 ? 9 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        if (more == 9 || lead > 0xF4 || count - i <= more) {
            return false;
        }
        unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        for (size_t j = 1; j <= more; j++) {
            if (bytes[i + j] < (j == 1 ? low : 0x80) || bytes[i + j] > (j == 1 ? high : 0xBF)) {
                return false;
            }
        }
        i += more + 1;
    }
    return true;
}

/* Steps to the next order of `items`, which begins ascending; false after the last. */
static inline bool next_permutation(uint32_t *items, uint32_t count)
{
    uint32_t i = count - 1;
    while (i > 0 && items[i - 1] > items[i]) {
        i--;
    }
    if (i == 0) {
        return false;
    }
    uint32_t j = count - 1;
    while (items[j] < items[i - 1]) {
        j--;
    }
    uint32_t item = items[i - 1];
    items[i - 1] = items[j];
    items[j] = item;
    for (uint32_t low = i, high = count - 1; low < high; low++, high--) {
        item = items[low];
        items[low] = items[high];
        items[high] = item;
    }
    return true;
}

#endif
