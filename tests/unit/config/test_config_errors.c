/* What a configuration may not say, and that the message names file, line, key and remedy. */
#include "config/config.h"
#include "config/config_load.h"
#include "config_cases.h"

#include <stdlib.h>

static void an_unknown_key_is_named_with_file_line_and_the_nearest_known_key(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"on_error: stop\nbatch:\n  token_max: 64\n",
         NULL,
         {"test.yaml:3: batch.token_max: unknown key", "nearest known key is batch.tokens_max"}},
        {"batches:\n  tokens_max: 64\n",
         NULL,
         {"test.yaml:1: batches: unknown key", "nearest known key is batch "}},
        {"onerror: stop\n", NULL, {"test.yaml:1: onerror: ", "nearest known key is on_error"}},
        {"articles_max: 8\n", NULL, {"test.yaml:1: ", "nearest known key is batch.articles_max"}},
        {"batch: {topics: [a]}\n", NULL, {"test.yaml:1: ", "nearest known key is input.topics"}},
        {"kafka:\n  brokers: x\n  consumers: {}\n", NULL, {"test.yaml:2: kafka.brokers: unknown"}},
        {"kafka:\n  consumers: {}\n",
         NULL,
         {"test.yaml:2: ", "nearest known key is kafka.consumer"}},
        {"batch.tokens_max: 64\n", NULL, {"test.yaml:1: ", "batch.tokens_max, written as section"}},
        {"output:\n  headers: {dorp: [a]}\n",
         NULL,
         {"test.yaml:2: output.headers.dorp: unknown", "nearest known key is output.headers.drop"}},
        {"output: {headers: {headers: {drop: [a]}}}\n",
         NULL,
         {"test.yaml:1: output.headers.headers: unknown"}},
        {"output.headers: {drop: [a]}\n", NULL, {"test.yaml:1: output.headers: unknown key"}},
        {"output: {headers.drop: [a]}\n", NULL, {"test.yaml:1: output.headers.drop: unknown"}},
        {"\"\": 1\n", NULL, {"test.yaml:1: : unknown key"}},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: 1\n",
         NULL,
         {"test.yaml:1: xxxxxx", "unknown key"}},
        {NULL,
         "batch.token_max=64",
         {"--set batch.token_max=64: batch.token_max: unknown key", "batch.tokens_max"}},
        {NULL,
         "kafka.consumr.group.id=x",
         {"--set kafka.consumr.group.id=...: kafka.consumr: ",
          "nearest known key is kafka.consumer "}},
        {NULL,
         "kafka.bootstrap.servers=x",
         {"--set kafka.bootstrap.servers=...: kafka.bootstrap: ",
          "kafka.common.bootstrap.servers; librdkafka properties go below"}},
        {"kafka: {bootstrap.servers: x}\n",
         NULL,
         {"test.yaml:1: ", "kafka.common.bootstrap.servers; librdkafka properties go below"}},
        {NULL,
         "outptu.topic=x",
         {"--set outptu.topic=x: outptu: ", "nearest known key is output (known here"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
}

static void a_value_of_the_wrong_kind_is_named_with_what_it_must_be(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"batch:\n  wait_ms_max: soon\n",
         NULL,
         {"test.yaml:2: batch.wait_ms_max: is \"soon\"", "whole number from 0 to 60000"}},
        {"batch: {wait_ms_max: \"20\"}\n", NULL, {"test.yaml:1: ", "60000, without quotes"}},
        {"output: {include_input: 'true'}\n", NULL, {"test.yaml:1: ", "false, without quotes"}},
        {"batch: {wait_ms_max: 1.5}\n", NULL, {"test.yaml:1: ", "is \"1.5\""}},
        {"batch: {wait_ms_max: 0x10}\n", NULL, {"test.yaml:1: ", "is \"0x10\""}},
        {"batch: {wait_ms_max: -1}\n", NULL, {"test.yaml:1: ", "is \"-1\""}},
        {"batch: {wait_ms_max: [1]}\n", NULL, {"test.yaml:1: ", "is a list"}},
        {"batch: {wait_ms_max: }\n", NULL, {"test.yaml:1: ", "is null"}},
        {"batch: {wait_ms_max: 99999999999999999999999}\n", NULL, {"test.yaml:1: "}},
        {"batch: {wait_ms_max: auto}\n", NULL, {"test.yaml:1: ", "is \"auto\""}},
        {"batch: {tokens_max: many}\n", NULL, {"test.yaml:1: ", "must be auto or a whole number"}},
        {"batch: 5\n", NULL, {"test.yaml:1: batch: must be a map"}},
        {"output: {threshold: high}\n", NULL, {"test.yaml:1: output.threshold: ", "from 0 to 1"}},
        {"output: {threshold: .nan}\n", NULL, {"test.yaml:1: output.threshold: "}},
        {"output: {threshold: 1e}\n", NULL, {"test.yaml:1: output.threshold: "}},
        {"output: {threshold: [0.5]}\n",
         NULL,
         {"test.yaml:1: output.threshold: is a list", "a map from labels"}},
        {"output:\n  threshold:\n    a: 0.1\n    b: 1.5\n",
         NULL,
         {"test.yaml:4: output.threshold: of b is \"1.5\"", "from 0 to 1"}},
        {"output: {threshold: {a: .nan}}\n",
         NULL,
         {"test.yaml:1: output.threshold: of a is \".nan\""}},
        {"output: {threshold: {a: '0.5'}}\n",
         NULL,
         {"test.yaml:1: output.threshold: of a is \"0.5\""}},
        {"output: {threshold: {a: auto}}\n",
         NULL,
         {"test.yaml:1: output.threshold: of a is \"auto\""}},
        {"output: {threshold: {a: {b: 1}}}\n",
         NULL,
         {"test.yaml:1: output.threshold: of a is a map"}},
        {"output: {threshold: 0.5}\n",
         "output.threshold.a=1",
         {"--set output.threshold.a=1: threshold holds one value"}},
        {"output: {at: ''}\n", NULL, {"test.yaml:1: output.at: is ", "such as /wiretag"}},
        {"output: {at: a}\n", NULL, {"test.yaml:1: output.at: is \"a\""}},
        {"output: {headers: [a]}\n", NULL, {"test.yaml:1: output.headers: must be a map of keys"}},
        {"output: {headers: {drop: a}}\n",
         NULL,
         {"test.yaml:1: output.headers.drop: is \"a\"", "a list of header names"}},
        {"output: {headers: {drop: ['a*b']}}\n",
         NULL,
         {"test.yaml:1: output.headers.drop: is \"a*b\"", "a * may only end a name"}},
        {"output: {headers: {drop: ['']}}\n", NULL, {"test.yaml:1: output.headers.drop: is "}},
        {"output: {headers: {drop: [a, a]}}\n",
         NULL,
         {"test.yaml:1: output.headers.drop: names \"a\" twice"}},
        {"output: {include_input: yes}\n", NULL, {"test.yaml:1: ", "must be true or false"}},
        {"output: {topic: null}\n", NULL, {"test.yaml:1: output.topic: is null"}},
        {"output: {topic: {a: b}}\n", NULL, {"test.yaml:1: output.topic: is a map"}},
        {"input: {id: 'header:'}\n",
         NULL,
         {"test.yaml:1: input.id: is \"header:\"", "header:ce_id"}},
        {"input: {id: ce_id}\n", NULL, {"test.yaml:1: input.id: is \"ce_id\"", "header:NAME"}},
        {"output: {routes: a}\n", NULL, {"test.yaml:1: output.routes: is \"a\"", "a list of"}},
        {"output: {routes: [a]}\n", NULL, {"test.yaml:1: output.routes: contains \"a\""}},
        {"output:\n  routes:\n  - {category: a}\n",
         NULL,
         {"test.yaml:3: output.routes: a route has no topic"}},
        {"output:\n  routes:\n  - {category: a, topic: 'b c'}\n",
         NULL,
         {"test.yaml:3: output.routes: topic is \"b c\"", "a topic name"}},
        {"output: {routes: [{topic: a}]}\n",
         NULL,
         {"test.yaml:1: output.routes: the route to a has neither", "set output.topic"}},
        {"output: {routes: [{score_below: 0, topic: a}]}\n",
         NULL,
         {"test.yaml:1: output.routes: score_below is \"0\"", "above 0, up to 1"}},
        {"output: {routes: [{score_below: '0.5', topic: a}]}\n",
         NULL,
         {"test.yaml:1: output.routes: score_below is \"0.5\""}},
        {"output: {routes: [{category: [], topic: a}]}\n",
         NULL,
         {"test.yaml:1: output.routes: category is empty"}},
        {"output: {routes: [{category: [[a]], topic: a}]}\n",
         NULL,
         {"test.yaml:1: output.routes: category contains a list"}},
        {"output: {routes: [{score: 1, topic: a}]}\n",
         NULL,
         {"test.yaml:1: output.routes: has the unknown key score", "score_below and topic"}},
        {"input: {topics: [a]}\noutput: {routes: [{category: x, topic: a}]}\n",
         NULL,
         {"test.yaml:2: output.routes: topic a is also one of input.topics"}},
        {"output: {topic: a, routes: [{category: x, topic: a.dlq}]}\n",
         NULL,
         {"test.yaml:1: output.routes: topic a.dlq is also dead_letter.topic"}},
        {"input: {where: [a]}\n",
         NULL,
         {"test.yaml:1: input.where: is a list", "{/lang: [ru, uk]}"}},
        {"input: {where: {lang: [ru]}}\n",
         NULL,
         {"test.yaml:1: input.where: names lang", "JSON pointer"}},
        {"input:\n  where:\n    /lang: []\n",
         NULL,
         {"test.yaml:3: input.where: of /lang is empty"}},
        {"input: {where: {/lang: {a: b}}}\n",
         NULL,
         {"test.yaml:1: input.where: of /lang is a map"}},
        {"input: {where: {/lang: [[a]]}}\n",
         NULL,
         {"test.yaml:1: input.where: of /lang contains a list", "true, false and null"}},
        {"input: {format: text, where: {/lang: ru}}\n",
         NULL,
         {"test.yaml:1: input.where: articles of"}},
        {"input: {format: avro}\n", NULL, {"test.yaml:1: input.schema_registry: ", "{url: "}},
        {"input: {format: avro, schema_registry: {username: a}}\n",
         NULL,
         {"test.yaml:1: input.schema_registry: has no url"}},
        {"input: {format: avro, schema_registry: {uri: a}}\n",
         NULL,
         {"test.yaml:1: input.schema_registry: has an unknown key", "ca.location"}},
        {"input: {format: avro, schema_registry: {url: 'ftp://a'}}\n",
         NULL,
         {"test.yaml:1: input.schema_registry: url", "http:// or https://"}},
        {"input: {format: avro, schema_registry: a}\n",
         NULL,
         {"test.yaml:1: input.schema_registry: must be", "null or a map such as {url: "}},
        {"input: {schema_registry: {url: 'http://a'}}\n",
         NULL,
         {"test.yaml:1: input.schema_registry: is for input.format avro"}},
        {"input: {topics: news}\n", NULL, {"test.yaml:1: input.topics: is \"news\"", "a list"}},
        {"input: {topics: [a, [b]]}\n", NULL, {"test.yaml:1: input.topics: is a list"}},
        {"input: {topics: [a, null]}\n", NULL, {"test.yaml:1: input.topics: is null"}},
        {"kafka: x\n", NULL, {"test.yaml:1: kafka: must be a map"}},
        {"kafka: {common: [a]}\n", NULL, {"test.yaml:1: kafka.common: must be a map"}},
        {"kafka:\n  consumer:\n    group:\n      id: x\n",
         NULL,
         {"test.yaml:3: kafka.consumer: group must be one value", "with its dots"}},
        {"kafka: {consumer: {client.id: }}\n", NULL, {"test.yaml:1: ", "client.id has no value"}},
        {"dead_letter: none\n",
         NULL,
         {"test.yaml:1: dead_letter: ", "or null for no dead letters"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
}

static void assert_says(const char *set, const char *message)
{
    struct wt_config *config = NULL;
    struct wt_error error = {0};
    assert_int_not_equal(parse("{}", SETS(set), &config, &error), WT_OK);
    assert_string_equal(error.message, message);
}

static void only_of_a_value_in_quotes_it_is_said_that_they_are_too_many(void **state)
{
    (void)state;
    assert_says("batch.tokens_max=-5",
                "--set batch.tokens_max=-5: batch.tokens_max: is \"-5\"; it must "
                "be auto or a whole number from 16 to 16777216");
    assert_says("batch.tokens_max='64'",
                "--set batch.tokens_max='64': batch.tokens_max: is \"64\"; it "
                "must be auto or a whole number from 16 to 16777216, without "
                "quotes");
    assert_says("output.threshold=-0.5",
                "--set output.threshold=-0.5: output.threshold: is \"-0.5\"; "
                "it must be auto, a number from 0 to 1, or a map from labels to such numbers");
    assert_says("output.include_input=yes",
                "--set output.include_input=yes: output.include_input: is "
                "\"yes\"; it must be true or false");
    assert_says("output.timestamp='soon'", "--set output.timestamp='soon': output.timestamp: is "
                                           "\"soon\"; it must be input or now");
}

static void a_value_out_of_range_is_named_with_the_range(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {NULL, "batch.tokens_max=15", {"--set batch.tokens_max=15: ", "from 16 to"}},
        {NULL, "batch.articles_max=0", {"--set ", "from 1 to 65536"}},
        {NULL, "in_flight.bytes_max=1048575", {"--set ", "from 1048576 to"}},
        {NULL, "in_flight.records_max=10000001", {"--set ", "from 1 to 10000000"}},
        {NULL, "model.replicas=0", {"--set ", "auto or a whole number from 1"}},
        {NULL, "output.threshold=1.01", {"--set ", "from 0 to 1"}},
        {NULL, "output.top_k=0", {"--set ", "from 1 to"}},
        {NULL, "on_error=abort", {"--set ", "must be dead-letter, skip or stop"}},
        {NULL, "log.level=trace", {"--set ", "debug, info, warn or error"}},
        {NULL, "output.partition=hash", {"--set ", "must be same or key"}},
        {NULL, "model.device=gpu", {"--set ", "auto, cpu, cuda or cuda:N"}},
        {NULL, "model.device=cuda:", {"--set "}},
        {NULL, "model.precision=int4", {"--set ", "fp32"}},
        {NULL, "model.kernels=AVX2", {"--set ", "a kernel set such as avx2"}},
        {NULL, "model.kernels=''", {"--set ", "auto, libtorch"}},
        {NULL, "model.sha256=abc", {"--set ", "64 hexadecimal digits"}},
        {NULL, "model.path=''", {"--set ", "path of a bundle"}},
        {NULL, "input.topics=[]", {"--set ", "is empty", "such as [news.articles]"}},
        {NULL, "input.topics=[a, a]", {"--set ", "names \"a\" twice"}},
        {NULL, "input.topics=[^news.*]", {"--set ", "patterns are not supported"}},
        {NULL, "output.topic='a b'", {"--set ", "a topic name"}},
        {NULL, "output.topic=..", {"--set ", "a topic name"}},
        {NULL, "input.id=id", {"--set ", "JSON pointer"}},
        {NULL, "input.id=/a~2", {"--set ", "JSON pointer"}},
        {NULL, "input.text=[/a, /b~]", {"--set ", "is \"/b~\"", "JSON pointer"}},
        {NULL, "http.listen=9464", {"--set ", "HOST:PORT"}},
        {NULL, "http.listen='localhost:99999'", {"--set ", "HOST:PORT"}},
        {NULL, "http.listen='::1:80'", {"--set ", "HOST:PORT"}},
        {NULL, "http.listen='[]:80'", {"--set ", "HOST:PORT"}},
        {NULL, "http.listen=':'", {"--set ", ":PORT for all addresses"}},
        {NULL, "http.listen='[::1]80'", {"--set ", "HOST:PORT"}},
        {NULL, "traces.endpoint=collector:4318", {"--set ", "http://127.0.0.1:4318"}},
        {NULL, "traces.endpoint='http://'", {"--set ", "OTLP"}},
        {NULL, "traces.endpoint='http://c/v1?key=1'", {"--set ", "OTLP"}},
        {NULL, "traces.share=2", {"--set ", "a number from 0 to 1"}},
        {"traces: {endpoint: \"http://u:hunter2@c:1\"}\n",
         NULL,
         {"test.yaml:1: traces.endpoint: is a URL with a login"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
}

static void what_is_not_one_yaml_map_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"", NULL, {"test.yaml:1: the file is empty", "config/wiretag.yaml"}},
        {"# only a comment\n", NULL, {"test.yaml:1: the file is empty"}},
        {"---\n", NULL, {"test.yaml:", "the file is empty"}},
        {"- a\n", NULL, {"test.yaml:1: the file must be a map"}},
        {"word\n", NULL, {"test.yaml:1: the file must be a map"}},
        {"batch:\n\ttokens_max: 64\n", NULL, {"test.yaml:2: not valid YAML: ", "not with tabs"}},
        {"batch: {tokens_max: 64\n", NULL, {"test.yaml:2: not valid YAML: "}},
        {"kafka: {consumer: {group.id: ${GROUP}}}\n",
         NULL,
         {"test.yaml:1: not valid YAML: ", "write \"${...}\" in quotes"}},
        {"a: 1\n---\nb: 2\n", NULL, {"test.yaml:2: a second document"}},
        {"batch: {wait_ms_max: 1}\nlog: {}\nbatch: {}\n",
         NULL,
         {"test.yaml:3: duplicate key batch (first on line 1)"}},
        {"batch:\n  wait_ms_max: 1\n  wait_ms_max: 1\n",
         NULL,
         {"test.yaml:3: ", "first on line 2"}},
        {"batch: &b {wait_ms_max: 1}\n", NULL, {"test.yaml:1: anchors and aliases"}},
        {"&b batch: {wait_ms_max: 1}\n", NULL, {"test.yaml:1: anchors and aliases"}},
        {"batch:\n  *b : 1\n", NULL, {"test.yaml:2: a key must be a word"}},
        {"batch: {wait_ms_max: *b}\n", NULL, {"test.yaml:1: anchors and aliases"}},
        {"batch: {wait_ms_max: !!int 1}\n", NULL, {"test.yaml:1: tags"}},
        {"input: !x {}\n", NULL, {"test.yaml:1: tags"}},
        {"? [a]\n: 1\n", NULL, {"test.yaml:1: a key must be a word"}},
        {"model:\n  path: \"a\\0b\"\n", NULL, {"test.yaml:2: a value holds a NUL character"}},
        {"model:\n  path: \"a\xFF\"\n", NULL, {"test.yaml:2: not UTF-8 text"}},
        {"\n\nmodel: {path: \"\x01\"}\n",
         NULL,
         {"test.yaml:3: not UTF-8 text: control characters"}},
        {"http:\n  listen: [::1]:9464\n",
         NULL,
         {"test.yaml:2: not valid YAML: ", "[::1]:9464", "in quotes"}},
        {"http: {listen: [::1]:9464}\n", NULL, {"test.yaml:1: not valid YAML: ", "in quotes"}},
        {"model:\n  path: %models/a.pt\n", NULL, {"test.yaml:2: not valid YAML: ", "in quotes"}},
        {NULL, "http.listen=[::1]:9464", {"--set http.listen=[::1]:9464: not valid", "in quotes"}},
        {NULL, "http.listen=*:9464", {"--set http.listen=*:9464: not valid", "in quotes"}},
        {NULL, "model.path=@a", {"--set model.path=@a: not valid YAML", "in quotes"}},
        {NULL, "batch=[", {"--set batch=[: not valid YAML"}},
        {NULL, "batch={wait_ms_max: 1, wait_ms_max: 2}", {"--set ", "duplicate key"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
}

/* "[[[[..." or a list with too many entries. */
static char *repeat(const char *text, size_t times)
{
    size_t length = strlen(text);
    char *all = malloc(length * times + 1);
    for (size_t i = 0; i < times; i++) {
        memcpy(all + i * length, text, length);
    }
    all[length * times] = '\0';
    return all;
}

static void nesting_and_size_are_bounded(void **state)
{
    (void)state;
    char *deep = repeat("[", 100000);
    char *maps = repeat("{a: ", 100000);
    char *wide = repeat("- a\n", 100000);
    const struct mistake mistakes[] = {
        {deep, NULL, {"test.yaml:1: nested deeper than 32"}},
        {maps, NULL, {"test.yaml:1: nested deeper than 32"}},
        {wide, NULL, {"test.yaml:1001: more than 1000 entries"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
    free(deep);
    free(maps);
    free(wide);
}

/* YAML takes " #" for the beginning of a comment, which no override has. */
static void an_override_is_not_cut_at_a_comment(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {NULL, "model.path=a #b", {"--set model.path=a #b: # begins a comment", "double quotes"}},
        {NULL, "model.sha256=#1", {"--set model.sha256=#1: # begins a comment"}},
        {NULL, "output.topic=a\t#b", {"--set ", "# begins a comment"}},
        {NULL,
         "kafka.common.sasl.password=hunter2 #3",
         {"--set kafka.common.sasl.password=...: # begins a comment"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
    struct wt_config *config =
        load("{}", SETS("model.path='a #b'", "input.topics=[a#b] # these", "input.topics=[a]"));
    assert_string_equal(config->model.path, "a #b");
    wt_config_destroy(config);
}

static void an_override_must_be_a_path_and_a_value(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {NULL, "batch.wait_ms_max", {"--set batch.wait_ms_max: must be KEY=VALUE"}},
        {NULL, "=5", {"--set =5: must be KEY=VALUE"}},
        {NULL, "", {"--set : must be KEY=VALUE"}},
        {NULL, "batch..wait_ms_max=5", {"--set ", "is empty"}},
        {NULL, ".batch=5", {"--set ", "is empty"}},
        {NULL, "batch.=5", {"--set ", "is empty"}},
        {NULL, "kafka.consumer.=5", {"--set ", "is empty"}},
        {NULL, "batch.wait_ms_max.x=5", {"--set ", "batch.wait_ms_max: is a map"}},
        {"on_error: stop\n", "on_error.x=5", {"--set on_error.x=5: on_error holds one value"}},
        {NULL,
         "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h=1",
         {"--set ", "too many parts"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
}

static void keys_that_contradict_each_other_are_refused_with_a_remedy(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"input: {topics: [a, b]}\noutput: {topic: b}\n",
         NULL,
         {"test.yaml:2: output.topic: is also one of input.topics"}},
        {"input: {format: text}\noutput: {form: enriched}\n",
         NULL,
         {"test.yaml:2: output.form: is enriched, but articles of input.format text",
          "use record"}},
        {"output:\n  include_input: true\n  form: enriched\n",
         NULL,
         {"test.yaml:3: output.form: is enriched, but output.include_input", "take one of them"}},
        {"output: {topic: a}\ndead_letter: {topic: a}\n",
         NULL,
         {"test.yaml:2: dead_letter.topic: is the same as output.topic"}},
        {"dead_letter: {topic: news.articles}\n",
         NULL,
         {"test.yaml:1: dead_letter.topic: is also one of input.topics"}},
        {"model:\n  shadow: {topic: s}\n",
         NULL,
         {"test.yaml:2: model.shadow.topic: is set, but model.shadow.path is not"}},
        {"model: {shadow: {path: b.pt, topic: news.articles}}\n",
         NULL,
         {"test.yaml:1: model.shadow.topic: is also one of input.topics"}},
        {"model: {shadow: {path: b.pt, topic: news.labelled}}\n",
         NULL,
         {"test.yaml:1: model.shadow.topic: is also a topic of the model's own labels"}},
        {"output: {routes: [{category: x, topic: r}]}\nmodel: {shadow: {path: b, topic: r}}\n",
         NULL,
         {"test.yaml:2: model.shadow.topic: is also a topic of the model's own labels"}},
        {"model: {shadow: {path: b.pt, topic: news.labelled.dlq}}\n",
         NULL,
         {"test.yaml:1: model.shadow.topic: is also dead_letter.topic"}},
        {"model: {shadow: {path: b.pt, share: 1.5}}\n", NULL, {"test.yaml:1: model.shadow.share"}},
        {"input: {topics: [x.dlq]}\noutput: {topic: x}\n",
         NULL,
         {"the default: dead_letter.topic: is also one of input.topics"}},
        {"dead_letter: null\n",
         NULL,
         {"test.yaml:1: dead_letter: is null", "set on_error to skip or stop"}},
        {"dead_letter: null\non_error: dead-letter\n", NULL, {"test.yaml:1: dead_letter: is null"}},
    };
    ASSERT_ALL_REFUSED(mistakes);
    char *longest = repeat("t", 249);
    char yaml[300];
    (void)snprintf(yaml, sizeof yaml, "output: {topic: %s}\n", longest);
    assert_refused(&(struct mistake){yaml, NULL, {"the default: dead_letter.topic: ", "too long"}});
    free(longest);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum wt_status status;
        const char *part;
    } cases[] = {
        {"/nonexistent/wiretag.yaml", WT_IO, "No such file"},
        {"/", WT_IO, "directory"},
        {"/dev/zero", WT_INVALID, "larger than"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wt_config *config = NULL;
        struct wt_error error = {0};
        assert_int_equal(wt_config_load(cases[i].path, NULL, 0, &config, &error), cases[i].status);
        assert_non_null(strstr(error.message, cases[i].path));
        assert_non_null(strstr(error.message, cases[i].part));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_key_is_named_with_file_line_and_the_nearest_known_key),
        cmocka_unit_test(a_value_of_the_wrong_kind_is_named_with_what_it_must_be),
        cmocka_unit_test(only_of_a_value_in_quotes_it_is_said_that_they_are_too_many),
        cmocka_unit_test(a_value_out_of_range_is_named_with_the_range),
        cmocka_unit_test(what_is_not_one_yaml_map_is_refused_with_its_line),
        cmocka_unit_test(nesting_and_size_are_bounded),
        cmocka_unit_test(an_override_is_not_cut_at_a_comment),
        cmocka_unit_test(an_override_must_be_a_path_and_a_value),
        cmocka_unit_test(keys_that_contradict_each_other_are_refused_with_a_remedy),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests_name("config errors", tests, NULL, NULL);
}
