#include "base/foreign.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

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
    SIGN("PAR1", "a Parquet file"),
    SIGN("\xC3\x01", "Avro in its single-object encoding"),
    SIGN(":)\n", "Smile, JSON's binary form"),
    SIGN("\xD9\xD9\xF7", "CBOR"),
};

/* What programs write where JSON is meant; none of them is JSON. */
static const struct sign texts[] = {
    SIGN("[object Object]", "JavaScript's name of any object (JSON.stringify makes JSON of it)"),
    SIGN("Struct{", "a struct of Kafka Connect as text (its JsonConverter makes JSON of it)"),
    SIGN("{'", "a Python dict as text (json.dumps makes JSON of it)"),
    SIGN("[{'", "a list of Python dicts as text (json.dumps makes JSON of it)"),
    SIGN("b'", "Python bytes as text (decode() makes text of them)"),
    SIGN("b\"", "Python bytes as text (decode() makes text of them)"),
    SIGN("eyJ", "JSON in base64"),
    SIGN("ewo", "JSON in base64"),
    SIGN("ew0K", "JSON in base64"),
    SIGN("W3s", "JSON in base64"),
    SIGN("H4sI", "compressed by gzip, and in base64"),
    SIGN("%7B%22", "JSON in a URL's encoding"),
    SIGN("data:", "an event of Server-Sent Events"),
    SIGN("\x1E", "a JSON text sequence (RFC 7464)"),
};

static const struct sign models[] = {
    SIGN("version https://git-lfs.github.com/",
         "a pointer of Git LFS (git lfs pull fetches the file)"),
    SIGN("\x89HDF\r\n\x1A\n", "an HDF5 file, as of Keras"),
    SIGN("GGUF", "a GGUF file"),
    SIGN("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "zeros (it may still be being copied)"),
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

/* PROTO and its version. */
static bool is_pickle(const uint8_t *bytes, size_t count)
{
    return count >= 3 && bytes[0] == 0x80u && bytes[1] >= 2 && bytes[1] <= 5;
}

const char *wt_foreign_text(const void *bytes, size_t count, bool *compressed_out)
{
    const char *name = FIND(compressed, bytes, count);
    *compressed_out = name != NULL;
    if (name == NULL) {
        name = FIND(others, bytes, count);
    }
    if (name == NULL && is_pickle(bytes, count)) {
        name = "a Python pickle";
    }
    return name == NULL && is_utf16(bytes, count) ? "text in UTF-16" : name;
}

/* A map of one to fifteen pairs, or of more, whose first key is a text: the first bytes of an article in
 * MessagePack and in CBOR (RFC 8949). */
static const char *packed_name(const uint8_t *bytes, size_t count)
{
    if (count < 2) {
        return NULL;
    }
    bool short_text = bytes[1] >= 0xA1u && bytes[1] <= 0xBFu;
    if (bytes[0] > 0x80u && bytes[0] <= 0x8Fu && (short_text || bytes[1] == 0xD9u)) {
        return "MessagePack";
    }
    if (bytes[0] > 0xA0u && bytes[0] <= 0xBFu && bytes[1] > 0x60u && bytes[1] <= 0x78u) {
        return "CBOR";
    }
    return NULL;
}

static bool begins(const char *bytes, size_t count, const char *word)
{
    size_t length = strlen(word);
    return count >= length && strncasecmp(bytes, word, length) == 0;
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

/* Java's Map.toString: {key=value, key=value}. */
static bool is_java_map(const char *bytes, size_t count)
{
    size_t at = 1;
    while (at < count && (is_letter(bytes[at]) || (bytes[at] >= '0' && bytes[at] <= '9'))) {
        at++;
    }
    return count > 0 && bytes[0] == '{' && at > 1 && at < count && bytes[at] == '=';
}

static const char *markup_name(const char *bytes, size_t count)
{
    if (begins(bytes, count, "<!doctype html") || begins(bytes, count, "<html")) {
        return "a web page";
    }
    bool markup = count >= 2 && bytes[0] == '<' && (is_letter(bytes[1]) || bytes[1] == '!');
    return markup ? "XML or HTML" : NULL;
}

const char *wt_foreign_json(const void *bytes, size_t count, bool *compressed_out)
{
    const char *name = wt_foreign_text(bytes, count, compressed_out);
    if (name == NULL) {
        name = FIND(texts, bytes, count);
    }
    if (name == NULL) {
        name = packed_name(bytes, count);
    }
    if (name == NULL && is_java_map(bytes, count)) {
        name = "a Java map as text (a serializer for JSON makes JSON of it)";
    }
    return name != NULL ? name : markup_name(bytes, count);
}

/* The length of the header in eight bytes, least significant first, then the header, an object. */
static bool is_safetensors(const uint8_t *bytes, size_t count, uint64_t file_bytes)
{
    uint64_t length = 0;
    for (size_t i = 8; count > 8 && i > 0; i--) {
        length = length << 8 | bytes[i - 1];
    }
    return count > 8 && bytes[8] == '{' && length >= 2 && length <= file_bytes - 8;
}

/* ModelProto: ir_version, then producer_name. */
static bool is_onnx(const uint8_t *bytes, size_t count)
{
    return count >= 3 && bytes[0] == 0x08u && bytes[1] < 0x20u && bytes[2] == 0x12u;
}

const char *wt_foreign_model(const void *bytes, size_t count, uint64_t file_bytes)
{
    const uint8_t *at = bytes;
    bool is_compressed = false;
    const char *name = FIND(models, bytes, count);
    if (name == NULL) {
        name = markup_name(bytes, count);
    }
    if (name != NULL) {
        return name;
    }
    if (is_safetensors(at, count, file_bytes)) {
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
