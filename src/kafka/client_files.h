/* client_files.h: notices that the certificate, the key or the authorities of the worker's clients were
 * renewed on disk.
 *
 * librdkafka reads these files once, when a client is created. Tools that renew certificates replace them,
 * and the clients go on with the old ones: until a broker refuses a connection, since they have expired or
 * their authority was replaced. Only new clients read the new files. */
#ifndef WIRETAG_KAFKA_CLIENT_FILES_H
#define WIRETAG_KAFKA_CLIENT_FILES_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

/* The code of an error: the brokers refuse this worker, and wt_client_files_renewed. */
#define WT_CLIENT_FILES_RENEWED "client-files-renewed"

/* Notes the files that kafka.common, kafka.consumer and kafka.producer name, as they are now: before the
 * worker's clients are created. Forgets those noted before. Thread: any, one at a time. */
void wt_client_files_note(const struct wt_config *config);

/* True: one of them is another than was noted, and none has changed in the last seconds, so that what belongs
 * together is complete. Writes which one, as "PROPERTY, FILE". Thread: the same. */
bool wt_client_files_renewed(char *text, size_t text_bytes);

#endif
