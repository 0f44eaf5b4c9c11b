/* fuzz_config.c: no bytes crash the configuration, a refusal has a message, and what is accepted is
 * complete. An input is the YAML file, then --set texts, each behind a NUL byte. */
#include "base/address.h"
#include "config/config.h"
#include "config/config_load.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SETS_MAX 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_accepted(const struct wt_config *config)
{
    require(config->input.topics.count > 0 && config->input.text.count > 0);
    require(config->input.id != NULL && config->output.topic != NULL);
    require(!config->dead_letter.enabled || config->dead_letter.topic != NULL);
    require(config->dead_letter.enabled || config->on_error != WT_ON_ERROR_DEAD_LETTER);
    require(config->output.threshold.all <= 1);
    for (size_t i = 0; i < config->output.threshold.count; i++) {
        double threshold = config->output.threshold.items[i].value;
        require(threshold >= 0 && threshold <= 1);
    }
    require(config->batch.tokens_max == 0 || config->batch.tokens_max >= 16);
    require(config->batch.articles_max > 0 && config->in_flight.records_max > 0);
    require(config->model.sha256 == NULL || strlen(config->model.sha256) == 64);
    struct wt_address address;
    require(config->http.listen == NULL || wt_address_parse(config->http.listen, &address));
    require(wt_config_consumer_property(config, "group.id") != NULL);
    require(strlen(wt_config_place(config, "output.topic")) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)setenv("WT_FUZZ", "null", 1);
    char *text = malloc(size + 1);
    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';

    size_t yaml_bytes = strlen(text);
    struct wt_config_override overrides[SETS_MAX];
    size_t count = 0;
    for (size_t at = yaml_bytes + 1; at <= size && count < SETS_MAX; at += strlen(text + at) + 1) {
        overrides[count++].text = text + at;
    }

    struct wt_config *config = NULL;
    struct wt_error error = {.message = ""};
    enum wt_status status =
        wt_config_parse(text, yaml_bytes, "fuzz.yaml", overrides, count, &config, &error);
    if (status == WT_OK) {
        check_accepted(config);
    } else {
        require(config == NULL && error.message[0] != '\0' && error.code[0] != '\0');
    }
    wt_config_destroy(config);
    free(text);
    return 0;
}
