"""The vocabularies that the comparison with Hugging Face runs on."""

import fcntl
import json
import os
import tempfile
from pathlib import Path

import pytest
import tokenizers
import unigram_files
from hugging_face import ROOT, SHARED, SPECIALS


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A function that gives the path of a file: the first of pytest-xdist's processes that asks for it makes it."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "made_once"

    def path_of(name, make):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                part = Path(f"{path}.part")
                content = make()
                part.write_bytes(content if isinstance(content, bytes) else content.encode())
                part.rename(path)
        return path

    return path_of


@pytest.fixture(scope="session")
def own_map(made_once):
    return made_once("own_map", unigram_files.own_map).read_bytes()


@pytest.fixture(scope="session")
def small_unigram(made_once):
    """4,000 pieces, trained on half of the project's own texts."""
    return json.loads(made_once("small_unigram.json", lambda: json.dumps(unigram_files.small_vocab())).read_bytes())


def alphabet_lines():
    characters = [chr(c) for c in [*range(0x21, 0xD800), *range(0xE000, 0x20000), *range(0x2F800, 0x2FA20)]]
    characters += [chr(c) for c in (0x20122, 0x2051C, 0x2A600, 0x2B740, 0xE0001, 0xE01EF, 0x10FFFD)]
    lines = SPECIALS + [line for c in characters if not c.isspace() for line in (c, "##" + c)]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def alphabet(made_once):
    """Nearly every character as a word and as a suffix, so that ids show each one's normal form."""
    return made_once("alphabet/vocab.txt", alphabet_lines)


def train(lowercase):
    """A vocabulary of real pieces, from the project's own texts."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "data" / "train").glob("*.txt"))]
    tokenizer = tokenizers.BertWordPieceTokenizer(lowercase=lowercase)
    tokenizer.train_from_iterator(texts, vocab_size=6000, min_frequency=2, show_progress=False,
                                  special_tokens=SPECIALS)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_model(folder)
        return (Path(folder) / "vocab.txt").read_bytes()


@pytest.fixture(scope="session")
def trained(made_once):
    return made_once("trained/vocab.txt", lambda: train(lowercase=False))


@pytest.fixture(scope="session")
def trained_lowercase(made_once):
    return made_once("trained_lowercase/vocab.txt", lambda: train(lowercase=True))


@pytest.fixture(scope="session")
def mbert():
    path = SHARED / "mbert-cased-vocab.txt"
    if not path.exists():
        pytest.skip(f"{path.name} is not there; the other vocabularies are tested")
    return path
