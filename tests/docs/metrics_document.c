/* Prints docs/metrics.md from the table of the code; with a file's name, compares it instead.
 *
 *     build-fake/tests/metrics_document > docs/metrics.md */
#include "observe/metrics_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char head[] =
    "# Metrics\n\n"
    "<!-- Made from src/observe/metrics_families.c: build-fake/tests/metrics_document > "
    "docs/metrics.md "
    "-->\n\n"
    "`GET /metrics` at `http.listen` returns these families in the Prometheus text format, or in "
    "OpenMetrics where `Accept` asks for it. A family appears when it has a series.\n"
    "Units are base units: seconds, bytes, ratios from 0 to 1. A histogram has `_bucket`, `_sum` "
    "and `_count`. In OpenMetrics a counter's family is named without `_total`, its series are "
    "not; bounds are "
    "written as floats (`le=\"1.0\"`), and buckets have exemplars "
    "([operations.md](operations.md#traces)).\n"
    "[operations.md](operations.md) says what to watch. `config/alerts.yaml` and "
    "`config/dashboard.json` use only these metrics.\n";

static void write_family(FILE *out, const struct wt_family_entry *entry)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    if (entry->section != NULL) {
        (void)fprintf(out, "\n## %s\n\n| name | type | labels | meaning |\n|---|---|---|---|\n",
                      entry->section);
    }
    (void)fprintf(out, "| `%s` | %s | ", entry->name, types[entry->type]);
    for (size_t i = 0; i < WT_FAMILY_LABELS_MAX && entry->labels[i] != NULL; i++) {
        (void)fprintf(out, "%s`%s`", i > 0 ? ", " : "", entry->labels[i]);
    }
    (void)fprintf(out, " | %s |\n", entry->help);
}

static char *document(size_t *bytes_out)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes_out);
    if (out == NULL) {
        return NULL;
    }
    (void)fputs(head, out);
    for (int i = 0; i < WT_FAMILY_COUNT; i++) {
        write_family(out, wt_family_entry((enum wt_family)i));
    }
    (void)fclose(out);
    return text;
}

/* Whether the file holds `text` and nothing else. */
static int same_as(const char *path, const char *text, size_t bytes)
{
    FILE *file = fopen(path, "rb");
    char *found = malloc(bytes + 2);
    size_t count = file != NULL && found != NULL ? fread(found, 1, bytes + 1, file) : 0;
    int same = file != NULL && count == bytes && memcmp(found, text, bytes) == 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    free(found);
    return same;
}

int main(int argc, char **argv)
{
    size_t bytes = 0;
    char *text = document(&bytes);
    int status = EXIT_SUCCESS;
    if (text == NULL) {
        return EXIT_FAILURE;
    }
    if (argc < 2) {
        (void)fputs(text, stdout);
    } else if (!same_as(argv[1], text, bytes)) {
        (void)fprintf(stderr, "%s is not what the table says: %s > %s\n", argv[1], argv[0],
                      argv[1]);
        status = EXIT_FAILURE;
    }
    free(text);
    return status;
}
