-- Labels in ksqlDB: a stream over the topic of labels, and a table that counts them by category and hour.
-- The columns are those of docs/output.schema.json; in backquotes a name is not a word of the language.
-- Labels of aborted transactions are not labels:
SET 'processing.guarantee' = 'exactly_once_v2';
SET 'auto.offset.reset' = 'earliest';

CREATE STREAM labels (
    id VARCHAR,
    category VARCHAR,
    uri VARCHAR,
    score DOUBLE,
    labels ARRAY<STRUCT<label VARCHAR, score DOUBLE, uri VARCHAR>>,
    scores MAP<VARCHAR, DOUBLE>,
    model STRUCT<name VARCHAR, version VARCHAR, sha256 VARCHAR>,
    tokens INTEGER,
    truncated BOOLEAN,
    windows INTEGER,
    source STRUCT<`topic` VARCHAR, `partition` INTEGER, `offset` BIGINT, `timestamp` BIGINT>
) WITH (
    KAFKA_TOPIC = 'news.labelled',
    VALUE_FORMAT = 'JSON'
);

CREATE TABLE labels_by_hour AS
    SELECT category, COUNT(*) AS articles, AVG(score) AS score
    FROM labels
    WINDOW TUMBLING (SIZE 1 HOUR)
    WHERE category IS NOT NULL
    GROUP BY category
    EMIT CHANGES;
