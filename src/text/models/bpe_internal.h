/* bpe_internal.h: the tables of byte-pair encoding, for the files of this module.
 *
 * bpe.c reads the model. bpe_fold.c writes its pieces as words do, bpe_trie.c puts them into a
 * double array, bpe_pairs.c the merges into a table without collisions, bpe_create.c makes the other
 * tables and bpe_rows.c them once more for bpe_turns.c. bpe_merge.c merges as the definition says,
 * bpe_turns.c does so with several words at once and divides long ones, bpe_search.c finds the same
 * pieces of others, bpe_words.c encodes many words, and bpe_alone.c one. */
#ifndef WIRETAG_TEXT_MODELS_BPE_INTERNAL_H
#define WIRETAG_TEXT_MODELS_BPE_INTERNAL_H

#include "text/models/bpe.h"
#include "text/tables/symbols.h"
#include "text/tables/text_buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_BPE_NONE UINT32_MAX

/* Two neighbours and what they become. */
struct wt_bpe_merge {
    uint32_t left;
    uint32_t right;
    uint32_t rank; /* WT_BPE_NONE: an empty slot */
    uint32_t id;
};

/* A word and its ids in one cache line: more of them if all of the model's have 16 bits. */
#define WT_BPE_KEY_BYTES 32u
#define WT_BPE_KEY_WORDS (WT_BPE_KEY_BYTES / 8)
typedef uint64_t wt_bpe_half __attribute__((vector_size(16)));
struct wt_bpe_key {
    wt_bpe_half low, high; /* the word, then zeros */
};
#define WT_BPE_ENTRY_IDS 7u
#define WT_BPE_ENTRY_SHORT_IDS 14u
struct wt_bpe_entry {
    _Alignas(64) struct wt_bpe_key key;
    union {
        int32_t ids[WT_BPE_ENTRY_IDS];
        uint16_t short_ids[WT_BPE_ENTRY_SHORT_IDS];
    };
    uint32_t meta; /* the word's bytes << 8 | how many ids; 0: empty */
};

/* A word that is one piece; two lie in a cache line. */
#define WT_BPE_WHOLE_BYTES 28u
struct wt_bpe_whole {
    uint8_t key[WT_BPE_WHOLE_BYTES]; /* the word, then zeros */
    uint32_t meta; /* the word's bytes << WT_BPE_WHOLE_ID_BITS | its id; 0: empty */
};
#define WT_BPE_WHOLE_ID_BITS 22u
_Static_assert(WT_PIECE_IDS_MAX <= 1u << WT_BPE_WHOLE_ID_BITS, "every id has 22 bits");

/* What a piece is made of, by its id. */
struct wt_bpe_token {
    uint32_t rank;  /* 1 + the rank of its merge; 0: it is a character */
    uint32_t left;  /* of its merge */
    uint32_t right; /* of its merge */
    uint32_t bytes; /* 0: no word becomes this piece alone */
};

/* The pieces in a double array, by symbols: the child of node n by symbol s is base of n + s, if its
 * parent is n. Node 0 is the root. A node is its parent, its base, and the number of the piece that ends
 * here, in 22, 22 and 20 bits: half of a walk's time is the wait for nodes, so they are small. */
#define WT_BPE_NODE_BITS 22u
#define WT_BPE_ID_BITS 20u
#define WT_BPE_NO_PARENT ((1u << WT_BPE_NODE_BITS) - 1u) /* unused, or the root */
#define WT_BPE_NO_ID ((1u << WT_BPE_ID_BITS) - 1u)       /* no piece ends here */

static inline uint32_t wt_bpe_node_parent(uint64_t node)
{
    return (uint32_t)(node >> (WT_BPE_NODE_BITS + WT_BPE_ID_BITS));
}

static inline uint32_t wt_bpe_node_base(uint64_t node)
{
    return (uint32_t)(node >> WT_BPE_ID_BITS) & WT_BPE_NO_PARENT;
}

static inline uint32_t wt_bpe_node_id(uint64_t node)
{
    return (uint32_t)node & WT_BPE_NO_ID;
}

/* A piece as the search sees it, by its number: it is made of two others, by number. */
struct wt_bpe_part {
    uint32_t left;
    uint32_t right;
    uint32_t shorter; /* the longest piece that it starts with; WT_BPE_NO_ID: none */
    uint32_t symbols; /* its length */
};

/* The merges of a table in which each piece is made by one merge. Its pieces have numbers: a character
 * its symbol, and what a merge makes comes behind the characters, in the order of ranks. So the number
 * of what two pieces become says also how early that is.
 *
 * A pair is in one slot or in none. A hash of it names its bucket and another one a slot, which the
 * bucket's pilot changes: it was chosen so that no two pairs have one slot. A slot has the number and only
 * some bits of the pair, so that more slots are near: `parts` has the pair. */
struct wt_bpe_pairs {
    uint32_t *slots; /* number of what they become << WT_BPE_MARK_BITS | mark; all ones: empty */
    uint16_t *pilots;
    uint32_t slot_shift;       /* 64 - log2 of the number of slots */
    uint32_t pilot_shift;      /* 64 - log2 of the number of buckets */
    uint64_t mix;              /* odd */
    struct wt_bpe_part *parts; /* of each piece, by number; of a character 0 */
    uint32_t *ids;             /* by number */
    uint32_t characters;       /* their numbers are smaller */
};

#define WT_BPE_NUMBER_BITS 19u
#define WT_BPE_NUMBERS_MAX ((1u << WT_BPE_NUMBER_BITS) - 1u) /* every number is smaller */
#define WT_BPE_MARK_BITS (32u - WT_BPE_NUMBER_BITS)

/* The same merges for words that are merged in turns, which then wait less: the pair of two pieces
 * is in the slot that is named by the left one's base and the right one's number, or nowhere. A
 * slot is the left piece, the number of what the two become, and the base of that. */
struct wt_bpe_rows {
    uint64_t *slots; /* NULL: there are none, as words are not merged in turns */
    uint32_t *bases; /* by number */
};

#define WT_BPE_ROW_BASE_BITS 26u
#define WT_BPE_ROW_NUMBER WT_BPE_ROW_BASE_BITS
#define WT_BPE_ROW_LEFT (WT_BPE_ROW_NUMBER + WT_BPE_NUMBER_BITS)
#define WT_BPE_ROWS_MAX (1u << WT_BPE_ROW_BASE_BITS)
_Static_assert(WT_BPE_ROW_LEFT + WT_BPE_NUMBER_BITS == 64, "a slot is one word");

/* The first code points have their symbols in a table. */
#define WT_BPE_LOW_COUNT 0x800u

/* Of so many of the most frequent symbols it is known which are side by side in a piece. */
#define WT_BPE_BESIDE_COUNT 128u

struct wt_bpe {
    struct wt_word_model base;
    enum wt_fold fold;
    bool fuse_unknown;
    bool byte_fallback;
    bool ignore_merges; /* a word that is a piece becomes that piece, whatever the merges say */
    bool has_strays;    /* and for some piece they say something else */
    /* The pieces as words write them; those that no word has are left out. */
    struct wt_pieces folded;
    struct wt_bpe_merge *merges; /* a hash table */
    uint32_t merge_slots;        /* a power of two */
    uint32_t merge_count;
    uint32_t merge_shift;        /* 64 - log2(merge_slots) */
    uint64_t *merge_filter;      /* a bit for each pair's hash: not set, no merge */
    uint32_t filter_shift;       /* 64 - log2(its bits) */
    bool unknown_apart;          /* what stands for unknown characters is in no merge */
    int32_t byte_ids[256];       /* WT_FOLD_BYTES: of each byte alone; else of "<0xNN>". -1: none */
    bool short_ids;              /* the entries have those */
    bool searchable;             /* what follows is there: see wt_bpe_search_words */
    struct wt_bpe_token *tokens; /* while the tables are made */
    uint64_t *nodes;
    struct wt_symbols symbols; /* WT_FOLD_BYTES: of bytes; else of code points */
    uint32_t low_symbols[WT_BPE_LOW_COUNT];
    uint64_t beside[WT_BPE_BESIDE_COUNT]
                   [WT_BPE_BESIDE_COUNT / 64]; /* [left]: a bit for each right one */
    struct wt_bpe_pairs pairs;
    struct wt_bpe_rows rows;
    struct wt_bpe_whole *wholes; /* a hash table of words that are one piece */
    uint8_t *whole_tags;         /* of each its wt_bpe_tag */
    uint32_t whole_bits;         /* log2 of their number */
};

static inline uint64_t wt_bpe_pairs_key(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

static inline uint64_t wt_bpe_pairs_bucket(const struct wt_bpe_pairs *pairs, uint64_t key)
{
    return key * 0x9E3779B97F4A7C15u >> pairs->pilot_shift;
}

static inline uint64_t wt_bpe_pairs_hash(const struct wt_bpe_pairs *pairs, uint64_t key)
{
    return key * pairs->mix;
}

/* Where the pair with this hash is if it is there. */
static inline uint64_t wt_bpe_pairs_slot(const struct wt_bpe_pairs *pairs, uint64_t hash,
                                         uint32_t pilot)
{
    return hash >> pairs->slot_shift ^ pilot;
}

/* Some bits of the hash that do not name the slot. */
static inline uint32_t wt_bpe_pairs_mark(uint64_t hash)
{
    return (uint32_t)(hash >> 32) & ((1u << WT_BPE_MARK_BITS) - 1u);
}

/* True if two pieces become one whose number is smaller than `limit`, at most WT_BPE_NUMBERS_MAX. Number
 * 0 merges with none. */
static inline bool wt_bpe_join_before(const struct wt_bpe_pairs *pairs, uint32_t left,
                                      uint32_t right, uint32_t limit)
{
    uint64_t key = wt_bpe_pairs_key(left, right);
    uint64_t hash = wt_bpe_pairs_hash(pairs, key);
    uint32_t pilot = pairs->pilots[wt_bpe_pairs_bucket(pairs, key)];
    uint32_t slot = pairs->slots[wt_bpe_pairs_slot(pairs, hash, pilot)];
    uint32_t number = slot >> WT_BPE_MARK_BITS;
    if (((slot ^ wt_bpe_pairs_mark(hash)) & ((1u << WT_BPE_MARK_BITS) - 1u)) != 0 ||
        number >= limit) {
        return false;
    }
    struct wt_bpe_part part = pairs->parts[number];
    return part.left == left && part.right == right;
}

static inline uint64_t wt_bpe_pair_hash(uint32_t left, uint32_t right)
{
    uint64_t key = (uint64_t)left << 32 | right;
    return (key ^ key >> 29) * 0x9E3779B97F4A7C15u;
}

static inline uint32_t wt_bpe_slot(const struct wt_bpe *bpe, uint32_t left, uint32_t right)
{
    return (uint32_t)(wt_bpe_pair_hash(left, right) >> bpe->merge_shift);
}

/* The merge of two neighbours; NULL: none. */
static inline const struct wt_bpe_merge *wt_bpe_find_merge(const struct wt_bpe *bpe, uint32_t left,
                                                           uint32_t right)
{
    uint64_t hash = wt_bpe_pair_hash(left, right);
    if (bpe->merge_filter != NULL) {
        uint64_t bit = hash >> bpe->filter_shift;
        if ((bpe->merge_filter[bit / 64] >> bit % 64 & 1u) == 0) {
            return NULL;
        }
    }
    uint32_t slot = (uint32_t)(hash >> bpe->merge_shift);
    for (;;) {
        const struct wt_bpe_merge *merge = &bpe->merges[slot];
        if (merge->rank == WT_BPE_NONE) {
            return NULL;
        }
        if (merge->left == left && merge->right == right) {
            return merge;
        }
        slot = (slot + 1) & (bpe->merge_slots - 1);
    }
}

/* Room to merge one word in. All zero: none yet. */
struct wt_bpe_room {
    uint32_t *items; /* five arrays of `capacity` */
    size_t capacity;
};

/* Appends the ids of a word of 1 byte or more. WT_MEMORY. */
enum wt_status wt_bpe_merge_word(const struct wt_bpe *bpe, struct wt_bpe_room *room,
                                 const uint8_t *word, uint32_t bytes, struct wt_ids *ids);

void wt_bpe_room_free(struct wt_bpe_room *room);

/* `a` or `b`. Without a branch, which compilers write for `?`: it would wait for a tag, and so would all
 * that comes behind it. */
static inline uint32_t wt_bpe_chosen(bool first, uint32_t a, uint32_t b)
{
    return b ^ ((a ^ b) & (0u - first));
}

/* Writes the symbols of a word, of which there may be as many as bytes; returns their number.
 * *known_out: all its characters are pieces; of one that is none the symbol is 0. A byte behind
 * the word may be read. */
uint32_t wt_bpe_spell(const struct wt_bpe *bpe, const uint8_t *word, uint32_t bytes,
                      uint32_t *symbols, bool *known_out);

/* Room to encode one word in. All zero but for `verdicts`: none yet. */
struct wt_bpe_alone {
    struct wt_bpe_room room;
    struct wt_text_buffer symbols;
    struct wt_text_buffer dead;
    uint64_t *verdicts; /* not owned; see WT_BPE_VERDICT_BITS */
};

void wt_bpe_alone_free(struct wt_bpe_alone *alone);

/* Appends the ids of a word of 1 byte or more, whatever it is. WT_MEMORY. */
enum wt_status wt_bpe_append_word(const struct wt_bpe *bpe, struct wt_bpe_alone *alone,
                                  const uint8_t *word, uint32_t bytes, struct wt_ids *ids);

/* A word that is searched. */
struct wt_bpe_search {
    const uint32_t *symbols; /* each of a character that is a piece */
    int32_t *ids;            /* set by the call; room for `count` */
    uint64_t *dead;    /* a bit for each place and for the end, all zero: used by the call for the
                       places from which the rest cannot be covered */
    uint32_t count;    /* of symbols, 1 or more */
    uint32_t id_count; /* set by the call */
    uint32_t end;   /* internal, as what follows: the walk from the word's start has come here, */
    uint32_t node;  /* to this node, */
    uint32_t base;  /* with this base, */
    uint32_t child; /* and goes on to this one */
    uint32_t token; /* the longest piece that it has passed */
    uint32_t token_end; /* where that ends */
};

/* Whether two pieces stay apart, as far as it was asked: by the pair's hash, the latest in a place. 0:
 * empty; else left << 22 | right << 2 | 2, and 1 if they do. Of a Russian word in GPT-2's pieces, which
 * are of a letter or two, nearly all pairs were seen before. */
#define WT_BPE_VERDICT_BITS 13u
#define WT_BPE_VERDICTS_BYTES (sizeof(uint64_t) << WT_BPE_VERDICT_BITS)

/* Finds the ids of words. The first walk of each is made in turns, one step of each: the tables are
 * larger than the near caches, so each step waits for memory, and in turns the waits overlap. The
 * other pieces of a word are short, and found word by word.
 *
 * A sequence of pieces is what merging gives if and only if each two neighbours stay apart when
 * they are merged alone. That holds for tables in which each piece is made by one merge, of pieces
 * of lower ranks (`searchable`): merging then is joining all pairs of rank 0, left to right, then
 * those of rank 1 and so on, and a border that no pair crosses divides what happens on its sides.
 * So the word is covered from the left by the longest pieces that fit, and where none fits, the
 * last one is made shorter. */
void wt_bpe_search_words(const struct wt_bpe *bpe, uint64_t *verdicts,
                         struct wt_bpe_search *searches, uint32_t count);

/* A run of symbols that is merged: a word, or a part of one (wt_bpe_divide). */
struct wt_bpe_run {
    const uint32_t *symbols; /* WT_BPE_RUN_FEW of them may be read, whatever `count` is */
    int32_t *ids;            /* set by the call; room for `count` */
    uint32_t count;          /* of symbols, 1 to WT_BPE_RUN_MAX */
    uint32_t id_count;       /* set by the call */
};
#define WT_BPE_RUN_FEW 14u
#define WT_BPE_RUN_MAX 254u

/* Finds the ids of runs as the definition says: the pair of the lowest rank is merged, the leftmost of
 * several, until there is none. In turns, a merge of each, for the reason that is given above. */
void wt_bpe_merge_in_turns(const struct wt_bpe *bpe, struct wt_bpe_run *runs, uint32_t count);

/* Divides a word into runs that are merged by themselves: it is cut between symbols that are side
 * by side in no piece, so no merge crosses the cut. Returns how many runs it wrote, at most
 * `runs_max`; 0: it cannot be divided into so many, or into ones that are short enough. */
uint32_t wt_bpe_divide(const struct wt_bpe *bpe, const uint32_t *symbols, uint32_t count,
                       int32_t *ids, struct wt_bpe_run *runs, uint32_t runs_max);

/* Numbers the pieces, once they have symbols. `numbers`, by id, is set: 0 is a piece that no word has.
 * WT_MEMORY. */
enum wt_status wt_bpe_number_pieces(struct wt_bpe *bpe, const struct wt_bpe_merge *merges,
                                    uint32_t *numbers);

/* Fills the rest of `pairs` from the merges, in the order of their ranks. Where they do not fit,
 * `searchable` becomes false. WT_MEMORY. */
enum wt_status wt_bpe_build_pairs(struct wt_bpe *bpe, const struct wt_bpe_merge *merges,
                                  const uint32_t *numbers);

void wt_bpe_pairs_free(struct wt_bpe_pairs *pairs);

/* Fills `rows` from the merges, unless they are too many. WT_MEMORY. */
enum wt_status wt_bpe_build_rows(struct wt_bpe *bpe, const struct wt_bpe_merge *merges,
                                 const uint32_t *numbers);

void wt_bpe_rows_free(struct wt_bpe_rows *rows);

/* Fills what follows from pieces and merges. WT_MEMORY. */
enum wt_status wt_bpe_complete(struct wt_bpe *bpe);

/* Fills `folded` and `byte_ids`. WT_MEMORY. */
enum wt_status wt_bpe_fold(struct wt_bpe *bpe);

/* Fills the symbols, nodes and leaves from the tokens, and `numbers`, unless nodes or numbers are more
 * than a node can say: then `searchable` becomes false. WT_MEMORY. */
enum wt_status wt_bpe_build_trie(struct wt_bpe *bpe, const struct wt_bpe_merge *merges,
                                 uint32_t *numbers);

static inline uint64_t wt_bpe_key_hash(const struct wt_bpe_key *key)
{
    uint64_t hash = key->low[0] * 0x9E3779B97F4A7C15u ^ key->low[1] * 0xC2B2AE3D27D4EB4Fu ^
                    key->high[0] * 0xD6E8FEB86659FD93u ^ key->high[1] * 0xFF51AFD7ED558CCDu;
    return (hash ^ hash >> 32) * 0x94D049BB133111EBu;
}

/* Where a word can be in a table of entries: two of them, from this one on. */
static inline uint32_t wt_bpe_entry_of(uint32_t entry_bits, uint64_t hash)
{
    return (uint32_t)(hash >> (64 - entry_bits)) & ~1u;
}

/* What a table has of each entry in an array of its own, which tells of most words that they are
 * not there without a wait for the entry. 0: it is empty. */
static inline uint8_t wt_bpe_tag(uint64_t hash)
{
    return (uint8_t)(hash >> 32 | 1u);
}

/* The length of the character at `text`, in bytes. */
static inline uint32_t wt_bpe_length(const struct wt_bpe *bpe, const uint8_t *text)
{
    if (bpe->fold == WT_FOLD_BYTES || text[0] < 0x80) {
        return 1;
    }
    return text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
}

/* The symbol of the character at `text`; 0: no piece has it. */
static inline uint32_t wt_bpe_symbol(const struct wt_bpe *bpe, const uint8_t *text, uint32_t length)
{
    if (length == 1) {
        return bpe->low_symbols[text[0]];
    }
    if (length == 2) {
        return bpe->low_symbols[(text[0] & 0x1Fu) << 6 | (text[1] & 0x3Fu)];
    }
    uint32_t code_point = (text[0] & 0x0Fu) << 12 | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu);
    if (length == 4) {
        code_point = (code_point & 0x7FFFu) << 6 | (text[3] & 0x3Fu);
    }
    return wt_symbol(&bpe->symbols, code_point);
}

/* Functions of the type, see word_model.h. */
enum wt_status wt_bpe_create_state(const struct wt_word_model *model, void **state_out);
void wt_bpe_destroy_state(void *state);
enum wt_status wt_bpe_encode(const struct wt_word_model *model, void *state, const uint8_t *text,
                             const struct wt_word *words, uint32_t count, struct wt_ids *ids);

#endif
