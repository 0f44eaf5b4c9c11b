/* agreement.h: counts how far two models agree on the same articles.
 *
 * A is the reference, B the model that may follow it. Their labels are told apart by name: ids and order
 * may differ, and each may have labels that the other lacks. The *category* of an article is the first
 * label that a model gave it, or none. An article is *equal* if both models gave it the same category and
 * the same set of labels, in whatever order behind the first; else it is *changed*. So one definition serves
 * models that give one label and those that give several. Scores do not matter.
 *
 * Memory: 24 bytes for each pair of categories that occurred, of at most WT_AGREEMENT_PAIRS_MAX pairs.
 * Thread: any, for all functions. Each takes the agreement's own lock; wt_agreement_add takes the two one
 * after the other. */
#ifndef WIRETAG_COMPARE_AGREEMENT_H
#define WIRETAG_COMPARE_AGREEMENT_H

#include "compare/agreement_labels.h"

#include <stdbool.h>
#include <stdint.h>

/* Articles of further pairs are only counted (pairs_left). Enough for any two models of 255 labels. */
#define WT_AGREEMENT_PAIRS_MAX 65536u

struct wt_agreement;

/* The ids of the labels that a model gave an article, best first. `count` 0: none. */
struct wt_given {
    const uint32_t *labels;
    uint32_t count;
};

/* Copies the names. */
struct wt_agreement *wt_agreement_create(const struct wt_agreement_names *a,
                                         const struct wt_agreement_names *b);

/* The same names, no counts. */
struct wt_agreement *wt_agreement_create_alike(const struct wt_agreement *like);

/* Accepts NULL. */
void wt_agreement_destroy(struct wt_agreement *agreement);

/* True: the article is equal. Counts nothing. */
bool wt_agreement_equal(struct wt_agreement *agreement, struct wt_given a, struct wt_given b);

/* Counts an article that both labelled. */
void wt_agreement_count(struct wt_agreement *agreement, struct wt_given a, struct wt_given b);

/* Counts an article that one of them cannot label, or neither. */
void wt_agreement_count_failed(struct wt_agreement *agreement, bool by_a, bool by_b);

/* Adds the counts of `more`, which was created for the same names. */
void wt_agreement_add(struct wt_agreement *agreement, struct wt_agreement *more);

/* Forgets all counts. */
void wt_agreement_clear(struct wt_agreement *agreement);

struct wt_agreement_counts {
    uint64_t compared;      /* articles that both labelled */
    uint64_t equal;         /* of these, with the same category and labels */
    uint64_t same_category; /* of these, with the same category */
    uint64_t failed_a;      /* articles that only A cannot label */
    uint64_t failed_b;      /* only B */
    uint64_t failed_both;
    uint64_t pairs_left; /* of `compared`, in no pair: there are too many different ones */
};

struct wt_agreement_counts wt_agreement_counts(struct wt_agreement *agreement);

/* Articles by their categories: an id of A's labels and one of B's, or WT_AGREEMENT_NONE. */
struct wt_agreement_pair {
    uint32_t a;
    uint32_t b;
    uint64_t articles;
};

/* How many articles have these categories. */
uint64_t wt_agreement_pair(struct wt_agreement *agreement, uint32_t a, uint32_t b);

/* The pairs, most frequent first and equals by their ids, none last; with `changed` only those of different
 * categories. Writes at most `count_max`, returns how many. */
uint32_t wt_agreement_pairs(struct wt_agreement *agreement, bool changed, uint32_t count_max,
                            struct wt_agreement_pair *pairs_out);

/* How many different pairs there are. */
uint32_t wt_agreement_pair_count(struct wt_agreement *agreement);

/* A label of A, of B or of both, and how many of the compared articles got it. */
struct wt_agreement_label {
    const char *name; /* lives as long as the agreement */
    uint32_t a;       /* its ids; WT_AGREEMENT_NONE: the model does not have it */
    uint32_t b;
    uint64_t both; /* from A and B */
    uint64_t only_a;
    uint64_t only_b;
};

/* True: the categories, ids or WT_AGREEMENT_NONE, are the same. */
bool wt_agreement_same_category(const struct wt_agreement *agreement, uint32_t a, uint32_t b);

/* How many labels A and B have together, each name once. */
uint32_t wt_agreement_label_count(const struct wt_agreement *agreement);

/* Writes the labels, those of A in id order and behind them those that only B has, to an array of
 * wt_agreement_label_count. */
void wt_agreement_labels(struct wt_agreement *agreement, struct wt_agreement_label *labels_out);

/* How many labels each of the models has. */
void wt_agreement_model_labels(const struct wt_agreement *agreement, uint32_t *count_a_out,
                               uint32_t *count_b_out);

/* Adds counts that were kept elsewhere (comparison.h): the totals, a pair's articles, and what a label's
 * place (agreement_labels.h) has in `both`, `only_a` and `only_b`. */
void wt_agreement_add_counts(struct wt_agreement *agreement,
                             const struct wt_agreement_counts *counts);
void wt_agreement_add_pair(struct wt_agreement *agreement, const struct wt_agreement_pair *pair);
void wt_agreement_add_label(struct wt_agreement *agreement, uint32_t place,
                            const struct wt_agreement_label *label);

/* The name of a label of A or B, which lives as long as the agreement; of WT_AGREEMENT_NONE "none". */
const char *wt_agreement_name_a(const struct wt_agreement *agreement, uint32_t label);
const char *wt_agreement_name_b(const struct wt_agreement *agreement, uint32_t label);

#endif
