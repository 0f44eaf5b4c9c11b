"""wiretag bench: every rate it prints is of work that was done, and what it recommends is a configuration."""

import json
import os
import pty
import subprocess
import sys

import fake
import pytest
import worker
from broker import ROOT
from confluent_kafka.admin import AdminClient

SAMPLES = ROOT / "data" / "samples.jsonl"
POSTS = ROOT.parent / "shared" / "data" / "posts-ru-2000.jsonl"
VOCABULARY = ROOT.parent / "shared" / "data" / "mbert-cased-vocab.txt"
STAGES = ["consume", "decode", "tokenize", "model", "encode", "publish", "pipeline"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return fake.FakeModel(tmp_path_factory.mktemp("bench") / "model.json")


def run(*arguments, timeout=240):
    """(exit status, stdout, stderr)"""
    done = subprocess.run([worker.binary(worker.fake_build()), "bench", *map(str, arguments)], capture_output=True,
                          text=True, timeout=timeout, cwd=ROOT)
    return done.returncode, done.stdout, done.stderr


def lines(*arguments):
    """The JSON lines of a run that must succeed and say nothing else."""
    status, out, stderr = run(*arguments)
    assert (status, stderr) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def pipeline(broker, model, *arguments, source=SAMPLES, guarantee="exactly-once"):
    return run("pipeline", "-c", "config/wiretag.yaml", "--input", source,
               "--set", f"kafka.common.bootstrap.servers={broker.bootstrap}",
               "--set", f"model.path={model}", "--set", f"delivery.guarantee={guarantee}", *arguments)


# --- model ---


@pytest.mark.parametrize("articles", [10, 33, 500])
def test_model_runs_as_many_articles_as_asked_for_by_all_replicas(model, articles):
    body, = lines("model", "--model", model, "--input", SAMPLES, "--articles", articles, "--replicas", 3)
    assert (body["stage"], body["articles"], body["failures"], body["replicas"]) == ("model", articles, 0, 3)
    assert body["articles_per_s"] > 0 and body["tokens"] > 2 * articles
    assert body["operators"] == "fake"
    assert list(body["load_seconds"]) == ["reading", "loading", "preparing", "selftest"]
    assert all(seconds >= 0 for seconds in body["load_seconds"].values())


def test_model_counts_articles_without_logits(tmp_path):
    poisoned = fake.FakeModel(tmp_path / "model.json", behaviour={"nan_on_token": fake.NOT_A_NUMBER})
    articles = tmp_path / "articles.jsonl"
    articles.write_text("".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(
        ["новость", fake.NOT_A_NUMBER, "матч"])), encoding="utf-8")
    body, = lines("model", "--model", poisoned, "--input", articles)
    assert (body["articles"], body["failures"]) == (3, 1)


def test_shapes_time_the_batches_they_name(tmp_path):
    slow = fake.FakeModel(tmp_path / "model.json", behaviour={"sleep_us_per_token": 20})
    one, eight = lines("model", "--model", slow, "--shapes", "1x64,8x128", "--replicas", 2)
    assert (one["shape"], eight["shape"]) == ("1x64", "8x128")
    for body, tokens in ((one, 64), (eight, 1024)):
        rows = int(body["shape"].split("x")[0])
        assert body["ms_per_batch"] >= tokens * 0.02
        assert body["articles_per_s"] == pytest.approx(2 * rows * 1000 / body["ms_per_batch"], rel=0.01)


def test_shapes_come_from_stdin_one_turn_a_line(model):
    process = subprocess.Popen([worker.binary(worker.fake_build()), "bench", "model", "--model", str(model), "--shapes", "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for shape in ("1x64", "4x16", "1x64"):
        print(shape, file=process.stdin, flush=True)
        assert json.loads(process.stdout.readline())["shape"] == shape
    process.stdin.close()
    assert process.wait(60) == 0


@pytest.mark.parametrize("arguments, part", [
    (["model", "--shapes", "8"], "8x128"), (["model", "--shapes", "1x64,,"], "8x128"), (["model", "--shapes", "0x64"], "8x128"),
    (["model", "--shapes", "1x513"], "512"), (["model"], "--shapes"), (["model", "--shapes", "1x8", "--input", "x"], "--shapes"),
    (["tune"], "--input"), (["pipeline"], "-c FILE"), (["nothing"], "tune"), ([], "tune")])
def test_bad_usage_says_what_is_wanted(model, arguments, part):
    more = ["--model", model] if arguments[:1] in (["model"], ["tune"]) else []
    status, out, stderr = run(*arguments[:1], *more, *arguments[1:])
    assert status == 2 and out == "" and part in stderr


def test_a_bad_line_of_the_input_is_named(model, tmp_path):
    articles = tmp_path / "articles.jsonl"
    articles.write_text('{"id":1,"text":"матч"}\n{"id":2}\n', encoding="utf-8")
    for command in ("model", "tune"):
        status, out, stderr = run(command, "--model", model, "--input", articles)
        assert status == 2 and out == "" and f"{articles}:2" in stderr


@pytest.mark.skipif(not POSTS.exists() or not VOCABULARY.exists(), reason="needs ../shared/data")
def test_padding_of_real_posts_stays_under_5_percent(tmp_path):
    bert = fake.FakeModel(tmp_path / "model.json", vocabulary=VOCABULARY.read_text("utf-8").splitlines())
    body, = lines("model", "--model", bert, "--input", POSTS, "--replicas", 2)
    assert body["articles"] == 2000 and 0 <= body["padding"] < 0.05


# --- pipeline ---


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_pipeline_measures_every_stage_on_all_records_and_leaves_no_topic(broker, model, guarantee):
    status, out, stderr = pipeline(broker, model, "--articles", 30000, guarantee=guarantee)
    assert status == 0, stderr
    bodies = [json.loads(line) for line in out.splitlines()]
    assert [body["stage"] for body in bodies] == STAGES
    assert all(body["articles"] == 30000 for body in bodies[:-1])
    # The last counts from the first labelled records on, which one commit may bring together.
    assert 0 < bodies[-1]["articles"] < 30000 and bodies[-1]["guarantee"] == guarantee
    assert all(body["articles_per_s"] > 0 for body in bodies)
    rate = {body["stage"]: body["articles_per_s"] for body in bodies}
    assert bodies[-1]["over_model"] == pytest.approx(rate["pipeline"] / rate["model"], abs=0.01)
    topics = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=30).topics
    assert not [name for name in topics if name.startswith("wiretag-bench-")]


@pytest.mark.skipif(not POSTS.exists() or not VOCABULARY.exists(), reason="needs ../shared/data")
def test_padding_from_kafka_to_kafka_at_full_load_stays_under_5_percent(broker, tmp_path):
    bert = fake.FakeModel(tmp_path / "model.json", vocabulary=VOCABULARY.read_text("utf-8").splitlines(),
                          behaviour={"sleep_us_per_token": 10})
    status, out, stderr = pipeline(broker, bert, "--articles", 4000, source=POSTS)
    assert status == 0, stderr
    assert 0 <= json.loads(out.splitlines()[-1])["padding"] < 0.05


def test_pipeline_chooses_its_records_by_time_and_passes_over_bad_ones(broker, tmp_path):
    slow = fake.FakeModel(tmp_path / "model.json", behaviour={"sleep_us_per_call": 20000})
    source = tmp_path / "records.jsonl"
    source.write_text('{"id":1,"text":"матч"}\nno JSON\n{"id":2,"text":"новость"}\n', encoding="utf-8")
    status, out, stderr = pipeline(broker, slow, "--seconds", "1", "--set", "batch.articles_max=8", source=source)
    assert status == 0, stderr
    bodies = {body["stage"]: body for body in map(json.loads, out.splitlines())}
    # Two replicas or more of 8 articles in 20 ms; a third of the records are no articles.
    assert bodies["decode"]["articles"] >= 64 and bodies["decode"]["seconds"] < 1
    assert bodies["model"]["articles"] == pytest.approx(bodies["decode"]["articles"] * 2 / 3, abs=1)


@pytest.mark.parametrize("change, part", [
    (["--set", "kafka.common.bootstrap.servers=127.0.0.1:1"], "bootstrap.servers"),
    (["--set", "model.path=nowhere.pt"], "nowhere.pt"), (["--input", "nowhere.jsonl"], "nowhere.jsonl"),
    (["--set", "model.pth=x"], "model.path")])
def test_pipeline_says_what_is_missing(broker, model, change, part):
    status, out, stderr = pipeline(broker, model, *change)
    assert status in (1, 2) and out == "" and part in stderr


# --- tune ---


def test_tune_prints_a_configuration_that_the_worker_takes(broker, tmp_path):
    # A call is dear and a token cheap: only large batches make such a model fast.
    eager = fake.FakeModel(tmp_path / "model.json", behaviour={"sleep_us_per_call": 4000, "sleep_us_per_token": 1})
    status, out, progress = run("tune", "--model", eager, "--input", SAMPLES, "--seconds", 1, "--repeats", 1)
    assert status == 0, progress
    assert "int8: not measured" in progress and "articles/s" in progress
    tuned = tmp_path / "tuned.yaml"
    tuned.write_text(out, encoding="utf-8")
    read = {key.strip(): value.strip() for key, _, value in (
        line.partition(":") for line in out.splitlines() if not line.startswith("#"))}
    assert "# precision: auto takes fp32: " in out
    assert read["precision"] == "fp32" and read["path"] == f'"{eager}"' and read["threads"] == "1"
    assert int(read["tokens_max"]) > 1024 and int(read["articles_max"]) >= 64 and int(read["wait_ms_max"]) >= 5
    status, out, stderr = run("pipeline", "-c", tuned, "--input", SAMPLES, "--articles", 3000,
                              "--set", f"kafka.common.bootstrap.servers={broker.bootstrap}")
    assert status == 0, stderr
    assert json.loads(out.splitlines()[3])["replicas"] == int(read["replicas"])


# --- on a terminal ---


def test_a_terminal_gets_a_table_beside_the_json_lines(model):
    ours, theirs = pty.openpty()
    done = subprocess.run([worker.binary(worker.fake_build()), "bench", "model", "--model", str(model), "--shapes", "1x64"],
                          stdout=subprocess.PIPE, stderr=theirs, timeout=120, check=True)
    os.close(theirs)
    table = os.read(ours, 4096).decode()
    os.close(ours)
    assert json.loads(done.stdout)["shape"] == "1x64"
    assert "articles/s" in table and "1x64" in table


def test_a_benchmark_script_ends_without_a_word_when_its_reader_has_seen_enough(model, tmp_path):
    quick, gate = tmp_path / "wiretag", tmp_path / "gate"
    quick.write_text(f"#!/bin/sh\nuntil [ -e {gate} ]; do sleep 0.05; done\n"
                     "case $1 in classify) read -r line; echo label ;; *) echo '{\"load_seconds\": {}}' ;; esac\n")
    quick.chmod(0o755)
    script = [sys.executable, "-u", str(ROOT / "scripts/bench/load.py"), "--model", str(model)]
    with subprocess.Popen([*script, "--wiretag", str(quick)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as cut_off:
        assert cut_off.stdout.readline().startswith(b"precision")
        cut_off.stdout.close()
        gate.touch()
        assert (cut_off.wait(60), cut_off.stderr.read()) == (1, b"")
    missing = subprocess.run([*script, "--wiretag", "/bin/false"], capture_output=True, text=True, timeout=60)
    assert missing.returncode == 1 and "load.py: /bin/false ended without a word" in missing.stderr


# --- scripts/bench ---


def test_the_sizing_table_has_a_row_for_each_bundle_and_precision(model):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/bench/sizing.py", "--wiretag", worker.binary(worker.fake_build()), "--model", str(model),
         "--precisions", "fp32", "--replicas", "1x1,2x1", "--seconds", "0.1", "--repeats", "1"],
        capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    table, last = done.stdout.splitlines()
    row, = json.loads(last)["rows"]
    assert (row["bundle"], row["precision"]) == ("model", "fp32") and row["start_s"] > 0 and row["start_mb"] > 1
    assert set(row["articles_per_s"]) == set(row["memory_mb"]) == {"1x1", "2x1"}
    assert all(rate > 0 for rate in row["articles_per_s"].values()) and json.loads(last)["cpu"]
    assert table == (f"| model, 0 MB | fp32 | {row['articles_per_s']['1x1']:g} | {row['articles_per_s']['2x1']:g} | "
                     f"{max(row['memory_mb'].values())} MB | {row['start_s']} s |")

def test_the_cost_of_scraping_is_not_measured_past_the_end_of_the_backlog(model):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "bench" / "scrape.py", "--binary", worker.binary(worker.fake_build()),
         "--model", str(model), "--records", "100", "--seconds", "1", "--repeats", "2"],
        capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[-1] == "the backlog ran out before the stretches ended: raise --records"


def bench(script, *arguments):
    """The JSON object that a script prints; its exit status must be 0."""
    done = subprocess.run([sys.executable, ROOT / "scripts" / "bench" / script, "--binary", worker.binary(worker.fake_build()),
                           *map(str, arguments)], capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_reloads_are_measured_and_what_they_promise_is_counted(tmp_path):
    models = [fake.FakeModel(tmp_path / f"{version}.json", version=version).path for version in ("1", "2")]
    found = bench("reload.py", "--model", models[0], "--other", models[1], "--reloads", 3, "--seconds", 2, "--pause", 0.3)
    assert [found[what] for what in ("lost", "doubled", "disordered", "unknown_model")] == [0, 0, 0, 0]
    assert len(found["by_model"]) == 2 and min(found["by_model"]) > 0 and sum(found["by_model"]) == found["articles"]
    assert found["p99_ratio"] > 0 and found["resident_mb"]["last"] > 0 and found["reloads"] == 3


def test_a_shadow_is_measured_against_a_worker_without_one(model):
    found = bench("shadow.py", "--model", model, "--shadow", model, "--seconds", 1, "--repeats", 2)
    assert found["articles"] >= 2 * found["rate"] and found["compared"] >= found["articles"] and found["dropped"] == 0
    assert found["without"]["p99_ms"] > 0 and found["p99_pairs"] > 0
