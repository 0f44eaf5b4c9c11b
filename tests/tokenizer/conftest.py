"""The vocabularies that the comparison with Hugging Face runs on."""

import pytest
import tokenizers
from hugging_face import ROOT, SHARED, SPECIALS


@pytest.fixture(scope="session")
def alphabet(tmp_path_factory):
    """Nearly every character as a word and as a suffix, so that ids show each one's normal form."""
    characters = [chr(c) for c in [*range(0x21, 0xD800), *range(0xE000, 0x20000), *range(0x2F800, 0x2FA20)]]
    characters += [chr(c) for c in (0x20122, 0x2051C, 0x2A600, 0x2B740, 0xE0001, 0xE01EF, 0x10FFFD)]
    lines = SPECIALS + [line for c in characters if not c.isspace() for line in (c, "##" + c)]
    path = tmp_path_factory.mktemp("alphabet") / "vocab.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def train(folder, lowercase):
    """A vocabulary of real pieces, from the project's own texts."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "data" / "train").glob("*.txt"))]
    tokenizer = tokenizers.BertWordPieceTokenizer(lowercase=lowercase)
    tokenizer.train_from_iterator(texts, vocab_size=6000, min_frequency=2, show_progress=False,
                                  special_tokens=SPECIALS)
    tokenizer.save_model(str(folder))
    return folder / "vocab.txt"


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    return train(tmp_path_factory.mktemp("trained"), lowercase=False)


@pytest.fixture(scope="session")
def trained_lowercase(tmp_path_factory):
    return train(tmp_path_factory.mktemp("trained_lowercase"), lowercase=True)


@pytest.fixture(scope="session")
def mbert():
    path = SHARED / "mbert-cased-vocab.txt"
    if not path.exists():
        pytest.skip(f"{path.name} is not there; the other vocabularies are tested")
    return path
