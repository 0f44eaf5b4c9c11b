#include "record/record.h"

#include "base/alloc.h"
#include "compare/comparison.h"
#include "record/labellers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Estimated memory of a record in flight besides its key, value and headers: the struct, token ids
 * (at most 512 of 4 bytes in most models), logits and the encoded output. */
#define RECORD_OVERHEAD_BYTES (sizeof(struct wt_record) + 4096u)

/* Room for what becomes of most articles. It is part of RECORD_OVERHEAD_BYTES. */
#define ROOM_BYTES 1280u

/* What is taken from the room begins at a multiple of it. */
#define ALIGNMENT 16u

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void *append_bytes(char **end, const void *bytes, size_t count)
{
    if (bytes == NULL) {
        return NULL;
    }
    char *start = *end;
    if (count > 0) {
        memcpy(start, bytes, count);
    }
    *end += count;
    return start;
}

struct wt_record *wt_record_create(const void *key, size_t key_bytes, const void *value,
                                   size_t value_bytes, const struct wt_header *headers,
                                   size_t header_count)
{
    size_t payload_bytes = key_bytes + value_bytes;
    for (size_t i = 0; i < header_count; i++) {
        payload_bytes += strlen(headers[i].name) + 1 + headers[i].value_bytes;
    }
    size_t header_table_bytes = header_count * sizeof(struct wt_header);
    size_t used_bytes = aligned(sizeof(struct wt_record) + header_table_bytes + payload_bytes + 1);
    size_t block_bytes = used_bytes + (value != NULL ? ROOM_BYTES : 0);
    struct wt_record *record = wt_alloc(block_bytes);
    *record = (struct wt_record){
        .state = WT_RECORD_CONSUMED,
        .timestamp_ms = -1,
        .key_bytes = key_bytes,
        .value_bytes = value_bytes,
        .headers = (struct wt_header *)(record + 1),
        .header_count = header_count,
        .bytes = RECORD_OVERHEAD_BYTES + header_table_bytes + payload_bytes,
        .rows = 1,
        .target_partition = -1,
        .room = (char *)record + used_bytes,
        .room_end = (char *)record + block_bytes,
    };
    char *end = (char *)(record + 1) + header_table_bytes;
    record->key = append_bytes(&end, key, key_bytes);
    record->value = append_bytes(&end, value, value_bytes);
    for (size_t i = 0; i < header_count; i++) {
        struct wt_header *header = &record->headers[i];
        header->name = append_bytes(&end, headers[i].name, strlen(headers[i].name) + 1);
        header->value = append_bytes(&end, headers[i].value, headers[i].value_bytes);
        header->value_bytes = headers[i].value_bytes;
    }
    return record;
}

struct wt_record *wt_record_create_hole(int64_t to)
{
    struct wt_record *record = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    record->outcome = WT_OUTCOME_HOLE;
    record->offset = to - 1;
    return record;
}

static bool in_block(const struct wt_record *record, const void *memory)
{
    uintptr_t start = (uintptr_t)record;
    return (uintptr_t)memory - start < (uintptr_t)record->room_end - start;
}

static char *take_room(struct wt_record *record, size_t bytes)
{
    assert(bytes <= (size_t)(record->room_end - record->room));
    record->room_last = record->room;
    record->room += aligned(bytes);
    return record->room_last;
}

void *wt_record_alloc(struct wt_record *record, size_t bytes)
{
    return bytes <= (size_t)(record->room_end - record->room) ? take_room(record, bytes)
                                                              : wt_alloc(bytes);
}

void wt_record_free(struct wt_record *record, void *memory)
{
    if (!in_block(record, memory)) {
        free(memory);
    } else if (memory == record->room_last) {
        record->room = record->room_last;
        record->room_last = NULL;
    }
}

struct wt_buffer wt_record_buffer(struct wt_record *record)
{
    return (struct wt_buffer){
        .bytes = record->room, .capacity = (size_t)(record->room_end - record->room), .lent = true};
}

char *wt_record_keep(struct wt_record *record, struct wt_buffer *buffer, size_t *count_out)
{
    size_t count;
    char *bytes = wt_buffer_take(buffer, &count);
    if (in_block(record, bytes)) {
        assert(bytes == record->room);
        (void)take_room(record, count + 1);
    }
    if (count_out != NULL) {
        *count_out = count;
    }
    return bytes;
}

void wt_record_output_clear(struct wt_record *record)
{
    wt_record_free(record, record->output.header_memory);
    wt_record_free(record, record->output.key_memory);
    wt_record_free(record, record->output.value);
    record->output = (struct wt_output){0};
}

void wt_record_destroy(struct wt_record *record)
{
    if (record == NULL) {
        return;
    }
    if (record->drop != NULL) {
        record->drop(record);
        return;
    }
    assert(record->pieces == NULL);
    wt_labeller_release(record->labeller);
    wt_record_output_clear(record);
    free(record->origin_topic);
    wt_record_free(record, record->id_json);
    free(record->input_json);
    free(record->beginning);
    free(record->trace);
    wt_record_free(record, record->ids);
    wt_record_free(record, record->logits);
    free(record->labels);
    wt_compared_destroy(record->compared);
    free(record->failure);
    free(record);
}

void wt_record_advance(struct wt_record *record, enum wt_record_state state)
{
    static const unsigned allowed_from[] = {
        [WT_RECORD_CONSUMED] = 0,
        [WT_RECORD_WAITING] = 1u << WT_RECORD_CONSUMED,
        [WT_RECORD_RUNNING] = 1u << WT_RECORD_WAITING,
        [WT_RECORD_FINISHED] =
            1u << WT_RECORD_CONSUMED | 1u << WT_RECORD_RUNNING | 1u << WT_RECORD_RELEASED,
        [WT_RECORD_RELEASED] = 1u << WT_RECORD_FINISHED,
        [WT_RECORD_ACKNOWLEDGED] = 1u << WT_RECORD_RELEASED,
    };
    assert((allowed_from[state] & 1u << record->state) != 0);
    record->state = state;
}

void wt_record_fail(struct wt_record *record, const char *stage, const struct wt_error *error)
{
    if (record->failure == NULL) {
        record->failure = wt_alloc(sizeof *record->failure);
    }
    record->failure->error = *error;
    record->failure->stage = stage;
    record->outcome = WT_OUTCOME_DEAD_LETTERED;
    wt_record_output_clear(record);
}

void wt_record_list_append(struct wt_record_list *list, struct wt_record **record)
{
    struct wt_record *added = *record;
    *record = NULL;
    added->next = NULL;
    if (list->last == NULL) {
        list->first = added;
    } else {
        list->last->next = added;
    }
    list->last = added;
    list->count++;
}

void wt_record_list_append_all(struct wt_record_list *list, struct wt_record_list *from)
{
    if (from->first == NULL) {
        return;
    }
    if (list->last == NULL) {
        *list = *from;
    } else {
        list->last->next = from->first;
        list->last = from->last;
        list->count += from->count;
    }
    *from = (struct wt_record_list){0};
}

struct wt_record *wt_record_list_take(struct wt_record_list *list)
{
    struct wt_record *record = list->first;
    if (record == NULL) {
        return NULL;
    }
    list->first = record->next;
    if (list->first == NULL) {
        list->last = NULL;
    }
    list->count--;
    record->next = NULL;
    return record;
}

void wt_record_list_clear(struct wt_record_list *list)
{
    struct wt_record *record;
    while ((record = wt_record_list_take(list)) != NULL) {
        wt_record_destroy(record);
    }
}
