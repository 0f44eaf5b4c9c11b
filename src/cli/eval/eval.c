/* eval.c: labels articles that people have labelled, and shows how well the model agrees. */
#include "base/errno_text.h"
#include "base/processors.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/eval/report.h"
#include "cli/eval/scoring.h"
#include "cli/jsonl.h"
#include "cli/long_articles.h"
#include "cli/options.h"
#include "config/config_load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_TOKENS_DEFAULT 1024u

/* The width of tables that do not go to a terminal. */
#define COLUMNS_DEFAULT 100u

struct options {
    const char *model;
    const char *device;
    const char *precision;
    const char *kernels;
    uint32_t batch_tokens;
    struct wt_cli_long long_articles;
    const char *input;
    const char *text;
    const char *label;
    const char *svg;
    bool json;
    const char *min_accuracy;
    const char *min_macro_f1;
    double accuracy; /* what the two say; 0: nothing is asked for */
    double macro_f1;
};

struct eval {
    const struct options *options;
    struct wt_model *model;
    struct wt_classifier *classifier;
    struct wt_evaluation *evaluation;
    int fd;           /* of the input */
    int svg_fd;       /* -1: no picture */
    bool svg_created; /* there was no such file before */
    struct wt_jsonl *input;
    struct wt_report report;
};

static void print_help(void)
{
    (void)printf(
        "Compares a model's labels with those that people gave: accuracy, precision, recall, F1,\n"
        "loss, calibration, confusion; of several labels the best thresholds. Articles are JSON "
        "lines.\n\n"
        "Usage: wiretag eval --model BUNDLE [--input FILE] [OPTION]...\n\n"
        "  --model BUNDLE     the model, such as models/demo.pt\n"
        "  --input FILE       the articles; without it stdin\n"
        "  --text POINTER     where the text is, a JSON pointer (default /text)\n"
        "  --label POINTER    where the gold label is: its name or its id, or a list of them\n"
        "                     (default /label, and where that is absent /expected)\n"
        "  --json             one JSON object instead of tables\n"
        "  --svg FILE         writes a picture of what is confused with what\n"
        "  --min-accuracy X   exit 1 if the accuracy is below X, a number from 0 to 1\n"
        "  --min-macro-f1 X   the same for the macro average of F1\n" WT_CLI_LONG_HELP
        "  --device D         auto (default), cpu, cuda or cuda:N\n"
        "  --precision P      auto (default), fp32, bf16, fp16 or int8\n"
        "  --kernels K        auto (default), or as model.kernels\n"
        "  --batch-tokens N   tokens of one batch, padding included (default 1024); changes the\n"
        "                     speed, not the labels\n"
        "  --help             this text\n\n"
        "Lines without a gold label and articles that get no label are counted and left out. A\n"
        "line that is not JSON, or whose gold label the model does not have, ends the run.\n"
        "Memory depends on the number of labels, not on the number of articles.\n\n"
        "Example:\n"
        "  wiretag eval --model models/demo.pt --input data/samples.jsonl --svg confusion.svg\n");
}

/* --- showing it ------------------------------------------------------------------------------ */

static enum wt_status file_failed(const char *what, const char *path, struct wt_error *error)
{
    return wt_error_set(error, WT_IO, WT_ERROR_FATAL, "file", "%s %s: %s", what, path,
                        wt_errno_text(errno));
}

/* The file is open since before the articles were read; its old content goes only now. A pipe cannot
 * be cut. */
static enum wt_status write_picture(struct eval *eval, struct wt_error *error)
{
    bool cut = ftruncate(eval->svg_fd, 0) == 0 || errno == EINVAL;
    FILE *file = cut ? fdopen(eval->svg_fd, "w") : NULL;
    bool written = file != NULL;
    if (file != NULL) {
        eval->svg_fd = -1;
        wt_report_write_svg(&eval->report, file);
        written = ferror(file) == 0;
        written = fclose(file) == 0 && written;
    }
    return written ? WT_OK : file_failed("cannot write", eval->options->svg, error);
}

static bool reaches(const char *what, double figure, double least, const char *option)
{
    if (figure < least) {
        (void)fprintf(stderr, "wiretag eval: %s %.4f is below %s %g\n", what, figure, option,
                      least);
    }
    return figure >= least;
}

static enum wt_status show(struct eval *eval, bool *reached_out, struct wt_error *error)
{
    const struct options *options = eval->options;
    const struct wt_figures *figures = eval->report.figures;
    if (eval->report.without_gold > 0) {
        (void)fprintf(stderr,
                      "wiretag eval: %" PRIu64 " of %" PRIu64 " lines have no gold label at %s and "
                      "were left out; the first is line %" PRIu64 "\n",
                      eval->report.without_gold, eval->report.lines,
                      options->label != NULL ? options->label : "/label or /expected",
                      eval->report.first_without_gold);
    }
    if (options->json) {
        wt_report_write_json(&eval->report, stdout);
    } else {
        wt_report_write_text(&eval->report, wt_columns_of_terminal(STDOUT_FILENO, COLUMNS_DEFAULT),
                             stdout);
    }
    (void)fflush(stdout);
    *reached_out = reaches("accuracy", figures->accuracy, options->accuracy, "--min-accuracy");
    *reached_out &= reaches("macro F1", figures->macro.f1, options->macro_f1, "--min-macro-f1");
    return eval->svg_fd >= 0 ? write_picture(eval, error) : WT_OK;
}

/* --- the command ----------------------------------------------------------------------------- */

/* A picture of that name would replace what people have labelled. */
static bool is_input(const struct eval *eval, int fd)
{
    struct stat input;
    struct stat other;
    return fstat(eval->fd, &input) == 0 && fstat(fd, &other) == 0 && S_ISREG(other.st_mode) &&
           input.st_dev == other.st_dev && input.st_ino == other.st_ino;
}

static enum wt_status open_files(struct eval *eval, struct wt_error *error)
{
    const struct options *options = eval->options;
    if (options->input != NULL) {
        eval->fd = open(options->input, O_RDONLY | O_CLOEXEC);
        if (eval->fd < 0) {
            return file_failed("cannot read", options->input, error);
        }
    }
    if (options->svg != NULL) {
        eval->svg_fd = open(options->svg, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        eval->svg_created = eval->svg_fd >= 0;
        if (eval->svg_fd < 0 && errno == EEXIST) {
            eval->svg_fd = open(options->svg, O_WRONLY | O_CLOEXEC);
        }
        if (eval->svg_fd < 0) {
            return file_failed("cannot write", options->svg, error);
        }
        if (is_input(eval, eval->svg_fd)) {
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "file",
                                "--svg %s is the input, which it would replace", options->svg);
        }
    }
    eval->input = wt_jsonl_create(eval->fd);
    if (options->text != NULL) {
        wt_jsonl_text_at(eval->input, options->text);
    }
    return WT_OK;
}

static enum wt_status open_model(struct eval *eval, struct wt_error *error)
{
    struct wt_model_options options = {.size = sizeof(struct wt_model_options),
                                       .device = eval->options->device,
                                       .precision = eval->options->precision,
                                       .kernels = eval->options->kernels,
                                       .threads_per_call = wt_processors_read().count,
                                       .named_by = "--model"};
    enum wt_status status =
        wt_cli_model_load("eval", eval->options->model, &options, false, &eval->model, error);
    if (status != WT_OK) {
        return status;
    }
    eval->report.model = wt_model_info(eval->model);
    bool several = eval->report.model->task == WT_MULTI_LABEL;
    eval->evaluation = wt_evaluation_create(eval->report.model->label_count,
                                            several ? eval->report.model->thresholds : NULL);
    eval->report.evaluation = eval->evaluation;
    struct wt_classifier_options batches = wt_classifier_options_default();
    batches.batch_tokens = eval->options->batch_tokens;
    struct wt_config *defaults = wt_config_defaults();
    wt_cli_long_set(&eval->options->long_articles, defaults, &batches);
    wt_config_destroy(defaults);
    return wt_classifier_create(eval->model, &batches, &eval->classifier, error);
}

/* Without an article there is no figure. */
static enum wt_status need_articles(const struct eval *eval, struct wt_error *error)
{
    const struct wt_report *report = &eval->report;
    uint64_t unlabelled = 0;
    for (size_t i = 0; i < report->unlabelled_count; i++) {
        unlabelled += report->unlabelled[i].articles;
    }
    if (report->lines > report->without_gold + unlabelled) {
        return WT_OK;
    }
    return wt_error_set(
        error, WT_FAILED, WT_ERROR_FATAL, "no-articles",
        "nothing to evaluate in %s: of %" PRIu64 " lines %" PRIu64
        " have no gold label (--label), %" PRIu64 " got no label from the model%s%s",
        report->input, report->lines, report->without_gold, unlabelled,
        unlabelled > 0 ? ", the first: " : "", unlabelled > 0 ? report->unlabelled[0].code : "");
}

static int eval_all(const struct options *options)
{
    struct eval eval = {.options = options, .fd = STDIN_FILENO, .svg_fd = -1};
    struct wt_figures figures = {0};
    struct wt_error error;
    bool reached = true;
    eval.report.input = options->input != NULL ? options->input : "stdin";
    enum wt_status status = open_files(&eval, &error);
    if (status == WT_OK) {
        status = open_model(&eval, &error);
    }
    int exit_status = status == WT_INVALID ? WT_EXIT_USAGE : WT_EXIT_FAILED;
    if (status == WT_OK) {
        struct wt_scoring scoring = {.input = eval.input,
                                     .fd = eval.fd,
                                     .label_pointer = options->label,
                                     .classifier = eval.classifier,
                                     .evaluation = eval.evaluation,
                                     .report = &eval.report};
        status = wt_scoring_run(&scoring, &error);
    }
    if (status == WT_OK) {
        status = need_articles(&eval, &error);
    }
    if (status == WT_OK) {
        wt_evaluation_figures(eval.evaluation, &figures);
        eval.report.figures = &figures;
        status = show(&eval, &reached, &error);
    }
    if (status != WT_OK) {
        (void)wt_cli_fail("eval", status, &error);
    } else {
        exit_status = reached ? WT_EXIT_DONE : WT_EXIT_FAILED;
    }
    wt_figures_free(&figures);
    wt_evaluation_destroy(eval.evaluation);
    wt_classifier_destroy(eval.classifier);
    wt_model_destroy(eval.model);
    wt_jsonl_destroy(eval.input);
    if (eval.svg_fd >= 0) {
        (void)close(eval.svg_fd);
    }
    if (status != WT_OK && eval.svg_created) {
        (void)unlink(options->svg);
    }
    if (options->input != NULL && eval.fd >= 0) {
        (void)close(eval.fd);
    }
    return exit_status;
}

/* Parses a number from 0 to 1. */
static bool read_share(const char *text, double *share_out)
{
    char *end = NULL;
    if (text == NULL) {
        return true;
    }
    *share_out = strtod(text, &end);
    return end != text && *end == '\0' && *share_out >= 0.0 && *share_out <= 1.0;
}

static int check_options(struct options *options)
{
    if (options->model == NULL) {
        return wt_cli_usage("eval", "no model given: --model BUNDLE");
    }
    int exit_status = wt_cli_long_check("eval", &options->long_articles);
    if (exit_status != WT_EXIT_DONE) {
        return exit_status;
    }
    const char *const pointers[] = {"--text", options->text, "--label", options->label};
    for (size_t i = 0; i < 4; i += 2) {
        if (pointers[i + 1] != NULL && pointers[i + 1][0] != '/') {
            return wt_cli_usage("eval", "%s %s: a JSON pointer begins with /, such as /label",
                                pointers[i], pointers[i + 1]);
        }
    }
    if (!read_share(options->min_accuracy, &options->accuracy)) {
        return wt_cli_usage("eval", "--min-accuracy %s: a number from 0 to 1",
                            options->min_accuracy);
    }
    if (!read_share(options->min_macro_f1, &options->macro_f1)) {
        return wt_cli_usage("eval", "--min-macro-f1 %s: a number from 0 to 1",
                            options->min_macro_f1);
    }
    return WT_EXIT_DONE;
}

int wt_cli_eval(int argc, char **argv)
{
    struct options options = {.batch_tokens = BATCH_TOKENS_DEFAULT,
                              .long_articles = WT_CLI_LONG_NOT_GIVEN};
    const struct wt_cli_option own[] = {
        {"model", .text = &options.model},
        {"input", .text = &options.input},
        {"text", .text = &options.text},
        {"label", .text = &options.label},
        {"json", .flag = &options.json},
        {"svg", .text = &options.svg},
        {"min-accuracy", .text = &options.min_accuracy},
        {"min-macro-f1", .text = &options.min_macro_f1},
        {"device", .text = &options.device},
        {"precision", .text = &options.precision},
        {"kernels", .text = &options.kernels},
        {"batch-tokens", .number = &options.batch_tokens, .low = 1, .high = 1000000000},
        WT_CLI_LONG_OPTIONS(options.long_articles)};
    const struct wt_cli_options line = {WT_CLI_OPTIONS("eval", print_help, own)};
    int exit_status;
    if (!wt_cli_options_read(&line, argc, argv, &exit_status)) {
        return exit_status;
    }
    exit_status = check_options(&options);
    return exit_status == WT_EXIT_DONE ? eval_all(&options) : exit_status;
}
