#include "record/promotion.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "wiretag promotion 1 "
#define SHA256_DIGITS (WT_SHA256_TEXT_BYTES - 1)

/* --- writing --------------------------------------------------------------------------------- */

struct writer {
    char *text;
    size_t length;
    bool full;
};

static void add(struct writer *writer, const char *more)
{
    size_t bytes = strlen(more);
    if (writer->length + bytes >= WT_PROMOTION_BYTES_MAX) {
        writer->full = true;
        return;
    }
    memcpy(writer->text + writer->length, more, bytes + 1);
    writer->length += bytes;
}

static void add_number(struct writer *writer, const char *name, int64_t number)
{
    char field[64];
    (void)snprintf(field, sizeof field, "%s=%" PRId64, name, number);
    add(writer, field);
}

/* A blank ends a field, so it and '%' are written as in a URI. */
static void add_path(struct writer *writer, const char *name, const char *path)
{
    if (path[0] == '\0') {
        return;
    }
    add(writer, name);
    for (const char *at = path; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        char piece[4];
        (void)snprintf(piece, sizeof piece, byte <= ' ' || byte == '%' ? "%%%02x" : "%c", byte);
        add(writer, piece);
    }
}

bool wt_promotion_write(const struct wt_promotion *promotion, char *text)
{
    struct writer writer = {.text = text};
    add(&writer, MARK);
    add_number(&writer, "id", promotion->id);
    add_number(&writer, " at", promotion->at);
    add(&writer, promotion->ended ? " ended=1" : "");
    add(&writer, " sha256=");
    add(&writer, promotion->model.sha256);
    add_path(&writer, " path=", promotion->model.path);
    if (promotion->was.sha256[0] != '\0') {
        add(&writer, " was=");
        add(&writer, promotion->was.sha256);
        add_path(&writer, " was_path=", promotion->was.path);
    }
    for (uint32_t i = 0; i < promotion->older_count; i++) {
        add(&writer, i == 0 ? " older=" : ",");
        add(&writer, promotion->older[i]);
    }
    if (promotion->void_to > 0) {
        add_number(&writer, " void_from", promotion->void_from);
        add_number(&writer, " void_to", promotion->void_to);
    }
    return !writer.full;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool read_number(const char *value, int64_t *number_out)
{
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > 18 || value[digits] != '\0') {
        return false;
    }
    *number_out = (int64_t)strtoll(value, NULL, 10);
    return true;
}

static bool read_sha256(const char *value, size_t bytes, char sha256_out[WT_SHA256_TEXT_BYTES])
{
    if (bytes != SHA256_DIGITS || strspn(value, "0123456789abcdef") < SHA256_DIGITS) {
        return false;
    }
    memcpy(sha256_out, value, SHA256_DIGITS);
    sha256_out[SHA256_DIGITS] = '\0';
    return true;
}

static int digit_of(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                          : -1;
}

static bool read_path(const char *value, char path_out[WT_PROMOTION_PATH_BYTES])
{
    size_t length = 0;
    for (const char *at = value; *at != '\0'; at++) {
        char byte = *at;
        if (byte == '%') {
            int high = digit_of(at[1]);
            int low = high < 0 ? -1 : digit_of(at[2]);
            if (low < 0 || high * 16 + low == 0) {
                return false;
            }
            byte = (char)(high * 16 + low);
            at += 2;
        }
        if (length + 1 >= WT_PROMOTION_PATH_BYTES) {
            return false;
        }
        path_out[length++] = byte;
    }
    path_out[length] = '\0';
    return length > 0;
}

static bool read_older(const char *value, struct wt_promotion *promotion)
{
    const char *at = value;
    for (;;) {
        size_t bytes = strcspn(at, ",");
        if (promotion->older_count == WT_PROMOTION_OLDER_MAX ||
            !read_sha256(at, bytes, promotion->older[promotion->older_count])) {
            return false;
        }
        promotion->older_count++;
        if (at[bytes] == '\0') {
            return true;
        }
        at += bytes + 1;
    }
}

/* Fields that a later version adds are passed over. */
static bool read_field(const char *name, const char *value, struct wt_promotion *promotion)
{
    if (strcmp(name, "id") == 0) {
        return read_number(value, &promotion->id);
    }
    if (strcmp(name, "at") == 0) {
        return read_number(value, &promotion->at);
    }
    if (strcmp(name, "void_from") == 0) {
        return read_number(value, &promotion->void_from);
    }
    if (strcmp(name, "void_to") == 0) {
        return read_number(value, &promotion->void_to);
    }
    if (strcmp(name, "sha256") == 0) {
        return read_sha256(value, strlen(value), promotion->model.sha256);
    }
    if (strcmp(name, "path") == 0) {
        return read_path(value, promotion->model.path);
    }
    if (strcmp(name, "was") == 0) {
        return read_sha256(value, strlen(value), promotion->was.sha256);
    }
    if (strcmp(name, "was_path") == 0) {
        return read_path(value, promotion->was.path);
    }
    if (strcmp(name, "older") == 0) {
        return read_older(value, promotion);
    }
    promotion->ended = promotion->ended || strcmp(name, "ended") == 0;
    return true;
}

bool wt_promotion_read(const void *text, size_t bytes, struct wt_promotion *promotion_out)
{
    char copy[WT_PROMOTION_BYTES_MAX] = "";
    struct wt_promotion promotion = {.id = -1, .at = -1};
    if (text == NULL || bytes >= sizeof copy || memchr(text, '\0', bytes) != NULL) {
        return false;
    }
    memcpy(copy, text, bytes);
    if (strncmp(copy, MARK, strlen(MARK)) != 0) {
        return false;
    }
    char *rest = NULL;
    for (char *field = strtok_r(copy + strlen(MARK), " ", &rest); field != NULL;
         field = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(field, '=');
        if (value == NULL) {
            return false;
        }
        *value = '\0';
        if (!read_field(field, value + 1, &promotion)) {
            return false;
        }
    }
    *promotion_out = promotion;
    return promotion.id >= 0 && promotion.at >= 0 && promotion.model.sha256[0] != '\0';
}

/* --- which model ----------------------------------------------------------------------------- */

static bool same(const char *left, const char *right)
{
    return strcmp(left, right) == 0;
}

/* True: the promotion says which model labels where the configuration names `own`. */
static bool governs(const struct wt_promotion *promotion, const struct wt_model_name *own)
{
    bool known =
        same(own->sha256, promotion->model.sha256) || same(own->sha256, promotion->was.sha256);
    for (uint32_t i = 0; i < promotion->older_count && !known; i++) {
        known = same(own->sha256, promotion->older[i]);
    }
    return known;
}

const struct wt_model_name *wt_promotion_model_at(const struct wt_promotion *promotion,
                                                  const struct wt_model_name *own, int64_t offset)
{
    if (promotion == NULL || !governs(promotion, own)) {
        return own;
    }
    const struct wt_model_name *model =
        offset < promotion->at ? &promotion->was : &promotion->model;
    return same(own->sha256, model->sha256) ? own : model;
}

static void add_older(struct wt_promotion *promotion, const char *sha256)
{
    if (promotion->older_count < WT_PROMOTION_OLDER_MAX && sha256[0] != '\0' &&
        !same(sha256, promotion->model.sha256) && !same(sha256, promotion->was.sha256)) {
        memcpy(promotion->older[promotion->older_count++], sha256, WT_SHA256_TEXT_BYTES);
    }
}

struct wt_promotion wt_promotion_fix(const struct wt_promotion *announced,
                                     const struct wt_promotion *before,
                                     const struct wt_model_name *own, int64_t at)
{
    struct wt_promotion fixed = {.id = announced->id, .at = at, .model = announced->model};
    fixed.was = *wt_promotion_model_at(before, own, INT64_MAX);
    bool chained = before != NULL && governs(before, own);
    if (chained) {
        add_older(&fixed, before->was.sha256);
    }
    for (uint32_t i = 0; chained && i < before->older_count; i++) {
        add_older(&fixed, before->older[i]);
    }
    return fixed;
}

void wt_promotion_follow(struct wt_promotion *announcement, const struct wt_promotion *last)
{
    announcement->id = announcement->id > last->id ? announcement->id : last->id + 1;
    if (last->ended) { /* with those before it that were called off one after the other */
        announcement->void_from = last->void_to > 0 ? last->void_from : last->id;
        announcement->void_to = last->id;
    }
}

bool wt_promotion_is_void(const struct wt_promotion *announced, const struct wt_promotion *own)
{
    bool before = own->id >= announced->void_from && own->id <= announced->void_to;
    return !own->ended && (before || (announced->ended && announced->id == own->id));
}

bool wt_promotion_revert(struct wt_promotion *promotion)
{
    if (promotion->older_count == 0) {
        return false;
    }
    struct wt_promotion before = {.id = promotion->id, .ended = true, .model = promotion->was};
    memcpy(before.was.sha256, promotion->older[0], WT_SHA256_TEXT_BYTES);
    before.older_count = promotion->older_count - 1;
    memcpy(before.older, promotion->older + 1, before.older_count * sizeof before.older[0]);
    *promotion = before;
    return true;
}
