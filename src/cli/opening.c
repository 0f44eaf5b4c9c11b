#include "cli/opening.h"

#include "base/buffer.h"
#include "base/processors.h"
#include "observe/log.h"
#include "wiretag/model.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define GIB (1024.0 * 1024.0 * 1024.0)

static const char *property_of(const struct wt_config *config, const char *name)
{
    const struct wt_property *property = wt_config_consumer_property(config, name);
    return property != NULL ? property->value : "none";
}

static void log_configuration(const char *command, const struct wt_config *config)
{
    struct wt_buffer inputs = {0};
    for (size_t i = 0; i < config->input.topics.count; i++) {
        wt_buffer_append_text(&inputs, i > 0 ? ", " : "");
        wt_buffer_append_text(&inputs, config->input.topics.items[i]);
    }
    char *topics = wt_buffer_take(&inputs, NULL);
    struct wt_buffer outputs = {0};
    for (size_t i = 0; i < wt_config_label_topic_count(config); i++) {
        wt_buffer_append_text(&outputs, i > 1 ? ", " : i == 1 ? ", output.routes to " : "");
        wt_buffer_append_text(&outputs, wt_config_label_topic(config, i));
    }
    char *label_topics = wt_buffer_take(&outputs, NULL);
    bool dead_letters = config->dead_letter.enabled;
    wt_log_info(command,
                "configuration %s, group %s, brokers %s, input.topics %s, output.topic %s, "
                "dead_letter.topic %s, guarantee %s, model %s",
                config->file != NULL ? config->file : "defaults", property_of(config, "group.id"),
                property_of(config, "bootstrap.servers"), topics, label_topics,
                dead_letters ? config->dead_letter.topic : "none",
                config->delivery.guarantee == WT_EXACTLY_ONCE ? "exactly-once" : "at-least-once",
                config->model.path);
    free(topics);
    free(label_topics);
}

/* --- the machine ----------------------------------------------------------------------------- */

/* Finds the first line that starts with `key` and a colon, and copies its value. False: there is
 * none. */
static bool read_value(const char *path, const char *key, char *value, size_t value_bytes)
{
    FILE *file = fopen(path, "re");
    char line[512];
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (colon != NULL && strncmp(line, key, strlen(key)) == 0) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(value, value_bytes, "%s", colon + 1 + strspn(colon + 1, " \t"));
            found = true;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

/* The memory limit of the control group, as seen inside a container; 0: none. */
static double memory_limit(double machine_bytes)
{
    static const char *const paths[] = {"/sys/fs/cgroup/memory.max",
                                        "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    double limit = 0;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        FILE *file = fopen(paths[i], "re");
        if (file != NULL) {
            char line[64] = ""; /* "max" is not a number and reads as 0: no limit */
            double bytes = fgets(line, sizeof line, file) != NULL ? strtod(line, NULL) : 0;
            if (bytes > 0 && bytes < machine_bytes) {
                limit = bytes;
            }
            (void)fclose(file);
        }
    }
    return limit;
}

static void log_machine(const char *command)
{
    char name[128];
    struct utsname system;
    struct wt_processors processors = wt_processors_read();
    char here[64];
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double limit = memory_limit(bytes);
    char limited[64] = "";
    if (!read_value("/proc/cpuinfo", "model name", name, sizeof name)) {
        (void)snprintf(name, sizeof name, "%s",
                       uname(&system) == 0 ? system.machine : "unknown processor");
    }
    if (limit > 0) {
        (void)snprintf(limited, sizeof limited, ", limited to %.1f GiB", limit / GIB);
    }
    wt_log_info(command, "machine: %s, %s usable, %.1f GiB of memory%s", name,
                wt_processors_describe(&processors, here, sizeof here), bytes / GIB, limited);
}

/* --- the whole ------------------------------------------------------------------------------- */

void wt_cli_log_opening(const char *command, const struct wt_config *config)
{
    wt_log_info(command, "wiretag %s, librdkafka %s, %s, process %ld", WIRETAG_VERSION,
                rd_kafka_version_str(), wt_model_runtime(), (long)getpid());
    log_configuration(command, config);
    log_machine(command);
}
