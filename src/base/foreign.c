#include "base/foreign.h"

#include <stdint.h>
#include <string.h>

struct sign {
    const char *bytes;
    size_t count;
    const char *name;
};

#define SIGN(bytes, name)                                                                          \
    {                                                                                              \
        bytes, sizeof bytes - 1, name                                                              \
    }

/* RFC 1952, 8878 and 1950; the others from their formats' own documents. */
static const struct sign compressed[] = {
    SIGN("\x1F\x8B", "compressed by gzip"),
    SIGN("\x28\xB5\x2F\xFD", "compressed by Zstandard"),
    SIGN("\x04\x22\x4D\x18", "compressed by LZ4"),
    SIGN("\xFF\x06\x00\x00sNaPpY", "compressed by Snappy"),
    SIGN("\x82SNAPPY\x00", "compressed by Snappy"),
    SIGN("BZh", "compressed by bzip2"),
    SIGN("\xFD\x37zXZ\x00", "compressed by xz"),
    SIGN("\x78\x01", "compressed by zlib"),
    SIGN("\x78\x9C", "compressed by zlib"),
    SIGN("\x78\xDA", "compressed by zlib"),
    SIGN("PK\x03\x04", "a ZIP archive"),
};

static const struct sign others[] = {
    SIGN("\xFF\xFE\x00\x00", "text in UTF-32"),
    SIGN("\x00\x00\xFE\xFF", "text in UTF-32"),
    SIGN("\xFF\xFE", "text in UTF-16"),
    SIGN("\xFE\xFF", "text in UTF-16"),
    SIGN("\xAC\xED\x00\x05", "a serialized Java object"),
    SIGN("%PDF-", "a PDF document"),
    SIGN("<?xml", "an XML document"),
};

static const struct sign models[] = {
    SIGN("version https://git-lfs.github.com/",
         "a pointer of Git LFS (git lfs pull fetches the file)"),
    SIGN("\x89HDF\r\n\x1A\n", "an HDF5 file, as of Keras"),
    SIGN("GGUF", "a GGUF file"),
    SIGN("<!DOCTYPE", "a web page"),
    SIGN("<html", "a web page"),
};

static const char *find(const struct sign *signs, size_t sign_count, const void *bytes,
                        size_t count)
{
    for (size_t i = 0; i < sign_count; i++) {
        if (count >= signs[i].count && memcmp(bytes, signs[i].bytes, signs[i].count) == 0) {
            return signs[i].name;
        }
    }
    return NULL;
}

#define FIND(signs, bytes, count) find(signs, sizeof signs / sizeof signs[0], bytes, count)

static bool is_ascii(uint8_t byte)
{
    return byte > 0 && byte < 0x80u;
}

/* Four ASCII characters of two bytes each, without a byte-order mark: JSON in UTF-16 starts so. */
static bool is_utf16(const uint8_t *bytes, size_t count)
{
    bool little = count >= 8;
    bool big = count >= 8;
    for (size_t i = 0; i < 8 && (little || big); i += 2) {
        little = little && is_ascii(bytes[i]) && bytes[i + 1] == 0;
        big = big && bytes[i] == 0 && is_ascii(bytes[i + 1]);
    }
    return little || big;
}

const char *wt_foreign_text(const void *bytes, size_t count, bool *compressed_out)
{
    const char *name = FIND(compressed, bytes, count);
    *compressed_out = name != NULL;
    if (name == NULL) {
        name = FIND(others, bytes, count);
    }
    return name == NULL && is_utf16(bytes, count) ? "text in UTF-16" : name;
}

/* The length of the header in eight bytes, least significant first, then the header, an object. */
static bool is_safetensors(const uint8_t *bytes, size_t count)
{
    uint64_t length = 0;
    for (size_t i = 8; count > 8 && i > 0; i--) {
        length = length << 8 | bytes[i - 1];
    }
    return count > 8 && bytes[8] == '{' && length >= 2 && length <= count - 8;
}

/* PROTO and its version. */
static bool is_pickle(const uint8_t *bytes, size_t count)
{
    return count >= 3 && bytes[0] == 0x80u && bytes[1] >= 2 && bytes[1] <= 5;
}

/* ModelProto: ir_version, then producer_name. */
static bool is_onnx(const uint8_t *bytes, size_t count)
{
    return count >= 3 && bytes[0] == 0x08u && bytes[1] < 0x20u && bytes[2] == 0x12u;
}

const char *wt_foreign_model(const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    bool is_compressed = false;
    const char *name = FIND(models, bytes, count);
    if (name != NULL) {
        return name;
    }
    if (is_safetensors(at, count)) {
        return "a file of safetensors";
    }
    if (is_pickle(at, count)) {
        return "a Python pickle";
    }
    if (is_onnx(at, count)) {
        return "an ONNX model";
    }
    name = wt_foreign_text(bytes, count, &is_compressed);
    /* A bundle is a ZIP archive itself. */
    return name != NULL && strcmp(name, "a ZIP archive") != 0 ? name : NULL;
}
