"""The worker under test as a process: started with a generated config, watched, stopped, killed."""

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"release": "build", "fake": "build-fake", "asan-ubsan": "build-asan-ubsan", "tsan": "build-tsan"}

# The line (JSON or text) by which a worker says that it has partitions and its model is loaded.
READY = r"consume  assigned |\"assigned "
SANITIZER = r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: "


def binary(build=None):
    """build/wiretag, or that of another build; WIRETAG_BUILD=fake (say) changes the default, and
    WIRETAG=FILE is used for everything."""
    if os.environ.get("WIRETAG"):
        return Path(os.environ["WIRETAG"])
    build = build or os.environ.get("WIRETAG_BUILD", "release")
    path = ROOT / FOLDERS[build] / "wiretag"
    option = {"release": "", "asan-ubsan": " --asan"}.get(build, f" --{build}")
    assert path.exists(), f"{path.relative_to(ROOT)} is not there: run scripts/build{option}"
    return path


def fake_build():
    """The build for tests that need the fake model: the one that WIRETAG_BUILD names if it has it."""
    named = os.environ.get("WIRETAG_BUILD", "fake")
    return "fake" if named == "release" else named


def yaml(value, indent=0):
    """A nested dict as block YAML; scalars and lists in JSON's notation, which YAML includes."""
    lines = []
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines += [f"{' ' * indent}{key}:", yaml(item, indent + 2)]
        else:
            lines.append(f"{' ' * indent}{key}: {json.dumps(item, ensure_ascii=False)}")
    return "\n".join(lines)


def merge(base, changes):
    """Nested dicts, the second on top of the first."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


class Reaper:
    """Kills what is left of the workers if the test process itself is killed. A number may belong to another
    process by then, so one is known by its start, too (field 22 of /proc/PID/stat, proc(5))."""

    SCRIPT = r'''
        start_of() {
            local stat
            read -r stat 2>/dev/null < "/proc/$1/stat" || return 0
            set -- ${stat##*) }
            echo "${20}"
        }
        declare -A starts
        while read -r op pid; do
            case $op in
                +) starts[$pid]=$(start_of "$pid") ;;
                -) unset "starts[$pid]" ;;
            esac
        done
        for pid in "${!starts[@]}"; do
            start=$(start_of "$pid")
            if [ -n "$start" ] && [ "$start" = "${starts[$pid]}" ]; then kill -9 "$pid"; fi
        done'''

    def __init__(self):
        self._process = subprocess.Popen(
            ["bash", "-c", self.SCRIPT], stdin=subprocess.PIPE, text=True, start_new_session=True)

    def add(self, pid):
        self._tell("+", pid)

    def remove(self, pid):
        self._tell("-", pid)

    def _tell(self, op, pid):
        self._process.stdin.write(f"{op} {pid}\n")
        self._process.stdin.flush()

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)


class Worker:
    """One `wiretag run` (or another command). stderr goes to `directory`/NAME.log, line by line."""

    def __init__(self, directory, name, config=None, build=None, command=("run",), arguments=(),
                 environment=None, reaper=None):
        self.name = name
        self.log_path = Path(directory) / f"{name}.log"
        self.config_path = Path(directory) / f"{name}.yaml"
        self.config = config
        self._reaper = reaper
        self.port = None  # of the metrics page, once http() was called
        line = [str(binary(build)), *command]
        if config is not None:
            self.config_path.write_text(yaml(config) + "\n", encoding="utf-8")
            line += ["-c", str(self.config_path)]
        line += [str(argument) for argument in arguments]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                line, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env={**os.environ, **(environment or {})}, start_new_session=True)
        if reaper:
            reaper.add(self.process.pid)
        self._stdout = []
        self._reader = threading.Thread(target=self._read_stdout, daemon=True)
        self._reader.start()

    def _read_stdout(self):
        for line in self.process.stdout:
            self._stdout.append(line)

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def stdout(self):
        """Complete only once the process has ended."""
        if self.process.poll() is not None:
            self._reader.join(5)
        return b"".join(self._stdout).decode("utf-8", errors="replace")

    def wait_log(self, pattern, timeout=60, count=1):
        """Waits until `pattern` was logged `count` times; fails at once if the worker ends."""
        deadline = time.monotonic() + timeout
        while True:
            status = self.process.poll()  # before the log is read: a line may be the last one before the end
            if len(re.findall(pattern, self.stderr)) >= count:
                return self
            assert status is None, self.report(f"ended with {status} before logging /{pattern}/")
            assert time.monotonic() < deadline, self.report(f"did not log /{pattern}/ in {timeout} s")
            time.sleep(0.05)

    def wait_ready(self, timeout=120):
        return self.wait_log(READY, timeout)

    def wait_exit(self, timeout=60):
        """Waits for the end; returns the exit status (negative: the signal)."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.report(f"still runs after {timeout} s")) from None
        self._forget()
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, timeout=60):
        """SIGTERM, then waits; returns the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def kill(self):
        """kill -9, also of a paused worker."""
        self.process.kill()
        self.process.wait(30)
        self._forget()

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def resident_bytes(self):
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def http(self, path, timeout=30, headers=None):
        """(status, body) of a GET on the worker's own page; for http.listen with port 0."""
        if self.port is None:
            self.wait_log(r"metrics and health at .*, port \d+")
            self.port = int(re.search(r"metrics and health at .*, port (\d+)", self.stderr).group(1))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metrics(self):
        """{series with its labels: value} of /metrics."""
        status, page = self.http("/metrics")
        assert status == 200, page
        lines = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def idle_metrics(self, timeout=60):
        """The metrics once nothing is in flight: a group has its last commit before the worker hears of that."""
        deadline = time.monotonic() + timeout
        while (metrics := self.metrics())["wiretag_in_flight_records"] > 0:
            assert time.monotonic() < deadline, self.report(f"has records in flight after {timeout} s")
            time.sleep(0.05)
        return metrics

    def assert_clean(self):
        """No sanitizer spoke."""
        found = re.search(SANITIZER, self.stderr)
        assert not found, self.report(f"sanitizer: {found.group(0)}")

    def _forget(self):
        if self._reaper:
            self._reaper.remove(self.pid)
            self._reaper = None

    def report(self, what):
        tail = "\n".join(self.stderr.splitlines()[-25:])
        return f"worker {self.name} {what}; the end of its log:\n{tail}"
