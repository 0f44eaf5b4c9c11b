"""Where the processors' time went: of processes, by thread, as the kernel counts it."""

import os
import re
import time
from collections import Counter
from pathlib import Path


def _group(name):
    """Threads of one kind together: infer-1 and infer-2, the threads of librdkafka's brokers."""
    return re.sub(r"[-#:/ ]?\d+$", "", name)


def _threads(pid):
    """Seconds on a processor by kind of thread, and how often threads of it went to sleep."""
    seconds, sleeps = Counter(), Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = _group((task / "comm").read_text().strip())
            seconds[name] += int((task / "schedstat").read_text().split()[0]) / 1e9
            sleeps[name] += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)[1])
        except (FileNotFoundError, ProcessLookupError):
            pass  # the thread ended meanwhile
    return seconds, sleeps


class Usage:
    """Begins with its making; `pids`: {what to call it: process}."""

    def __init__(self, pids):
        self.pids = pids
        self.wall = time.monotonic()
        self.before = {name: _threads(pid) for name, pid in pids.items()}
        self.own = time.process_time()

    def since(self, articles):
        """Microseconds of processor for each of `articles`, by process and kind of thread; how busy the machine's
        processors were with them; and how often a second each kind of thread went to sleep."""
        wall = time.monotonic() - self.wall
        per_article, sleeps_per_s, total = {}, {}, 0.0
        for process, pid in self.pids.items():
            seconds, sleeps = _threads(pid)
            for name in seconds:
                spent = seconds[name] - self.before[process][0][name]
                total += spent
                per_article[f"{process}/{name}"] = round(1e6 * spent / articles, 1)
                sleeps_per_s[f"{process}/{name}"] = round((sleeps[name] - self.before[process][1][name]) / wall)
        own = time.process_time() - self.own
        return {"busy": round((total + own) / wall / os.cpu_count(), 3),
                "us_per_article": {"bench": round(1e6 * own / articles, 1),
                                   **dict(sorted(per_article.items(), key=lambda item: -item[1]))},
                "sleeps_per_s": dict(sorted(sleeps_per_s.items(), key=lambda item: -item[1]))}
