/* exactly_once.h: the guarantee exactly-once: records and their offsets share a transaction, and its
 * commit acknowledges everything released (transaction.h). */
#ifndef WIRETAG_PIPELINE_PUBLISH_EXACTLY_ONCE_H
#define WIRETAG_PIPELINE_PUBLISH_EXACTLY_ONCE_H

#include "pipeline/publish/guarantee.h"

extern const struct wt_guarantee_ops wt_exactly_once;

#endif
