/* compare_matrix.h: the part of a comparison's matrix that people can look at. Pure. Thread: one. */
#ifndef WIRETAG_CLI_REPLAY_COMPARE_MATRIX_H
#define WIRETAG_CLI_REPLAY_COMPARE_MATRIX_H

#include "compare/agreement.h"

/* More categories in a row or column are left out: those with the fewest changes. */
#define WT_COMPARE_MATRIX_MAX 25u

/* Rows are categories of A, columns those of B: ids, or WT_AGREEMENT_NONE, of which some article is. Both
 * are in the order of A's labels, with those that only B has behind, and none last; so equal names cross
 * on the diagonal as far as both have them. */
struct wt_compare_matrix {
    uint32_t *rows;
    uint32_t row_count;
    uint32_t *columns;
    uint32_t column_count;
    uint64_t *cells;  /* row by row */
    uint64_t largest; /* of the cells off the diagonal */
    bool cut;         /* categories were left out */
};

void wt_compare_matrix_make(struct wt_agreement *agreement, struct wt_compare_matrix *matrix_out);
void wt_compare_matrix_free(struct wt_compare_matrix *matrix);

/* The labels that some article got, those with the most changes first; the caller frees them. */
struct wt_agreement_label *wt_compare_labels_sorted(struct wt_agreement *agreement,
                                                    uint32_t *count_out);

#endif
