/* run.c: the worker. */
#include "base/alloc.h"
#include "base/config.h"
#include "base/log.h"
#include "cli/cli.h"
#include "ops/http.h"
#include "pipeline/pipeline.h"
#include "wiretag/model.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_help(void)
{
    (void)printf(
        "Labels the articles of the input topics until it is told to stop.\n\n"
        "Usage: wiretag run -c FILE [--set KEY=VALUE]...\n\n"
        "  -c, --config FILE  the configuration; config/wiretag.yaml shows every key\n"
        "  --set KEY=VALUE    overrides one key, such as delivery.commit_interval_ms=500;\n"
        "                     VALUE is YAML; may be repeated, the last one wins\n"
        "  --help             this text\n\n"
        "SIGTERM or SIGINT: running batches finish, offsets are committed, exit 0.\n"
        "A second one exits at once; nothing is lost, the records are read again.\n\n"
        "Example:\n"
        "  wiretag run -c config/wiretag.yaml --set input.topics=[news.articles] \\\n"
        "    --set kafka.common.bootstrap.servers=127.0.0.1:9092\n");
}

/* --- signals --------------------------------------------------------------------------------- */

/* Waits for SIGTERM and SIGINT on a thread of its own, so that what they do may take locks. */
struct signals {
    sigset_t set;
    pthread_t thread;
    struct wt_pipeline *pipeline;
};

static void *watch_signals(void *opaque)
{
    struct signals *signals = opaque;
    int number = 0;
    (void)sigwait(&signals->set, &number);
    wt_log_info("run", "%s", number == SIGTERM ? "SIGTERM: stopping" : "SIGINT: stopping");
    wt_pipeline_stop(signals->pipeline);
    (void)sigwait(&signals->set, &number);
    /* The model's threads may be in the middle of a call: leave without running destructors. */
    _exit(WT_EXIT_FAILED);
}

/* Blocks the signals in this thread and all it will start. */
static void block_signals(struct signals *signals)
{
    (void)sigemptyset(&signals->set);
    (void)sigaddset(&signals->set, SIGTERM);
    (void)sigaddset(&signals->set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals->set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* --- the worker ------------------------------------------------------------------------------ */

static bool ready(void *opaque, char *reason, size_t reason_bytes)
{
    return wt_pipeline_ready(opaque, reason, reason_bytes);
}

/* A worker without its page still labels: a taken port is a warning. */
static struct wt_http *start_http(const struct wt_config *config, struct wt_pipeline *pipeline)
{
    struct wt_http *http = NULL;
    struct wt_error error;
    if (config->http.listen == NULL) {
        return NULL;
    }
    struct wt_http_callbacks callbacks = {.opaque = pipeline, .ready = ready};
    if (wt_http_start(config->http.listen, &callbacks, &http, &error) != WT_OK) {
        wt_log_warn("run", "no metrics page: %s", error.message);
    } else {
        wt_log_info("run", "metrics and health at %s, port %u", config->http.listen,
                    wt_http_port(http));
    }
    return http;
}

static enum wt_status load_model(const struct wt_config *config, struct wt_model **model_out,
                                 struct wt_error *error)
{
    struct wt_model_options options = {.device = config->model.device,
                                       .precision = config->model.precision,
                                       .sha256 = config->model.sha256,
                                       .threads_per_call = config->model.threads};
    wt_log_info("run", "loading the model %s", config->model.path);
    enum wt_status status = wt_model_load(config->model.path, &options, model_out, error);
    if (status == WT_OK && config->model.sha256 == NULL) {
        wt_log_warn("run",
                    "the model is code and is not pinned; in production set model.sha256: %s",
                    wt_model_info(*model_out)->sha256);
    }
    return status;
}

static enum wt_status run_worker(const struct wt_config *config, struct signals *signals,
                                 struct wt_error *error)
{
    struct wt_model *model = NULL;
    struct wt_pipeline *pipeline = NULL;
    struct wt_http *http = NULL;
    enum wt_status status = load_model(config, &model, error);
    if (status == WT_OK) {
        status = wt_pipeline_create(config, model, &pipeline, error);
    }
    if (status != WT_OK) {
        goto done;
    }
    signals->pipeline = pipeline;
    if (pthread_create(&signals->thread, NULL, watch_signals, signals) != 0) {
        status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "thread",
                              "the signal thread cannot be started");
        goto done;
    }
    http = start_http(config, pipeline);
    status = wt_pipeline_run(pipeline, error);
    wt_http_destroy(http);
    (void)pthread_cancel(signals->thread);
    (void)pthread_join(signals->thread, NULL);
done:
    wt_pipeline_destroy(pipeline);
    wt_model_destroy(model);
    return status;
}

int wt_cli_run(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *path = NULL;
    struct wt_config_override *overrides = wt_alloc_zeroed((size_t)argc, sizeof *overrides);
    size_t override_count = 0;
    struct wt_config *config = NULL;
    struct wt_error error;
    struct signals signals = {0};
    int exit_status = WT_EXIT_DONE;

    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 's':
            overrides[override_count++].text = optarg;
            break;
        case 'h':
            print_help();
            goto done;
        default:
            exit_status = wt_cli_usage("run", "unknown option, or one without its value");
            goto done;
        }
    }
    if (optind < argc) {
        exit_status = wt_cli_usage("run", "unexpected argument %s", argv[optind]);
        goto done;
    }
    if (path == NULL) {
        exit_status = wt_cli_usage("run", "no configuration given: -c FILE");
        goto done;
    }
    if (wt_config_load(path, overrides, override_count, &config, &error) != WT_OK) {
        (void)wt_cli_fail("run", WT_INVALID, &error);
        exit_status = WT_EXIT_USAGE;
        goto done;
    }
    block_signals(&signals);
    wt_log_init(config->log.level, config->log.format);
    enum wt_status status = run_worker(config, &signals, &error);
    wt_log_flush();
    if (status != WT_OK) {
        exit_status = wt_cli_fail("run", status, &error);
    }
done:
    wt_config_destroy(config);
    free(overrides);
    return exit_status;
}
