-- The table that jdbc-sink.properties fills, in PostgreSQL.
CREATE TABLE news_labelled (
    id TEXT PRIMARY KEY,
    category TEXT,
    uri TEXT,
    score DOUBLE PRECISION,
    model_name TEXT NOT NULL,
    model_version TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    truncated BOOLEAN NOT NULL,
    windows INTEGER,
    source_topic TEXT NOT NULL,
    source_partition INTEGER NOT NULL,
    source_offset BIGINT NOT NULL,
    source_timestamp TIMESTAMP
);
CREATE INDEX news_labelled_category ON news_labelled (category, source_timestamp);
