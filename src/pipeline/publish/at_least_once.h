/* at_least_once.h: the guarantee at-least-once: each delivery report acknowledges its record, and the
 * contiguous acknowledged prefix of every partition is committed through the consumer (offset_commit.h). */
#ifndef WIRETAG_PIPELINE_PUBLISH_AT_LEAST_ONCE_H
#define WIRETAG_PIPELINE_PUBLISH_AT_LEAST_ONCE_H

#include "pipeline/publish/guarantee.h"

extern const struct wt_guarantee_ops wt_at_least_once;

#endif
