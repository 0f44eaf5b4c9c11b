/* frame.h: the frame that serializers with a schema registry put before a value: a zero byte and the
 * schema's id, four bytes, most significant first (Confluent's wire format). Pure. Thread: any. */
#ifndef WIRETAG_CODEC_FRAME_H
#define WIRETAG_CODEC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WT_FRAME_BYTES 5u

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

#endif
