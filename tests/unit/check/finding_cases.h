/* finding_cases.h: looks for a finding among many. */
#ifndef WIRETAG_TESTS_FINDING_CASES_H
#define WIRETAG_TESTS_FINDING_CASES_H

#include "check/finding.h"

#include "support.h"

static inline const struct wt_finding *find(const struct wt_findings *findings, const char *check)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (strcmp(findings->items[i].check, check) == 0) {
            return &findings->items[i];
        }
    }
    return NULL;
}

static inline void assert_found(const struct wt_findings *findings, const char *check,
                                enum wt_finding_level level, const char *place)
{
    const struct wt_finding *finding = find(findings, check);
    if (finding == NULL) {
        fail_msg("no finding %s", check);
        return;
    }
    assert_int_equal(finding->level, level);
    assert_non_null(strstr(finding->place, place));
    assert_true(finding->message[0] != '\0');
    assert_true(level < WT_FINDING_WARNING || finding->remedy[0] != '\0');
}

#endif
