/* config_cases.h: loading configurations from text, for the tests of config. */
#ifndef WIRETAG_TESTS_CONFIG_CASES_H
#define WIRETAG_TESTS_CONFIG_CASES_H

#include "base/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SETS_MAX 8u

/* Loads `yaml`, named "test.yaml", with up to SETS_MAX overrides, the last one NULL. */
static inline enum wt_status parse(const char *yaml, const char *const *sets,
                                   struct wt_config **config_out, struct wt_error *error)
{
    struct wt_config_override overrides[SETS_MAX];
    size_t count = 0;
    while (sets != NULL && count < SETS_MAX && sets[count] != NULL) {
        overrides[count].text = sets[count];
        count++;
    }
    return wt_config_parse(yaml, strlen(yaml), "test.yaml", overrides, count, config_out, error);
}

/* The overrides of one case: SETS("a.b=1", "c=2"). */
#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Loads what must be good; `sets` NULL for none. */
static inline struct wt_config *load(const char *yaml, const char *const *sets)
{
    struct wt_config *config = NULL;
    struct wt_error error = {0};
    if (parse(yaml, sets, &config, &error) != WT_OK) {
        fail_msg("%s", error.message);
    }
    return config;
}

#endif
