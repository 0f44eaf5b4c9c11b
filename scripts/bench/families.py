#!/usr/bin/env python3
"""Measures models of every family that the export knows against a BERT of the same size.

    .deps/python/bin/python scripts/bench/families.py [--precisions fp32,bf16,int8] [--shapes 8x64,1x512]

The models have random weights, made by transformers: as many layers, heads and numbers as BERT's, with what
the family has besides. ModernBERT has the feed-forward size that gives a layer as many weights. Each round
runs wiretag bench model of all families in turn; a rate is the median of the rounds, on one thread.
Nothing else should run meanwhile.

Prints a table with each family's rate as a share of BERT's, and last a JSON line.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "export"))
TOKENS = 2000
DEBERTA = {
    "relative_attention": True, "position_buckets": 256, "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm", "position_biased_input": False, "type_vocab_size": 0,
}  # fmt: skip
# What a family has besides the common sizes.
FAMILIES = {
    "bert": {},
    "roberta": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "xlm-roberta": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "camembert": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "distilbert": {},
    "electra": {"embedding_size": 128},
    "mpnet": {"max_position_embeddings": 514},
    "deberta-v2": DEBERTA,
    "modernbert": {"pad_token_id": 0},
}
DISTILBERT = {
    "hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
}  # fmt: skip


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def make_bundle(family: str, arguments: argparse.Namespace, folder: Path) -> Path:
    import torch
    import transformers

    from wiretag_modeling.bundle import write_bundle
    from wiretag_modeling.sources import read_source
    from wiretag_modeling.tokenizer import SPECIAL_TOKENS, TokenizerOptions

    hidden = arguments.hidden
    sizes = {
        "hidden_size": hidden,
        "num_hidden_layers": arguments.layers,
        "num_attention_heads": hidden // 64,
        "intermediate_size": 4 * hidden // 6 * 4 if family == "modernbert" else 4 * hidden,
    }
    if family == "distilbert":
        sizes = {DISTILBERT[name]: value for name, value in sizes.items()}
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(
        family, vocab_size=TOKENS, num_labels=11, **sizes | FAMILIES[family]
    )
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(folder / family)
    del model
    vocab = [*SPECIAL_TOKENS, *(f"w{i}" for i in range(TOKENS - len(SPECIAL_TOKENS)))]
    (folder / family / "vocab.txt").write_text("\n".join(vocab) + "\n")
    source = read_source(folder / family, "exact")
    out = folder / f"{family}.pt"
    write_bundle(
        source.model, vocab, [f"label{i}" for i in range(11)], TokenizerOptions(), family, "1",
        ["w1 w2 w3"], out, inputs=source.inputs, tokens_max=512,
    )  # fmt: skip
    return out


def rates(bundle: Path, precision: str, arguments: argparse.Namespace) -> list[float]:
    """Articles a second, by shape."""
    command = [arguments.wiretag, "bench", "model", "--model", bundle, "--device", "cpu"]
    command += ["--precision", precision, "--shapes", arguments.shapes]
    command += ["--seconds", str(arguments.seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return [json.loads(line)["articles_per_s"] for line in done.stdout.splitlines()]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--precisions", default="fp32,bf16,int8", metavar="LIST")
    parser.add_argument("--shapes", default="8x64,1x512", metavar="RxT,...")
    parser.add_argument("--families", default=",".join(FAMILIES), metavar="LIST")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=768, help="a multiple of 64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1, help="of each shape, in each round")
    parser.add_argument(
        "--best", action="store_true", help="the best round instead, for a machine that is not idle"
    )
    parser.add_argument("--wiretag", type=Path, default=ROOT / "build" / "wiretag")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    names = ["bert", *(n for n in arguments.families.split(",") if n != "bert")]
    shapes, precisions = arguments.shapes.split(","), arguments.precisions.split(",")
    measured: dict = {}
    with tempfile.TemporaryDirectory() as folder:
        bundles = {}
        for name in names:
            print(f"make {name}", file=sys.stderr, flush=True)
            bundles[name] = make_bundle(name, arguments, Path(folder))
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
            for precision in precisions:
                for name in names:
                    found = rates(bundles[name], precision, arguments)
                    for shape, rate in zip(shapes, found, strict=True):
                        measured.setdefault((precision, shape, name), []).append(rate)
    pick = max if arguments.best else statistics.median
    rate = {key: pick(found) for key, found in measured.items()}
    print(f"{processor()}, one thread, {arguments.layers} layers of {arguments.hidden}")
    print(f"{'':12}", *(f"{p} {s}".rjust(14) for p in precisions for s in shapes))
    for name in names:
        shares = [rate[p, s, name] / rate[p, s, "bert"] for p in precisions for s in shapes]
        print(f"{name:12}", *(f"{share:14.2f}" for share in shares))
    print(json.dumps({
        "processor": processor(), "layers": arguments.layers, "hidden": arguments.hidden,
        "articles_per_s": {f"{p} {s} {n}": round(m, 2) for (p, s, n), m in rate.items()},
    }))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
