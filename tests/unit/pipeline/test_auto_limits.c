/* What `auto` comes to on a device, and that a number in the configuration wins. */
#include "base/processors.h"
#include "config/config_load.h"
#include "kafka/client_sizes.h"
#include "pipeline/auto_limits.h"
#include "support.h"

#include <sched.h>

static const struct wt_model_info ON_CPU = {.device = "cpu", .tokens_max = 512};
static const struct wt_model_info ON_GPU = {.device = "cuda:0", .tokens_max = 512, .pad_to = 512};

static uint32_t processors(void)
{
    return wt_processors_read().count;
}

static void a_cpu_gets_one_replica_of_one_thread_for_each_core(void **state)
{
    (void)state;
    struct wt_config *config = wt_config_defaults();
    assert_int_equal(wt_auto_replicas(config, &ON_CPU), processors());
    config->model.threads = processors();
    assert_int_equal(wt_auto_replicas(config, &ON_CPU), 1);
    config->model.threads = 4 * processors();
    assert_int_equal(wt_auto_replicas(config, &ON_CPU), 1);
    wt_config_destroy(config);
}

/* As under taskset. */
static void replicas_are_counted_from_the_processors_that_may_be_used(void **state)
{
    (void)state;
    struct wt_config *config = wt_config_defaults();
    cpu_set_t before;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(wt_auto_replicas(config, &ON_CPU), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(wt_auto_replicas(config, &ON_CPU), processors());
    wt_config_destroy(config);
}

static void a_gpu_gets_large_batches_and_a_cpu_short_ones(void **state)
{
    (void)state;
    struct wt_config *config = wt_config_defaults();
    assert_true(wt_auto_batch_limits(config, &ON_GPU).tokens_max >
                wt_auto_batch_limits(config, &ON_CPU).tokens_max);
    /* Whole batches of the longest articles fit both. */
    assert_true(wt_auto_batch_limits(config, &ON_CPU).tokens_max >= 512);
    wt_config_destroy(config);
}

static void what_is_configured_wins(void **state)
{
    (void)state;
    struct wt_config *config = wt_config_defaults();
    config->model.replicas = 3;
    config->batch.tokens_max = 300;
    config->batch.articles_max = 7;
    config->batch.wait_ms_max = 5;
    assert_int_equal(wt_auto_replicas(config, &ON_CPU), 3);
    assert_int_equal(wt_auto_replicas(config, &ON_GPU), 3);
    struct wt_batcher_limits limits = wt_auto_batch_limits(config, &ON_GPU);
    assert_int_equal(limits.tokens_max, 300);
    assert_int_equal(limits.articles_max, 7);
    assert_int_equal(limits.wait_us_max, 5000);
    wt_config_destroy(config);
}

static void limits_follow_the_model(void **state)
{
    (void)state;
    struct wt_config *config = wt_config_defaults();
    struct wt_model_info info = {.device = "cpu", .tokens_max = 128, .equal_lengths_only = true};
    struct wt_batcher_limits limits = wt_auto_batch_limits(config, &info);
    assert_int_equal(limits.length_max, 128);
    assert_true(limits.equal_lengths_only);
    assert_int_equal(wt_auto_batch_limits(config, &ON_GPU).pad_to, 512);
    wt_config_destroy(config);
}

static void
records_linger_until_their_transaction_is_committed_and_no_longer_than_they_must(void **state)
{
    (void)state;
    struct wt_config *config = wt_config_defaults();
    assert_int_equal(wt_client_sizes_linger_ms(config, true), config->delivery.commit_interval_ms);
    assert_int_equal(wt_client_sizes_linger_ms(config, false), 1);
    config->delivery.commit_interval_ms = 60000;
    assert_int_equal(wt_client_sizes_linger_ms(config, true), 500);
    wt_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cpu_gets_one_replica_of_one_thread_for_each_core),
        cmocka_unit_test(replicas_are_counted_from_the_processors_that_may_be_used),
        cmocka_unit_test(a_gpu_gets_large_batches_and_a_cpu_short_ones),
        cmocka_unit_test(what_is_configured_wins),
        cmocka_unit_test(limits_follow_the_model),
        cmocka_unit_test(
            records_linger_until_their_transaction_is_committed_and_no_longer_than_they_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
