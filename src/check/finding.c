#include "check/finding.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX 1200u

static char *print(const char *format, va_list arguments)
{
    char text[TEXT_BYTES_MAX];
    (void)vsnprintf(text, sizeof text, format, arguments);
    return wt_strdup(text);
}

/* Takes place and message. */
static void append(struct wt_findings *findings, char *place, enum wt_finding_level level,
                   const char *check, char *message)
{
    wt_findings_tell(findings); /* the previous finding is complete now */
    findings->items = wt_realloc(findings->items, (findings->count + 1) * sizeof *findings->items);
    findings->items[findings->count++] = (struct wt_finding){.level = level,
                                                             .check = wt_strdup(check),
                                                             .place = place,
                                                             .message = message,
                                                             .remedy = wt_strdup("")};
}

void wt_finding_add(struct wt_findings *findings, const struct wt_config *config, const char *key,
                    enum wt_finding_level level, const char *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append(findings, wt_format("%s: %s", wt_config_place(config, key), key), level, check,
           print(format, arguments));
    va_end(arguments);
}

void wt_finding_add_at(struct wt_findings *findings, const char *place, enum wt_finding_level level,
                       const char *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append(findings, wt_strdup(place), level, check, print(format, arguments));
    va_end(arguments);
}

const char *wt_finding_place(const struct wt_config *config, const struct wt_property *property,
                             const char *section, char place[WT_FINDING_PLACE_MAX])
{
    if (property != NULL) {
        (void)snprintf(place, WT_FINDING_PLACE_MAX, "%s: %s", property->place, property->name);
    } else {
        (void)snprintf(place, WT_FINDING_PLACE_MAX, "%s: %s", wt_config_place(config, section),
                       section);
    }
    return place;
}

void wt_finding_remedy(struct wt_findings *findings, const char *format, ...)
{
    assert(findings->count > 0);
    struct wt_finding *finding = &findings->items[findings->count - 1];
    va_list arguments;
    va_start(arguments, format);
    free(finding->remedy);
    finding->remedy = print(format, arguments);
    va_end(arguments);
}

void wt_findings_tell(struct wt_findings *findings)
{
    while (findings->tell != NULL && findings->told < findings->count) {
        findings->tell(findings->opaque, &findings->items[findings->told++]);
    }
}

bool wt_findings_well(const struct wt_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].level >= WT_FINDING_WARNING) {
            return false;
        }
    }
    return true;
}

const char *wt_finding_level_name(enum wt_finding_level level)
{
    static const char *const names[] = {[WT_FINDING_OK] = "ok",
                                        [WT_FINDING_NOTE] = "note",
                                        [WT_FINDING_WARNING] = "warning",
                                        [WT_FINDING_ERROR] = "error"};
    return names[level];
}

void wt_findings_free(struct wt_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].check);
        free(findings->items[i].place);
        free(findings->items[i].message);
        free(findings->items[i].remedy);
    }
    free(findings->items);
    *findings = (struct wt_findings){0};
}
