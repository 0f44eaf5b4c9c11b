"""Command lines as documents and scripts show them, run as a reader would who copies them.

A block is run by bash from the root of the repository, line after line, and every line must succeed.
Three things differ from a reader's terminal: 127.0.0.1:9092 is replaced by the tests' broker, /opt/wiretag
by a folder of the test, and a `wiretag run`, which would run for ever, runs in the background until the
block ends and must then end by SIGTERM with status 0. Lines that a test cannot run are listed with the reason.
"""

import re
import subprocess
import tempfile

from tree import ROOT

DOCUMENTED_BROKER = "127.0.0.1:9092"
DOCUMENTED_PREFIX = "/opt/wiretag"

# Pattern of a whole command -> why no test runs it.
NOT_RUN = {
    r"git clone .*": "fetches the project itself",
    r"cd \S+": "every block is run from the root of the repository",
    r"(\./)?scripts/test\b.*": "runs this test",
    r"(\./)?scripts/setup\b.*": "installs; test_scripts.py and continuous integration run it",
    r"(\./)?scripts/build\b.*": "scripts/test has run it before this test",
    r"(\./)?scripts/quickstart\b.*": "tests/integration/test_quickstart.py runs it",
    r"(\./)?scripts/kafka/start --port 9092.*": "the tests' own broker stands in for it",
    r"(\./)?scripts/kafka/stop$": "the tests' own broker goes on",
    r"curl .*127\.0\.0\.1:9464/metrics.*": "tests/integration/test_openmetrics.py asks a worker so",
    r"man .*": "shows a page to read; test_cli_manners.py reads it",
    r"docker(-compose)? .*": "needs a container engine",
    r"(TORCH_ROOT=|python3 scripts/bench/(gpu|pipeline)\.py).*": "needs a GPU and a PyTorch for it",
    r"sudo (apt-get|install|systemctl) .*|systemctl .*": "tests/integration/test_package.py installs the package and starts the unit",
    r"acls(\(\))? .*": "tests/integration/test_rights.py grants these rights",
    r"(cp news-|sed -i|wiretag check -c wiretag\.yaml|kill -HUP).*": "tests/integration/test_reload.py changes a model so",
    r"wiretag replay -c wiretag\.yaml .*--compare .*": "tests/integration/test_compare.py compares two models so",
    r"wiretag promote -c wiretag\.yaml .*": "tests/integration/test_promote.py promotes a model so",
    r".*\bscripts/demo/train\.py\b.*": "takes minutes and torch; the tests of training run its parts",
}
# What needs the Python environment and the reader's own model, or comes after such a command.
OWN_MODEL = {
    r"\.deps/python/bin/python .*": "needs torch; tests/export/test_documented.py runs it",
    r".*\bmodels/mine\.pt.*": "needs the reader's own model; tests/export/test_documented.py runs it",
}


def blocks(markdown):
    """(line number, text) of each block fenced as ```sh."""
    for match in re.finditer(r"^( *)```sh\n(.*?)^\1```", markdown, re.MULTILINE | re.DOTALL):
        indent = match.group(1)
        text = re.sub(rf"^{indent}", "", match.group(2), flags=re.MULTILINE)
        yield markdown.count("\n", 0, match.start()) + 1, text


def commands(block):
    """Whole commands: continued lines and loops joined, comments and blank lines dropped."""
    command, depth = "", 0
    for line in block.splitlines():
        if not command and (not line.strip() or line.lstrip().startswith("#")):
            continue
        command += ("\n" if command else "") + line
        if line.endswith("\\") or line.rstrip().endswith(("|", "&&")):
            continue
        depth += bool(re.match(r"\s*(for|while|if)\b", line)) - bool(re.match(r"\s*(done|fi)\b", line))
        if depth == 0:
            yield command
            command = ""
    if command:
        yield command


def why_not_run(command, own_model=False):
    for pattern, reason in {**NOT_RUN, **({} if own_model else OWN_MODEL)}.items():
        if re.fullmatch(pattern, command.strip(), re.DOTALL):
            return reason
    return None


def script(block, bootstrap, own_model=False):
    """What bash is to run for a block, and how many commands that are."""
    lines, count, workers = ["set -euo pipefail", "trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT"], 0, 0
    for command in commands(block):
        if why_not_run(command, own_model):
            continue
        count += 1
        command = re.sub(r"(?<=\S) {2,}# .*$", "", command, flags=re.MULTILINE).rstrip()
        if re.match(r"(\./)?build/wiretag run\b", command) and "--help" not in command:
            workers += 1
            lines += [f"{command} >&2 & worker_{workers}=$!"]
        else:
            lines += [command]
    for number in range(1, workers + 1):
        # Long enough that the worker has loaded its model and would have failed if it had to.
        lines += [f"sleep 8; kill -TERM $worker_{number}; wait $worker_{number}"]
    return "\n".join(lines).replace(DOCUMENTED_BROKER, bootstrap), count


def run(block, bootstrap, timeout=120, cwd=ROOT, own_model=False):
    """Runs a block; returns None where nothing of it can be run. `own_model`: the reader's model is in `cwd`."""
    text, count = script(block, bootstrap, own_model)
    if count == 0:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(["bash", "-c", text.replace(DOCUMENTED_PREFIX, f"{folder}/wiretag")], cwd=cwd,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
