"""The codes of dead letters are those that redrive knows: src/codec/dead_letter_head.c lists what the sources give."""

import re

from tree import ROOT, files

# An article ends with these, too, although trying again might have helped: infer has given up.
GIVEN_UP = {"device-memory"}
# Dead letters of earlier versions have these; they can be redriven.
EARLIER = {"id-type"}


def test_redrive_knows_every_code_that_a_dead_letter_can_have():
    given = GIVEN_UP | EARLIER
    for path in files(".c", ".cpp"):
        if path.startswith("src/"):
            text = (ROOT / path).read_text(encoding="utf-8")
            given |= set(re.findall(r'WT_ERROR_RECORD,\s*"([a-z0-9-]+)"', text))
            given |= set(re.findall(r'"([a-z0-9-]+)",\s*"[^"]*",\s*WT_ERROR_RECORD', text))
            if path.startswith(("src/codec/decode", "src/codec/format", "src/codec/json_article")):
                given |= set(re.findall(r'\w+\(error,\s*"([a-z0-9-]+)"', text))
    table = re.search(r"codes_known\[\] = \{(.*?)\};", (ROOT / "src/codec/dead_letter_head.c").read_text(), re.DOTALL).group(1)
    assert set(re.findall(r'"([a-z0-9-]+)"', table)) == given
