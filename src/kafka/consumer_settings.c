#include "kafka/consumer_settings.h"

#include <string.h>
#include <strings.h>

/* Note "Static members": a member that was removed from its group, and learns it only from the
 * response to its JoinGroup, rejoins. Under a cooperative strategy librdkafka (seen in 2.0.2 to
 * 2.16) marks its assignment as lost only when the coordinator then requires a member id, which it
 * never does for a static member (group.instance.id). So a static member keeps
 * partitions that another worker has meanwhile read and committed. It continues at its old offsets,
 * and the broker accepts its generation. Under an eager strategy a member always joins without
 * partitions; so static members use one. */
const char *wt_consumer_strategy(const struct wt_config *config)
{
    const struct wt_property *own =
        wt_config_consumer_property(config, "partition.assignment.strategy");
    if (own != NULL) {
        return own->value;
    }
    bool is_static = wt_config_consumer_property(config, "group.instance.id") != NULL;
    return is_static ? "range" : "cooperative-sticky";
}

bool wt_consumer_has_coordinator_assign(const struct wt_config *config)
{
    const struct wt_property *own = wt_config_consumer_property(config, "group.protocol");
    return own != NULL && strcasecmp(own->value, "consumer") == 0;
}

bool wt_consumer_begins_at_end(const struct wt_config *config)
{
    const struct wt_property *reset = wt_config_consumer_property(config, "auto.offset.reset");
    return reset != NULL && strcmp(reset->value, "earliest") != 0 &&
           strcmp(reset->value, "smallest") != 0 && strcmp(reset->value, "beginning") != 0;
}
