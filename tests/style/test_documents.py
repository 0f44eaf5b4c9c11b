"""The documents hang together: both READMEs say the same, every command is in them."""

import re

from commands import blocks
from tree import ROOT


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def test_both_readmes_show_the_same_commands():
    def shown(path):
        text = "\n".join(block for _, block in blocks(read(path)))
        return [re.sub(r"group\.id=\w+", "group.id=G", re.sub(r" +# .*", "", line)) for line in text.splitlines()]

    english, russian = shown("README.md"), shown("README.ru.md")
    assert [line for line in russian if line not in english] == []


def test_both_readmes_name_the_same_configuration_keys_and_documents():
    english, russian = read("README.md"), read("README.ru.md")
    for pattern in (r"`((?:kafka|input|output|model|delivery|dead_letter)\.[\w.]+)`", r"\]\(([\w/.]+\.(?:md|yaml))\)"):
        missing = set(re.findall(pattern, russian)) - set(re.findall(pattern, english)) - {"README.ru.md", "README.md"}
        assert missing == set()


def test_every_command_of_the_program_is_in_the_readme():
    names = re.findall(r'^    \{"(\w+)", wt_cli_', read("src/main.c"), re.MULTILINE)
    assert "run" in names
    assert [name for name in names if f"| `wiretag {name} " not in read("README.md")] == []


def test_the_demonstration_bundle_stays_under_10_mb():
    assert (ROOT / "models/demo.pt").stat().st_size < 10_000_000
