/* levels.h: builds the nodes of a double array breadth first, so that those which most walks pass
 * lie together. The caller has the nodes, this the keys, sorted level by level into groups that
 * share a node.
 *
 * A key is a string of symbols above 0. Thread: one. */
#ifndef WIRETAG_TEXT_TABLES_LEVELS_H
#define WIRETAG_TEXT_TABLES_LEVELS_H

#include "text/tables/places.h"
#include "text/tables/symbols.h"
#include "wiretag/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The keys of one node. They have the same symbols up to `depth`. */
struct wt_group {
    uint32_t node;
    uint32_t first; /* in `order` */
    uint32_t count;
    uint32_t depth;
};

struct wt_levels {
    uint32_t *symbols; /* of one key after another, each followed by 0 and the key's number */
    uint64_t *order;   /* symbol << 32 | its index: the keys, group by group. At first the caller
                              puts the index of each key's first symbol here */
    uint64_t *order_other;  /* second array for the sort */
    struct wt_group *level; /* the nodes of one depth; they share no key */
    uint32_t level_count;
    struct wt_group *next_level; /* their children */
    uint32_t next_level_count;
    uint32_t *distinct; /* the symbols of the children of one node, ascending */
    uint32_t symbol_count;
    struct wt_places places;
    void *scratch; /* holds the arrays */
};

/* Room for `keys` of `symbols_max` values in `symbols` and for `roots` groups in `level`. */
enum wt_status wt_levels_create(struct wt_levels *levels, size_t keys, size_t symbols_max,
                                uint32_t roots);

/* Stands behind the code points of a key. */
#define WT_LEVELS_END UINT32_MAX

/* Numbers the characters of the keys and replaces them by their symbols: the first `used` values of
 * `symbols` are the code points of one key after another, each followed by WT_LEVELS_END and the
 * key's number. `numbers` is all zero. WT_MEMORY. */
enum wt_status wt_levels_spell(struct wt_levels *levels, uint32_t used, struct wt_symbols *numbers);

/* Sorts the keys of a group by their symbol at its depth. Returns how many end at its node: they
 * stand first in `order`, in the order in which they were added, and are no longer in the group. */
uint32_t wt_levels_sort(struct wt_levels *levels, struct wt_group *group);

/* The number of the key that ended at this place of `order`. */
static inline uint32_t wt_levels_key(const struct wt_levels *levels, uint32_t place)
{
    return levels->symbols[(uint32_t)levels->order[place] + 1];
}

/* Lists the symbols of a sorted group in `distinct`. Returns their number. */
uint32_t wt_levels_children(struct wt_levels *levels, const struct wt_group *group);

/* Adds the groups of the children, nodes base + symbol, to the next level, and takes their places. */
void wt_levels_descend(struct wt_levels *levels, const struct wt_group *group, uint32_t base,
                       uint32_t child_count);

/* Goes on to the next level. False: it is empty, all nodes are settled. */
bool wt_levels_next(struct wt_levels *levels);

void wt_levels_free(struct wt_levels *levels);

#endif
