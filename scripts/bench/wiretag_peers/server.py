"""One engine in a process of its own; it measures when it is told to and sleeps meanwhile.

    python server.py NAME FOLDER VOCABULARY_SIZE THREADS

Reads a JSON line, {"shape": [rows, width], "seconds": s} or {"rows": [[id, …], …]}, and answers with one:
articles a second, and for rows the logits. The engines' processes live side by side for a whole
run, so that they can take turns within seconds: the machine's moods meet them all alike.
"""

import json
import sys
import time
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wiretag_peers import engines  # noqa: E402
from wiretag_peers.full_size import Forms  # noqa: E402


def shape_rate(engine, rows, width, seconds, vocab_size):
    """Articles a second over batches of one shape; each stream of an engine has its own batch."""
    ids = numpy.random.default_rng(1).integers(0, vocab_size, (rows, width))
    mask = numpy.ones_like(ids)
    streams = getattr(engine, "streams", 1)
    for _ in range(streams + 1):
        engine.batch(ids, mask)
    batches, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        if streams > 1:
            engine.start(batches, ids, mask)
        else:
            engine.batch(ids, mask)
        batches += 1
    if streams > 1:
        engine.wait()
    return batches * rows / (time.perf_counter() - start)


def main():
    name, folder, vocab_size, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    # What libraries print must not get between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    engine = engines.make(name, Forms(folder), vocab_size, threads)
    print(json.dumps({"ready": name}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "shape" in asked:
            answer = {"rate": shape_rate(engine, *asked["shape"], asked["seconds"], vocab_size)}
        else:
            start = time.perf_counter()
            logits = engine.texts(asked["rows"])
            answer = {"rate": len(asked["rows"]) / (time.perf_counter() - start), "logits": logits.tolist()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
