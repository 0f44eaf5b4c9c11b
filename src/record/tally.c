#include "record/tally.h"

void wt_tally_count(struct wt_tally *tally, enum wt_outcome outcome)
{
    tally->read += outcome != WT_OUTCOME_HOLE;
    tally->labelled += outcome == WT_OUTCOME_LABELLED;
    tally->dead_lettered += outcome == WT_OUTCOME_DEAD_LETTERED;
    tally->tombstones += outcome == WT_OUTCOME_TOMBSTONE;
    tally->skipped += outcome == WT_OUTCOME_SKIPPED;
    tally->filtered += outcome == WT_OUTCOME_FILTERED;
    tally->compared += outcome == WT_OUTCOME_COMPARED;
}

void wt_tally_add(struct wt_tally *tally, const struct wt_tally *other)
{
    tally->read += other->read;
    tally->labelled += other->labelled;
    tally->dead_lettered += other->dead_lettered;
    tally->tombstones += other->tombstones;
    tally->skipped += other->skipped;
    tally->filtered += other->filtered;
    tally->compared += other->compared;
}

bool wt_tally_balances(const struct wt_tally *tally)
{
    return tally->read == tally->labelled + tally->dead_lettered + tally->tombstones +
                              tally->skipped + tally->filtered + tally->compared;
}
