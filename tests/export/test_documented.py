"""The commands by which the documents make and run a reader's own model do so, as they are written.

They run in a folder that looks like the repository and has what a reader brings: model.pth, my-bert/, traced.pt,
vocab.txt and labels.txt, all small."""

import subprocess
import sys
from pathlib import Path

import commands
import pytest
from exporting import LABELS, VOCAB, bert_config, spread
from tree import ROOT, files

pytestmark = pytest.mark.torch

FULL_SIZE = "scripts/export/random_model.py"  # three minutes of exporting


def own_model_blocks(path):
    """The blocks of a document that are about a reader's own model, and those that stand between."""
    found = [block for _, block in commands.blocks((ROOT / path).read_text(encoding="utf-8"))]
    return [block for block in found
            if any(commands.why_not_run(command) and not commands.why_not_run(command, own_model=True)
                   for command in commands.commands(block))]


DOCUMENTS = [path for path in files(".md") if own_model_blocks(path)]


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """A TorchScript file, as its author traced it."""
    import own_models
    import torch

    torch.manual_seed(5)
    module = own_models.MaskedMean(len(VOCAB), len(LABELS)).eval().requires_grad_(False)
    path = tmp_path_factory.mktemp("traced") / "traced.pt"
    torch.jit.trace(module, (torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64))).save(str(path))
    return path


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A Hugging Face directory, its labels named."""
    import torch
    import transformers

    torch.manual_seed(2)
    model = spread(transformers.BertForSequenceClassification(bert_config(id2label=dict(enumerate(LABELS)))))
    folder = tmp_path_factory.mktemp("hugging_face") / "my-bert"
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    return folder


@pytest.fixture
def readers_folder(tmp_path, published, directory, traced, vocab_file, labels_file):
    for name in ("scripts", "build", "data"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name, path in (("model.pth", published[1]), ("my-bert", directory), ("traced.pt", traced),
                       ("vocab.txt", vocab_file), ("labels.txt", labels_file)):
        (tmp_path / name).symlink_to(path)
    # The environment that runs this test is the one that the documents have the reader make.
    (tmp_path / ".deps/python/bin").mkdir(parents=True)
    (tmp_path / ".deps/python/bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / ".deps/python/bin/python").chmod(0o755)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/demo.pt").symlink_to(ROOT / "models/demo.pt")
    # No broker is needed to load a model, to wait for one, and to stop.
    (tmp_path / "config").mkdir()
    text = (ROOT / "config/wiretag.yaml").read_text(encoding="utf-8")
    assert commands.DOCUMENTED_BROKER in text
    (tmp_path / "config/wiretag.yaml").write_text(text.replace(commands.DOCUMENTED_BROKER, "127.0.0.1:1"), encoding="utf-8")
    return tmp_path


def run(block, folder, timeout):
    done = commands.run(block, "127.0.0.1:1", timeout, folder, own_model=True)
    assert done is not None and done.returncode == 0, f"{block}\nstdout:\n{done.stdout}\nstderr:\n{done.stderr}"
    return done.stdout


def test_the_documents_are_found():
    assert {"README.md", "README.ru.md", "docs/models.md"} <= set(DOCUMENTS)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_readers_own_model_is_exported_and_run_as_written(path, readers_folder):
    """Every block in turn, as they stand below each other: the later ones run what the earlier ones made."""
    bundle = readers_folder / "models/mine.pt"
    for block in own_model_blocks(path):
        if FULL_SIZE in block:
            continue
        exports = "export_model.py" in block
        if exports:
            bundle.unlink(missing_ok=True)
        said = run(block, readers_folder, 300)
        assert bundle.exists()
        if "classify" in block:
            assert '"category":' in said


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_random_model_of_full_size_is_made_and_exported_as_written(readers_folder):
    block, = [block for path in DOCUMENTS for block in own_model_blocks(path) if FULL_SIZE in block]
    run(block, readers_folder, 3000)
    done = subprocess.run([Path("build/wiretag"), "classify", "--model", "models/mine.pt"], cwd=readers_folder,
                          input='{"id": 1, "text": "матч"}\n', capture_output=True, text=True, timeout=300)
    assert '"category":' in done.stdout, done.stderr
