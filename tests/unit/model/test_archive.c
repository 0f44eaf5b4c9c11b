/* Whether a bundle's files are what their checksums say. The archives are written here. */
#include "model/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARCHIVE_BYTES_MAX 4096u

struct writer {
    uint8_t bytes[ARCHIVE_BYTES_MAX];
    size_t count;
    uint8_t directory[ARCHIVE_BYTES_MAX];
    size_t directory_bytes;
    uint32_t entries;
};

static void put(uint8_t *bytes, size_t *count, uint64_t value, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) {
        bytes[(*count)++] = (uint8_t)(i < 8 ? value >> 8 * i : 0);
    }
}

static void put_text(uint8_t *bytes, size_t *count, const char *text)
{
    memcpy(bytes + *count, text, strlen(text));
    *count += strlen(text);
}

/* A file; `wide`: with its sizes and place in a field of 64 bits. Returns where its contents are. */
static size_t add(struct writer *writer, const char *name, const char *contents, uint32_t crc,
                  uint32_t method, bool wide)
{
    size_t local = writer->count;
    size_t bytes = strlen(contents);
    uint8_t *out = writer->bytes;
    put(out, &writer->count, 0x04034B50u, 4);
    put(out, &writer->count, 0, 22);
    put(out, &writer->count, strlen(name), 2);
    put(out, &writer->count, 3, 2); /* an extra field, as libtorch pads with */
    put_text(out, &writer->count, name);
    put_text(out, &writer->count, "pad");
    size_t data = writer->count;
    put_text(out, &writer->count, contents);
    uint8_t *entry = writer->directory;
    size_t *at = &writer->directory_bytes;
    put(entry, at, 0x02014B50u, 4);
    put(entry, at, 0, 6);
    put(entry, at, method, 2);
    put(entry, at, 0, 4);
    put(entry, at, crc, 4);
    put(entry, at, wide ? UINT32_MAX : bytes, 4);
    put(entry, at, wide ? UINT32_MAX : bytes, 4);
    put(entry, at, strlen(name), 2);
    put(entry, at, wide ? 33 : 0, 2);
    put(entry, at, 0, 10);
    put(entry, at, wide ? UINT32_MAX : local, 4);
    put_text(entry, at, name);
    if (wide) {
        put(entry, at, 0x1234, 2); /* somebody else's field before */
        put(entry, at, 1, 2);
        put(entry, at, 7, 1);
        put(entry, at, 1, 2);
        put(entry, at, 24, 2);
        put(entry, at, bytes, 8);
        put(entry, at, bytes, 8);
        put(entry, at, local, 8);
    }
    writer->entries++;
    return data;
}

static void end(struct writer *writer, bool wide, const char *comment)
{
    uint8_t *out = writer->bytes;
    size_t directory = writer->count;
    memcpy(out + writer->count, writer->directory, writer->directory_bytes);
    writer->count += writer->directory_bytes;
    if (wide) {
        size_t end64 = writer->count;
        put(out, &writer->count, 0x06064B50u, 4);
        put(out, &writer->count, 44, 8);
        put(out, &writer->count, 0, 20);
        put(out, &writer->count, writer->entries, 8);
        put(out, &writer->count, writer->directory_bytes, 8);
        put(out, &writer->count, directory, 8);
        put(out, &writer->count, 0x07064B50u, 4);
        put(out, &writer->count, 0, 4);
        put(out, &writer->count, end64, 8);
        put(out, &writer->count, 1, 4);
    }
    put(out, &writer->count, 0x06054B50u, 4);
    put(out, &writer->count, 0, 6);
    put(out, &writer->count, wide ? UINT16_MAX : writer->entries, 2);
    put(out, &writer->count, wide ? UINT32_MAX : writer->directory_bytes, 4);
    put(out, &writer->count, wide ? UINT32_MAX : directory, 4);
    put(out, &writer->count, strlen(comment), 2);
    put_text(out, &writer->count, comment);
}

static const char CONTENTS[] = "weights, weights and more weights";

/* Two files, of which the second is looked at. Returns where its contents are. */
static size_t write_archive(struct writer *writer, uint32_t method, bool wide, const char *comment)
{
    *writer = (struct writer){.count = 0};
    (void)add(writer, "m/version", "3\n", wt_archive_crc("3\n", 2), 0, wide);
    size_t data =
        add(writer, "m/data/0", CONTENTS, wt_archive_crc(CONTENTS, strlen(CONTENTS)), method, wide);
    end(writer, wide, comment);
    return data;
}

static enum wt_status check(const struct writer *writer, size_t count, struct wt_error *error)
{
    char *copy =
        malloc(count > 0 ? count : 1); /* so that a sanitizer sees what is read behind it */
    memcpy(copy, writer->bytes, count);
    enum wt_status status = wt_archive_check(copy, count, "m.pt", error);
    free(copy);
    return status;
}

static void the_checksum_is_that_of_zip(void **state)
{
    (void)state;
    uint8_t bytes[1000];
    assert_int_equal(wt_archive_crc("", 0), 0);
    assert_int_equal(wt_archive_crc("123456789", 9), 0xCBF43926u);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * i + 3 * i);
    }
    /* Against one bit after the other, at every length and alignment. */
    for (size_t start = 0; start < 17; start++) {
        for (size_t count = 0; count < 70; count++) {
            uint32_t crc = 0xFFFFFFFFu;
            for (size_t i = start; i < start + count; i++) {
                crc ^= bytes[i];
                for (int bit = 0; bit < 8; bit++) {
                    crc = (crc & 1u) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
                }
            }
            assert_int_equal(wt_archive_crc(bytes + start, count), ~crc);
        }
    }
}

static void every_damaged_byte_of_a_file_is_found(void **state)
{
    (void)state;
    struct writer writer;
    for (int wide = 0; wide < 2; wide++) {
        size_t data = write_archive(&writer, 0, wide == 1, wide == 1 ? "a comment" : "");
        assert_int_equal(check(&writer, writer.count, NULL), WT_OK);
        for (size_t i = 0; i < strlen(CONTENTS); i++) {
            struct wt_error error;
            writer.bytes[data + i] ^= (uint8_t)(1u << i % 8);
            assert_int_equal(check(&writer, writer.count, &error), WT_INVALID);
            assert_string_equal(error.code, "bundle-damaged");
            assert_string_equal(error.message, "the model m.pt is damaged: m/data/0 inside is not "
                                               "what its checksum says; copy or export it again");
            writer.bytes[data + i] ^= (uint8_t)(1u << i % 8);
        }
    }
}

static void what_is_compressed_or_no_archive_is_left_to_libtorch(void **state)
{
    (void)state;
    struct writer writer;
    size_t data = write_archive(&writer, 8, false, "");
    writer.bytes[data] ^= 1;
    assert_int_equal(check(&writer, writer.count, NULL), WT_OK);
    (void)write_archive(&writer, 0, true, "");
    for (size_t count = 0; count < writer.count; count++) {
        assert_int_equal(check(&writer, count, NULL), WT_OK);
    }
}

static void no_damage_leads_out_of_the_file(void **state)
{
    (void)state;
    struct writer good;
    uint64_t random = 1;
    for (int wide = 0; wide < 2; wide++) {
        (void)write_archive(&good, 0, wide == 1, "");
        for (int round = 0; round < 20000; round++) {
            struct writer writer = good;
            for (int i = 0; i < 3; i++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                size_t place = (size_t)(random >> 33) % writer.count;
                writer.bytes[place] = (random >> 20 & 1) != 0 ? 0xFF : (uint8_t)(random >> 24);
            }
            struct wt_error error = {.message = ""};
            enum wt_status status = check(&writer, writer.count, &error);
            assert_true(status == WT_OK || status == WT_INVALID);
            for (const char *c = error.message; *c != '\0'; c++) {
                assert_true(*c >= ' ' && *c < 0x7F);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_that_of_zip),
        cmocka_unit_test(every_damaged_byte_of_a_file_is_found),
        cmocka_unit_test(what_is_compressed_or_no_archive_is_left_to_libtorch),
        cmocka_unit_test(no_damage_leads_out_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
