#include "model/archive.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* The records of a ZIP archive: APPNOTE.TXT of PKWARE, version 6.3.10, sections 4.3.7 to 4.3.16. */
#define LOCAL_SIGNATURE 0x04034B50u
#define LOCAL_BYTES 30u
#define ENTRY_SIGNATURE 0x02014B50u
#define ENTRY_BYTES 46u
#define END_SIGNATURE 0x06054B50u
#define END_BYTES 22u
#define END64_SIGNATURE 0x06064B50u
#define END64_BYTES 56u
#define LOCATOR_SIGNATURE 0x07064B50u
#define LOCATOR_BYTES 20u
#define EXTRA64 0x0001u
#define STORED 0u
#define NAME_BYTES_SHOWN 100u

/* --- the checksum ----------------------------------------------------------------------------- */

#define SLICES 16u

/* The remainder of each byte with 0 to 15 zero bytes behind it, so that sixteen bytes are one step. */
static uint32_t remainders[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_remainders(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        }
        remainders[0][byte] = crc;
    }
    for (uint32_t slice = 1; slice < SLICES; slice++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t crc = remainders[slice - 1][byte];
            remainders[slice][byte] = crc >> 8 ^ remainders[0][crc & 0xFFu];
        }
    }
}

/* What the four bytes in `word` leave with `behind` bytes behind them. */
static inline uint32_t remainder_of(uint32_t word, uint32_t behind)
{
    return remainders[behind + 3][word & 0xFFu] ^ remainders[behind + 2][word >> 8 & 0xFFu] ^
           remainders[behind + 1][word >> 16 & 0xFFu] ^ remainders[behind][word >> 24];
}

uint32_t wt_archive_crc(const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    uint32_t crc = 0xFFFFFFFFu;
    (void)pthread_once(&once, make_remainders);
    for (; count >= SLICES; count -= SLICES, at += SLICES) {
        /* The first byte is the lowest on every processor that libtorch is for. */
        uint32_t words[SLICES / 4];
        memcpy(words, at, sizeof words);
        crc = remainder_of(words[0] ^ crc, 12) ^ remainder_of(words[1], 8) ^
              remainder_of(words[2], 4) ^ remainder_of(words[3], 0);
    }
    for (; count > 0; count--, at++) {
        crc = crc >> 8 ^ remainders[0][(crc ^ *at) & 0xFFu];
    }
    return ~crc;
}

/* --- the archive ------------------------------------------------------------------------------- */

struct archive {
    const uint8_t *bytes;
    uint64_t count;
};

/* A number of `width` bytes, least significant first. The caller knows that it is there. */
static uint64_t number(const struct archive *archive, uint64_t at, uint32_t width)
{
    uint64_t value = 0;
    for (uint32_t i = width; i > 0; i--) {
        value = value << 8 | archive->bytes[at + i - 1];
    }
    return value;
}

/* True: `count` bytes are there from `at` on. */
static bool has(const struct archive *archive, uint64_t at, uint64_t count)
{
    return at <= archive->count && count <= archive->count - at;
}

static bool is_record(const struct archive *archive, uint64_t at, uint64_t count,
                      uint32_t signature)
{
    return has(archive, at, count) && number(archive, at, 4) == signature;
}

/* The directory's place and number of entries. False: there is none. */
static bool find_directory(const struct archive *archive, uint64_t *at_out, uint64_t *entries_out)
{
    uint64_t end = archive->count;
    if (end < END_BYTES) {
        return false;
    }
    /* The record may be followed by a comment of 64 KiB. */
    uint64_t least = end > END_BYTES + UINT16_MAX ? end - END_BYTES - UINT16_MAX : 0;
    uint64_t at = end - END_BYTES;
    while (at > least && number(archive, at, 4) != END_SIGNATURE) {
        at--;
    }
    if (!is_record(archive, at, END_BYTES, END_SIGNATURE)) {
        return false;
    }
    *entries_out = number(archive, at + 10, 2);
    *at_out = number(archive, at + 16, 4);
    if (at >= LOCATOR_BYTES &&
        is_record(archive, at - LOCATOR_BYTES, LOCATOR_BYTES, LOCATOR_SIGNATURE)) {
        uint64_t end64 = number(archive, at - LOCATOR_BYTES + 8, 8);
        if (!is_record(archive, end64, END64_BYTES, END64_SIGNATURE)) {
            return false;
        }
        *entries_out = number(archive, end64 + 32, 8);
        *at_out = number(archive, end64 + 48, 8);
    }
    return true;
}

struct entry {
    uint64_t method;
    uint64_t crc;
    uint64_t stored_bytes;
    uint64_t file_bytes;
    uint64_t local;
    uint64_t name; /* its place */
    uint64_t name_bytes;
    uint64_t next; /* the place of the next entry */
};

/* Sizes and places of more than 32 bits stand in an extra field, in this order. */
static void read_extra(const struct archive *archive, uint64_t at, uint64_t end,
                       struct entry *entry)
{
    uint64_t *const wide[] = {&entry->file_bytes, &entry->stored_bytes, &entry->local};
    while (end - at >= 4) {
        uint64_t kind = number(archive, at, 2);
        uint64_t bytes = number(archive, at + 2, 2);
        at += 4;
        if (bytes > end - at) {
            return;
        }
        uint64_t field_end = at + bytes;
        for (size_t i = 0; kind == EXTRA64 && i < sizeof wide / sizeof wide[0]; i++) {
            if (*wide[i] == UINT32_MAX && field_end - at >= 8) {
                *wide[i] = number(archive, at, 8);
                at += 8;
            }
        }
        at = field_end;
    }
}

/* False: no entry is there. */
static bool read_entry(const struct archive *archive, uint64_t at, struct entry *entry)
{
    if (!is_record(archive, at, ENTRY_BYTES, ENTRY_SIGNATURE)) {
        return false;
    }
    *entry = (struct entry){.method = number(archive, at + 10, 2),
                            .crc = number(archive, at + 16, 4),
                            .stored_bytes = number(archive, at + 20, 4),
                            .file_bytes = number(archive, at + 24, 4),
                            .local = number(archive, at + 42, 4),
                            .name = at + ENTRY_BYTES,
                            .name_bytes = number(archive, at + 28, 2)};
    uint64_t extra = entry->name + entry->name_bytes;
    uint64_t extra_bytes = number(archive, at + 30, 2);
    entry->next = extra + extra_bytes + number(archive, at + 32, 2);
    if (!has(archive, at, entry->next - at)) {
        return false;
    }
    read_extra(archive, extra, extra + extra_bytes, entry);
    return true;
}

/* True: the file is as its checksum says, or that cannot be told. */
static bool is_whole(const struct archive *archive, const struct entry *entry)
{
    if (entry->method != STORED || entry->stored_bytes != entry->file_bytes ||
        !is_record(archive, entry->local, LOCAL_BYTES, LOCAL_SIGNATURE)) {
        return true;
    }
    uint64_t data = entry->local + LOCAL_BYTES + number(archive, entry->local + 26, 2) +
                    number(archive, entry->local + 28, 2);
    return !has(archive, data, entry->file_bytes) ||
           wt_archive_crc(archive->bytes + data, (size_t)entry->file_bytes) == entry->crc;
}

/* How much of the name a message can show. */
static size_t shown_bytes(const struct archive *archive, const struct entry *entry)
{
    size_t shown = 0;
    while (shown < entry->name_bytes && shown < NAME_BYTES_SHOWN &&
           archive->bytes[entry->name + shown] > ' ' &&
           archive->bytes[entry->name + shown] < 0x7F) {
        shown++;
    }
    return shown;
}

enum wt_status wt_archive_check(const char *bytes, size_t count, const char *source,
                                struct wt_error *error)
{
    const struct archive archive = {.bytes = (const uint8_t *)bytes, .count = count};
    uint64_t at = 0;
    uint64_t entries = 0;
    struct entry entry;
    if (!find_directory(&archive, &at, &entries)) {
        return WT_OK;
    }
    for (; entries > 0 && read_entry(&archive, at, &entry); entries--, at = entry.next) {
        if (!is_whole(&archive, &entry)) {
            size_t shown = shown_bytes(&archive, &entry);
            return wt_error_set(error, WT_INVALID, WT_ERROR_FATAL, "bundle-damaged",
                                "the model %s is damaged: %.*s inside is not what its checksum "
                                "says; copy or export it again",
                                source, (int)shown, bytes + entry.name);
        }
    }
    return WT_OK;
}
