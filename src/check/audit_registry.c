/* audit_registry.c: the part of audit.h that asks the schema registry. */
#include "check/audit.h"

#include "registry/registry.h"

void wt_audit_registry(const struct wt_config *config, struct wt_findings *findings)
{
    if (config->input.format != WT_INPUT_AVRO) {
        return;
    }
    struct wt_error error;
    struct wt_registry *registry = wt_registry_create(config);
    enum wt_status status = wt_registry_probe(registry, &error);
    wt_registry_destroy(registry);
    if (status == WT_OK) {
        wt_finding_add_at(findings, "", WT_FINDING_OK, "schema-registry",
                          "the schema registry answers");
        return;
    }
    wt_finding_add(findings, config, "input.schema_registry", WT_FINDING_ERROR, "schema-registry",
                   "%s", error.message);
    wt_finding_remedy(findings, "without it articles of format avro wait; check url, username, "
                                "password and ca.location");
}
