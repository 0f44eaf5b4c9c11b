/* mock_group.h: how long a new group of a mock cluster waits for further members. */
#ifndef WIRETAG_TESTS_MOCK_GROUP_H
#define WIRETAG_TESTS_MOCK_GROUP_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* In milliseconds. A cluster waits as long as a broker, unless it is told how long. */
#define MOCK_GROUP_DELAY_SHORT 100
#define MOCK_GROUP_DELAY_OF_BROKERS 3000

/* The library has it; the system's headers may be older (CMakeLists.txt). */
void rd_kafka_mock_group_initial_rebalance_delay_ms(rd_kafka_mock_cluster_t *cluster,
                                                    int32_t delay_ms);

#endif
