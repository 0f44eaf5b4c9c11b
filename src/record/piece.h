/* piece.h: the windows of a long article, between prepare and publish.
 *
 * With input.long windows, prepare cuts the record of a long article into pieces, one for each window
 * (text/windows.h). A piece is a record of its own for batch and infer: it waits, shares a batch
 * with whatever fits, runs, fails and is dropped like any other. Its `whole` is the record that it
 * is of, which meanwhile belongs to its pieces: no stage has it. Wherever a piece ends, in publish
 * or because its partition was revoked, it is joined. The last piece to be joined gives the
 * whole back, with an outcome:
 *
 *   a piece was dropped or abandoned   abandoned: the partition's next owner reads the record again
 *   a piece failed                     DEAD_LETTERED, once, with the failure of the first such window
 *   else                               LABELLED, with the mean of the pieces' logits by own tokens
 *
 * The mean is taken in the order of the windows, whatever the order in which they ran. */
#ifndef WIRETAG_RECORD_PIECE_H
#define WIRETAG_RECORD_PIECE_H

#include "record/record.h"
#include "text/windows.h"

/* Cuts `whole`, which is CONSUMED, into its windows: at least two. `ids` are those of the whole
 * article, as many as whole->token_count; a model has `label_count` labels. Appends the pieces to
 * `pieces_out`; they own `whole` from now on. Thread: prepare. */
void wt_record_cut(struct wt_record *whole, const struct wt_windows *windows, const int32_t *ids,
                   uint32_t label_count, struct wt_record_list *pieces_out);

/* Takes *record and sets it to NULL. Of a piece: leaves its result with its whole and frees it;
 * returns the whole, FINISHED, if it was the last, else NULL. A record that is no piece is returned
 * as it is. The caller owns what is returned. Thread: any; pieces of one whole may be joined by
 * several at once. */
struct wt_record *wt_piece_join(struct wt_record **record);

/* Makes `record`, whose value is not read yet, count as the most windows that its bytes can make
 * (in_flight.h). Thread: consume. */
void wt_record_bound(struct wt_record *record, const struct wt_windows *windows);

#endif
