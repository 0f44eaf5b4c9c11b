/* bench.c: measures how fast the worker and its stages are on this machine. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} BENCHES[] = {{"tokenize", wt_cli_bench_tokenize},
               {"model", wt_cli_bench_model},
               {"pipeline", wt_cli_bench_pipeline},
               {"tune", wt_cli_bench_tune}};

static void print_help(void)
{
    (void)printf(
        "Measures how fast the worker and its stages are on this machine.\n"
        "\n"
        "Usage: wiretag bench tokenize --vocab FILE --input FILE.jsonl [OPTION]...\n"
        "       wiretag bench model --model BUNDLE --input FILE.jsonl [OPTION]...\n"
        "       wiretag bench pipeline -c FILE --input FILE.jsonl [OPTION]...\n"
        "       wiretag bench tune --model BUNDLE --input FILE.jsonl [OPTION]...\n"
        "\n"
        "  tokenize   the tokenizer alone\n"
        "  model      the model alone, on articles or on batches of given shapes\n"
        "  pipeline   each stage alone, then all from Kafka to Kafka, on your brokers\n"
        "  tune       tries sizes and precisions; prints the sections model: and batch: of a\n"
        "             configuration for this machine\n"
        "\n"
        "Results are JSON lines on stdout (tune: YAML); on a terminal a table comes with them.\n"
        "wiretag bench NAME --help has the options of one.\n"
        "\n"
        "Example:\n"
        "  wiretag bench model --model models/demo.pt --input data/samples.jsonl\n");
}

int wt_cli_bench(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return WT_EXIT_DONE;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof BENCHES / sizeof BENCHES[0]; i++) {
        if (strcmp(argv[1], BENCHES[i].name) == 0) {
            return BENCHES[i].run(argc - 1, argv + 1);
        }
    }
    const char *choice = "tokenize, model, pipeline or tune";
    return argc >= 2 ? wt_cli_usage("bench", "no benchmark %s; choose %s", argv[1], choice)
                     : wt_cli_usage("bench", "which one? %s", choice);
}
