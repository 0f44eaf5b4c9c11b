#!/usr/bin/env python3
"""Measures wiretag's model loop against other engines that run the same full-size model on the CPU.

    scripts/bench/peers.py [--precision fp32,bf16,int8] [--rounds N] [--minutes M] [--only posts|shapes]

The model is the published architecture (12 layers, BiLSTM head) with random weights; every engine
runs the same ones. Measured are fixed shapes (articles x tokens, all of one length) and real posts
cut at 512 tokens. The engines live in processes of their own and take turns within seconds, round
after round; what is printed are medians over the rounds, and ratios to the published loop
(transformers, one text at a time) are medians of the ratios within a round.

`floor` is how much of the time the multiplications alone would take: (operations / measured rate of
matrix multiplication in that precision) / model time. 1.0 would be nothing but multiplications.

The last lines compare logits: of each engine with those of the published model in fp32.

Prints tables and, last, a JSON line. Needs scripts/build, the environment of scripts/setup --python,
2 GB of memory for each engine; the peers (scripts/bench/requirements-peers.txt) are installed into
.deps/peers, where the model is made once, which takes ten minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wiretag_bench.output import to_its_reader

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".deps" / "python"
ENVIRONMENT = ROOT / ".deps" / "peers"
REQUIREMENTS = ROOT / "scripts" / "bench" / "requirements-peers.txt"
SHARED = ROOT.parent / "shared" / "data"
SHAPES = [(1, 64), (1, 128), (8, 128), (4, 160), (1, 512)]
BASE = "transformers"
PEERS = ["transformers", "transformers-batch-32", "onnxruntime-fp32", "onnxruntime-int8", "openvino-fp32",
         "openvino-fp32-streams", "openvino-int8", "openvino-int8-streams"]
STATIC = ["openvino-static", "openvino-static-streams"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def enter_environment():
    """Runs this script again by the Python that has the peers: that of training and export, with their
    packages on top."""
    python = ENVIRONMENT / "bin" / "python"
    marker = ENVIRONMENT / REQUIREMENTS.name
    if not (PYTHON / "bin" / "python").exists():
        raise SystemExit("peers.py: needs PyTorch and transformers: scripts/setup --python")
    if not marker.exists() or marker.read_bytes() != REQUIREMENTS.read_bytes():
        say(f"installing the peers into {ENVIRONMENT.relative_to(ROOT)} (0.4 GB)")
        subprocess.run([PYTHON / "bin" / "python", "-m", "venv", ENVIRONMENT], check=True)
        packages = next((ENVIRONMENT / "lib").glob("python3.*")).name
        (ENVIRONMENT / "lib" / packages / "site-packages" / "torch.pth").write_text(
            f"{PYTHON.resolve() / 'lib' / packages / 'site-packages'}\n")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                        "--only-binary=:all:", "--require-hashes", "-r", REQUIREMENTS], check=True)
        marker.write_bytes(REQUIREMENTS.read_bytes())
    if Path(sys.prefix).resolve() != ENVIRONMENT.resolve():
        os.execv(python, [python, __file__, *sys.argv[1:]])


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocab", type=Path, default=SHARED / "mbert-cased-vocab.txt",
                        help="vocab.txt of bert-base-multilingual-cased (default: %(default)s)")
    parser.add_argument("--input", type=Path, default=SHARED / "posts-ru-2000.jsonl",
                        help='articles, {"id","text"} a line (default: %(default)s)')
    parser.add_argument("--articles", type=int, default=96, help="of them, spread evenly (default: %(default)s)")
    parser.add_argument("--precision", default="fp32,bf16,int8", help="of wiretag (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=24 * 60,
                        help="no round begins that would end later than this (default: a day)")
    parser.add_argument("--seconds", type=float, default=1.5, help="of one shape in a turn")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of every engine")
    parser.add_argument("--peers", default=",".join(PEERS), help="which (default: all but the calibrated ones)")
    parser.add_argument("--static", action="store_true", help="with OpenVINO calibrated on the texts, too")
    parser.add_argument("--only", choices=["posts", "shapes"])
    parser.add_argument("--shapes", default=",".join(f"{rows}x{width}" for rows, width in SHAPES))
    parser.add_argument("--model-folder", type=Path, default=ENVIRONMENT / "full-size")
    parser.add_argument("--wiretag", type=Path, default=ROOT / "build" / "wiretag")
    arguments = parser.parse_args()
    for path, remedy in [(arguments.vocab, "name the vocabulary: --vocab FILE"),
                         (arguments.input, "name articles: --input FILE"),
                         (arguments.wiretag, "run scripts/build")]:
        if not path.exists():
            parser.error(f"{path} is not there; {remedy}")
    arguments.shapes = [tuple(map(int, shape.split("x"))) for shape in arguments.shapes.split(",")]
    return arguments


class Peer:
    """An engine in another process (wiretag_peers/server.py)."""

    def __init__(self, name, arguments, vocab_size):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "scripts/bench/wiretag_peers/server.py", name, arguments.model_folder,
             str(vocab_size), str(arguments.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.seconds = arguments.seconds
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"peers.py: {self.name} ended; run it by hand to see why:\n  "
                             f"{' '.join(map(str, self.process.args))}")
        return json.loads(line)

    def _ask(self, **question):
        print(json.dumps(question), file=self.process.stdin, flush=True)
        return self._answer()

    def shape(self, rows, width):
        return self._ask(shape=[rows, width], seconds=self.seconds)["rate"]

    def texts(self, rows):
        answer = self._ask(rows=rows)
        return answer["rate"], answer["logits"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


class Wiretag:
    """wiretag bench model: as many one-thread replicas as there are threads."""

    def __init__(self, precision, bundle, arguments, articles):
        self.name = f"wiretag-{precision}"
        self.command = [arguments.wiretag, "bench", "model", "--model", bundle, "--precision", precision,
                        "--replicas", str(arguments.threads)]
        self.articles, self.wiretag, self.bundle, self.precision = articles, arguments.wiretag, bundle, precision
        self.seconds = max(1, round(arguments.seconds))

        # Lives through the run and measures a shape when it is told to, as the other engines do.
        self.process = subprocess.Popen([*self.command, "--shapes", "-", "--seconds", str(self.seconds)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def shape(self, rows, width):
        print(f"{rows}x{width}", file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())["articles_per_s"]

    def texts(self, rows):
        done = subprocess.run([*self.command, "--input", self.articles], capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])["articles_per_s"], None

    def logits(self):
        with self.articles.open("rb") as articles:
            done = subprocess.run([self.wiretag, "classify", "--model", self.bundle, "--precision", self.precision,
                                   "--logits"], stdin=articles, capture_output=True, check=True)
        return [json.loads(line)["logits"] for line in done.stdout.splitlines()]

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def precisions(arguments, bundle):
    """Those of wiretag that the bundle and this build have."""
    for precision in arguments.precision.split(","):
        done = subprocess.run([arguments.wiretag, "bench", "model", "--model", bundle, "--precision", precision,
                               "--shapes", "1x8"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            yield precision
        else:
            say(f"wiretag-{precision}: not measured: {done.stderr.strip()}")


def measure(engines, columns, rounds, until):
    """columns: {name: function of an engine}; the rates {column: {engine: [rate, …]}}, in turns. No round is begun
    that would last beyond `until`."""
    rates = {column: {engine.name: [] for engine in engines} for column in columns}
    started = time.monotonic()
    for number in range(rounds):
        for column, run in columns.items():
            for engine in engines:
                say(f"\r\033[K{time.monotonic() - started:5.0f} s  round {number + 1} of {rounds}: "
                    f"{column}, {engine.name}") if sys.stderr.isatty() else None
                rates[column][engine.name].append(run(engine))
        passed = time.monotonic() - started
        say(f"round {number + 1} of {rounds} done after {passed:.0f} s")
        if time.monotonic() + passed / (number + 1) > until:
            break
    return rates


def print_table(title, rates, cell):
    columns = list(rates)
    print(f"\n{title}\n{'':26}" + "".join(f"{column:>12}" for column in columns))
    for name in rates[columns[0]]:
        print(f"{name:26}" + "".join(f"{cell(column, name):>12}" for column in columns))


def ratio(rates, column, name, base):
    return statistics.median(a / b for a, b in zip(rates[column][name], rates[column][base], strict=True))


def compare_logits(engines, rows):
    """{engine: (largest difference over the spread of fp32's logits, share of equal labels)}."""
    import numpy

    logits = {}
    for engine in engines:
        logits[engine.name] = numpy.array(engine.logits() if isinstance(engine, Wiretag) else engine.texts(rows)[1])
    base = logits[BASE]
    return {name: (float(abs(these - base).max() / base.std()),
                   float((these.argmax(1) == base.argmax(1)).mean())) for name, these in logits.items()}


def gemm_rates(arguments):
    """By precision, the better of one process with all threads and of one process a thread."""
    def run(processes, threads):
        started = [subprocess.Popen([sys.executable, ROOT / "scripts/bench/wiretag_peers/gemm.py", str(threads), "0.5"],
                                    stdout=subprocess.PIPE, text=True) for _ in range(processes)]
        found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in started]
        return {kind: sum(rates[kind] for rates in found) for kind in found[0]}

    together, apart = run(1, arguments.threads), run(arguments.threads, 1)
    return {kind: max(together[kind], apart[kind]) for kind in together}


def floors(rates, gemm):
    """{column: {engine: share of its time that multiplying alone would take}} of wiretag, by shape."""
    from wiretag_peers.full_size import flops

    found = {}
    for column, by_engine in rates.items():
        if column == "posts":
            continue
        rows, width = map(int, column.split("x"))
        found[column] = {}
        for name, values in by_engine.items():
            precision = "int8" if "int8" in name or "static" in name else "bf16" if "bf16" in name else "fp32"
            seconds = rows / statistics.median(values)
            found[column][name] = flops(rows, width) / gemm[precision] / seconds
    return found


def report(rates, gemm, logits):
    """Prints the tables; the result for the JSON line."""
    print_table("articles/s, median", rates, lambda column, name: f"{statistics.median(rates[column][name]):.2f}")
    print_table(f"ratio to {BASE}", rates, lambda column, name: f"{ratio(rates, column, name, BASE):.2f}")
    shares = floors(rates, gemm)
    if shares:
        print_table("floor: share of the time that multiplying alone would take", shares,
                    lambda column, name: f"{shares[column][name]:.2f}")
        print("measured GEMM rate, GFLOP/s: " + ", ".join(f"{kind} {rate / 1e9:.0f}" for kind, rate in gemm.items()))
    for name, (worst, equal) in logits.items():
        print(f"{name:26} worst logit error over spread {worst:.4f}, labels as {BASE}'s {100 * equal:.1f} %")
    return {"rates": {column: {name: round(statistics.median(values), 3) for name, values in by_engine.items()}
                      for column, by_engine in rates.items()},
            "ratios": {column: {name: round(ratio(rates, column, name, BASE), 3) for name in by_engine}
                       for column, by_engine in rates.items()},
            "floors": shares, "gemm": gemm, "logits": logits}


def main():
    arguments = read_arguments()
    enter_environment()
    started = time.monotonic()
    sys.path.insert(0, str(ROOT / "scripts/export"))
    from wiretag_modeling import TokenizerOptions, build_tokenizer
    from wiretag_peers import full_size

    vocab = arguments.vocab.read_text(encoding="utf-8").splitlines()
    tokenizer = build_tokenizer(vocab, TokenizerOptions(), 512)
    lines = [line for line in arguments.input.read_text(encoding="utf-8").splitlines() if line.strip()]
    lines = [lines[number * len(lines) // arguments.articles] for number in range(arguments.articles)]
    rows = [tokenizer.encode(json.loads(line)["text"]).ids for line in lines]
    forms = full_size.make(arguments.model_folder, arguments.vocab, rows, say, arguments.static)
    names = arguments.peers.split(",") + (STATIC if arguments.static else [])
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as articles:
        articles.write("\n".join(lines) + "\n")
        articles.flush()
        engines = [Wiretag(precision, forms.bundle, arguments, Path(articles.name))
                   for precision in precisions(arguments, forms.bundle)]
        engines += [Peer(name, arguments, len(vocab)) for name in names]
        columns = {}
        if arguments.only != "posts":
            columns.update({f"{rows_}x{width}": (lambda engine, shape=(rows_, width): engine.shape(*shape))
                            for rows_, width in arguments.shapes})
        if arguments.only != "shapes":
            columns["posts"] = lambda engine: engine.texts(rows)[0]
        gemm = gemm_rates(arguments)
        rates = measure(engines, columns, arguments.rounds, started + 60 * arguments.minutes)
        logits = compare_logits(engines, rows) if arguments.only != "shapes" else {}
        for engine in engines:
            engine.close()
    print(json.dumps({"stage": "peers", "threads": arguments.threads, **report(rates, gemm, logits)}))


if __name__ == "__main__":
    sys.exit(to_its_reader(main))
