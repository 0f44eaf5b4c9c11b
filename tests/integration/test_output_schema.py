"""docs/output.schema.json describes what is published, and nothing else."""

import copy

import pytest
import schema
from client import Message, Record, article

LABEL = {
    "id": "a", "category": "sports", "uri": "medtop:1", "score": 0.5, "scores": {"sports": 0.5},
    "model": {"name": "m", "version": "1", "sha256": "ab" * 32}, "tokens": 3, "truncated": False, "windows": 1,
    "source": {"topic": "t", "partition": 0, "offset": 7, "timestamp": None}, "input": {"text": "m"}}
SEVERAL = LABEL | {"labels": [{"label": "sports", "score": 0.5, "uri": "medtop:1"}]}
NONE = {key: value for key, value in LABEL.items() if key != "uri"} | {"category": None}

GOOD = {
    "one": LABEL, "several": SEVERAL, "below the threshold": NONE, "several, none": NONE | {"labels": [], "score": None},
    "in an article": {"text": "m", "category": 1, "wiretag": LABEL}}

BAD = {
    "a field more": LABEL | {"more": 1}, "id is null": LABEL | {"id": None}, "a score above 1": LABEL | {"score": 1.5},
    "a score is no number": LABEL | {"scores": {"sports": "0.5"}}, "no scores": LABEL | {"scores": {}},
    "a URI of nothing": NONE | {"uri": "a"}, "one without a score": NONE | {"score": None},
    "several, of which none": SEVERAL | {"labels": []}, "several, but null": SEVERAL | {"score": None},
    "a hash of other length": LABEL | {"model": LABEL["model"] | {"sha256": "ab"}},
    "half a token": LABEL | {"tokens": 0.5}, "a label without its name": SEVERAL | {"labels": [{"score": 0.5}]},
    "an article alone": {"id": "a", "text": "m"}, "an article with another label": {"wiretag": {"category": "sports"}},
    "a list": [LABEL], "an offset below 0": LABEL | {"source": LABEL["source"] | {"offset": -1}},
    **{f"without {key}": {name: value for name, value in LABEL.items() if name != key}
       for key in LABEL if key not in ("uri", "windows", "input")}}


def test_the_validator_is_installed():
    """Without it no record is held to the schema."""
    assert schema.fastjsonschema is not None, "scripts/setup installs what scripts/requirements/test.txt names"


@pytest.mark.parametrize("name", GOOD)
def test_the_forms_of_a_label_are_described(name):
    schema.validator()(copy.deepcopy(GOOD[name]))


@pytest.mark.parametrize("name", BAD)
def test_what_is_none_of_them_is_refused(name):
    with pytest.raises(schema.fastjsonschema.JsonSchemaException):
        schema.validator()(copy.deepcopy(BAD[name]))


def test_a_label_that_is_read_is_held_to_the_schema_wherever_it_stands(lab):
    schema.enriched["inside"] = "/a~1b/0"
    headers = [("wiretag.model", b"m:1")]
    good = Message("inside", 0, 0, None, b'{"a/b": [%s]}' % article("m"), headers, 0)
    with pytest.raises(schema.fastjsonschema.JsonSchemaException):
        schema.hold(good)
    flow = lab.flow()
    flow.produce([Record(article("m"), headers=headers)])
    with pytest.raises(schema.fastjsonschema.JsonSchemaException):
        type(flow)(flow.bootstrap, flow.group, flow.output, flow.input, flow.dead_letter, flow.guarantee).labels(1)


def test_a_worker_publishes_what_the_schema_describes_in_either_form(lab):
    for output in ({"include_input": True}, {"form": "enriched"}):
        flow = lab.flow()
        flow.produce([b'{"text": "m", "id": %s}' % (b"9" * 5000)])
        lab.run(flow, output=output)
        message, = flow.labels(1)
        schema.validator()(schema.load(message.value))
