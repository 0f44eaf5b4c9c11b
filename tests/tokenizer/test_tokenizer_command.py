"""What `wiretag tokenize` and `wiretag bench tokenize` promise on the command line."""

import json
import os
import subprocess
import threading

import hugging_face as hf
import pytest


def tokenize(vocab, data, *options):
    done = hf.run_command(["tokenize", "--vocab", vocab, *options], data)
    return done, [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]


def test_an_id_comes_back_with_its_type(trained):
    ids = [1, -3, 1.5, 9007199254740993, "1", "", "слово \u0000 \"", None]
    data = "".join(json.dumps({"id": value, "text": "мир"}) + "\n" for value in ids)
    done, answers = tokenize(trained, data.encode())
    assert done.returncode == 0
    assert [(type(answer["id"]), answer["id"]) for answer in answers] == [(type(value), value) for value in ids]


def test_a_line_without_an_id_gets_null(trained):
    _, answers = tokenize(trained, b'{"text":"a"}\n')
    assert answers[0]["id"] is None
    assert list(answers[0]) == ["id", "ids", "truncated"]


def test_the_last_line_needs_no_newline(trained):
    done, answers = tokenize(trained, b'{"id":1,"text":"a"}\n{"id":2,"text":"b"}')
    assert done.returncode == 0
    assert [answer["id"] for answer in answers] == [1, 2]


def test_no_input_is_no_output(trained):
    done, answers = tokenize(trained, b"")
    assert (done.returncode, answers) == (0, [])


BAD_LINES = {
    b"word": "json-invalid",
    b'{"id":1,"text":"a"': "json-invalid",
    b'{"id":1,"text":"a"}}': "json-invalid",
    b'{"id":1,"id":2,"text":"a"}': "json-invalid",
    b'{"id":1,"text":"\xd0"}': "json-invalid",
    b'{"id":1,"text":NaN}': "json-invalid",
    b"[" * 5000: "json-invalid",
    b"[1]": "json-not-object",
    b'"a"': "json-not-object",
    b'{"id":Infinity,"text":"a"}': "json-invalid",
    b'{"id":1}': "text-missing",
    b'{"id":1,"text":null}': "text-missing",
    b'{"id":1,"text":5}': "text-type",
}


def test_a_bad_line_is_answered_in_its_place_and_the_others_go_on(trained):
    lines = []
    for bad in BAD_LINES:
        lines += [b'{"id":1,"text":"a"}', bad]
    done, answers = tokenize(trained, b"\n".join(lines) + b"\n")
    assert done.returncode == 1
    assert len(answers) == len(lines)
    for number, (line, answer) in enumerate(zip(lines, answers), 1):
        if line in BAD_LINES:
            assert answer["line"] == number
            assert set(answer["error"]) == {"code", "message"}
            assert answer["error"]["code"] == BAD_LINES[line], line
        else:
            assert answer["id"] == 1


def test_nul_and_two_megabyte_lines_are_texts_like_others(trained):
    texts = ["а\0б", "мир " * 500_000, "ъ" * 1_000_000]
    hf.assert_same(texts, hf.command_ids(texts, trained), hf.reference_ids(texts, trained))


def test_truncated_says_whether_something_was_cut(trained):
    text = "мир " * 10
    whole = len(hf.reference_ids([text], trained)[0])
    line = json.dumps({"id": 1, "text": text}).encode()
    for limit in range(2, whole + 3):
        _, (answer,) = tokenize(trained, line, "--max-tokens", limit)
        assert len(answer["ids"]) == min(limit, whole)
        assert answer["truncated"] is (limit < whole)
    _, (answer,) = tokenize(trained, line, "--max-tokens", 0)
    assert (len(answer["ids"]), answer["truncated"]) == (whole, False)


def test_a_hundred_thousand_lines_need_no_more_memory_than_a_thousand(trained):
    line = json.dumps({"id": "number", "text": "Сборная выиграла матч чемпионата мира. " * 5}).encode() + b"\n"

    def peak_kb(count):
        script = "import resource,subprocess,sys;" \
                 "p=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL);" \
                 "print(p.returncode,resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        command = ["python3", "-c", script, hf.build_folder() / "wiretag", "tokenize", "--vocab", trained]
        done = subprocess.run(command, input=line * count, capture_output=True)
        returncode, kb = done.stdout.split()
        assert returncode == b"0", done.stderr
        return int(kb)

    assert peak_kb(100_000) < peak_kb(1_000) * 1.05 + 1_000


def test_an_answer_comes_before_the_next_line_is_sent(trained):
    command = [hf.build_folder() / "wiretag", "tokenize", "--vocab", trained]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        threading.Timer(20, process.kill).start()
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "text": "мир"}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait() == 0


def test_a_full_disk_is_a_failure(trained):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([hf.build_folder() / "wiretag", "tokenize", "--vocab", trained],
                              input=b'{"id":1,"text":"a"}\n', stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"output" in done.stderr


@pytest.mark.parametrize("options", [
    [],
    ["--vocab", "VOCAB", "--model", "bundle.pt"],
    ["--model", "bundle.pt", "--lowercase"],
    ["--vocab", "VOCAB", "--max-tokens", "1"],
    ["--vocab", "VOCAB", "--max-tokens", "-1"],
    ["--vocab", "VOCAB", "--max-tokens", "many"],
    ["--vocab", "VOCAB", "--max-tokens", "99999999999"],
    ["--vocab", "VOCAB", "file.jsonl"],
    ["--vocab"],
    ["--unknown"],
])
def test_bad_usage_is_exit_2_and_points_to_the_help(options, trained):
    done = hf.run_command(["tokenize", *[trained if word == "VOCAB" else word for word in options]], b"")
    assert done.returncode == 2
    assert b"--help" in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(("content", "said"), [
    (b"", "empty"),
    (b"[UNK]\n[CLS]\n", "[SEP]"),
    (b"[UNK]\n[SEP]\n", "[CLS]"),
    (b"[CLS]\n[SEP]\n", "[UNK]"),
    (b"[UNK]\n[CLS]\n[SEP]\n\xff\n", "line 4"),
])
def test_a_bad_vocabulary_is_named_with_what_is_wrong(content, said, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    done, _ = tokenize(path, b"")
    assert done.returncode == 2
    assert str(path) in done.stderr.decode() and said in done.stderr.decode()


def test_a_missing_vocabulary_is_exit_1(tmp_path):
    done, _ = tokenize(tmp_path / "none.txt", b"")
    assert done.returncode == 1
    assert "none.txt" in done.stderr.decode()


def test_help_fits_a_screen_and_shows_an_example():
    for command in (["tokenize"], ["bench", "tokenize"]):
        done = hf.run_command([*command, "--help"], b"")
        text = done.stdout.decode()
        assert done.returncode == 0 and "Example:" in text
        assert len(text.splitlines()) <= 24 and max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("threads", [1, 2])
def test_bench_prints_one_json_line(trained, threads):
    samples = hf.ROOT / "data" / "samples.jsonl"
    done = hf.run_command(["bench", "tokenize", "--vocab", trained, "--input", samples, "--threads", threads], b"")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["stage"] == "tokenize"
    assert result["texts"] == len(samples.read_bytes().splitlines())
    assert result["mb_per_s"] > 0 and result["mtokens_per_s"] > 0


def test_bench_names_the_bad_line_of_its_input(trained, tmp_path):
    path = tmp_path / "input.jsonl"
    path.write_text('{"id":1,"text":"a"}\n{"id":2}\n')
    done = hf.run_command(["bench", "tokenize", "--vocab", trained, "--input", path], b"")
    assert done.returncode == 2
    assert f"{path}:2:" in done.stderr.decode()


def test_the_example_shows_the_tokens_of_a_text(trained):
    program = hf.build_folder() / "tests" / "example_tokenize"
    text = "Сборная выиграла матч"
    done = subprocess.run([program, trained, text], capture_output=True)
    assert done.returncode == 0
    reference = hf.reference(trained).encode(text)
    assert done.stdout.decode() == "".join(f"{id} {token}\n" for id, token in zip(reference.ids, reference.tokens))
    assert subprocess.run([program, "none.txt", text], capture_output=True).returncode == 1
