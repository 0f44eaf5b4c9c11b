/* shadow_topic.h: publishes the shadow's labels to model.shadow.topic, with a producer of its own.
 *
 * What is taken is sent until the brokers have it, at-least-once. What does not fit the producer's queue,
 * and what the brokers refuse, is dropped and counted. Trouble with this topic is no stall: the worker goes
 * on. Thread: the shadow's, but for opening and closing. */
#ifndef WIRETAG_PIPELINE_SHADOW_SHADOW_TOPIC_H
#define WIRETAG_PIPELINE_SHADOW_SHADOW_TOPIC_H

#include "config/config.h"
#include "record/record.h"

struct wt_shadow_topic;

/* For config->model.shadow.topic. `wake` is called when wt_shadow_topic_serve has something to do, on a
 * thread of librdkafka. WT_INVALID, WT_FAILED (class fatal). */
enum wt_status wt_shadow_topic_open(const struct wt_config *config, void (*wake)(void *opaque),
                                    void *opaque, struct wt_shadow_topic **topic_out,
                                    struct wt_error *error);

/* Sends a copy of the record's output. */
void wt_shadow_topic_send(struct wt_shadow_topic *topic, const struct wt_record *record);

/* Counts what has arrived and what was refused. */
void wt_shadow_topic_serve(struct wt_shadow_topic *topic);

/* Waits `wait_ms` at most for what is on its way; what is left is dropped and counted. Accepts NULL. */
void wt_shadow_topic_close(struct wt_shadow_topic *topic, int wait_ms);

#endif
