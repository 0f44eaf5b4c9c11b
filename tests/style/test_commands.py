"""Every command that the documents show does what it says: a reader may copy it."""

import re

import commands
import pytest
from broker import Broker
from client import create_topic
from tree import ROOT, files

BLOCKS = [(path, number, block) for path in files(".md")
          for number, block in commands.blocks((ROOT / path).read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory):
    """A broker with the topics of config/wiretag.yaml and those that the documents name."""
    broker = Broker(tmp_path_factory.mktemp("documents"))
    named = re.findall(r"(?:input\.topics=\[|output\.topic=|dead_letter\.topic=)([\w.-]+)",
                       "".join(block for _, _, block in BLOCKS))
    for topic in {"news.articles", "news.labelled", "news.labelled.dlq", *named}:
        create_topic(broker.bootstrap, topic, 3)
    yield broker.bootstrap
    broker.close()


@pytest.mark.parametrize("path, number, block", BLOCKS, ids=[f"{path}:{number}" for path, number, _ in BLOCKS])
def test_commands_of_documents_work(path, number, block, bootstrap):
    done = commands.run(block, bootstrap)
    if done is None:
        pytest.skip("; ".join(sorted({commands.why_not_run(command) for command in commands.commands(block)})))
    assert done.returncode == 0, f"{path}:{number}:\n{block}\nstderr:\n{done.stderr}"


def test_no_command_hides_in_a_block_that_is_not_run():
    command = re.compile(r"^ *(\$ )?((\./)?scripts/|(\./)?build/wiretag|kcat |docker|pip |apt)", re.MULTILINE)
    for path in files(".md"):
        text = (ROOT / path).read_text(encoding="utf-8")
        for block in re.finditer(r"^ *```(\w*)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
            assert block.group(1) == "sh" or not command.search(block.group(2)), (
                f"{path}:{text.count(chr(10), 0, block.start()) + 1}: mark this block as sh")


def test_blocks_and_commands_are_found():
    text = "a\n```sh\nfirst \\\n  --more\n\n# remark\nfor x in a; do\n  echo $x\ndone\n```\n```yaml\nno: command\n```\n"
    (number, block), = commands.blocks(text)
    assert number == 2
    assert list(commands.commands(block)) == ["first \\\n  --more", "for x in a; do\n  echo $x\ndone"]
    assert commands.why_not_run("docker compose up") == "needs a container engine"
    assert commands.why_not_run("build/wiretag --help") is None


def test_a_failing_command_fails_its_block():
    assert commands.run("true\nfalse\ntrue\n", "nowhere").returncode != 0
    assert commands.run("build/wiretag run -c /dev/null\n", "nowhere").returncode != 0
