#include "kafka/consumer_settings.h"

#include <string.h>

/* Note "Static members": a member that its group let go, and that hears so only from the answer to
 * its JoinGroup, joins anew. librdkafka (seen in 2.0.2 to 2.16) takes a cooperative one's
 * assignment for lost only when the group next asks for a member id, which it does not ask of a
 * static member (group.instance.id): that one keeps partitions that another worker has read and
 * committed meanwhile, and goes on where it was, with a generation that the broker takes. Under the
 * eager strategies nobody joins with partitions in hand. */
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

bool wt_consumer_begins_at_end(const struct wt_config *config)
{
    const struct wt_property *reset = wt_config_consumer_property(config, "auto.offset.reset");
    return reset != NULL && strcmp(reset->value, "earliest") != 0 &&
           strcmp(reset->value, "smallest") != 0 && strcmp(reset->value, "beginning") != 0;
}
