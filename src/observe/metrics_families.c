/* The families of metrics_table.h. */
#include "observe/metrics_table.h"

#include <assert.h>

/* A help text is a sentence. It appears on the page and in docs/metrics.md, which is made from this
 * table. */
static const struct wt_family_entry families[WT_FAMILY_COUNT] = {
    [WT_FAMILY_RECORDS] =
        {"wiretag_records_total",
         WT_COUNTER,
         {"outcome"},
         "Records by outcome: labelled, dead_lettered, tombstone, skipped, "
         "filtered (by input.where), compared (by replay --compare, and not published). "
         "Each is counted once, when its outcome is acknowledged.",
         "Records"},
    [WT_FAMILY_FAILURES] = {"wiretag_failed_records_total",
                            WT_COUNTER,
                            {"stage", "code"},
                            "Records dead-lettered or skipped, by the stage that failed and the "
                            "error code of their headers and log line.",
                            NULL},
    [WT_FAMILY_CONSUMED_RECORDS] = {"wiretag_consumed_records_total",
                                    WT_COUNTER,
                                    {NULL},
                                    "Records received from the input topics; a record that is read "
                                    "again after a restart or rebalance counts again.",
                                    NULL},
    [WT_FAMILY_DROPPED_RECORDS] = {"wiretag_dropped_records_total",
                                   WT_COUNTER,
                                   {NULL},
                                   "Records dropped uncommitted because their partition was "
                                   "revoked; the next owner reads them again.",
                                   NULL},
    [WT_FAMILY_LOST_OFFSETS] =
        {"wiretag_lost_offsets_total",
         WT_COUNTER,
         {"reason"},
         "Offsets that were never read: retention deleted them first (retention), or their batch "
         "is damaged and was skipped (damaged). They are lost records and transaction markers. The "
         "log names the ranges.",
         NULL},
    [WT_FAMILY_MISDATED] =
        {"wiretag_misdated_records_total",
         WT_COUNTER,
         {"reason"},
         "Articles whose timestamp endangers their label, which carries the same one: not in "
         "milliseconds (unit), older than the output topic's retention (old), further in the "
         "future than the topic accepts (ahead). The log names the first of each topic.",
         NULL},
    [WT_FAMILY_CONSUMED_BYTES] = {"wiretag_consumed_bytes_total",
                                  WT_COUNTER,
                                  {NULL},
                                  "Bytes of keys and values received.",
                                  NULL},
    [WT_FAMILY_PRODUCED_BYTES] = {"wiretag_produced_bytes_total",
                                  WT_COUNTER,
                                  {NULL},
                                  "Bytes of keys and values published.",
                                  NULL},
    [WT_FAMILY_RECORD_SECONDS] =
        {"wiretag_record_seconds",
         WT_HISTOGRAM,
         {NULL},
         "Time from consuming a record to the acknowledgement of its outcome.",
         NULL},
    [WT_FAMILY_STAGE_SECONDS] =
        {"wiretag_stage_seconds",
         WT_HISTOGRAM,
         {"stage"},
         "Time of a record in each stage: queue (waiting to be decoded), decode, tokenize, batch "
         "(waiting for the model), infer (in the model, with its batch), publish (waiting for the "
         "records before it in its partition, encoding, producing, committing).",
         NULL},
    [WT_FAMILY_LABELS] =
        {"wiretag_labels_total",
         WT_COUNTER,
         {"category"},
         "Acknowledged labelled records by category; with a multi-label model by each of their "
         "labels.",
         "Articles and labels"},
    [WT_FAMILY_LABELLED_BY_TOPIC] = {"wiretag_labelled_records_by_topic_total",
                                     WT_COUNTER,
                                     {"topic"},
                                     "Acknowledged labelled records by the topic they went to: "
                                     "output.topic, or one of output.routes.",
                                     NULL},
    [WT_FAMILY_BELOW_THRESHOLD] =
        {"wiretag_below_threshold_records_total",
         WT_COUNTER,
         {NULL},
         "Labelled records whose category is null because no score reached "
         "its threshold (output.threshold, else the bundle's).",
         NULL},
    [WT_FAMILY_TOKENS] = {"wiretag_tokens_total",
                          WT_COUNTER,
                          {NULL},
                          "Tokens of articles given to the model, without padding.",
                          NULL},
    [WT_FAMILY_UNKNOWN_TOKENS] = {"wiretag_unknown_tokens_total",
                                  WT_COUNTER,
                                  {NULL},
                                  "Tokens that are not in the vocabulary.",
                                  NULL},
    [WT_FAMILY_UNKNOWN_TOKEN_RATIO] =
        {"wiretag_unknown_token_ratio",
         WT_GAUGE,
         {NULL},
         "Share of unknown tokens among the articles' tokens since the start.",
         NULL},
    [WT_FAMILY_TRUNCATED] = {"wiretag_truncated_articles_total",
                             WT_COUNTER,
                             {NULL},
                             "Articles cut off: longer than the model accepts, or with input.long "
                             "windows than input.windows_max windows.",
                             NULL},
    [WT_FAMILY_SCRIPTS] = {"wiretag_articles_by_script_total",
                           WT_COUNTER,
                           {"script"},
                           "Articles by the script of most of their letters (none: no letters).",
                           NULL},
    [WT_FAMILY_WINDOWS] = {"wiretag_article_windows",
                           WT_HISTOGRAM,
                           {NULL},
                           "Windows of an article, with input.long windows: 1 for those that the "
                           "model accepts whole.",
                           NULL},
    [WT_FAMILY_MODEL_INFO] = {"wiretag_model_info",
                              WT_GAUGE,
                              {"name", "version", "sha256", "device", "precision", "kernels"},
                              "The loaded model; the value is always 1.",
                              "The model and its batches"},
    [WT_FAMILY_REPLICAS] =
        {"wiretag_replicas", WT_GAUGE, {NULL}, "Copies of the model that run side by side.", NULL},
    [WT_FAMILY_REPLICAS_SICK] =
        {"wiretag_sick_replicas",
         WT_GAUGE,
         {NULL},
         "Model replicas that wait before they retry: they fail on every article and on their "
         "own probe, or run out of memory for articles of a length that fitted before.",
         NULL},
    [WT_FAMILY_MODELS] = {"wiretag_models",
                          WT_GAUGE,
                          {NULL},
                          "Models in memory: 2 from the end of a reload until the last record of "
                          "the earlier model has ended, and during a promotion.",
                          NULL},
    [WT_FAMILY_RELOADS] =
        {"wiretag_reloads_total",
         WT_COUNTER,
         {"result"},
         "Reloads of the model: another one was taken (ok), the one that runs stays because the "
         "reload failed (failed) or nothing has changed (unchanged).",
         NULL},
    [WT_FAMILY_RELOAD_FAILED] =
        {"wiretag_reload_failed",
         WT_GAUGE,
         {NULL},
         "1 if the last reload of the model failed; the log and /readyz have the reason.",
         NULL},
    [WT_FAMILY_PROMOTION_AHEAD] =
        {"wiretag_promotion_partitions_ahead",
         WT_GAUGE,
         {NULL},
         "Assigned partitions that have an offset from which a promoted model labels, and have not "
         "reached it.",
         NULL},
    [WT_FAMILY_PROMOTION_FAILED] =
        {"wiretag_promotion_failed",
         WT_GAUGE,
         {NULL},
         "1 if a model that a promotion needs cannot be loaded; the log and /readyz have the "
         "reason.",
         NULL},
    [WT_FAMILY_CACHE_LOOKUPS] =
        {"wiretag_cache_lookups_total",
         WT_COUNTER,
         {"result"},
         "Articles, or windows, looked up in the label cache (model.cache_bytes_max): hit or miss.",
         NULL},
    [WT_FAMILY_CACHE_BYTES] =
        {"wiretag_cache_bytes", WT_GAUGE, {NULL}, "Memory of the label cache.", NULL},
    [WT_FAMILY_BATCHES] =
        {"wiretag_batches_total", WT_COUNTER, {NULL}, "Batches given to the model.", NULL},
    [WT_FAMILY_BATCHES_RUNNING] =
        {"wiretag_running_batches", WT_GAUGE, {NULL}, "Batches in the model now.", NULL},
    [WT_FAMILY_BATCH_FAILURES] =
        {"wiretag_batch_failures_total",
         WT_COUNTER,
         {NULL},
         "Model calls that failed, for batches and halves of batches; a batch of several articles "
         "is then halved, one of a single article given up.",
         NULL},
    [WT_FAMILY_BATCH_ARTICLES] =
        {"wiretag_batch_articles",
         WT_HISTOGRAM,
         {NULL},
         "Articles in a batch; with input.long windows each window counts.",
         NULL},
    [WT_FAMILY_BATCH_FILL] = {"wiretag_batch_fill_ratio",
                              WT_HISTOGRAM,
                              {NULL},
                              "How full a batch is: its padded tokens over batch.tokens_max, or "
                              "its articles over batch.articles_max, whichever is larger.",
                              NULL},
    [WT_FAMILY_INFER_SECONDS] =
        {"wiretag_infer_seconds", WT_HISTOGRAM, {NULL}, "Time of one batch in the model.", NULL},
    [WT_FAMILY_COMPUTED_TOKENS] = {"wiretag_computed_tokens_total",
                                   WT_COUNTER,
                                   {NULL},
                                   "Tokens the model computed, padding included.",
                                   NULL},
    [WT_FAMILY_PADDING_RATIO] = {"wiretag_padding_ratio",
                                 WT_GAUGE,
                                 {NULL},
                                 "Share of padding in the computed tokens since the start.",
                                 NULL},
    [WT_FAMILY_SHADOW_INFO] = {"wiretag_shadow_info",
                               WT_GAUGE,
                               {"name", "version", "sha256", "device", "precision", "kernels"},
                               "The shadow model, with model.shadow; the value is always 1.",
                               "The shadow model"},
    [WT_FAMILY_SHADOW_ARTICLES] =
        {"wiretag_shadow_articles_total",
         WT_COUNTER,
         {"result"},
         "Articles of the shadow's share: compared with the live label; failed (the shadow cannot "
         "label them); dropped (the shadow has no time for them, or the live model has changed).",
         NULL},
    [WT_FAMILY_SHADOW_DISAGREEMENTS] =
        {"wiretag_shadow_disagreements_total",
         WT_COUNTER,
         {"live", "shadow"},
         "Articles to which the two models give different labels, by the category of each (none: "
         "no category). With several labels an article's categories may be equal and others of its "
         "labels differ. At most 100 pairs have a series of their own; the rest is other.",
         NULL},
    [WT_FAMILY_SHADOW_WAITING] = {"wiretag_shadow_waiting_articles",
                                  WT_GAUGE,
                                  {NULL},
                                  "Articles that wait for the shadow; 1,024 and 16 MiB at most.",
                                  NULL},
    [WT_FAMILY_SHADOW_PUBLISHED] = {"wiretag_shadow_published_records_total",
                                    WT_COUNTER,
                                    {"result"},
                                    "Labels of the shadow for model.shadow.topic: delivered; "
                                    "dropped (the brokers refuse them, "
                                    "or do not take them as fast).",
                                    NULL},
    [WT_FAMILY_QUEUE_RECORDS] = {"wiretag_queue_records",
                                 WT_GAUGE,
                                 {"queue"},
                                 "Records that wait for a stage: prepare (decoding), batch (the "
                                 "model), publish (the publish thread); or, exactly-once, for "
                                 "the next commit alone: commit.",
                                 "Under way"},
    [WT_FAMILY_IN_FLIGHT_RECORDS] =
        {"wiretag_in_flight_records",
         WT_GAUGE,
         {NULL},
         "Records between consumption and acknowledgement; with input.long "
         "windows each window counts.",
         NULL},
    [WT_FAMILY_IN_FLIGHT_RECORDS_LIMIT] =
        {"wiretag_in_flight_records_limit",
         WT_GAUGE,
         {NULL},
         "Records allowed in flight now: in_flight.records_max, or what the model labels in a few "
         "seconds at its measured rate if that is less.",
         NULL},
    [WT_FAMILY_IN_FLIGHT_BYTES] = {"wiretag_in_flight_bytes",
                                   WT_GAUGE,
                                   {NULL},
                                   "Bytes that the records in flight count for.",
                                   NULL},
    [WT_FAMILY_IN_FLIGHT_BYTES_LIMIT] = {"wiretag_in_flight_bytes_limit",
                                         WT_GAUGE,
                                         {NULL},
                                         "Bytes allowed in flight: in_flight.bytes_max.",
                                         NULL},
    [WT_FAMILY_PAUSES] = {"wiretag_pauses_total",
                          WT_COUNTER,
                          {NULL},
                          "Times consuming was paused because an in-flight limit was reached.",
                          NULL},
    [WT_FAMILY_PARTITIONS] = {"wiretag_assigned_partitions",
                              WT_GAUGE,
                              {NULL},
                              "Input partitions this worker owns.",
                              "The consumer group"},
    [WT_FAMILY_PARTITIONS_DAMAGED] =
        {"wiretag_damaged_partitions",
         WT_GAUGE,
         {NULL},
         "Owned partitions that are suspended because their next batch cannot be read.",
         NULL},
    [WT_FAMILY_REBALANCES] = {"wiretag_rebalances_total",
                              WT_COUNTER,
                              {NULL},
                              "Rebalances that changed this worker's partitions.",
                              NULL},
    [WT_FAMILY_LAG_RECORDS] = {"wiretag_consumer_lag_records",
                               WT_GAUGE,
                               {"topic", "partition"},
                               "Records of an owned partition that are not finished: those in "
                               "flight and the offsets not read yet.",
                               NULL},
    [WT_FAMILY_LAG_SECONDS] = {"wiretag_consumer_lag_seconds",
                               WT_GAUGE,
                               {"topic", "partition"},
                               "Age of the oldest unfinished record of an owned partition, by its "
                               "own timestamp; 0 if there is none.",
                               NULL},
    [WT_FAMILY_DRAIN_SECONDS] =
        {"wiretag_drain_seconds",
         WT_GAUGE,
         {NULL},
         "Estimated time to work off the lag of the owned partitions, at the rate of the last half "
         "minute of work and without new records; +Inf while no record is finished.",
         NULL},
    [WT_FAMILY_COMMITS] =
        {"wiretag_commits_total",
         WT_COUNTER,
         {"result"},
         "Offset commits by result (ok, failed), those inside transactions included.",
         "Brokers"},
    [WT_FAMILY_TRANSACTIONS] =
        {"wiretag_transactions_total",
         WT_COUNTER,
         {"outcome"},
         "Transactions by outcome: committed, aborted (their records go into a later one), unknown "
         "(the answer to the commit was lost; the producer is replaced and the committed offsets "
         "show the outcome).",
         NULL},
    [WT_FAMILY_PRODUCE_ERRORS] = {"wiretag_produce_errors_total",
                                  WT_COUNTER,
                                  {NULL},
                                  "Records whose first delivery failed.",
                                  NULL},
    [WT_FAMILY_PRODUCERS_REPLACED] = {"wiretag_producers_replaced_total",
                                      WT_COUNTER,
                                      {NULL},
                                      "Producers that were replaced: fenced, failed for good, or "
                                      "with a request whose outcome is unknown.",
                                      NULL},
    [WT_FAMILY_BROKER_ERRORS] = {"wiretag_broker_errors_total",
                                 WT_COUNTER,
                                 {NULL},
                                 "Errors reported by the Kafka clients: connections refused, "
                                 "broken or timed out, or all brokers down.",
                                 NULL},
    [WT_FAMILY_BROKER_REACHABLE] = {"wiretag_broker_reachable",
                                    WT_GAUGE,
                                    {NULL},
                                    "1 if a broker has answered within the last 30 seconds.",
                                    NULL},
    [WT_FAMILY_BROKER_UP] = {"wiretag_broker_up",
                             WT_GAUGE,
                             {"client", "broker"},
                             "Connection of each client (consumer, producer) to each broker that "
                             "it needs: 1 connected, 0 connecting.",
                             NULL},
    [WT_FAMILY_READY] =
        {"wiretag_ready", WT_GAUGE, {NULL}, "1 if /readyz answers 200.", "The process"},
    [WT_FAMILY_STALLED] =
        {"wiretag_stalled",
         WT_GAUGE,
         {"reason"},
         "1 while the reason keeps records from moving: security, brokers, rights, strategy, "
         "group, input-topic, no-offset, damaged, input-transaction, registry, model, "
         "output-topic, dead-letter-topic, transactions, unknown. /readyz and the log have the "
         "details.",
         NULL},
    [WT_FAMILY_BEAT_AGE] = {"wiretag_thread_beat_age_seconds",
                            WT_GAUGE,
                            {"thread"},
                            "Time since a thread's last heartbeat; 0 while it waits for work. "
                            "/healthz fails when a thread exceeds its limit.",
                            NULL},
    [WT_FAMILY_SPANS] = {"wiretag_spans_total",
                         WT_COUNTER,
                         {"result"},
                         "Traced records: their span was sent to the collector (exported), or "
                         "the collector did not take it or too many waited (dropped).",
                         NULL},
    [WT_FAMILY_PAGE_VIEWERS] = {"wiretag_page_viewers",
                                WT_GAUGE,
                                {NULL},
                                "Viewers of the live page; there are at most 128.",
                                NULL},
    [WT_FAMILY_PAGE_VIEWERS_DROPPED] =
        {"wiretag_page_viewers_dropped_total",
         WT_COUNTER,
         {NULL},
         "Viewers of the live page that were disconnected because they did not read for eight "
         "seconds.",
         NULL},
    [WT_FAMILY_BUILD_INFO] =
        {"wiretag_build_info", WT_GAUGE, {"version"}, "The program; the value is always 1.", NULL},
    [WT_FAMILY_CPU_SECONDS] =
        {"process_cpu_seconds_total", WT_COUNTER, {NULL}, "User and system processor time.", NULL},
    [WT_FAMILY_RESIDENT_BYTES] =
        {"process_resident_memory_bytes", WT_GAUGE, {NULL}, "Resident memory.", NULL},
    [WT_FAMILY_VIRTUAL_BYTES] =
        {"process_virtual_memory_bytes", WT_GAUGE, {NULL}, "Virtual memory.", NULL},
    [WT_FAMILY_THREADS] = {"process_threads", WT_GAUGE, {NULL}, "Threads.", NULL},
    [WT_FAMILY_OPEN_FDS] = {"process_open_fds", WT_GAUGE, {NULL}, "Open file descriptors.", NULL},
    [WT_FAMILY_MAX_FDS] = {"process_max_fds", WT_GAUGE, {NULL}, "File descriptors allowed.", NULL},
    [WT_FAMILY_START_SECONDS] = {"process_start_time_seconds",
                                 WT_GAUGE,
                                 {NULL},
                                 "Start of the process in seconds since 1970-01-01 UTC.",
                                 NULL},
};

const struct wt_family_entry *wt_family_entry(enum wt_family family)
{
    assert(family < WT_FAMILY_COUNT);
    return &families[family];
}
