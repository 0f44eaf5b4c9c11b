/* archive.h: whether a bundle is the archive that was written.
 *
 * A TorchScript file is a ZIP archive whose files have checksums (CRC-32). libtorch does not compare
 * them: a weight that was damaged on its way would be a weight like any other, and the self-test does
 * not reach every row of an embedding. */
#ifndef WIRETAG_MODEL_ARCHIVE_H
#define WIRETAG_MODEL_ARCHIVE_H

#include "wiretag/status.h"

#include <stddef.h>
#include <stdint.h>

/* Compares each file in the archive with its checksum, but for those that are compressed, which no
 * TorchScript has. What is no whole archive is left to libtorch. WT_INVALID (class fatal), code
 * bundle-damaged: the message has `source`, the bundle, and the file's name. Thread: any. */
enum wt_status wt_archive_check(const char *bytes, size_t count, const char *source,
                                struct wt_error *error);

/* The CRC-32 of ZIP (polynomial 0x04C11DB7, reflected). Thread: any. */
uint32_t wt_archive_crc(const void *bytes, size_t count);

#endif
