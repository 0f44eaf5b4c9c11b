#include "pipeline/shadow/shadow_comparison.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "compare/agreement.h"
#include "compare/evidence.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The series of a pair of labels (WT_AGREEMENT_NONE: none). */
struct pair_series {
    uint32_t live;
    uint32_t shadow;
    struct wt_series *series;
};

struct wt_shadow_comparison {
    const struct wt_model_info *shadow;
    double share;
    struct wt_mutex mutex;          /* guards what follows */
    struct wt_shadow_live *live;    /* NULL: nothing was compared yet */
    struct wt_agreement *agreement; /* NULL as `live` is */
    int64_t since_ms;               /* wall clock */
    uint32_t series_count;          /* that pairs have in the process */
    /* Known ones, so that the page's lock is seldom taken. */
    struct pair_series known[WT_SHADOW_SERIES_MAX];
    uint32_t known_count;
};

struct wt_shadow_comparison *wt_shadow_comparison_create(const struct wt_model_info *shadow,
                                                         double share)
{
    struct wt_shadow_comparison *comparison = wt_alloc_zeroed(1, sizeof *comparison);
    comparison->shadow = shadow;
    comparison->share = share;
    wt_mutex_init(&comparison->mutex);
    return comparison;
}

void wt_shadow_comparison_destroy(struct wt_shadow_comparison *comparison)
{
    if (comparison == NULL) {
        return;
    }
    wt_shadow_live_release(comparison->live);
    wt_agreement_destroy(comparison->agreement);
    wt_mutex_destroy(&comparison->mutex);
    free(comparison);
}

/* --- counting -------------------------------------------------------------------------------- */

/* Locks: held. */
static void begin(struct wt_shadow_comparison *comparison, struct wt_shadow_live *live)
{
    wt_mutex_assert_held(&comparison->mutex);
    const struct wt_shadow_live *before = comparison->live;
    if (before != NULL && strcmp(before->sha256, live->sha256) == 0) {
        wt_log_info("shadow", "the comparison begins anew: the live model %s %s was loaded again",
                    live->name, live->version);
    } else if (before != NULL) {
        wt_log_info("shadow",
                    "the comparison begins anew: the live model is %s %s now, it was %s %s; "
                    "SHA-256 %.12s…, before %.12s…",
                    live->name, live->version, before->name, before->version, live->sha256,
                    before->sha256);
    }
    const struct wt_agreement_names a = {(const char *const *)live->labels, live->label_count};
    const struct wt_agreement_names b = {comparison->shadow->labels,
                                         comparison->shadow->label_count};
    wt_agreement_destroy(comparison->agreement);
    wt_shadow_live_release(comparison->live);
    comparison->agreement = wt_agreement_create(&a, &b);
    comparison->live = wt_shadow_live_hold(live);
    comparison->since_ms = wt_clock_wall_ms();
    comparison->known_count = 0;
}

/* A pair's counter. Series are few, so that those of two models with many labels do not crowd the page.
 * Locks: held. */
static struct wt_series *make_series(struct wt_shadow_comparison *comparison, uint32_t live,
                                     uint32_t shadow)
{
    static const char *const others[] = {"other", "other"};
    const char *const pair[] = {wt_agreement_name_a(comparison->agreement, live),
                                wt_agreement_name_b(comparison->agreement, shadow)};
    struct wt_series *series = wt_series_find(WT_FAMILY_SHADOW_DISAGREEMENTS, pair);
    if (series == NULL && comparison->series_count == WT_SHADOW_SERIES_MAX) {
        return wt_series_get(WT_FAMILY_SHADOW_DISAGREEMENTS, others);
    }
    comparison->series_count += series == NULL ? 1 : 0;
    return wt_series_get(WT_FAMILY_SHADOW_DISAGREEMENTS, pair);
}

/* Locks: held. */
static void count_series(struct wt_shadow_comparison *comparison, uint32_t live, uint32_t shadow)
{
    wt_mutex_assert_held(&comparison->mutex);
    for (uint32_t i = 0; i < comparison->known_count; i++) {
        const struct pair_series *known = &comparison->known[i];
        if (known->live == live && known->shadow == shadow) {
            wt_series_add(known->series, 1);
            return;
        }
    }
    struct wt_series *series = make_series(comparison, live, shadow);
    wt_series_add(series, 1);
    if (comparison->known_count < WT_SHADOW_SERIES_MAX) {
        comparison->known[comparison->known_count++] = (struct pair_series){live, shadow, series};
    }
}

static struct wt_given given_of(const uint32_t *labels, uint32_t count, const uint32_t *category,
                                uint32_t label_count)
{
    return labels != NULL ? (struct wt_given){labels, count}
                          : (struct wt_given){category, *category < label_count ? 1 : 0};
}

static uint32_t first_of(struct wt_given given)
{
    return given.count > 0 ? given.labels[0] : WT_AGREEMENT_NONE;
}

void wt_shadow_comparison_count(struct wt_shadow_comparison *comparison,
                                const struct wt_shadow_item *item, const struct wt_record *record)
{
    assert(record->outcome == WT_OUTCOME_LABELLED);
    struct wt_given live =
        given_of(item->labels, item->label_count, &item->category, item->live->label_count);
    struct wt_given shadow = given_of(record->labels, record->reached_count, &record->category,
                                      comparison->shadow->label_count);
    wt_mutex_lock(&comparison->mutex);
    if (comparison->live != item->live) {
        begin(comparison, item->live);
    }
    struct wt_agreement *agreement = comparison->agreement;
    wt_agreement_count(agreement, live, shadow);
    if (!wt_agreement_equal(agreement, live, shadow)) {
        count_series(comparison, first_of(live), first_of(shadow));
    }
    wt_mutex_unlock(&comparison->mutex);
    wt_metric_add(WT_METRIC_SHADOW_COMPARED, 1);
}

void wt_shadow_comparison_fail(struct wt_shadow_comparison *comparison,
                               const struct wt_shadow_item *item)
{
    wt_mutex_lock(&comparison->mutex);
    if (comparison->live != item->live) {
        begin(comparison, item->live);
    }
    wt_agreement_count_failed(comparison->agreement, false, true);
    wt_mutex_unlock(&comparison->mutex);
    wt_metric_add(WT_METRIC_SHADOW_FAILED, 1);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void add_text(struct wt_buffer *json, const char *name, const char *value)
{
    wt_buffer_append_json_name(json, name);
    if (value != NULL) {
        wt_buffer_append_json_string(json, value, strlen(value));
    } else {
        wt_buffer_append_text(json, "null");
    }
}

static void add_number(struct wt_buffer *json, const char *name, double value)
{
    wt_buffer_append_json_name(json, name);
    wt_buffer_append_number(json, value);
}

static void add_count(struct wt_buffer *json, const char *name, uint64_t value)
{
    wt_buffer_append_json_name(json, name);
    wt_buffer_append_integer(json, (int64_t)value);
}

static void add_flag(struct wt_buffer *json, const char *name, bool value)
{
    wt_buffer_append_json_name(json, name);
    wt_buffer_append_text(json, value ? "true" : "false");
}

static void add_model(struct wt_buffer *json, const char *name, const char *model,
                      const char *version, const char *sha256)
{
    wt_buffer_append_json_name(json, name);
    wt_buffer_append_text(json, "{");
    add_text(json, "name", model);
    add_text(json, "version", version);
    add_text(json, "sha256", sha256);
    wt_buffer_append_text(json, "}");
}

/* Rates of articles whose labels are not the same. */
struct rates {
    uint64_t changed;
    double rate;
    struct wt_interval interval;
    double half;
    bool enough;
};

static struct rates rates_of(const struct wt_agreement_counts *counts)
{
    struct rates rates = {.changed = counts->compared - counts->equal};
    rates.rate = counts->compared > 0 ? (double)rates.changed / (double)counts->compared : 0.0;
    rates.interval = wt_interval_always(rates.changed, counts->compared);
    rates.half = wt_interval_half_width(rates.interval, rates.rate);
    rates.enough = wt_evidence_enough(rates.changed, counts->compared, WT_SHADOW_HALF_WIDTH);
    return rates;
}

static void add_rates(struct wt_buffer *json, const struct wt_agreement_counts *counts)
{
    struct rates rates = rates_of(counts);
    bool any = counts->compared > 0;
    wt_buffer_append_json_name(json, "agreement");
    if (any) {
        wt_buffer_append_number(json, 1.0 - rates.rate);
    } else {
        wt_buffer_append_text(json, "null");
    }
    add_count(json, "compared", counts->compared);
    add_count(json, "differ", rates.changed);
    add_count(json, "same_category", counts->same_category);
    wt_buffer_append_json_name(json, "differ_rate");
    wt_buffer_append_text(json, "[");
    wt_buffer_append_number(json, rates.interval.low);
    wt_buffer_append_text(json, ",");
    wt_buffer_append_number(json, rates.interval.high);
    wt_buffer_append_text(json, "]");
    add_number(json, "half_width", rates.half);
    add_number(json, "half_width_max", WT_SHADOW_HALF_WIDTH);
    add_flag(json, "enough", rates.enough);
}

/* A label, or null for none. */
static void add_label(struct wt_buffer *json, const char *name, uint32_t label, const char *text)
{
    add_text(json, name, label == WT_AGREEMENT_NONE ? NULL : text);
}

static bool is_same_name(struct wt_agreement *agreement, const struct wt_agreement_pair *pair)
{
    bool none = pair->a == WT_AGREEMENT_NONE || pair->b == WT_AGREEMENT_NONE;
    return none ? pair->a == pair->b
                : strcmp(wt_agreement_name_a(agreement, pair->a),
                         wt_agreement_name_b(agreement, pair->b)) == 0;
}

static void add_pair(struct wt_buffer *json, struct wt_agreement *agreement,
                     const struct wt_agreement_pair *pair)
{
    wt_buffer_append_json_name(json, NULL);
    wt_buffer_append_text(json, "{");
    add_label(json, "live", pair->a, wt_agreement_name_a(agreement, pair->a));
    add_label(json, "shadow", pair->b, wt_agreement_name_b(agreement, pair->b));
    add_count(json, "count", pair->articles);
    wt_buffer_append_text(json, "}");
}

/* The pairs that differ come first, of both kinds the most frequent first. */
static void add_pairs(struct wt_buffer *json, struct wt_agreement *agreement)
{
    struct wt_agreement_pair *pairs = wt_alloc(WT_SHADOW_PAIRS_MAX * sizeof *pairs);
    uint32_t count =
        agreement != NULL ? wt_agreement_pairs(agreement, false, WT_SHADOW_PAIRS_MAX, pairs) : 0;
    wt_buffer_append_json_name(json, "pairs");
    wt_buffer_append_text(json, "[");
    for (int same = 0; same <= 1; same++) {
        for (uint32_t i = 0; i < count; i++) {
            if (is_same_name(agreement, &pairs[i]) == (same == 1)) {
                add_pair(json, agreement, &pairs[i]);
            }
        }
    }
    wt_buffer_append_text(json, "]");
    add_count(json, "pairs_all", agreement != NULL ? wt_agreement_pair_count(agreement) : 0);
    free(pairs);
}

char *wt_shadow_comparison_json(struct wt_shadow_comparison *comparison)
{
    struct wt_buffer json = {0};
    struct wt_agreement_counts counts = {0};
    const struct wt_model_info *shadow = comparison->shadow;
    wt_mutex_lock(&comparison->mutex);
    const struct wt_shadow_live *live = comparison->live;
    if (comparison->agreement != NULL) {
        counts = wt_agreement_counts(comparison->agreement);
    }
    char *model = wt_format("%s %s", shadow->name, shadow->version);
    wt_buffer_append_text(&json, "{");
    add_text(&json, "model", model);
    add_rates(&json, &counts);
    add_pairs(&json, comparison->agreement);
    add_model(&json, "shadow", shadow->name, shadow->version, shadow->sha256);
    if (live != NULL) {
        char since[WT_TIME_BYTES_MAX];
        wt_time_write(comparison->since_ms, since);
        add_model(&json, "live", live->name, live->version, live->sha256);
        add_text(&json, "since", since);
    }
    add_number(&json, "share", comparison->share);
    add_count(&json, "failed", counts.failed_b);
    wt_mutex_unlock(&comparison->mutex);
    add_count(&json, "dropped", (uint64_t)wt_metric_get(WT_METRIC_SHADOW_DROPPED));
    wt_buffer_append_text(&json, "}\n");
    free(model);
    return wt_buffer_take(&json, NULL);
}

/* --- the sentence ---------------------------------------------------------------------------- */

/* 12,345 */
static void write_grouped(uint64_t number, char text[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *at = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            *at++ = ',';
        }
        *at++ = digits[i];
    }
    *at = '\0';
}

char *wt_shadow_comparison_say(struct wt_shadow_comparison *comparison)
{
    char *said = NULL;
    wt_mutex_lock(&comparison->mutex);
    if (comparison->agreement != NULL) {
        struct wt_agreement_counts counts = wt_agreement_counts(comparison->agreement);
        struct rates rates = rates_of(&counts);
        struct wt_agreement_pair most;
        char articles[32];
        write_grouped(counts.compared, articles);
        bool any = wt_agreement_pairs(comparison->agreement, true, 1, &most) > 0;
        said = wt_format(
            "%s %s differs from %s %s on %.1f %% ± %.1f of %s articles%s%s%s%s; the evidence is "
            "%senough",
            comparison->shadow->name, comparison->shadow->version, comparison->live->name,
            comparison->live->version, rates.rate * 100.0, rates.half * 100.0, articles,
            any ? ", most often " : "",
            any ? wt_agreement_name_a(comparison->agreement, most.a) : "", any ? " → " : "",
            any ? wt_agreement_name_b(comparison->agreement, most.b) : "",
            rates.enough ? "" : "not yet ");
    }
    wt_mutex_unlock(&comparison->mutex);
    return said;
}
