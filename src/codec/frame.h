/* frame.h: the frame that serializers with a schema registry put before a value: a zero byte and the
 * schema's id, four bytes, most significant first (Confluent's wire format). Pure. Thread: any. */
#ifndef WIRETAG_CODEC_FRAME_H
#define WIRETAG_CODEC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_FRAME_BYTES 5u

/* Apicurio's serializers up to version 2 write an id of eight bytes. */
#define WT_FRAME_LONG_BYTES 9u

/* True: a frame is there, and something behind it. */
static inline bool wt_frame_read(const void *value, size_t bytes, uint32_t *schema_id_out)
{
    const uint8_t *at = value;
    if (bytes <= WT_FRAME_BYTES || at[0] != 0) {
        return false;
    }
    *schema_id_out =
        (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | (uint32_t)at[4];
    return true;
}

/* True: the frame, which is there, has an id of eight bytes, and something behind it. No schema has the
 * id 0. */
static inline bool wt_frame_is_long(const void *value, size_t bytes)
{
    const uint8_t *at = value;
    return bytes > WT_FRAME_LONG_BYTES && (at[1] | at[2] | at[3] | at[4]) == 0;
}

#endif
