/* main.c: picks the subcommand. */
#include "base/errno_text.h"
#include "cli/cli.h"
#include "cli/signals.h"
#include "observe/exit_limit.h"
#include "wiretag/model.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", wt_cli_run, "label a topic's articles until told to stop"},
    {"replay", wt_cli_replay, "label a part of a topic that ends"},
    {"redrive", wt_cli_redrive, "take dead letters through the model again"},
    {"promote", wt_cli_promote, "let a group go over to another model"},
    {"classify", wt_cli_classify, "label articles from stdin, without Kafka"},
    {"eval", wt_cli_eval, "compare a model's labels with those that people gave"},
    {"tokenize", wt_cli_tokenize, "show the token ids of articles from stdin"},
    {"check", wt_cli_check, "look at everything a worker needs, without labelling"},
    {"explain", wt_cli_explain, "show one record's way, and what was published for it"},
    {"bench", wt_cli_bench, "measure the rate of a stage"},
};

static void print_help(void)
{
    (void)printf("wiretag labels articles while they flow through Kafka.\n\n"
                 "Usage: wiretag COMMAND [OPTION]...\n\nCommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    (void)printf("\n  --help     this text; wiretag COMMAND --help tells of one command\n"
                 "  --version  versions of wiretag and of what it runs with\n\n"
                 "Example:\n"
                 "  echo '{\"id\":1,\"text\":\"Сборная выиграла матч\"}' |\n"
                 "    wiretag classify --model models/demo.pt\n\n"
                 "Exit status: 0 done, 1 failed, 2 bad usage or configuration.\n");
}

static void print_version(void)
{
    (void)printf("wiretag %s\nlibrdkafka %s\n%s\n", WIRETAG_VERSION, rd_kafka_version_str(),
                 wt_model_runtime());
}

/* There are few enough commands to name them all. */
static int refuse(const char *name)
{
    (void)fprintf(stderr, "wiretag: %s %s; the commands are",
                  name[0] == '-' ? "unknown option" : "no command", name);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)fprintf(stderr, "%s %s", i == 0 ? "" : ",", commands[i].name);
    }
    (void)fprintf(stderr, "\nTry: wiretag --help\n");
    return WT_EXIT_USAGE;
}

/* Runs what the arguments ask for; argv[1] is there. */
static int dispatch(int argc, char **argv)
{
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return WT_EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        print_version();
        return WT_EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return refuse(name);
}

/* Makes "COMMAND... --help" of "help COMMAND...". */
static void turn_help(int argc, char **argv)
{
    static char option[] = "--help";
    if (argc > 2 && strcmp(argv[1], "help") == 0) {
        memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof *argv);
        argv[argc - 1] = option;
    }
}

/* A stream that is closed at the start stays unusable, but its number is taken: otherwise the next
 * connection to a broker would get it, and log lines would be written into that. */
static void take_closed_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++) {
        if (fcntl(stream, F_GETFD) == -1 && errno == EBADF) {
            (void)open("/dev/null",
                       stream == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest free number */
        }
    }
}

int main(int argc, char **argv)
{
    take_closed_streams();
    if (argc < 2) {
        (void)fprintf(stderr, "wiretag: no command given\nTry: wiretag --help\n");
        return WT_EXIT_USAGE;
    }
    wt_signals_end_process();
    turn_help(argc, argv);
    /* The commands say themselves what they do not accept. */
    opterr = 0;
    int exit_status = dispatch(argc, argv);
    /* A full disk must not pass for success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_status == WT_EXIT_DONE) {
        (void)fprintf(stderr, "wiretag: writing to stdout failed: %s\n", wt_errno_text(errno));
        exit_status = WT_EXIT_FAILED;
    }
    wt_exit_limit_end(exit_status, "a library's exit handler");
    return exit_status;
}
