"""Dependencies point one way: main -> cli -> pipeline -> {text, model, base}; ops stands on base.

The rules are those of ARCHITECTURE.md; they are read off the #include lines.
"""

import re
from pathlib import PurePath

import pytest
from tree import ROOT, files

# Which layers a layer may include, itself aside.
BELOW = {
    "base": set(),
    "text": {"base"},
    "model": {"text", "base"},
    "ops": {"base"},
    "pipeline": {"model", "text", "base"},
    "cli": {"pipeline", "ops", "model", "text", "base"},
    "main": {"cli", "model", "text", "base"},
}
# The public headers, and the layer that implements each.
PUBLIC = {"status.h": "base", "tokenizer.h": "text", "model.h": "model"}
# The stages that own a thread. What else lies in src/pipeline are their parts.
STAGES = {"consume", "prepare", "infer", "publish"}
# Who may include the headers of a library.
LIBRARIES = {
    r"librdkafka/": (
        r"src/pipeline/(kafka\w*|brokers|watch|hindrance|consumer|consume|intake|leave|membership|range|loss|setback|suspend|startup|extent_query|lookup|survey|pledge|replay|produce|offsets|commit|transaction|txn_hindrance"
        r"|release|publish|pipeline)\.[ch]|src/cli/.*|src/main\.c"),
    r"(torch|ATen|c10|caffe2)/": r"src/model/torch_[a-z0-9_]+\.(cpp|h)",
    r"jansson\.h": r"src/.*\.c",
    r"yaml\.h": r"src/base/config_yaml\.c",
    r"microhttpd\.h": r"src/ops/.*\.c",
    r"openssl/": r"src/.*\.(c|cpp)",
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
SOURCES = [path for path in files(".c", ".h", ".cpp") if path.startswith(("src/", "include/"))]


def includes(path):
    """(own headers, system headers) that a file names."""
    found = INCLUDE.findall((ROOT / path).read_text(encoding="utf-8"))
    return [own for own, _ in found if own], [system for _, system in found if system]


def layer(path):
    parts = PurePath(path).parts
    if parts[0] == "include":
        return PUBLIC[parts[-1]]
    return PurePath(parts[1]).stem if len(parts) == 2 else parts[1]


def resolve(header, path):
    """The file that an #include "..." means."""
    places = [f"src/{header}", f"include/{header}", str(PurePath(path).parent / header)]
    found = [place for place in places if place in SOURCES]
    assert found, f'{path} includes "{header}", which is in neither src nor include'
    return found[0]


@pytest.mark.parametrize("path", SOURCES)
def test_a_file_includes_only_its_own_layer_and_those_below(path):
    own = layer(path)
    assert own in BELOW, f"{path} belongs to no layer of ARCHITECTURE.md"
    for header in includes(path)[0]:
        other = layer(resolve(header, path))
        assert other == own or other in BELOW[own], f'{path} ({own}) includes "{header}" ({other})'


@pytest.mark.parametrize("path", SOURCES)
def test_a_library_is_seen_only_where_it_is_used(path):
    for header in includes(path)[1]:
        for library, where in LIBRARIES.items():
            if re.match(library, header):
                assert re.fullmatch(where, path), f"{path} includes <{header}>; allowed: {where}"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.startswith("src/pipeline/")])
def test_no_stage_knows_another_and_only_the_pipeline_knows_their_order(path):
    name = PurePath(path).stem
    for header in includes(path)[0]:
        other = PurePath(header).stem
        if header.startswith("pipeline/") and other in STAGES and other != name:
            assert path == "src/pipeline/pipeline.c", f'{path} includes "{header}"'


def test_headers_include_each_other_in_no_circle():
    graph = {path: {resolve(header, path) for header in includes(path)[0]}
             for path in SOURCES if path.endswith(".h")}
    done = set()

    def visit(path, trail):
        assert path not in trail, " -> ".join([*trail, path])
        if path not in done:
            for other in sorted(graph[path]):
                visit(other, [*trail, path])
            done.add(path)

    for path in sorted(graph):
        visit(path, [])


def test_public_headers_stand_alone():
    for path in SOURCES:
        if path.startswith("include/"):
            for header in includes(path)[0]:
                assert header.startswith("wiretag/"), f'{path} includes "{header}"'


def test_cpp_is_the_thin_layer_around_libtorch_alone():
    for path in files(".cpp", ".cc", ".cxx", ".hpp"):
        assert re.fullmatch(r"(src/model|tests/[a-z]+)/torch_[a-z0-9_]+\.(cpp|h)", path), path


def test_every_source_is_built():
    listed = "".join((ROOT / path).read_text(encoding="utf-8") for path in files("CMakeLists.txt"))
    for path in SOURCES:
        if path.endswith((".c", ".cpp")):
            assert re.search(rf"\b{re.escape(PurePath(path).name)}", listed), f"no CMakeLists.txt names {path}"
