"""A Prometheus server of one's own, for tests and for the pictures of the dashboard.

It is found in .deps/prometheus (scripts/setup --test) or on the PATH, and listens on a free port of 127.0.0.1.
"""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S = 120


def find(name):
    """The path of `prometheus` or `promtool`; None: it is not there."""
    own = ROOT / ".deps" / "prometheus" / name
    return str(own) if own.exists() else shutil.which(name)


class Server:
    """Keeps its data in `folder`. `config`: the configuration file's contents, as YAML takes it. `lookback`: how long a
    series counts after its last sample; with live scrapes Prometheus knows when one ends."""

    def __init__(self, folder, config=None, lookback="5m"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        folder = Path(folder)
        (folder / "prometheus.yaml").write_text(json.dumps(config or {}), encoding="utf-8")
        self._log = open(folder / "prometheus.log", "w", encoding="utf-8")
        self._process = subprocess.Popen(
            [find("prometheus"), f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address={self.address}", "--enable-feature=exemplar-storage",
             "--storage.tsdb.retention.time=100y", f"--query.lookback-delta={lookback}"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        try:
            self._wait_ready()
        except BaseException:
            self.close()
            raise

    def _wait_ready(self):
        deadline = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=10):
                    return
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = Path(self._log.name).read_text(encoding="utf-8")
                    raise RuntimeError(f"Prometheus does not start:\n{log[-2000:]}") from None
                time.sleep(0.1)

    def ask(self, path, **parameters):
        """The "data" of an answer of the API."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]

    def range(self, expression, start, end, step):
        """[(labels, [(time, number)])] of a query over a range of time, in seconds."""
        found = self.ask("query_range", query=expression, start=start, end=end, step=step)["result"]
        return [(series["metric"], [(moment, float(number)) for moment, number in series["values"]]) for series in found]

    def close(self):
        self._process.terminate()
        self._process.wait(60)
        self._log.close()
