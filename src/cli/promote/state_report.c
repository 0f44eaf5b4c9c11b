#include "cli/promote/state_report.h"

#include "base/buffer.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The digits of a hash that a line shows. */
#define DIGITS 12

static const char *group_of(const struct wt_config *config)
{
    return wt_config_consumer_property(config, "group.id")->value;
}

static void print_part(const struct wt_promote_state *state, const struct wt_promote_part *part,
                       const char *configured)
{
    const char *model = wt_promote_next_model(state, part, configured);
    bool fixed = wt_promote_has_fixed(state, part);
    int64_t planned = fixed ? part->promotion.at : part->from;
    bool reached = fixed && part->position >= planned;
    (void)printf("%s [%" PRId32 "]: ", part->topic, part->partition);
    if (state->announced && !state->announcement.ended) {
        (void)printf("%s %" PRId64 "%s, ", reached ? "took over at" : "takes over at", planned,
                     fixed ? "" : " or behind it");
    } else if (part->fixed) {
        (void)printf("promoted at %" PRId64 ", ", part->promotion.at);
    }
    if (part->position >= 0) {
        (void)printf("position %" PRId64 ", ", part->position);
    } else {
        (void)printf("no position, ");
    }
    (void)printf("labelled by %.*s\n", DIGITS, model[0] != '\0' ? model : "the configured model");
}

void wt_promote_print_text(const struct wt_config *config, const struct wt_promote_state *state,
                           const char *configured)
{
    enum wt_promote_stage stage = wt_promote_stage_of(state);
    const struct wt_promotion *announced = &state->announcement;
    char time[WT_TIME_BYTES_MAX];
    if (stage == WT_PROMOTE_NONE) {
        (void)printf("group %s: no promotion is announced\n", group_of(config));
    } else {
        wt_time_write(announced->id, time);
        (void)printf("group %s: the promotion of %s to SHA-256 %s, %s, is %s\n", group_of(config),
                     time, announced->model.sha256, announced->model.path,
                     stage == WT_PROMOTE_UNDER_WAY ? "under way"
                     : stage == WT_PROMOTE_OVER    ? "over: all partitions have gone over"
                                                   : "called off");
    }
    for (size_t i = 0; i < state->count; i++) {
        print_part(state, &state->parts[i], configured);
    }
}

static void add_text(struct wt_buffer *json, const char *name, const char *value)
{
    wt_buffer_append_json_name(json, name);
    if (value[0] == '\0') {
        wt_buffer_append_text(json, "null");
    } else {
        wt_buffer_append_json_string(json, value, strlen(value));
    }
}

static void add_number(struct wt_buffer *json, const char *name, int64_t value)
{
    wt_buffer_append_json_name(json, name);
    if (value < 0) {
        wt_buffer_append_text(json, "null");
    } else {
        wt_buffer_append_integer(json, value);
    }
}

static void add_part(struct wt_buffer *json, const struct wt_promote_state *state,
                     const struct wt_promote_part *part, const char *configured)
{
    bool fixed = wt_promote_has_fixed(state, part);
    bool active = state->announced && !state->announcement.ended && (fixed || part->announced);
    wt_buffer_append_json_name(json, NULL);
    wt_buffer_append_text(json, "{");
    add_text(json, "topic", part->topic);
    add_number(json, "partition", part->partition);
    add_number(json, "planned", !active ? -1 : fixed ? part->promotion.at : part->from);
    wt_buffer_append_json_name(json, "fixed");
    wt_buffer_append_text(json, fixed ? "true" : "false");
    add_number(json, "position", part->position);
    add_text(json, "model", wt_promote_next_model(state, part, configured));
    wt_buffer_append_text(json, "}");
}

void wt_promote_print_json(const struct wt_config *config, const struct wt_promote_state *state,
                           const char *configured)
{
    struct wt_buffer json = {0};
    wt_buffer_append_text(&json, "{");
    add_text(&json, "group", group_of(config));
    add_text(&json, "promotion", wt_promote_stage_name(wt_promote_stage_of(state)));
    if (state->announced) {
        add_number(&json, "announced", state->announcement.id);
        add_text(&json, "sha256", state->announcement.model.sha256);
        add_text(&json, "path", state->announcement.model.path);
    }
    wt_buffer_append_json_name(&json, "partitions");
    wt_buffer_append_text(&json, "[");
    for (size_t i = 0; i < state->count; i++) {
        add_part(&json, state, &state->parts[i], configured);
    }
    wt_buffer_append_text(&json, "]}");
    char *text = wt_buffer_take(&json, NULL);
    (void)printf("%s\n", text);
    free(text);
}
