/* check.c: checks whether a worker with this configuration would work, and says what to do if
 * not. */
#include "base/deadline.h"
#include "check/acl_probe.h"
#include "check/audit.h"
#include "check/cluster_facts.h"
#include "check/finding.h"
#include "check/group_facts.h"
#include "cli/check_change.h"
#include "cli/check_model.h"
#include "cli/check_report.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/worker.h"
#include "config/config_load.h"
#include "kafka/reach.h"
#include "kafka/reach_cause.h"
#include "kafka/transactional_id.h"
#include "observe/log.h"
#include "pipeline/consume/consumer_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Time limits: for the whole check, and the least time for the questions to brokers, however long
 * the model took to load. If a call still blocks this grace after its time-out, the process
 * exits. */
#define WHOLE_MS 26000
#define BROKERS_MS_MIN 15000
#define GRACE_MS 2000

/* Time limits of single requests: reaching brokers, reading topics and settings, all others. */
#define REACH_MS 10000
#define FACTS_MS 8000
#define ANSWER_MS 8000
#define PROMOTION_MS 2000

static void print_help(void)
{
    (void)printf(
        "Checks everything a worker needs, without labelling anything: configuration, model and\n"
        "its self-test, device and precision, brokers, topics, rights, time-outs.\n"
        "\n"
        "Usage: wiretag check -c FILE [--set KEY=VALUE]... [--json]\n"
        "\n"
        "  -c, --config FILE  the configuration of the worker\n"
        "  --set KEY=VALUE    overrides one key, as for wiretag run\n"
        "  --json             "
        "{\"well\":…,\"findings\":[{\"level\",\"check\",\"place\",\"message\",\"remedy\"}]}\n"
        "  --help             this text\n"
        "\n"
        "Prints each finding as a line on stdout: ok, note, warning or error; the place; what was\n"
        "found; what to do. Ends within 30 s plus the time to load the model, whatever the "
        "brokers\n"
        "do. Writes nothing to topics and does not join the consumer group, so it may run beside\n"
        "workers. Exit status: 0 no warning and no error, 1 some, 2 bad usage or configuration.\n"
        "\n"
        "Example:\n"
        "  wiretag check -c config/wiretag.yaml\n");
}

/* --- Kafka ----------------------------------------------------------------------------------- */

/* The state of a check. */
struct checking {
    const struct wt_config *config;
    struct wt_check_report *report;
    struct wt_findings *findings;      /* the report's */
    int64_t deadline_us;               /* for all questions to brokers together */
    char sha256[WT_SHA256_TEXT_BYTES]; /* of the model; "": it cannot be loaded */
};

/* The time-out of the next question. */
static int timeout_ms(const struct checking *checking, int ms_max)
{
    return wt_deadline_left_ms(checking->deadline_us, ms_max);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    (void)client;
    (void)code;
    (void)reason;
    (void)opaque;
}

/* A consumer that joins no group and only asks questions. NULL: librdkafka refuses the
 * configuration. */
static rd_kafka_t *create_client(const struct wt_config *config, struct wt_findings *findings)
{
    struct wt_error error;
    rd_kafka_t *client = NULL;
    rd_kafka_conf_t *conf = NULL;
    enum wt_status status = wt_client_conf_create(config, RD_KAFKA_CONSUMER, &conf, &error);
    if (status == WT_OK) {
        status = wt_client_conf_set(conf, "allow.auto.create.topics", "false", &error);
    }
    if (status == WT_OK) {
        rd_kafka_conf_set_error_cb(conf, on_error);
        status = wt_client_create(RD_KAFKA_CONSUMER, &conf, &client, &error);
    }
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    if (status != WT_OK) {
        wt_finding_add_at(findings, "", WT_FINDING_ERROR, error.code, "%s", error.message);
    }
    return client;
}

/* --- reaching brokers ------------------------------------------------------------------------ */

static void add_fault(const struct checking *checking, const struct wt_reach *reach,
                      const struct wt_reach_fault *fault)
{
    bool advertised = fault->broker >= 0;
    wt_finding_add(checking->findings, checking->config, "kafka.common",
                   advertised || reach->brokers == 0 ? WT_FINDING_ERROR : WT_FINDING_WARNING,
                   advertised            ? "advertised-listener"
                   : reach->brokers == 0 ? "broker-unreachable"
                                         : "bootstrap-server",
                   "%s", fault->message);
    wt_finding_remedy(checking->findings, "%s", fault->remedy);
}

/* False: no broker can be asked further questions. */
static bool check_reach(const struct checking *checking)
{
    struct wt_error error;
    struct wt_reach reach;
    struct wt_findings *findings = checking->findings;
    wt_check_report_step(checking->report, "brokers and their addresses");
    if (wt_reach_gather(checking->config, true, timeout_ms(checking, REACH_MS), &reach, &error) !=
        WT_OK) {
        wt_finding_add_at(findings, "", WT_FINDING_ERROR, error.code, "%s", error.message);
        return false;
    }
    for (size_t i = 0; i < reach.fault_count; i++) {
        add_fault(checking, &reach, &reach.faults[i]);
    }
    char message[256];
    if (wt_reach_cause_short_session(reach.session_ms, message, sizeof message)) {
        wt_finding_add(findings, checking->config, "kafka.common", WT_FINDING_WARNING,
                       "short-session", "%s", message);
        wt_finding_remedy(findings, "%s", wt_reach_cause_session_remedy);
    }
    bool reached = reach.reached > 0;
    if (reached) {
        wt_finding_add(findings, checking->config, "kafka.common", WT_FINDING_OK, "broker",
                       "brokers answer: %" PRId32 " of %" PRId32 " in the cluster", reach.reached,
                       reach.brokers);
    } else {
        wt_finding_add(findings, checking->config, "kafka.common", WT_FINDING_NOTE, "not-looked-at",
                       "topics, rights and the group were not checked: no broker can be reached");
    }
    wt_reach_free(&reach);
    return reached;
}

/* --- the rest -------------------------------------------------------------------------------- */

/* Trying a transactional id fences the producer that uses it. An id that wiretag picks is protected
 * by a lock file on this machine. An id that is configured or follows group.instance.id may belong
 * to a running worker. */
static void check_transaction(const struct checking *checking, const struct wt_group_facts *group)
{
    struct wt_error error;
    struct wt_transactional_id *id = NULL;
    const struct wt_config *config = checking->config;
    bool may_be_taken = strcmp(config->delivery.transactional_id, "auto") != 0 ||
                        wt_config_consumer_property(config, "group.instance.id") != NULL;
    if (may_be_taken && (!group->known || group->member_count > 0)) {
        wt_finding_add(checking->findings, config, "delivery.transactional_id", WT_FINDING_NOTE,
                       "right-transactional-id",
                       "the transactional id was not tried: the group has running workers, and "
                       "trying it would fence the worker that uses it");
        return;
    }
    if (wt_transactional_id_create(config, &id, &error) != WT_OK) {
        wt_finding_add(checking->findings, config, "delivery.transactional_id", WT_FINDING_ERROR,
                       "right-transactional-id", "%s", error.message);
        return;
    }
    wt_acl_probe_transaction(config, wt_transactional_id_text(id), timeout_ms(checking, ANSWER_MS),
                             checking->findings);
    wt_transactional_id_destroy(id);
}

/* A finding of this check exists. */
static bool has_finding(const struct wt_findings *findings, const char *check)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (strcmp(findings->items[i].check, check) == 0) {
            return true;
        }
    }
    return false;
}

/* Skipped if the group has no coordinator to ask. */
static void check_group(const struct checking *checking, rd_kafka_t *client,
                        const struct wt_cluster_facts *facts, struct wt_group_facts *group_out)
{
    struct wt_group_position position = {0};
    if (has_finding(checking->findings, "coordinator-group")) {
        return;
    }
    wt_check_report_step(checking->report, "the consumer group");
    rd_kafka_resp_err_t answer =
        wt_group_facts_gather(checking->config, client, timeout_ms(checking, ANSWER_MS), group_out);
    wt_acl_probe_group(checking->config, group_out, answer, timeout_ms(checking, ANSWER_MS),
                       checking->findings);
    wt_audit_group(checking->config, group_out, checking->findings);
    if (group_out->known && group_out->refusal == NULL && answer == RD_KAFKA_RESP_ERR_NO_ERROR) {
        wt_check_report_step(checking->report, "the offsets of the consumer group");
        wt_group_position_gather(checking->config, facts, timeout_ms(checking, ANSWER_MS),
                                 &position);
        wt_audit_position(checking->config, &position, facts->settings.offsets_minutes,
                          checking->findings);
        wt_group_position_free(&position);
    }
}

static void check_rights(const struct checking *checking, rd_kafka_t *client,
                         const struct wt_cluster_facts *facts)
{
    struct wt_group_facts group = {0};
    wt_check_report_step(checking->report, "the right to read");
    wt_acl_probe_read(checking->config, facts, timeout_ms(checking, ANSWER_MS), checking->findings);
    wt_check_report_step(checking->report, "the right to write");
    wt_acl_probe_write(checking->config, facts, timeout_ms(checking, ANSWER_MS),
                       checking->findings);
    check_group(checking, client, facts, &group);
    wt_check_promotion(checking->config, client, checking->sha256,
                       timeout_ms(checking, PROMOTION_MS), checking->findings);
    if (checking->config->delivery.guarantee == WT_EXACTLY_ONCE &&
        !has_finding(checking->findings, "coordinator-transactions")) {
        wt_check_report_step(checking->report, "the transactional id");
        check_transaction(checking, &group);
    }
    wt_group_facts_free(&group);
}

static void check_cluster(const struct checking *checking, rd_kafka_t *client)
{
    struct wt_error error;
    struct wt_cluster_facts facts;
    wt_check_report_step(checking->report, "topics and settings");
    if (wt_facts_gather(checking->config, client, timeout_ms(checking, FACTS_MS), &facts, &error) !=
        WT_OK) {
        wt_finding_add(checking->findings, checking->config, "kafka.common", WT_FINDING_ERROR,
                       "broker-unreachable", "%s", error.message);
        wt_finding_remedy(checking->findings, "check that the brokers run, and read their logs");
        return;
    }
    wt_audit_broker_limits(checking->config, &facts, checking->findings);
    wt_audit_coordinators(checking->config, &facts, checking->findings);
    wt_check_report_step(checking->report, "timestamps");
    wt_facts_find_misdated(checking->config, client, timeout_ms(checking, ANSWER_MS), &facts);
    wt_facts_find_newest(checking->config, timeout_ms(checking, ANSWER_MS), &facts);
    wt_audit_topics(checking->config, &facts, checking->findings);
    check_rights(checking, client, &facts);
    wt_facts_free(&facts);
}

/* Checks that librdkafka accepts the producer's properties. The consumer has been created
 * already. */
static bool check_producer(const struct checking *checking)
{
    struct wt_error error;
    rd_kafka_conf_t *conf = NULL;
    if (wt_client_conf_create(checking->config, RD_KAFKA_PRODUCER, &conf, &error) != WT_OK) {
        wt_finding_add_at(checking->findings, "", WT_FINDING_ERROR, error.code, "%s",
                          error.message);
        return false;
    }
    rd_kafka_conf_destroy(conf);
    return true;
}

/* Warns that the last questions may have had too little time, so their findings may be wrong. */
static void add_time(const struct checking *checking)
{
    if (timeout_ms(checking, 1) == 0) {
        wt_finding_add_at(checking->findings, "", WT_FINDING_WARNING, "time",
                          "brokers answer slowly: time ran out before all had answered, so the "
                          "last checks may be incomplete");
        wt_finding_remedy(checking->findings,
                          "check the load of the brokers and the network in between");
    }
}

static void check_kafka(const struct checking *checking)
{
    if (!check_producer(checking) || !check_reach(checking)) {
        return;
    }
    rd_kafka_t *client = create_client(checking->config, checking->findings);
    if (client != NULL) {
        check_cluster(checking, client);
        wt_check_report_step(checking->report, "the end");
        rd_kafka_destroy(client);
        add_time(checking);
    }
}

/* --- the command ----------------------------------------------------------------------------- */

/* The brokers get what the model has left of the whole time. */
static int64_t deadline_of(int64_t begin_us)
{
    int64_t whole_us = begin_us + WHOLE_MS * INT64_C(1000);
    int64_t least_us = wt_deadline_in(BROKERS_MS_MIN);
    return whole_us > least_us ? whole_us : least_us;
}

static void check_all(const struct wt_config *config, struct wt_check_report *report)
{
    struct wt_error error;
    int64_t begin_us = wt_clock_us();
    struct checking checking = {
        .config = config, .report = report, .findings = wt_check_report_findings(report)};
    if (wt_consumer_client_check(config, &error) != WT_OK) {
        wt_finding_add_at(checking.findings, "", WT_FINDING_ERROR, error.code, "%s", error.message);
    }
    wt_audit_input(config, checking.findings);
    wt_audit_timeouts(config, checking.findings);
    wt_audit_registry(config, checking.findings);
    wt_audit_sizes(config, checking.findings);
    wt_findings_tell(checking.findings);
    wt_cli_check_model(config, checking.findings, checking.sha256);
    wt_cli_check_shadow(config, checking.findings);
    checking.deadline_us = deadline_of(begin_us);
    wt_check_report_watch(report, checking.deadline_us + GRACE_MS * INT64_C(1000));
    check_kafka(&checking);
    /* If the group was promoted to another model, that is what the worker runs, whatever is configured. */
    wt_check_report_step(report, "the worker at http.listen");
    if (checking.sha256[0] != '\0' && !has_finding(checking.findings, "model-promoted")) {
        wt_check_running_model(config, checking.sha256, checking.findings);
    }
}

static int check(const struct wt_cli_config *given, bool json)
{
    struct wt_config *config = NULL;
    struct wt_error error;
    int exit_status = WT_EXIT_DONE;
    struct wt_check_report *report = wt_check_report_create(json);
    struct wt_findings *findings = wt_check_report_findings(report);
    if (wt_config_load(given->path, given->sets, given->set_count, &config, &error) != WT_OK) {
        wt_finding_add_at(findings, "", WT_FINDING_ERROR, error.code, "%s", error.message);
        exit_status = WT_EXIT_USAGE;
    } else {
        /* Errors of clients become findings, so the log is nearly off. */
        wt_log_init(WT_LOG_ERROR, config->log.format);
        wt_finding_add_at(findings, given->path, WT_FINDING_OK, "config",
                          "the configuration is complete");
        check_all(config, report);
        exit_status = wt_findings_well(findings) ? WT_EXIT_DONE : WT_EXIT_FAILED;
    }
    bool written = wt_check_report_end(report);
    wt_check_report_destroy(report);
    wt_config_destroy(config);
    return written ? exit_status : WT_EXIT_FAILED;
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
