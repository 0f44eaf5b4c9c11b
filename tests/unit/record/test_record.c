/* A record: owns its bytes, moves forward only, and lists keep order. */
#include "support.h"

static void a_record_has_its_own_copy_of_key_value_and_headers(void **state)
{
    (void)state;
    char key[] = "key";
    char value[] = "value";
    char name[] = "trace";
    char content[] = "abc";
    struct wt_header header = {.name = name, .value = content, .value_bytes = 3};
    struct wt_record *record = wt_record_create(key, 3, value, 5, &header, 1);
    memset(key, 'x', 3);
    memset(value, 'x', 5);
    memset(name, 'x', 5);
    memset(content, 'x', 3);
    assert_int_equal(record->key_bytes, 3);
    assert_memory_equal(record->key, "key", 3);
    assert_int_equal(record->value_bytes, 5);
    assert_memory_equal(record->value, "value", 5);
    assert_int_equal(record->header_count, 1);
    assert_string_equal(record->headers[0].name, "trace");
    assert_int_equal(record->headers[0].value_bytes, 3);
    assert_memory_equal(record->headers[0].value, "abc", 3);
    wt_record_destroy(record);
}

static void a_new_record_is_consumed_and_has_no_outcome_and_no_timestamp(void **state)
{
    (void)state;
    struct wt_record *record = record_of("{}");
    assert_int_equal(record->state, WT_RECORD_CONSUMED);
    assert_int_equal(record->outcome, WT_OUTCOME_NONE);
    assert_int_equal(record->timestamp_ms, -1);
    assert_null(record->failure);
    assert_null(record->output.headers);
    assert_int_equal(record->header_count, 0);
    wt_record_destroy(record);
}

static void null_and_empty_stay_different(void **state)
{
    (void)state;
    struct wt_header headers[] = {{.name = "n", .value = NULL}, {.name = "n", .value = ""}};
    struct wt_record *nulls = wt_record_create(NULL, 0, NULL, 0, headers, 2);
    struct wt_record *empties = wt_record_create("", 0, "", 0, NULL, 0);
    assert_null(nulls->key);
    assert_null(nulls->value);
    assert_null(nulls->headers[0].value);
    assert_non_null(nulls->headers[1].value);
    assert_string_equal(nulls->headers[1].name, "n");
    assert_non_null(empties->key);
    assert_non_null(empties->value);
    assert_int_equal(empties->value_bytes, 0);
    wt_record_destroy(nulls);
    wt_record_destroy(empties);
}

static void what_a_record_counts_for_covers_every_byte_it_carries(void **state)
{
    (void)state;
    char megabyte[1u << 20] = {0};
    struct wt_header header = {.name = "large", .value = megabyte, .value_bytes = sizeof megabyte};
    struct wt_record *bare = wt_record_create(NULL, 0, "", 0, NULL, 0);
    struct wt_record *value = wt_record_create(NULL, 0, megabyte, sizeof megabyte, NULL, 0);
    struct wt_record *key = wt_record_create(megabyte, sizeof megabyte, "", 0, NULL, 0);
    struct wt_record *headed = wt_record_create(NULL, 0, "", 0, &header, 1);
    assert_true(bare->bytes >= sizeof *bare);
    assert_int_equal(value->bytes, bare->bytes + sizeof megabyte);
    assert_int_equal(key->bytes, bare->bytes + sizeof megabyte);
    assert_true(headed->bytes >= bare->bytes + sizeof megabyte + sizeof header + sizeof "large");
    wt_record_destroy(bare);
    wt_record_destroy(value);
    wt_record_destroy(key);
    wt_record_destroy(headed);
}

static void destroying_nothing_is_allowed(void **state)
{
    (void)state;
    wt_record_destroy(NULL);
}

/* --- states ---------------------------------------------------------------------------------- */

struct step {
    enum wt_record_state from;
    enum wt_record_state to;
};

static void advance(void *opaque)
{
    const struct step *step = opaque;
    struct wt_record *record = record_of("{}");
    record->state = step->from;
    wt_record_advance(record, step->to);
    bool moved = record->state == step->to;
    wt_record_destroy(record);
    if (!moved) {
        _exit(1);
    }
}

static void every_step_that_the_table_does_not_name_is_a_bug(void **state)
{
    (void)state;
    static const struct step allowed[] = {
        {WT_RECORD_CONSUMED, WT_RECORD_WAITING},  {WT_RECORD_CONSUMED, WT_RECORD_FINISHED},
        {WT_RECORD_WAITING, WT_RECORD_RUNNING},   {WT_RECORD_RUNNING, WT_RECORD_FINISHED},
        {WT_RECORD_FINISHED, WT_RECORD_RELEASED}, {WT_RECORD_RELEASED, WT_RECORD_ACKNOWLEDGED},
        {WT_RECORD_RELEASED, WT_RECORD_FINISHED},
    };
    for (int from = WT_RECORD_CONSUMED; from <= WT_RECORD_ACKNOWLEDGED; from++) {
        for (int to = WT_RECORD_CONSUMED; to <= WT_RECORD_ACKNOWLEDGED; to++) {
            struct step step = {(enum wt_record_state)from, (enum wt_record_state)to};
            bool is_allowed = false;
            for (size_t i = 0; i < COUNT_OF(allowed); i++) {
                is_allowed |= allowed[i].from == step.from && allowed[i].to == step.to;
            }
            if (aborts(advance, &step) == is_allowed) {
                fail_msg("from state %d to %d: %s", from, to,
                         is_allowed ? "is allowed and aborts" : "must abort and does not");
            }
        }
    }
}

/* --- failures -------------------------------------------------------------------------------- */

static void a_later_failure_replaces_the_earlier_and_what_was_encoded_for_it(void **state)
{
    (void)state;
    struct wt_record *record = record_of("{}");
    struct wt_error first;
    struct wt_error second;
    (void)wt_error_set(&first, WT_INVALID, WT_ERROR_RECORD, "first", "one");
    (void)wt_error_set(&second, WT_INVALID, WT_ERROR_RECORD, "second", "two");
    wt_record_fail(record, "decode", &first);
    record->output.value = strdup("encoded");
    record->output.headers = calloc(1, sizeof(struct wt_header));
    record->output.header_memory = (char *)record->output.headers;
    wt_record_fail(record, "publish", &second);
    assert_int_equal(record->outcome, WT_OUTCOME_DEAD_LETTERED);
    assert_string_equal(record->failure->error.code, "second");
    assert_string_equal(record->failure->error.message, "two");
    assert_string_equal(record->failure->stage, "publish");
    assert_null(record->output.value);
    assert_null(record->output.headers);
    assert_null(record->output.header_memory);
    wt_record_destroy(record);
}

/* --- the room in its block ------------------------------------------------------------------- */

#define BLOCK_BYTES_MAX (64u << 10)

/* Takes `bytes` bytes and writes each of them. */
static char *take(struct wt_record *record, size_t bytes)
{
    return memset(wt_record_alloc(record, bytes), 0x5a, bytes);
}

static bool in_block(const struct wt_record *record, const char *memory)
{
    uintptr_t start = (uintptr_t)record;
    return (uintptr_t)memory - start < BLOCK_BYTES_MAX && memory < record->room_end;
}

static void what_an_article_becomes_lies_in_the_block_of_its_record(void **state)
{
    (void)state;
    struct wt_record *record = record_of("{\"text\":\"a\"}");
    char *id = take(record, 20);
    int32_t *ids = (int32_t *)take(record, 150 * sizeof(int32_t));
    assert_true(in_block(record, id));
    assert_true(in_block(record, (char *)ids));
    assert_int_equal((uintptr_t)ids % _Alignof(max_align_t), 0);
    /* The logits come where the token ids were, which the model has read. */
    wt_record_free(record, ids);
    float *logits = (float *)take(record, 18 * sizeof(float));
    assert_ptr_equal(logits, ids);
    record->id_json = id;
    record->logits = logits;
    struct wt_buffer value = wt_record_buffer(record);
    wt_buffer_append_text(&value, "encoded");
    size_t count = 0;
    record->output.value = wt_record_keep(record, &value, &count);
    assert_int_equal(count, strlen("encoded"));
    assert_true(in_block(record, record->output.value));
    char *behind = take(record, 8);
    assert_true(behind > record->output.value + count);
    assert_string_equal(record->output.value, "encoded");
    assert_memory_equal(record->value, "{\"text\":\"a\"}", record->value_bytes);
    wt_record_destroy(record);
}

static void what_its_block_has_no_room_for_comes_from_the_heap(void **state)
{
    (void)state;
    struct wt_record *record = record_of("{}");
    struct wt_record *none = wt_record_create(NULL, 0, NULL, 0, NULL, 0);
    record->logits = (float *)take(record, BLOCK_BYTES_MAX);
    none->logits = (float *)take(none, sizeof(float));
    assert_false(in_block(record, (char *)record->logits));
    assert_false(in_block(none, (char *)none->logits));
    /* A buffer that outgrows the room moves with all that it has. */
    struct wt_buffer value = wt_record_buffer(record);
    char expected[5000];
    for (size_t i = 0; i < sizeof expected; i++) {
        expected[i] = (char)('a' + i % 26);
        wt_buffer_append(&value, &expected[i], 1);
    }
    size_t count = 0;
    record->output.value = wt_record_keep(record, &value, &count);
    assert_int_equal(count, sizeof expected);
    assert_memory_equal(record->output.value, expected, count);
    assert_int_equal(record->output.value[count], '\0');
    assert_false(in_block(record, record->output.value));
    assert_true(in_block(record, take(record, 100))); /* the room is as it was */
    wt_record_destroy(record);
    wt_record_destroy(none);
}

/* A buffer may fill the room to its last byte, and a lent one may be dropped. */
static void a_buffer_that_fills_the_room_keeps_its_nul(void **state)
{
    (void)state;
    for (size_t left = 0; left < 3; left++) {
        struct wt_record *record = record_of("{}");
        struct wt_buffer dropped = wt_record_buffer(record);
        wt_buffer_append_text(&dropped, "dropped");
        wt_buffer_free(&dropped);
        struct wt_buffer value = wt_record_buffer(record);
        while (value.count + left < (size_t)(record->room_end - record->room)) {
            wt_buffer_append(&value, "x", 1);
        }
        size_t count = 0;
        record->output.value = wt_record_keep(record, &value, &count);
        assert_int_equal(strlen(record->output.value), count);
        assert_int_equal(in_block(record, record->output.value), left > 0);
        wt_record_destroy(record);
    }
}

/* --- lists ----------------------------------------------------------------------------------- */

static void append_numbered(struct wt_record_list *list, int64_t from, int64_t to)
{
    for (int64_t offset = from; offset < to; offset++) {
        struct wt_record *record = record_of("{}");
        record->offset = offset;
        wt_record_list_append(list, &record);
        assert_null(record);
    }
}

static void assert_takes(struct wt_record_list *list, int64_t from, int64_t to)
{
    for (int64_t offset = from; offset < to; offset++) {
        assert_int_equal(list->count, to - offset);
        struct wt_record *record = wt_record_list_take(list);
        assert_non_null(record);
        assert_int_equal(record->offset, offset);
        assert_null(record->next);
        wt_record_destroy(record);
    }
    assert_int_equal(list->count, 0);
    assert_null(wt_record_list_take(list));
}

static void a_list_gives_back_in_the_order_it_was_given(void **state)
{
    (void)state;
    struct wt_record_list list = {0};
    assert_takes(&list, 0, 0);
    append_numbered(&list, 0, 5);
    assert_takes(&list, 0, 5);
    append_numbered(&list, 5, 6);
    assert_takes(&list, 5, 6);
}

static void appending_a_list_empties_it_and_keeps_both_orders(void **state)
{
    (void)state;
    struct wt_record_list list = {0};
    struct wt_record_list more = {0};
    wt_record_list_append_all(&list, &more);
    assert_int_equal(list.count, 0);
    append_numbered(&more, 0, 3);
    wt_record_list_append_all(&list, &more);
    assert_takes(&more, 0, 0);
    append_numbered(&more, 3, 7);
    wt_record_list_append_all(&list, &more);
    wt_record_list_append_all(&list, &more);
    append_numbered(&list, 7, 8);
    assert_takes(&more, 0, 0);
    assert_takes(&list, 0, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_its_own_copy_of_key_value_and_headers),
        cmocka_unit_test(a_new_record_is_consumed_and_has_no_outcome_and_no_timestamp),
        cmocka_unit_test(null_and_empty_stay_different),
        cmocka_unit_test(what_a_record_counts_for_covers_every_byte_it_carries),
        cmocka_unit_test(destroying_nothing_is_allowed),
        cmocka_unit_test(every_step_that_the_table_does_not_name_is_a_bug),
        cmocka_unit_test(a_later_failure_replaces_the_earlier_and_what_was_encoded_for_it),
        cmocka_unit_test(what_an_article_becomes_lies_in_the_block_of_its_record),
        cmocka_unit_test(what_its_block_has_no_room_for_comes_from_the_heap),
        cmocka_unit_test(a_buffer_that_fills_the_room_keeps_its_nul),
        cmocka_unit_test(a_list_gives_back_in_the_order_it_was_given),
        cmocka_unit_test(appending_a_list_empties_it_and_keeps_both_orders),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
