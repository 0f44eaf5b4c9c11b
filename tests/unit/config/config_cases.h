/* config_cases.h: loading configurations from text, for tests. */
#ifndef WIRETAG_TESTS_CONFIG_CASES_H
#define WIRETAG_TESTS_CONFIG_CASES_H

#include "config/config.h"
#include "config/config_load.h"

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
    struct wt_config_override overrides[SETS_MAX] = {{0}};
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

/* One mistake: either in the file or in an override on top of a good file. */
struct mistake {
    const char *yaml;     /* NULL: a good file */
    const char *set;      /* NULL: none */
    const char *parts[5]; /* each must be in the message, the first at its beginning */
};

static inline void assert_refused(const struct mistake *mistake)
{
    struct wt_config *config = NULL;
    struct wt_error error = {0};
    const char *yaml = mistake->yaml != NULL ? mistake->yaml : "{}";
    enum wt_status status = parse(yaml, SETS(mistake->set), &config, &error);
    if (status == WT_OK) {
        fail_msg("accepted: %s %s", yaml, mistake->set != NULL ? mistake->set : "");
    }
    assert_null(config);
    assert_int_equal(error.error_class, WT_ERROR_FATAL);
    for (size_t i = 0; i < 5 && mistake->parts[i] != NULL; i++) {
        const char *found = strstr(error.message, mistake->parts[i]);
        if (found == NULL || (i == 0 && found != error.message)) {
            fail_msg("\"%s\" is not where it should be in: %s", mistake->parts[i], error.message);
        }
    }
}

static inline void assert_all_refused(const struct mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_refused(&mistakes[i]);
    }
}

#define ASSERT_ALL_REFUSED(mistakes)                                                               \
    assert_all_refused(mistakes, sizeof(mistakes) / sizeof((mistakes)[0]))

#endif
