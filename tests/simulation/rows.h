/* rows.h: long articles of the simulation as windows: what batch and infer of a worker hold are rows,
 * records or pieces of them (record/piece.h). */
#ifndef WIRETAG_SIMULATION_ROWS_H
#define WIRETAG_SIMULATION_ROWS_H

#include "worker.h"

/* How articles are cut in a world with windows: many of them into several. */
#define WINDOWS_MAX 6u
extern const struct wt_windows simulation_windows;

/* Makes a record count as many windows as its bytes can make, as intake.c does. */
void rows_bound(const struct worker *worker, struct wt_record *record);

/* Passes an article's record to the batcher, or its pieces, as prepare.c does. */
void rows_add(struct worker *worker, struct wt_record *record);

/* True: this is the row of a poison record that makes the model fail. */
bool rows_is_poison(const struct wt_record *record);

/* What the model gives for a row. */
void rows_label(struct wt_record *record);

/* As publish.c: joins a piece. NULL: other pieces of its whole are on their way. */
struct wt_record *rows_join(struct worker *worker, struct wt_record *record);

/* Ends a record or a piece that is given up. */
void rows_drop(struct worker *worker, struct wt_record **record);

#endif
