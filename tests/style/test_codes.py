"""The codes of dead letters are those that redrive knows: src/codec/dead_letter_head.c lists what the sources give."""

import re

from tree import ROOT, files

# An article ends with these, too, although trying again might have helped: infer has given up.
GIVEN_UP = {"device-memory"}


def test_redrive_knows_every_code_that_a_dead_letter_can_have():
    given = set(GIVEN_UP)
    for path in files(".c", ".cpp"):
        if path.startswith("src/"):
            text = (ROOT / path).read_text(encoding="utf-8")
            given |= set(re.findall(r'WT_ERROR_RECORD,\s*"([a-z-]+)"', text))
            given |= set(re.findall(r'"([a-z-]+)",\s*"[^"]*",\s*WT_ERROR_RECORD', text))
            if path.startswith(("src/codec/decode", "src/codec/format")):
                given |= set(re.findall(r'\w+\(error,\s*"([a-z-]+)"', text))
    table = re.search(r"codes_known\[\] = \{(.*?)\};", (ROOT / "src/codec/dead_letter_head.c").read_text(), re.DOTALL).group(1)
    assert set(re.findall(r'"([a-z-]+)"', table)) == given
