#include "cli/replay/pass_report.h"

#include "base/clock.h"
#include "cli/replay/compare.h"
#include "observe/log.h"

#include <inttypes.h>
#include <stdio.h>

/* --- the plan -------------------------------------------------------------------------------- */

#define LINE_BYTES_MAX 512u

static size_t write_found(char *line, size_t length, const char *which,
                          struct wt_preview_record record)
{
    char time[WT_TIME_BYTES_MAX];
    wt_time_write(record.timestamp_ms, time);
    return length + (size_t)snprintf(line + length, LINE_BYTES_MAX - length,
                                     "; %s %" PRId64 " of %s", which, record.offset, time);
}

/* "offsets 0 to 1200, cut at the end of the partition; first 0 of …; last 1198 of …" */
static void write_range(const struct wt_replay_part *part, bool resumed, char line[LINE_BYTES_MAX])
{
    size_t length = (size_t)snprintf(line, LINE_BYTES_MAX, "offsets %" PRId64 " to %" PRId64,
                                     part->checkpoint.from, part->checkpoint.to);
    if (resumed) {
        (void)snprintf(line + length, LINE_BYTES_MAX - length, ", done up to %" PRId64,
                       part->position);
        return;
    }
    char notes[WT_PLAN_NOTES_BYTES_MAX];
    wt_plan_notes_write(part->preview.plan.notes, notes);
    length += (size_t)snprintf(line + length, LINE_BYTES_MAX - length, "%s%s",
                               notes[0] != '\0' ? ", " : "", notes);
    bool empty = (part->preview.plan.notes & WT_PLAN_EMPTY) != 0;
    if (part->preview.first.offset >= 0) {
        length = write_found(line, length, "first", part->preview.first);
    } else if (!empty) {
        length += (size_t)snprintf(line + length, LINE_BYTES_MAX - length, "; no record in it");
    }
    if (part->preview.last.offset >= 0) {
        (void)write_found(line, length, "last", part->preview.last);
    }
}

static void warn_of_older(const struct wt_cli_pass *pass, const struct wt_replay_part *part,
                          bool resumed)
{
    if (resumed || part->preview.older.offset < 0) {
        return;
    }
    char time[WT_TIME_BYTES_MAX];
    wt_time_write(part->preview.older.timestamp_ms, time);
    wt_log_warn(pass->command,
                "%s [%" PRId32 "]: the record after the range, offset %" PRId64
                " of %s, is older than --to too: the broker's time lookup counts transaction "
                "markers, which carry the broker's time. Give --to an offset or latest",
                part->topic, part->partition, part->preview.older.offset, time);
}

/* "replay spring: to news.labelled, dead letters to news.dead" */
static void print_targets(const struct wt_cli_pass *pass)
{
    const struct wt_cli_compare *compare = pass->compare;
    (void)printf("%s %s: ", pass->command, pass->name);
    if (compare != NULL) {
        (void)printf("%s compared with %s; ", compare->config->model.path, compare->bundle);
    }
    if (compare != NULL && !compare->only_changed) {
        (void)printf("nothing is published");
        return;
    }
    (void)printf("%sto %s, dead letters to %s", compare != NULL ? "what B labels differently " : "",
                 pass->config->output.topic,
                 pass->config->dead_letter.enabled ? pass->config->dead_letter.topic : "none");
}

void wt_cli_pass_print_plan(const struct wt_cli_pass *pass, const struct wt_replay *replay)
{
    size_t count;
    int64_t records_max = 0;
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    bool resumed = wt_replay_resumed(replay);
    print_targets(pass);
    (void)printf("; group %s%s\n", wt_config_consumer_property(pass->config, "group.id")->value,
                 resumed ? ", started before: the ranges are those of its first start" : "");
    for (size_t i = 0; i < count; i++) {
        char line[LINE_BYTES_MAX];
        write_range(&parts[i], resumed, line);
        (void)printf("  %s [%" PRId32 "] %s\n", parts[i].topic, parts[i].partition, line);
        warn_of_older(pass, &parts[i], resumed);
        records_max += wt_replay_left(&parts[i]);
    }
    (void)printf("at most %" PRId64 " records to read", records_max);
    if (pass->records_per_s_max > 0) {
        (void)printf(", in %" PRId64 " s or more at %" PRIu32 " a second",
                     (records_max + pass->records_per_s_max - 1) / pass->records_per_s_max,
                     pass->records_per_s_max);
    }
    (void)printf("\n");
}

void wt_cli_pass_print_estimate(const struct wt_replay *replay,
                                const struct wt_cli_estimate *estimate)
{
    size_t count;
    int64_t records_max = 0;
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    for (size_t i = 0; i < count; i++) {
        records_max += wt_replay_left(&parts[i]);
    }
    if (estimate->records_per_s > 0) {
        double seconds = (double)records_max / estimate->records_per_s;
        char about[32] = "less than a second";
        if (seconds >= 1) {
            (void)snprintf(about, sizeof about, "about %.0f s", seconds);
        }
        (void)printf("%s alone %s %s for them in one worker like this: %.1f records a "
                     "second, timed on %" PRIu32 " of them\n",
                     estimate->models > 1 ? "the two models" : "the model",
                     estimate->models > 1 ? "take" : "takes", about, estimate->records_per_s,
                     estimate->records);
    } else {
        (void)printf("no time estimated: none of the %" PRIu32 " records read needs the model\n",
                     estimate->records);
    }
}

void wt_cli_pass_log_plan(const struct wt_cli_pass *pass, const struct wt_replay *replay)
{
    size_t count;
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    bool resumed = wt_replay_resumed(replay);
    if (resumed) {
        char time[WT_TIME_BYTES_MAX];
        wt_time_write(count > 0 ? parts[0].checkpoint.planned_ms : -1, time);
        wt_log_info(pass->command,
                    "resuming %s, started at %s; the ranges are those of its first start",
                    pass->name, time);
    }
    for (size_t i = 0; i < count; i++) {
        char line[LINE_BYTES_MAX];
        write_range(&parts[i], resumed, line);
        bool odd = !resumed && parts[i].preview.plan.notes != 0;
        wt_log(odd ? WT_LOG_WARN : WT_LOG_INFO, pass->command, "%s [%" PRId32 "] %s",
               parts[i].topic, parts[i].partition, line);
        warn_of_older(pass, &parts[i], resumed);
    }
}

/* --- the balance ----------------------------------------------------------------------------- */

static void print_tally(const struct wt_tally *tally)
{
    char filtered[48] = "";
    char compared[48] = "";
    if (tally->filtered > 0) {
        (void)snprintf(filtered, sizeof filtered, " + %" PRId64 " filtered", tally->filtered);
    }
    if (tally->compared > 0) {
        (void)snprintf(compared, sizeof compared, " + %" PRId64 " compared", tally->compared);
    }
    (void)printf("%" PRId64 " read = %" PRId64 " labelled + %" PRId64 " dead-lettered + %" PRId64
                 " skipped + %" PRId64 " tombstones%s%s%s\n",
                 tally->read, tally->labelled, tally->dead_lettered, tally->skipped,
                 tally->tombstones, filtered, compared,
                 wt_tally_balances(tally) ? "" : ": DOES NOT BALANCE");
}

bool wt_cli_pass_balances(const struct wt_replay *replay)
{
    size_t count;
    bool balances = true;
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    for (size_t i = 0; i < count; i++) {
        balances = balances && wt_tally_balances(&parts[i].checkpoint.tally);
    }
    return balances;
}

bool wt_cli_pass_print_balance(const struct wt_cli_pass *pass, const struct wt_replay *replay)
{
    size_t count;
    struct wt_tally sum = {0};
    const struct wt_replay_part *parts = wt_replay_parts(replay, &count);
    (void)printf("%s %s: %s\n", pass->command, pass->name,
                 wt_replay_over(replay) ? "done" : "not finished");
    for (size_t i = 0; i < count; i++) {
        const struct wt_replay_part *part = &parts[i];
        (void)printf("  %s [%" PRId32 "] offsets %" PRId64 " to %" PRId64 ": ", part->topic,
                     part->partition, part->checkpoint.from, part->checkpoint.to);
        if (wt_replay_left(part) > 0) {
            (void)printf("%" PRId64 " offsets left; ", wt_replay_left(part));
        }
        print_tally(&part->checkpoint.tally);
        wt_tally_add(&sum, &part->checkpoint.tally);
    }
    (void)printf("in all ");
    print_tally(&sum);
    return wt_cli_pass_balances(replay);
}
