"""How fast this machine multiplies matrices of the model's sizes: no engine that multiplies can be faster.

    python gemm.py THREADS SECONDS

Prints a JSON line: operations a second in fp32, bf16 and int8, the best that torch's libraries (MKL,
oneDNN) reach over some numbers of rows. Run as one process with all threads, and as that many of one
thread each, whose rates add up; the better of the two is the machine's.
"""

import json
import sys
import time

HIDDEN, INTERMEDIATE = 768, 3072
ROWS = (128, 256, 512, 1024)


def rate(multiply, rows, seconds):
    multiply()
    multiply()
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        multiply()
        calls += 1
    return 2 * rows * HIDDEN * INTERMEDIATE * calls / (time.perf_counter() - start)


def best(kind, seconds):
    import torch

    rates = []
    for rows in ROWS:
        if kind == "int8":
            left = torch.randint(-127, 127, (rows, HIDDEN), dtype=torch.int8)
            right = torch.randint(-127, 127, (INTERMEDIATE, HIDDEN), dtype=torch.int8)
            rates.append(rate(lambda: torch._int_mm(left, right.t()), rows, seconds))
        else:
            dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[kind]
            left, right = torch.randn(rows, HIDDEN).to(dtype), torch.randn(INTERMEDIATE, HIDDEN).to(dtype)
            rates.append(rate(lambda: torch.nn.functional.linear(left, right), rows, seconds))
    return max(rates)


def main():
    import torch

    torch.set_num_threads(int(sys.argv[1]))
    with torch.inference_mode():
        print(json.dumps({kind: best(kind, float(sys.argv[2])) for kind in ("fp32", "bf16", "int8")}))


if __name__ == "__main__":
    main()
