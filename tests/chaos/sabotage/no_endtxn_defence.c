/* no_endtxn_defence.c: a worker that trusts its producer after an unanswered request (transaction.c,
 * note "Delayed EndTxn"). Linked with --wrap; tests/chaos proves with it that its books notice
 * doubled records. */
#include "pipeline/publish/producer.h"

bool __wrap_wt_producer_doubtful(const struct wt_producer *produce);

bool __wrap_wt_producer_doubtful(const struct wt_producer *produce)
{
    (void)produce;
    return false;
}
