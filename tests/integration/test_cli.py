"""classify and tokenize as commands: lines in, lines out, in order; a bad line never stops the rest."""

import json
import re
import subprocess

import fake
import pytest
import worker
from broker import ROOT


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return fake.FakeModel(tmp_path_factory.mktemp("cli") / "model.json")


def run(*arguments, input=b"", build=None, **options):
    """(exit status, stdout as lines of JSON, stderr)"""
    input = input if isinstance(input, bytes) else input.encode()
    done = subprocess.run([worker.binary(build or worker.fake_build()), *map(str, arguments)], input=input,
                          capture_output=True, timeout=120, cwd=ROOT, **options)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def lines(bodies):
    return "".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies)


# A bad line of each kind, and the code it must get.
BAD = [
    (b"not JSON", "json-invalid"), (b'{"text":NaN}', "json-invalid"), (b"[1]", "json-not-object"),
    (b'"text"', "json-not-object"), (b"{}", "text-missing"), (b'{"text":null}', "text-missing"),
    (b'{"text":1}', "text-type"), (b'{"id":NaN,"text":"m"}', "json-invalid"), (b'{"text":"\xff"}', "json-invalid"),
    (b'{"text":["a",1]}', "text-type"), (b'{"text":"a","text":"b"}', "json-invalid"),
    (b'{"text":"a"} x', "json-invalid"), (b'{"text":' + b"[" * 5000 + b"]" * 5000 + b"}", "json-invalid"),
    (b'{"text":"a\x00b"}', "json-invalid")]


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_output_keeps_the_input_order_whatever_the_lengths(model, command):
    texts = [f"новость {number} " + "мяч " * (number * 37 % 150) for number in range(3000)]
    status, out, stderr = run(command, "--model", model, input=lines(
        {"id": number, "text": text} for number, text in enumerate(texts)))
    assert (status, stderr) == (0, "")
    assert [body["id"] for body in out] == list(range(3000))


def test_classify_gives_each_text_its_label_probabilities_and_counts(model):
    texts = ["матч", "новость 5", "мяч " * 300, "日本", "a\0b"]
    status, out, _ = run("classify", "--model", model, input=lines({"id": 1, "text": text} for text in texts))
    assert status == 0
    for body, text in zip(out, texts, strict=True):
        assert list(body) == ["id", "category", "score", "scores", "model", "tokens", "truncated"]
        scores = model.scores(text)
        assert body["category"] == scores[0][0] and body["score"] == pytest.approx(scores[0][1], rel=1e-5)
        assert list(body["scores"]) == [label for label, _ in scores[:3]]
        ids, truncated = model.ids(text)
        assert (body["tokens"], body["truncated"]) == (len(ids), truncated)
        assert list(body["model"]) == ["name", "version", "sha256"]


def test_classify_logits_come_in_label_order(model):
    _, out, _ = run("classify", "--model", model, "--logits", input=lines([{"id": 1, "text": "новость 7"}]))
    assert list(out[0])[-1] == "logits"
    assert out[0]["logits"] == pytest.approx(fake.logits(model.ids("новость 7")[0]), rel=1e-8)


def test_tokenize_gives_the_ids_of_the_reference_tokenizer(model):
    texts = ["матч", "", " ", "новость 5", "яд, «нечисло»!", "[SEP] матч [CLS]", "日本 é ё", "мяч " * 400]
    status, out, _ = run("tokenize", "--model", model, input=lines({"id": 1, "text": text} for text in texts))
    assert status == 0
    for body, text in zip(out, texts, strict=True):
        assert list(body) == ["id", "ids", "truncated"]
        assert body["ids"] == model._tokenizer.encode(text).ids and body["truncated"] is False


@pytest.mark.parametrize("limit", [2, 3, 10, 0])
def test_tokenize_counts_both_ends_in_its_limit(model, limit):
    whole = model._tokenizer.encode("мяч " * 20).ids
    _, out, _ = run("tokenize", "--model", model, "--max-tokens", limit, input=lines([{"text": "мяч " * 20}]))
    cut = limit != 0 and limit < len(whole)
    assert out[0]["ids"] == (whole[:limit - 1] + whole[-1:] if cut else whole)
    assert out[0]["truncated"] is cut


def test_tokenize_with_a_vocabulary_file_alone(model, tmp_path):
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "матч", "Матч"]) + "\n")
    _, cased, _ = run("tokenize", "--vocab", vocabulary, input=lines([{"text": "Матч матч мяч"}]))
    _, lowered, _ = run("tokenize", "--vocab", vocabulary, "--lowercase", input=lines([{"text": "Матч матч мяч"}]))
    assert cased[0]["ids"] == [2, 5, 4, 1, 3] and lowered[0]["ids"] == [2, 4, 4, 1, 3]


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_ids_come_back_with_their_json_type(model, command):
    ids = ['"текст"', "17", "-3", "1.5", "true", '"\\u0000\\n"', "9007199254740993", "null", '{"$oid":"5f"}']
    body = "\n".join(f'{{"id":{id},"text":"m"}}' for id in ids) + '\n{"text":"m"}\n'
    status, out, _ = run(command, "--model", model, input=body)
    assert status == 0
    assert [one["id"] for one in out] == ["текст", 17, -3, 1.5, None, "\0\n", 9007199254740993, None, None, None]
    assert type(out[1]["id"]) is int and type(out[3]["id"]) is float


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_ids_keep_every_digit(model, command):
    ids = ["18446744073709551615", "1.1", "1e2", "0.10", "-0", "1e999", "123456789012345678901234567890"]
    done = subprocess.run([worker.binary(worker.fake_build()), command, "--model", str(model)], capture_output=True, check=True,
                          input="".join(f'{{"id":{id},"text":"m"}}\n' for id in ids).encode(), timeout=120, cwd=ROOT)
    assert [re.match(rb'{"id":([^,]+),', line).group(1).decode() for line in done.stdout.splitlines()] == ids


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_a_feed_is_read_as_its_configuration_says(model, command, tmp_path):
    config = tmp_path / "feed.yaml"
    config.write_text(f"""
input: {{id: /meta/guid, text: [/title, /blocks/*/html], where: {{/lang: [ru, uk]}}, markup: html}}
output: {{top_k: 1}}
model: {{path: {model}}}
""", encoding="utf-8")
    feed = lines([
        {"meta": {"guid": "a-1"}, "title": "матч", "blocks": [{"html": "<p>мяч<p>гол"}, {"html": "яд"}], "lang": "ru"},
        {"meta": {"guid": "a-2"}, "title": "m", "lang": "en"}, {"title": " <p>", "lang": "uk"}])
    status, out, stderr = run(command, "-c", config, input=feed)
    assert (status, stderr) == (1, f"wiretag {command}: 1 of 3 lines filtered by input.where\n")
    assert [one.get("id") for one in out] == ["a-1", None] and out[1]["line"] == 3
    assert out[1]["error"]["code"] == "text-blank"
    ids = model.ids("матч\nмяч\nгол\nяд")[0]
    assert out[0]["ids"] == ids if command == "tokenize" else (len(out[0]["scores"]), out[0]["tokens"]) == (1, len(ids))
    # The command line is stronger, and a model of one's own.
    status, out, stderr = run(command, "-c", config, "--set", "input.where={}", "--model", model, input=feed)
    assert (status, stderr) == (1, "") and [one.get("id") for one in out] == ["a-1", "a-2", None]
    assert run(command, "-c", tmp_path / "none.yaml")[0] == 2
    assert run(command)[0] == 2


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_blank_lines_are_passed_over_and_counted_as_lines(model, command):
    body = b"\xef\xbb\xbf" + b'\n{"id":1,"text":"m"}\r\n\r\n \t\n{"id":2}\n{"id":3,"text":"m","n":NaN,"x":1e400}\n\n'
    status, out, stderr = run(command, "--model", model, input=body)
    assert (status, stderr) == (1, "")
    assert [one.get("id") for one in out] == [1, None, 3] and out[1]["line"] == 5


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_a_bad_line_gives_an_error_in_its_place_and_exit_1_at_the_end(model, command):
    good = [article.encode() for article in lines([{"id": n, "text": f"матч {n}"} for n in range(len(BAD) + 1)]).splitlines()]
    mixed = [line for pair in zip(good, [line for line, _ in BAD]) for line in pair] + [good[-1]]
    status, out, stderr = run(command, "--model", model, input=b"\n".join(mixed) + b"\n")
    assert (status, stderr) == (1, "")
    assert [body["id"] for body in out[0::2]] == list(range(len(BAD) + 1))
    for number, (body, (_, code)) in enumerate(zip(out[1::2], BAD, strict=True)):
        assert list(body) == ["line", "error"] and list(body["error"]) == ["code", "message"]
        assert body["line"] == 2 * number + 2 and body["error"]["code"] == code
        assert len(body["error"]["message"]) > 5


def test_a_blank_text_is_no_article_but_has_tokens(model):
    blank = lines([{"text": " \u2003\n"}])
    status, out, _ = run("classify", "--model", model, input=blank)
    assert status == 1 and out[0]["error"]["code"] == "text-blank"
    assert run("tokenize", "--model", model, input=blank)[:2] == (0, [{"id": None, "ids": [2, 3], "truncated": False}])


def test_a_poisonous_article_is_an_error_in_its_place(tmp_path):
    poisoned = fake.FakeModel(tmp_path / "poisoned.json", {"fail_on_token": fake.POISON, "nan_on_token": fake.NOT_A_NUMBER})
    texts = ["матч"] * 30 + [fake.POISON] + ["матч"] * 30 + [fake.NOT_A_NUMBER, "матч"]
    status, out, _ = run("classify", "--model", poisoned, input=lines({"id": n, "text": text} for n, text in enumerate(texts)))
    assert status == 1
    assert [body["error"]["code"] if "error" in body else body["id"] for body in out] == [
        *range(30), "model-failed", *range(31, 61), "logits-not-finite", 62]


@pytest.mark.parametrize("tokens", [1, 16, 100000])
def test_the_size_of_batches_changes_no_label(model, tokens):
    body = lines({"id": number, "text": "мяч " * (number % 30 + 1)} for number in range(200))
    assert run("classify", "--model", model, "--batch-tokens", tokens, input=body) == run(
        "classify", "--model", model, input=body)


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_without_input_there_is_no_output(model, command):
    assert run(command, "--model", model) == (0, [], "")


@pytest.mark.parametrize("ending", [b"\n", b"", b"\r\n"])
def test_the_last_line_may_lack_its_line_break(model, ending):
    status, out, _ = run("classify", "--model", model, input=b'{"id":1,"text":"m"}\n{"id":2,"text":"m"}' + ending)
    assert status == 0 and [body["id"] for body in out] == [1, 2]


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_whoever_types_gets_each_answer_at_once(model, command):
    typing = subprocess.Popen([worker.binary(worker.fake_build()), command, "--model", str(model)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for number in range(3):
        typing.stdin.write(f'{{"id":{number},"text":"матч"}}\n'.encode())
        typing.stdin.flush()
        assert json.loads(typing.stdout.readline())["id"] == number
    typing.stdin.close()
    assert typing.wait(60) == 0


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_a_reader_that_goes_away_ends_the_command(model, command):
    body = lines({"id": number, "text": "матч " * 20} for number in range(20_000)).encode()
    pipe = subprocess.Popen([worker.binary(worker.fake_build()), command, "--model", str(model)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pipe.stdout.close()
    try:
        pipe.stdin.write(body)
        pipe.stdin.close()
    except BrokenPipeError:
        pass
    assert pipe.wait(60) != 0


@pytest.mark.parametrize("arguments, part", [
    (["classify"], "--model BUNDLE"), (["classify", "--model"], "--help"), (["classify", "--bundle", "x"], "--help"),
    (["classify", "--model", "x", "--batch-tokens", "0"], "--batch-tokens 0: a whole number from 1 to 1000000000"), (["classify", "--model", "x", "y"], "y"),
    (["tokenize"], "--vocab"), (["tokenize", "--vocab", "x", "--model", "y"], "one of"),
    (["tokenize", "--model", "x", "--lowercase"], "--vocab"), (["tokenize", "--vocab", "x", "--max-tokens", "1"], "must be at least 2"),
    (["tokenize", "--vocab", "x", "--max-tokens", "-5"], "--max-tokens -5: a whole number from 0 to")])
def test_bad_usage_is_named_and_exits_2(arguments, part):
    status, out, stderr = run(*arguments)
    assert (status, out) == (2, []) and part in stderr


def test_files_that_are_not_there_or_not_right_are_named(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "few").write_text("[UNK]\nматч\n")
    for arguments, part in [
            (["classify", "--model", tmp_path / "none"], "No such file"), (["tokenize", "--vocab", tmp_path / "none"], "No such file"),
            (["classify", "--model", tmp_path / "empty"], "empty"), (["tokenize", "--vocab", tmp_path / "empty"], "empty"),
            (["tokenize", "--vocab", tmp_path / "few"], "[CLS]"), (["classify", "--model", tmp_path], str(tmp_path))]:
        status, out, stderr = run(*arguments)
        assert status in (1, 2) and out == []
        assert part in stderr and str(arguments[-1]) in stderr and stderr.count("\n") == 1


def test_version_names_what_it_runs_with():
    for build, runtime in ((worker.fake_build(), "fake"), ("release", "libtorch 2.")):
        done = subprocess.run([worker.binary(build), "--version"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0
        assert done.stdout.startswith("wiretag ") and "librdkafka " in done.stdout and runtime in done.stdout


# --- the real model ---


def test_the_real_model_labels_the_example_and_gives_the_same_label_alone_and_with_neighbours():
    bundle = ROOT / "models" / "demo.pt"
    samples = [json.loads(line) for line in (ROOT / "data/samples.jsonl").read_text("utf-8").splitlines()]
    samples.append({"id": "example", "text": "В Париже завершилась церемония завершения Олимпийский игр"})
    status, together, stderr = run("classify", "--model", bundle, "--logits", "--precision", "fp32",
                                   input=lines(samples * 4), build="release")
    assert status == 0, stderr
    assert together[len(samples) - 1]["category"] == "sports"
    _, alone, _ = run("classify", "--model", bundle, "--logits", "--precision", "fp32", "--batch-tokens", "1",
                      input=lines(samples), build="release")
    for number, body in enumerate(together):
        single = alone[number % len(samples)]
        assert body["id"] == single["id"] and body["category"] == single["category"]
        assert body["logits"] == pytest.approx(single["logits"], abs=1e-4)


@pytest.mark.parametrize("command", ["classify", "tokenize"])
def test_a_byte_order_mark_before_the_first_line_is_passed_over(model, command):
    body = lines([{"id": 1, "text": "мяч"}, {"id": 2, "text": "мяч"}])
    assert run(command, "--model", model, input="\ufeff" + body) == run(command, "--model", model, input=body)
