/* check.c: whether a worker with this configuration would work, and what to do where not. */
#include "base/log.h"
#include "base/log_line.h"
#include "base/processors.h"
#include "base/progress.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/worker.h"
#include "pipeline/audit.h"
#include "pipeline/brokers.h"
#include "pipeline/consumer.h"
#include "pipeline/finding.h"
#include "pipeline/kafka_facts.h"
#include "pipeline/kafka_rights.h"
#include "pipeline/refusal.h"
#include "pipeline/sizing.h"
#include "pipeline/worker_id.h"
#include "wiretag/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long each question to a broker may take. */
#define WAIT_MS 10000
#define STEP_MS 1000

static void print_help(void)
{
    (void)printf(
        "Looks at everything a worker needs, without labelling anything: configuration, model and\n"
        "its self-test, device and precision, brokers, topics, rights, time-outs.\n\n"
        "Usage: wiretag check -c FILE [--set KEY=VALUE]... [--json]\n\n"
        "  -c, --config FILE  the configuration of the worker\n"
        "  --set KEY=VALUE    overrides one key, as for wiretag run\n"
        "  --json             "
        "{\"well\":…,\"findings\":[{\"level\",\"check\",\"place\",\"message\",\"remedy\"}]}\n"
        "  --help             this text\n\n"
        "One finding a line on stdout: ok, note, warning or error, where, what, what to do. It\n"
        "writes nothing to topics and does not join the consumer group, so it may run beside\n"
        "workers. Exit status: 0 no warning and no error, 1 some, 2 bad usage or configuration.\n\n"
        "Example:\n"
        "  wiretag check -c config/wiretag.yaml\n");
}

/* --- output ---------------------------------------------------------------------------------- */

static void print_json(const struct wt_findings *findings)
{
    (void)printf("{\"well\":%s,\"findings\":[", wt_findings_well(findings) ? "true" : "false");
    for (size_t i = 0; i < findings->count; i++) {
        const struct wt_finding *finding = &findings->items[i];
        struct wt_log_line line = {.length = 0};
        wt_log_line_print(&line, "%s{\"level\":\"%s\",\"check\":\"%s\",\"place\":\"",
                          i > 0 ? "," : "", wt_finding_level_name(finding->level), finding->check);
        wt_log_line_add_escaped(&line, finding->place, true);
        wt_log_line_add_text(&line, "\",\"message\":\"");
        wt_log_line_add_escaped(&line, finding->message, true);
        wt_log_line_add_text(&line, "\",\"remedy\":\"");
        wt_log_line_add_escaped(&line, finding->remedy, true);
        wt_log_line_add_text(&line, "\"}");
        (void)fwrite(line.bytes, 1, line.length, stdout);
    }
    (void)printf("]}\n");
}

static const char *colour_of(enum wt_finding_level level)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool plain = isatty(STDOUT_FILENO) != 1 || (no_colour != NULL && no_colour[0] != '\0') ||
                 (term != NULL && strcmp(term, "dumb") == 0);
    return plain                         ? ""
           : level == WT_FINDING_ERROR   ? "\033[31m"
           : level == WT_FINDING_WARNING ? "\033[33m"
           : level == WT_FINDING_OK      ? "\033[32m"
                                         : "\033[2m";
}

static void print_text(const struct wt_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct wt_finding *finding = &findings->items[i];
        const char *colour = colour_of(finding->level);
        struct wt_log_line line = {.length = 0};
        wt_log_line_print(&line, "%s%-8s%s", colour, wt_finding_level_name(finding->level),
                          colour[0] != '\0' ? "\033[0m" : "");
        wt_log_line_add_escaped(&line, finding->place, false);
        wt_log_line_add_text(&line, finding->place[0] != '\0' ? ": " : "");
        wt_log_line_add_escaped(&line, finding->message, false);
        wt_log_line_add_text(&line, finding->remedy[0] != '\0' ? ". " : "");
        wt_log_line_add_escaped(&line, finding->remedy, false);
        wt_log_line_add_text(&line, "\n");
        (void)fwrite(line.bytes, 1, line.length, stdout);
    }
}

/* --- the model ------------------------------------------------------------------------------- */

static const char *key_of(const struct wt_error *error)
{
    return strcmp(error->code, "model-sha256") == 0 ? "model.sha256"
           : strcmp(error->code, "device") == 0     ? "model.device"
           : strcmp(error->code, "precision") == 0  ? "model.precision"
                                                    : "model.path";
}

static const char *why_device(const struct wt_config *config, const struct wt_model_info *info)
{
    return strcmp(config->model.device, "auto") != 0 ? "as configured"
           : strcmp(info->device, "cpu") == 0        ? "no GPU that the runtime can use"
                                                     : "the first GPU";
}

static void describe_model(const struct wt_config *config, const struct wt_model *model,
                           struct wt_findings *findings)
{
    const struct wt_model_info *info = wt_model_info(model);
    struct wt_batcher_limits limits = wt_sizing_limits(config, info);
    struct wt_processors processors = wt_processors_read();
    char here[64];
    wt_finding_add(findings, config, "model.path", WT_FINDING_OK, "model",
                   "%s: %s %s, %" PRIu32 " labels, SHA-256 %s, self-test passed",
                   config->model.path, info->name, info->version, info->label_count, info->sha256);
    wt_finding_add(findings, config, "model.device", WT_FINDING_OK, "device",
                   "%s (%s), %" PRIu32 " replicas, %s, batches of %" PRIu32 " tokens at most, %s",
                   info->device, why_device(config, info), wt_sizing_replicas(config, info),
                   wt_processors_describe(&processors, here, sizeof here), limits.tokens_max,
                   wt_model_runtime());
    wt_finding_add(findings, config, "model.precision", WT_FINDING_OK, "precision", "%s (%s)",
                   info->precision, info->precision_why);
    if (config->model.sha256 == NULL) {
        wt_finding_add(findings, config, "model.sha256", WT_FINDING_NOTE, "model-unpinned",
                       "the model is code and is not pinned");
        wt_finding_remedy(findings, "in production set model.sha256: %s", info->sha256);
    }
    if (info->equal_lengths_only) {
        wt_finding_add(findings, config, "model.path", WT_FINDING_NOTE, "model-padding",
                       "the model's logits depend on padding, so articles of one length only share "
                       "a batch, which is slow");
        wt_finding_remedy(findings, "export it with masked attention and length-aware pooling");
    }
}

static void check_model(const struct wt_config *config, struct wt_findings *findings)
{
    struct wt_error error;
    struct wt_model *model = NULL;
    if (wt_cli_configured_model("check", config, false, &model, &error) != WT_OK) {
        wt_finding_add(findings, config, key_of(&error), WT_FINDING_ERROR, "model", "%s",
                       error.message);
    } else {
        describe_model(config, model, findings);
    }
    wt_model_destroy(model);
}

/* --- Kafka ----------------------------------------------------------------------------------- */

/* What a client said last about its connections: why no broker answers. */
struct last_error {
    char reason[400];
    bool all_down; /* none of bootstrap.servers lets us in */
};

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct last_error *last = opaque;
    (void)client;
    (void)wt_refusal_reported(reason);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        last->all_down = true;
    } else {
        (void)snprintf(last->reason, sizeof last->reason, "%s", reason);
    }
}

/* A consumer that joins no group, for questions. NULL: the configuration is refused. */
static rd_kafka_t *make_asker(const struct wt_config *config, struct last_error *last,
                              struct wt_findings *findings)
{
    struct wt_error error;
    rd_kafka_t *client = NULL;
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_conf_t *producer_conf = NULL;
    enum wt_status status = wt_kafka_conf_create(config, RD_KAFKA_PRODUCER, &producer_conf, &error);
    if (status == WT_OK) {
        rd_kafka_conf_destroy(producer_conf);
        status = wt_kafka_conf_create(config, RD_KAFKA_CONSUMER, &conf, &error);
    }
    if (status == WT_OK) {
        status = wt_kafka_conf_set(conf, "allow.auto.create.topics", "false", &error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_opaque(conf, last);
        rd_kafka_conf_set_error_cb(conf, on_error);
        status = wt_kafka_client_create(RD_KAFKA_CONSUMER, &conf, &client, &error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (status != WT_OK) {
        wt_finding_add_at(findings, "", WT_FINDING_ERROR, error.code, "%s", error.message);
    }
    return client;
}

static void add_unreachable(const struct wt_config *config, const struct last_error *last,
                            const struct wt_error *error, struct wt_findings *findings)
{
    const struct wt_property *brokers = wt_config_consumer_property(config, "bootstrap.servers");
    struct wt_security_cause cause;
    if (wt_refusal_last(&cause)) {
        char message[WT_SECURITY_MESSAGE_BYTES_MAX];
        wt_security_message(&cause, message);
        wt_finding_add(findings, config, "kafka.common", WT_FINDING_ERROR, "broker-unreachable",
                       "%s", message);
        wt_finding_remedy(findings, "%s; topics and rights were not looked at", cause.remedy);
        return;
    }
    wt_finding_add(findings, config, "kafka.common", WT_FINDING_ERROR, "broker-unreachable",
                   "%s: %s", brokers != NULL ? brokers->value : "metadata.broker.list",
                   last->reason[0] != '\0' ? last->reason : error->message);
    wt_finding_remedy(findings, "check address, port, firewall, and security.protocol with its "
                                "credentials; topics and rights were not looked at");
}

/* Trying an id takes it from whoever has it. One that wiretag picks is held by a lock on this
 * machine; one that is configured, or follows group.instance.id, may be a running worker's. */
static void check_transaction(const struct wt_config *config, int members,
                              struct wt_findings *findings)
{
    struct wt_error error;
    struct wt_worker_id *id = NULL;
    bool may_be_taken = strcmp(config->delivery.transactional_id, "auto") != 0 ||
                        wt_config_consumer_property(config, "group.instance.id") != NULL;
    if (may_be_taken && members != 0) {
        wt_finding_add(
            findings, config, "delivery.transactional_id", WT_FINDING_NOTE,
            "right-transactional-id",
            "the transactional id was not tried: workers of the group run, and trying it "
            "would take it from the one that has it");
        return;
    }
    if (wt_worker_id_create(config, &id, &error) != WT_OK) {
        wt_finding_add(findings, config, "delivery.transactional_id", WT_FINDING_ERROR,
                       "right-transactional-id", "%s", error.message);
        return;
    }
    wt_rights_transaction(config, wt_worker_id_text(id), WAIT_MS, findings);
    wt_worker_id_destroy(id);
}

static void report_step(struct wt_progress *progress, const char *step)
{
    const struct wt_progress_state state = {.step = step};
    wt_progress_report(progress, &state);
}

static void check_cluster(const struct wt_config *config, rd_kafka_t *client,
                          struct wt_cluster_facts *facts, struct wt_progress *progress,
                          struct wt_findings *findings)
{
    int members = -1;
    wt_finding_add(findings, config, "kafka.common", WT_FINDING_OK, "broker",
                   "a broker answers; the cluster has %" PRId32, facts->brokers);
    report_step(progress, "topics");
    wt_facts_find_misdated(config, client, WAIT_MS, facts);
    wt_audit_topics(config, facts, findings);
    report_step(progress, "rights");
    wt_rights_read(config, facts, WAIT_MS, findings);
    wt_rights_write(config, facts, WAIT_MS, findings);
    wt_rights_group(config, WAIT_MS, &members, findings);
    if (config->delivery.guarantee == WT_EXACTLY_ONCE) {
        check_transaction(config, members, findings);
    }
}

/* Looks for a broker in small steps: one that is refused everywhere need not be waited for. */
static enum wt_status gather_facts(const struct wt_config *config, rd_kafka_t *client,
                                   const struct last_error *last, struct wt_cluster_facts *facts,
                                   struct wt_error *error)
{
    int waited_ms = 0;
    while (!wt_brokers_answer(client, STEP_MS)) {
        (void)rd_kafka_poll(client, 0); /* gives out what on_error is to be told */
        waited_ms += STEP_MS;
        if (last->all_down || waited_ms >= WAIT_MS) {
            return wt_error_set(error, WT_IO, WT_ERROR_RETRIABLE, "broker-unreachable",
                                "no broker answers within %d ms", waited_ms);
        }
    }
    return wt_facts_gather(config, client, WAIT_MS, facts, error);
}

static void check_kafka(const struct wt_config *config, struct wt_findings *findings)
{
    struct wt_error error;
    struct last_error last = {0};
    struct wt_cluster_facts facts;
    rd_kafka_t *client = make_asker(config, &last, findings);
    if (client == NULL) {
        return;
    }
    struct wt_progress *progress = wt_progress_create("check", "checking", false);
    report_step(progress, "brokers");
    if (gather_facts(config, client, &last, &facts, &error) != WT_OK) {
        add_unreachable(config, &last, &error, findings);
    } else {
        check_cluster(config, client, &facts, progress, findings);
        wt_facts_free(&facts);
    }
    wt_progress_destroy(progress);
    rd_kafka_destroy(client);
}

/* --- the command ----------------------------------------------------------------------------- */

static int check(const struct wt_cli_config *given, bool json)
{
    struct wt_findings findings = {0};
    struct wt_config *config = NULL;
    struct wt_error error;
    int exit_status = WT_EXIT_DONE;
    if (wt_config_load(given->path, given->sets, given->set_count, &config, &error) != WT_OK) {
        wt_finding_add_at(&findings, "", WT_FINDING_ERROR, error.code, "%s", error.message);
        exit_status = WT_EXIT_USAGE;
    } else {
        /* What clients say while they are asked is in the findings. */
        wt_log_init(WT_LOG_ERROR, config->log.format);
        wt_finding_add_at(&findings, given->path, WT_FINDING_OK, "config",
                          "the configuration is "
                          "complete");
        if (wt_consumer_check(config, &error) != WT_OK) {
            wt_finding_add_at(&findings, "", WT_FINDING_ERROR, error.code, "%s", error.message);
        }
        wt_audit_timeouts(config, &findings);
        wt_audit_sizes(config, &findings);
        check_model(config, &findings);
        check_kafka(config, &findings);
        exit_status = wt_findings_well(&findings) ? WT_EXIT_DONE : WT_EXIT_FAILED;
    }
    if (json) {
        print_json(&findings);
    } else {
        print_text(&findings);
    }
    wt_findings_free(&findings);
    wt_config_destroy(config);
    return fflush(stdout) == 0 ? exit_status : WT_EXIT_FAILED;
}

int wt_cli_check(int argc, char **argv)
{
    bool json = false;
    struct wt_cli_config given = wt_cli_config_begin(argc);
    const struct wt_cli_option own[] = {{"json", .flag = &json}};
    const struct wt_cli_options options = {WT_CLI_OPTIONS("check", print_help, own),
                                           .config = &given};
    int exit_status;
    if (wt_cli_options_read(&options, argc, argv, &exit_status)) {
        exit_status = given.path != NULL ? check(&given, json)
                                         : wt_cli_usage("check", "no configuration given: -c FILE");
    }
    wt_cli_config_free(&given);
    return exit_status;
}
