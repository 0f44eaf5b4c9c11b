/* bench.c: rates of single stages, measured alone. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static void print_help(void)
{
    (void)printf("Measures the rate of one stage alone and prints a JSON line.\n\n"
                 "Usage: wiretag bench tokenize --vocab FILE --input FILE.jsonl [--threads N]\n"
                 "       wiretag bench model --model BUNDLE --input FILE.jsonl [OPTION]...\n\n"
                 "wiretag bench STAGE --help tells of one stage.\n\n"
                 "Example:\n"
                 "  wiretag bench model --model models/demo.pt --input data/samples.jsonl\n");
}

int wt_cli_bench(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "tokenize") == 0) {
        return wt_cli_bench_tokenize(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "model") == 0) {
        return wt_cli_bench_model(argc - 1, argv + 1);
    }
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return WT_EXIT_DONE;
    }
    return wt_cli_usage("bench", "which stage? tokenize or model");
}
