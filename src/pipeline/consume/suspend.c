#include "pipeline/consume/suspend.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/owner.h"
#include "kafka/log_probe.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/stall.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pause before the log is probed again: the first one, which doubles each time, and the longest. */
#define RETRY_MS 500
#define RETRY_MS_MAX 30000

/* After this many probes without an answer the partition is reported as unreadable. */
#define SILENT_MAX 3u

/* Limit on probes at the same time; each has a thread and a client. */
#define PROBES_MAX 8u

/* A partition that fails at the same offset within this time counts as failing again. */
#define AGAIN_US 60000000

struct wt_suspension {
    struct wt_suspension *next;
    struct wt_partition *partition;
    uint32_t epoch;              /* of the assignment it belongs to */
    bool paused;                 /* false: reading continues; kept to recognize another failure */
    rd_kafka_message_t *message; /* of a reset; NULL: unreadable */
    int64_t position;            /* the next offset to read; -1: not known */
    int64_t begin;               /* of the batch that cannot be read */
    struct wt_log_probe *probe;  /* NULL: none is under way */
    struct wt_log_finding finding;
    bool gone;         /* the finding is WT_LOG_GONE and not passed on yet */
    bool reported;     /* logged and shown as a stall */
    unsigned tries;    /* in a row without success */
    int64_t retry_us;  /* no probe before this time */
    int64_t forget_us; /* while reading continues: when the suspension is freed */
};

struct wt_suspend {
    struct wt_owner owner; /* the consume thread */
    struct wt_suspend_ports ports;
    struct wt_suspension *first;
    unsigned probes; /* under way */
};

struct wt_suspend *wt_suspend_create(const struct wt_suspend_ports *ports)
{
    struct wt_suspend *suspend = wt_alloc_zeroed(1, sizeof *suspend);
    suspend->ports = *ports;
    return suspend;
}

/* By itself a worker skips no batch that a larger limit lets it read. */
static enum wt_damaged policy(const struct wt_suspend *suspend,
                              const struct wt_suspension *suspension)
{
    const struct wt_config *config = suspend->ports.config;
    if (config->input.damaged != WT_DAMAGED_AUTO) {
        return config->input.damaged;
    }
    if (suspension->finding.large && config->on_error == WT_ON_ERROR_SKIP) {
        return WT_DAMAGED_WAIT;
    }
    return config->on_error == WT_ON_ERROR_SKIP   ? WT_DAMAGED_SKIP
           : config->on_error == WT_ON_ERROR_STOP ? WT_DAMAGED_STOP
                                                  : WT_DAMAGED_WAIT;
}

/* --- pausing and seeking the consumer -------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *list_of(const struct wt_partition *partition,
                                                int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->number)->offset = offset;
    return list;
}

static void set_paused(struct wt_suspend *suspend, struct wt_suspension *suspension, bool paused)
{
    if (suspension->paused == paused) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = list_of(suspension->partition, RD_KAFKA_OFFSET_INVALID);
    (void)(paused ? rd_kafka_pause_partitions(suspend->ports.consumer, list)
                  : rd_kafka_resume_partitions(suspend->ports.consumer, list));
    rd_kafka_topic_partition_list_destroy(list);
    suspension->paused = paused;
}

/* Continues reading at `offset`. If librdkafka refuses the seek, the next record has an unexpected
 * offset and suspends the partition again. */
static void resume_at(struct wt_suspend *suspend, struct wt_suspension *suspension, int64_t offset)
{
    struct wt_partition *partition = suspension->partition;
    rd_kafka_topic_partition_list_t *list = list_of(partition, offset);
    rd_kafka_error_t *error = rd_kafka_seek_partitions(suspend->ports.consumer, list, 0);
    if (error != NULL) {
        wt_log_debug("consume", "%s [%" PRId32 "]: seek: %s", partition->topic, partition->number,
                     rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(list);
    set_paused(suspend, suspension, false);
    partition->next_offset = offset;
    suspension->position = offset;
    suspension->forget_us = wt_clock_us() + AGAIN_US;
}

/* --- suspended partitions -------------------------------------------------------------------- */

static struct wt_suspension *find(const struct wt_suspend *suspend,
                                  const struct wt_partition *partition)
{
    struct wt_suspension *suspension = suspend->first;
    while (suspension != NULL && suspension->partition != partition) {
        suspension = suspension->next;
    }
    return suspension;
}

static void describe(const struct wt_suspension *suspension, char *text, size_t bytes)
{
    const struct wt_log_finding *finding = &suspension->finding;
    const struct wt_partition *partition = suspension->partition;
    if (finding->verdict == WT_LOG_DAMAGED) {
        (void)snprintf(
            text, bytes, "%s [%" PRId32 "]: offsets %" PRId64 " to %" PRId64 " cannot be read: %s",
            partition->topic, partition->number, finding->from, finding->to - 1, finding->cause);
    } else {
        (void)snprintf(text, bytes, "%s [%" PRId32 "]: offset %" PRId64 " cannot be read: %s",
                       partition->topic, partition->number, suspension->position, finding->cause);
    }
}

/* Updates the stall and the metric to the reported suspensions. */
static void show(const struct wt_suspend *suspend)
{
    char text[300];
    int64_t count = 0;
    for (const struct wt_suspension *suspension = suspend->first; suspension != NULL;
         suspension = suspension->next) {
        if (suspension->reported && count++ == 0) {
            describe(suspension, text, sizeof text);
        }
    }
    wt_metric_set(WT_METRIC_PARTITIONS_DAMAGED, count);
    if (count == 0) {
        wt_stall_end(WT_STALL_DAMAGED);
    } else if (count == 1) {
        wt_stall_begin(WT_STALL_DAMAGED, "%s; set input.damaged: skip to skip it", text);
    } else {
        wt_stall_begin(WT_STALL_DAMAGED,
                       "%s; and %" PRId64 " more partitions; set input.damaged: skip to skip them",
                       text, count - 1);
    }
}

static void end_probe(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(suspension->probe == NULL || suspend->probes > 0);
    suspend->probes -= suspension->probe != NULL;
    wt_log_probe_end(&suspension->probe);
}

static void release(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    end_probe(suspend, suspension);
    if (suspension->message != NULL) {
        rd_kafka_message_destroy(suspension->message);
        suspension->message = NULL;
    }
}

static void end(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    struct wt_suspension **link = &suspend->first;
    while (*link != suspension) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = suspension->next;
    suspension->partition->suspended = false;
    release(suspend, suspension);
    bool reported = suspension->reported;
    free(suspension);
    if (reported) {
        show(suspend);
    }
}

void wt_suspend_destroy(struct wt_suspend *suspend)
{
    if (suspend == NULL) {
        return;
    }
    while (suspend->first != NULL) {
        end(suspend, suspend->first);
    }
    free(suspend);
}

void wt_suspend_forget(struct wt_suspend *suspend, struct wt_partition *partition)
{
    wt_owner_assert(&suspend->owner);
    struct wt_suspension *suspension = find(suspend, partition);
    if (suspension != NULL) {
        set_paused(suspend, suspension, false); /* a pause would last into the new assignment */
        end(suspend, suspension);
    }
}

/* --- suspending ------------------------------------------------------------------------------ */

/* Sets the time of the next probe: at once the first time, then after growing pauses. */
static void schedule_probe(struct wt_suspension *suspension)
{
    assert(suspension->probe == NULL);
    unsigned doubled = suspension->tries < 16 ? suspension->tries : 16;
    int64_t wait_ms = doubled == 0 ? 0 : (int64_t)RETRY_MS << (doubled - 1);
    suspension->retry_us = wt_clock_us() + (wait_ms < RETRY_MS_MAX ? wait_ms : RETRY_MS_MAX) * 1000;
    suspension->tries++;
}

/* NULL: the partition is suspended already. */
static struct wt_suspension *begin(struct wt_suspend *suspend, struct wt_partition *partition,
                                   int64_t position)
{
    struct wt_suspension *suspension = find(suspend, partition);
    if (partition->suspended) {
        return NULL;
    }
    bool again = suspension != NULL && suspension->position == position;
    if (suspension == NULL) {
        suspension = wt_alloc_zeroed(1, sizeof *suspension);
        suspension->partition = partition;
        suspension->next = suspend->first;
        suspend->first = suspension;
    }
    suspension->tries = again ? suspension->tries : 0;
    suspension->epoch = partition->epoch_last;
    suspension->position = position;
    partition->suspended = true;
    set_paused(suspend, suspension, true);
    schedule_probe(suspension);
    return suspension;
}

void wt_suspend_unreadable(struct wt_suspend *suspend, struct wt_partition *partition,
                           int64_t offset, const char *reason)
{
    wt_owner_assert(&suspend->owner);
    struct wt_suspension *suspension = begin(suspend, partition, partition->next_offset);
    if (suspension != NULL) {
        suspension->begin = offset;
        wt_log_debug("consume", "%s [%" PRId32 "]: probing the log at offset %" PRId64 ": %s",
                     partition->topic, partition->number, offset, reason);
    }
}

void wt_suspend_reset(struct wt_suspend *suspend, struct wt_partition *partition, int64_t expected,
                      rd_kafka_message_t **message)
{
    assert(*message != NULL && (*message)->offset < expected);
    wt_owner_assert(&suspend->owner);
    struct wt_suspension *suspension = begin(suspend, partition, expected);
    if (suspension != NULL) {
        suspension->message = *message;
        *message = NULL;
    }
}

/* --- the probe's finding --------------------------------------------------------------------- */

static void stop_worker(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(policy(suspend, suspension) == WT_DAMAGED_STOP);
    char text[300];
    struct wt_error error;
    describe(suspension, text, sizeof text);
    (void)wt_error_set(&error, WT_FAILED, WT_ERROR_FATAL, "damaged",
                       "%s; set input.damaged: skip to skip it", text);
    suspend->ports.failed(suspend->ports.opaque, &error);
}

static void skip(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    const struct wt_log_finding *finding = &suspension->finding;
    assert(finding->from < finding->to);
    const struct wt_partition *partition = suspension->partition;
    wt_metric_add(WT_METRIC_OFFSETS_DAMAGED, finding->to - finding->from);
    wt_log_error("consume",
                 "%s [%" PRId32 "]: offsets %" PRId64 " to %" PRId64
                 " are lost: they cannot be read (%s) and are skipped",
                 partition->topic, partition->number, finding->from, finding->to - 1,
                 finding->cause);
    resume_at(suspend, suspension, finding->to);
    suspend->ports.passed(suspend->ports.opaque, suspension->partition, finding->to);
}

static void report(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(suspension->partition->suspended);
    char text[300];
    if (!suspension->reported) {
        describe(suspension, text, sizeof text);
        wt_log_error("consume",
                     "%s; this partition is suspended, others continue; retrying at least every "
                     "%d s; set input.damaged: skip to skip it",
                     text, RETRY_MS_MAX / 1000);
    }
    suspension->reported = true;
    show(suspend);
}

static void reread(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(suspension->partition->suspended);
    const struct wt_partition *partition = suspension->partition;
    const struct wt_log_finding *finding = &suspension->finding;
    if (suspension->message != NULL) {
        wt_log_warn("consume",
                    "%s [%" PRId32 "]: the consumer was reset to offset %" PRId64
                    ", but the log (%" PRId64 " to %" PRId64 ") still holds %" PRId64
                    "; reading continues there",
                    partition->topic, partition->number, suspension->message->offset,
                    finding->log.begin, finding->log.end, finding->from);
    } else if (suspension->reported) {
        wt_log_info("consume", "%s [%" PRId32 "]: offset %" PRId64 " can be read again",
                    partition->topic, partition->number, finding->from);
    }
    resume_at(suspend, suspension, finding->from);
}

/* Reading continues. The suspension is kept for a while to recognize that reading fails again. */
static void resume(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(suspension->partition->suspended);
    release(suspend, suspension);
    suspension->partition->suspended = false;
    if (suspension->reported) {
        suspension->reported = false;
        show(suspend);
    }
}

static void act(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(suspension->partition->suspended && suspension->probe == NULL);
    switch (suspension->finding.verdict) {
    case WT_LOG_READABLE:
    case WT_LOG_HOLDS:
        reread(suspend, suspension);
        resume(suspend, suspension);
        break;
    case WT_LOG_DAMAGED:
        if (policy(suspend, suspension) == WT_DAMAGED_SKIP) {
            skip(suspend, suspension);
            resume(suspend, suspension);
            break;
        }
        if (policy(suspend, suspension) == WT_DAMAGED_STOP) {
            stop_worker(suspend, suspension);
        }
        report(suspend, suspension);
        schedule_probe(suspension);
        break;
    case WT_LOG_SILENT:
        wt_log_debug("consume", "%s [%" PRId32 "]: probing the log failed: %s",
                     suspension->partition->topic, suspension->partition->number,
                     suspension->finding.cause);
        if (suspension->tries > SILENT_MAX) {
            report(suspend, suspension);
        }
        schedule_probe(suspension);
        break;
    case WT_LOG_GONE:
        suspension->gone = true;
        break;
    }
}

static void pass_on_gone(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(suspension->gone && suspension->message != NULL);
    int64_t offset = suspension->message->offset;
    if (!suspend->ports.gone(suspend->ports.opaque, suspension->partition, &suspension->message)) {
        return;
    }
    const struct wt_partition *partition = suspension->partition;
    wt_log_warn("consume",
                "%s [%" PRId32 "]: offset went backwards: expected %" PRId64 ", got %" PRId64
                ": the topic was re-created or truncated (its log is now %" PRId64 " to %" PRId64
                ")",
                partition->topic, partition->number, suspension->position, offset,
                suspension->finding.log.begin, suspension->finding.log.end);
    set_paused(suspend, suspension, false); /* librdkafka continues after the message */
    end(suspend, suspension);
}

/* --- step ------------------------------------------------------------------------------------ */

static void start_probe(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(suspension->probe == NULL && suspend->probes < PROBES_MAX);
    const struct wt_partition *partition = suspension->partition;
    const struct wt_log_question question = {.kind = suspension->message != NULL ? WT_PROBE_RESET
                                                                                 : WT_PROBE_READ,
                                             .topic = partition->topic,
                                             .partition = partition->number,
                                             .position = suspension->position,
                                             .begin = suspension->begin,
                                             .mark = partition->read_last,
                                             .patient = suspension->tries > SILENT_MAX};
    suspension->probe = wt_log_probe_start(suspend->ports.config, &question);
    if (suspension->probe == NULL) {
        schedule_probe(suspension);
    } else {
        suspend->probes++;
    }
}

static void step(struct wt_suspend *suspend, struct wt_suspension *suspension)
{
    assert(suspension->partition->suspended);
    struct wt_log_finding finding;
    if (suspension->gone) {
        pass_on_gone(suspend, suspension);
    } else if (suspension->probe == NULL) {
        if (suspend->probes < PROBES_MAX && wt_clock_us() >= suspension->retry_us) {
            start_probe(suspend, suspension);
        }
    } else if (wt_log_probe_done(suspension->probe, &finding)) {
        end_probe(suspend, suspension);
        if (suspension->partition->recreated.rewinding && finding.verdict == WT_LOG_HOLDS) {
            finding.verdict = WT_LOG_GONE; /* another log, which has that offset, too */
        }
        suspension->finding = finding;
        suspension->position =
            finding.verdict != WT_LOG_SILENT ? finding.from : suspension->position;
        act(suspend, suspension);
    }
}

/* True: the assignment in which the suspension began has not ended. */
static bool is_current(const struct wt_suspension *suspension)
{
    return suspension->partition->assigned &&
           suspension->partition->epoch_last == suspension->epoch;
}

void wt_suspend_step(struct wt_suspend *suspend)
{
    wt_owner_assert(&suspend->owner);
    struct wt_suspension *next;
    for (struct wt_suspension *suspension = suspend->first; suspension != NULL; suspension = next) {
        next = suspension->next;
        if (!is_current(suspension)) {
            wt_suspend_forget(suspend, suspension->partition);
        } else if (suspension->partition->suspended) {
            step(suspend, suspension);
        } else if (wt_clock_us() >= suspension->forget_us) {
            end(suspend, suspension);
        }
    }
}
