/* bench_tune.c: tries the settings of a configuration and prints those that suit this machine.
 *
 * Tries one setting after the other, each with the best values found before: precision, replicas
 * and threads, token budget. The precision that `auto` picks is kept unless another one is faster
 * by more than the margin that auto itself allows. int8 is measured and printed but never
 * recommended: it must be asked for. */
#include "base/alloc.h"
#include "base/processors.h"
#include "cli/bench/bench_articles.h"
#include "cli/bench/bench_loop.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "config/config_load.h"
#include "model/precision.h"
#include "pipeline/auto_limits.h"
#include "wiretag/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS_MAX 99u
#define SETTINGS_MAX 16u

/* Rates within this share of the best count as equal. Then the smaller budget wins, since it
 * answers and drains sooner, and so does what the worker picks by itself. */
#define GOOD_ENOUGH 0.98

/* If batching gains less than this factor, waiting for neighbours is not worth it. */
#define GAIN_MIN 1.15
#define WAIT_MS_MIN 5.0
#define WAIT_MS_MAX 50.0

/* Each replica runs at least this many batches in a measurement. */
#define BATCHES_MIN 3u

#define ARTICLES_PER_BATCH_MIN 64u

static const char *const PRECISIONS[] = {"fp32", "bf16", "fp16", "int8"};

struct options {
    const char *model;
    const char *input;
    const char *device;
    uint32_t seconds;
    uint32_t repeats;
};

struct setting {
    const char *precision;
    uint32_t replicas;
    uint32_t threads;
    uint32_t tokens_max;
    uint32_t articles_max;
    double rate; /* articles a second, median; 0: not available */
};

struct tune {
    const struct options *options;
    struct wt_bench_articles *articles;
    double tokens_mean;  /* of an article */
    uint32_t processors; /* usable processors; 1 if the model runs on a GPU */
    bool on_cpu;
    struct wt_model *model; /* the model loaded last, for: */
    const char *precision;
    uint32_t threads;
    struct setting by_precision[SETTINGS_MAX];
    uint32_t precision_count;
    const char *by_auto; /* the precision that auto picks, and why */
    char by_auto_why[480];
    struct setting by_budget[SETTINGS_MAX];
    uint32_t budget_count;
    double alone_rate; /* with one article a batch */
};

static void print_help(void)
{
    (void)printf(
        "Tries precisions, replicas, threads and token budgets on this machine and prints the\n"
        "sections model: and batch: of a configuration that suits it.\n\n"
        "Usage: wiretag bench tune --model BUNDLE --input FILE.jsonl [OPTION]...\n\n"
        "  --model BUNDLE   the model\n"
        "  --input FILE     articles like those to come, {\"id\",\"text\"} a line\n"
        "  --device D       auto (default), cpu, cuda or cuda:N\n"
        "  --seconds S      how long one measurement takes, about (default 3)\n"
        "  --repeats N      measurements of each setting, whose median counts (default 3)\n"
        "  --help           this text\n\n"
        "Progress goes to stderr, YAML to stdout. Nothing else should run meanwhile.\n\n"
        "Example:\n"
        "  wiretag bench tune --model models/demo.pt --input data/samples.jsonl > tuned.yaml\n");
}

/* --- one setting ----------------------------------------------------------------------------- */

/* Loads the model for this setting, unless it is loaded. WT_INVALID: the setting is not
 * possible. */
static enum wt_status load(struct tune *tune, const struct setting *setting, struct wt_error *error)
{
    if (tune->model != NULL && strcmp(tune->precision, setting->precision) == 0 &&
        tune->threads == setting->threads) {
        return WT_OK;
    }
    struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                       .device = tune->options->device,
                                       .precision = setting->precision,
                                       .threads_per_call = setting->threads,
                                       .named_by = "--model"};
    wt_model_destroy(tune->model);
    tune->model = NULL;
    tune->precision = setting->precision;
    tune->threads = setting->threads;
    return wt_model_load(tune->options->model, &options, &tune->model, error);
}

/* Enough articles for the wanted time and for some full batches of every replica. */
static uint32_t count_for(const struct tune *tune, const struct setting *setting, double rate)
{
    double wanted = rate * tune->options->seconds;
    double batches = (double)BATCHES_MIN * setting->replicas;
    double full = batches * (double)setting->tokens_max / tune->tokens_mean;
    full = full < batches * setting->articles_max ? full : batches * setting->articles_max;
    wanted = wanted > full ? wanted : full;
    return wanted < 1e6 ? (uint32_t)wanted + 1 : 1000000u;
}

static enum wt_status run_once(struct tune *tune, const struct setting *setting, uint32_t count,
                               double *rate_out, struct wt_error *error)
{
    const struct wt_model_info *info = wt_model_info(tune->model);
    struct wt_bench_loop loop = {.model = tune->model,
                                 .replicas = setting->replicas,
                                 .limits = {.tokens_max = setting->tokens_max,
                                            .articles_max = setting->articles_max,
                                            .length_max = info->tokens_max,
                                            .pad_to = info->pad_to,
                                            .equal_lengths_only = info->equal_lengths_only}};
    struct wt_record_list records = {0};
    struct wt_bench_rate rate;
    wt_bench_articles_take(tune->articles, count, &records);
    enum wt_status status = wt_bench_loop_run(&loop, &records, &rate, error);
    wt_record_list_clear(&records);
    if (status == WT_OK && rate.failures > 0) {
        status = wt_error_set(error, WT_FAILED, WT_ERROR_FATAL, "model-failed",
                              "%" PRIu64 " of %" PRIu32 " articles failed in %s", rate.failures,
                              count, setting->precision);
    }
    *rate_out = status == WT_OK ? rate.articles_per_s : 0.0;
    return status;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Measures settings in turns, so that other load on the machine affects all of them, and stores
 * their rates. All must use the same model. */
static enum wt_status measure(struct tune *tune, struct setting *settings, uint32_t count,
                              struct wt_error *error)
{
    double rates[SETTINGS_MAX][REPEATS_MAX];
    uint32_t articles[SETTINGS_MAX];
    uint32_t repeats = tune->options->repeats;
    enum wt_status status = load(tune, &settings[0], error);
    for (uint32_t i = 0; i < count && status == WT_OK; i++) {
        /* One batch of every replica shows how many articles to use. */
        double rate = 0.0;
        articles[i] = count_for(tune, &settings[i], 0.0) / BATCHES_MIN + 1;
        status = run_once(tune, &settings[i], articles[i], &rate, error);
        articles[i] = count_for(tune, &settings[i], rate);
    }
    for (uint32_t repeat = 0; repeat < repeats && status == WT_OK; repeat++) {
        for (uint32_t i = 0; i < count && status == WT_OK; i++) {
            status = run_once(tune, &settings[i], articles[i], &rates[i][repeat], error);
        }
    }
    for (uint32_t i = 0; i < count && status == WT_OK; i++) {
        struct setting *setting = &settings[i];
        qsort(rates[i], repeats, sizeof(double), compare_doubles);
        setting->rate = rates[i][repeats / 2];
        (void)fprintf(stderr,
                      "%s, %" PRIu32 " x %" PRIu32 " threads, %" PRIu32 " tokens, %" PRIu32
                      " articles at most: %.1f articles/s\n",
                      setting->precision, setting->replicas, setting->threads, setting->tokens_max,
                      setting->articles_max, setting->rate);
    }
    return status;
}

/* --- the search ------------------------------------------------------------------------------ */

/* The number of articles that fills the budget, at least the default. */
static uint32_t articles_for(const struct tune *tune, uint32_t tokens_max)
{
    uint32_t articles = ARTICLES_PER_BATCH_MIN;
    while ((double)articles * tune->tokens_mean < (double)tokens_max) {
        articles *= 2;
    }
    return articles;
}

/* The settings that the worker would pick by itself. */
static enum wt_status begin(struct tune *tune, struct setting *setting_out, struct wt_error *error)
{
    struct setting setting = {.precision = "auto", .threads = 1};
    enum wt_status status = load(tune, &setting, error);
    if (status == WT_OK) {
        status = wt_bench_articles_read(tune->options->input, tune->model, UINT32_MAX,
                                        &tune->articles, error);
    }
    if (status != WT_OK) {
        return status;
    }
    const struct wt_model_info *info = wt_model_info(tune->model);
    struct wt_config *defaults = wt_config_defaults();
    tune->by_auto = info->precision;
    (void)snprintf(tune->by_auto_why, sizeof tune->by_auto_why, "%s", info->precision_why);
    tune->tokens_mean = (double)wt_bench_articles_tokens(tune->articles) /
                        (double)wt_bench_articles_count(tune->articles);
    setting.replicas = wt_auto_replicas(defaults, info);
    setting.tokens_max = wt_auto_batch_limits(defaults, info).tokens_max;
    setting.articles_max = articles_for(tune, setting.tokens_max);
    tune->on_cpu = strcmp(info->device, "cpu") == 0;
    tune->processors = tune->on_cpu ? wt_processors_read().count : 1;
    wt_config_destroy(defaults);
    *setting_out = setting;
    return WT_OK;
}

/* fp16 is for GPUs. On a CPU libtorch converts it back and forth, ten times slower than bf16, and
 * measuring it would take longer than everything else. */
static bool emulated(const struct tune *tune, const char *precision)
{
    return strcmp(precision, "fp16") == 0 && tune->on_cpu;
}

/* Of the precisions other than int8: the one that auto picks if its rate is close to the best, else
 * the most exact one whose rate is. */
static void choose_precision(const struct tune *tune, struct setting *best)
{
    double top = 0.0;
    for (uint32_t i = 0; i < tune->precision_count; i++) {
        const struct setting *setting = &tune->by_precision[i];
        if (strcmp(setting->precision, "int8") != 0 && setting->rate > top) {
            top = setting->rate;
        }
    }
    bool found = false;
    for (uint32_t i = 0; i < tune->precision_count; i++) {
        const struct setting *setting = &tune->by_precision[i];
        bool good =
            strcmp(setting->precision, "int8") != 0 && setting->rate * WT_PRECISION_MARGIN >= top;
        if (good && (!found || strcmp(setting->precision, tune->by_auto) == 0)) {
            *best = *setting;
            found = true;
        }
    }
}

static enum wt_status try_precisions(struct tune *tune, struct setting *best,
                                     struct wt_error *error)
{
    for (size_t i = 0; i < sizeof PRECISIONS / sizeof PRECISIONS[0]; i++) {
        struct setting setting = *best;
        struct wt_error reason;
        setting.precision = PRECISIONS[i];
        setting.rate = 0.0;
        if (emulated(tune, setting.precision)) {
            continue;
        }
        if (load(tune, &setting, &reason) != WT_OK) {
            (void)fprintf(stderr, "%s: not measured: %s\n", setting.precision, reason.message);
            continue;
        }
        enum wt_status status = measure(tune, &setting, 1, error);
        if (status != WT_OK) {
            return status;
        }
        tune->by_precision[tune->precision_count++] = setting;
    }
    choose_precision(tune, best);
    return WT_OK;
}

/* Fewer replicas with more threads on a CPU; more replicas on a GPU. */
static enum wt_status try_replicas(struct tune *tune, struct setting *best, struct wt_error *error)
{
    struct setting tries[SETTINGS_MAX];
    uint32_t count = 0;
    bool cpu = tune->processors > 1;
    for (uint32_t i = 2; cpu ? i <= tune->processors : i <= 4; i *= 2) {
        tries[count] = *best;
        tries[count].replicas = cpu ? tune->processors / i : i;
        tries[count++].threads = cpu ? i : 1;
    }
    /* One processor and no GPU leave nothing to choose. */
    if (!cpu && strcmp(wt_model_info(tune->model)->device, "cpu") == 0) {
        return WT_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        enum wt_status status = measure(tune, &tries[i], 1, error);
        if (status != WT_OK) {
            return status;
        }
        if (GOOD_ENOUGH * tries[i].rate > best->rate) {
            *best = tries[i];
        }
    }
    return WT_OK;
}

static void add_budget(struct tune *tune, const struct setting *base, uint32_t tokens_max)
{
    struct setting *setting = &tune->by_budget[tune->budget_count++];
    *setting = *base;
    setting->tokens_max = tokens_max;
    setting->articles_max = articles_for(tune, tokens_max);
}

static enum wt_status try_budgets(struct tune *tune, struct setting *best, struct wt_error *error)
{
    uint32_t usual = best->tokens_max;
    for (uint32_t tokens_max = usual / 4; tokens_max <= usual * 4; tokens_max *= 2) {
        add_budget(tune, best, tokens_max);
    }
    enum wt_status status = measure(tune, tune->by_budget, tune->budget_count, error);
    double top = 0.0;
    for (uint32_t i = 0; i < tune->budget_count; i++) {
        top = tune->by_budget[i].rate > top ? tune->by_budget[i].rate : top;
    }
    for (uint32_t i = tune->budget_count; i > 0; i--) {
        if (tune->by_budget[i - 1].rate >= GOOD_ENOUGH * top) {
            *best = tune->by_budget[i - 1];
        }
    }
    if (status == WT_OK) {
        struct setting alone = *best;
        alone.articles_max = 1;
        status = measure(tune, &alone, 1, error);
        tune->alone_rate = alone.rate;
    }
    return status;
}

/* --- what is printed ------------------------------------------------------------------------- */

/* Half the time of a full batch, so that waiting never costs more than it gains. */
static double wait_ms(const struct tune *tune, const struct setting *best)
{
    double full_ms =
        1e3 * best->replicas * (double)best->tokens_max / tune->tokens_mean / best->rate;
    double wait = best->rate < GAIN_MIN * tune->alone_rate ? WAIT_MS_MIN : full_ms / 2;
    return wait < WAIT_MS_MIN ? WAIT_MS_MIN : wait > WAIT_MS_MAX ? WAIT_MS_MAX : wait;
}

static void print_rates(const struct setting *settings, uint32_t count, bool budgets)
{
    for (uint32_t i = 0; i < count; i++) {
        if (budgets) {
            (void)printf("%s%" PRIu32 ": %.1f", i > 0 ? ", " : "", settings[i].tokens_max,
                         settings[i].rate);
        } else {
            (void)printf("%s%s: %.1f", i > 0 ? ", " : "", settings[i].precision, settings[i].rate);
        }
    }
    (void)printf("\n");
}

static void print_yaml(const struct tune *tune, const struct setting *best)
{
    const struct wt_model_info *info = wt_model_info(tune->model);
    (void)printf("# For %s %s on %s with %" PRIu32 " processors; articles of %.0f tokens on "
                 "average.\n# Articles a second by precision: ",
                 info->name, info->version, info->device, tune->processors, tune->tokens_mean);
    print_rates(tune->by_precision, tune->precision_count, false);
    (void)printf("# precision: auto takes %s: %s\n", tune->by_auto, tune->by_auto_why);
    for (uint32_t i = 0; i < tune->precision_count; i++) {
        if (strcmp(tune->by_precision[i].precision, "int8") == 0) {
            (void)printf("# int8 is only used if you ask for it; compare its labels on your "
                         "articles first.\n");
        }
    }
    (void)printf("model:\n  path: \"%s\"\n  device: \"%s\"\n  precision: %s\n  replicas: %" PRIu32
                 "\n  threads: %" PRIu32 "\n# By token budget: ",
                 tune->options->model, info->device, best->precision, best->replicas,
                 best->threads);
    print_rates(tune->by_budget, tune->budget_count, true);
    (void)printf("# One article a batch: %.1f, so batching gains %.0f %%.\n", tune->alone_rate,
                 100.0 * (best->rate / tune->alone_rate - 1.0));
    (void)printf("batch:\n  tokens_max: %" PRIu32 "\n  articles_max: %" PRIu32
                 "\n  wait_ms_max: %.0f\n",
                 best->tokens_max, best->articles_max, wait_ms(tune, best));
}

static int bench_tune(const struct options *options)
{
    struct tune tune = {.options = options};
    struct setting best;
    struct wt_error error;
    enum wt_status status = begin(&tune, &best, &error);
    if (status == WT_OK) {
        status = try_precisions(&tune, &best, &error);
    }
    if (status == WT_OK) {
        status = load(&tune, &best, &error);
    }
    if (status == WT_OK) {
        status = try_replicas(&tune, &best, &error);
    }
    if (status == WT_OK) {
        status = try_budgets(&tune, &best, &error);
    }
    if (status == WT_OK) {
        print_yaml(&tune, &best);
    }
    wt_model_destroy(tune.model);
    wt_bench_articles_destroy(tune.articles);
    return status == WT_OK ? WT_EXIT_DONE : wt_cli_fail("bench tune", status, &error);
}

int wt_cli_bench_tune(int argc, char **argv)
{
    struct options options = {.seconds = 3, .repeats = 3};
    const struct wt_cli_option own[] = {
        {"model", .text = &options.model},
        {"input", .text = &options.input},
        {"device", .text = &options.device},
        {"seconds", .number = &options.seconds, .low = 1, .high = 3600},
        {"repeats", .number = &options.repeats, .low = 1, .high = REPEATS_MAX}};
    const struct wt_cli_options line = {WT_CLI_OPTIONS("bench tune", print_help, own)};
    int exit_status;
    if (!wt_cli_options_read(&line, argc, argv, &exit_status)) {
        return exit_status;
    }
    return options.model != NULL && options.input != NULL
               ? bench_tune(&options)
               : wt_cli_usage("bench tune", "--model BUNDLE and --input FILE are needed");
}
