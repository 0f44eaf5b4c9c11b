"""Dependencies point one way: each folder of src/ is a layer and includes only itself and those below it.

The order is that of ARCHITECTURE.md; what a file depends on is read off its #include lines.
"""

import re
from pathlib import PurePath

import pytest
from tree import ROOT, files

# The folders, highest first. One inside another is of its own layer only where it is named.
LAYERS = ["main", "cli", "pipeline", "pipeline/publish", "pipeline/consume", "pipeline/shadow", "replay", "check", "kafka", "codec", "registry", "record",
          "library", "model", "text", "config", "observe", "compare", "base"]
# Neighbours that stand side by side: none sees another.
APART = [{"pipeline/publish", "pipeline/consume", "pipeline/shadow"}]
# Lower layers that a layer does without, so that it can be used by itself.
WITHOUT = {
    "text": {"config", "observe"},
    "library": {"config", "observe"},
    "model": {"config", "observe"},
    "config": {"text", "model"},
}
# Folders inside a layer, highest first. Files of the layer itself may be used by all of them.
INNER = {"text": ["compound", "wordpiece", "split", "normal", "models", "unicode", "json", "tables"]}
# The public headers, and the layer that implements each.
PUBLIC = {"status.h": "base", "tokenizer.h": "text", "model.h": "model", "classify.h": "library"}
# The stages that own a thread. What else lies in src/pipeline are their parts.
STAGES = {"consume", "prepare", "infer", "publish"}
# Who may include the headers of a library.
LIBRARIES = {
    r"librdkafka/": r"src/(kafka|replay|pipeline|cli)/.*|src/main\.c",
    r"(torch|ATen|c10|caffe2)/": r"src/model/torch/.*",
    r"jansson\.h": r"src/(codec|registry|kafka|model|cli)/.*\.c",
    r"yaml\.h": r"src/config/config_yaml\.c",
    r"curl/": r"src/(registry/registry|observe/spans)\.c",
    r"libxml/": r"src/codec/markup\.c",
    r"microhttpd\.h": r"src/observe/http(_[a-z]+)?\.[ch]",
    r"openssl/": r"src/(codec|kafka|model)/.*\.(c|cpp)",
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
SOURCES = [path for path in files(".c", ".h", ".cpp") if path.startswith(("src/", "include/"))]


def includes(path):
    """(own headers, system headers) that a file names."""
    found = INCLUDE.findall((ROOT / path).read_text(encoding="utf-8"))
    return [own for own, _ in found if own], [system for _, system in found if system]


def layer(path):
    """The layer that a file is of: that of the innermost folder which is named."""
    parts = PurePath(path).parts
    if parts[0] == "include":
        return PUBLIC[parts[-1]]
    if len(parts) == 2:
        return PurePath(parts[1]).stem
    inner = "/".join(parts[1:3])
    return inner if inner in LAYERS else parts[1]


def below(own):
    """The layers that one may include, itself among them."""
    allowed = set(LAYERS[LAYERS.index(own):]) - WITHOUT.get(own, set())
    for neighbours in APART:
        if own in neighbours:
            allowed -= neighbours - {own}
    return allowed


def module(path):
    """A source and its headers are one module; `x_internal.h` is shared by the sources of module x alone."""
    return str(PurePath(path).with_suffix("")).removesuffix("_internal")


def resolve(header, path):
    """The file that an #include "..." means."""
    places = [f"src/{header}", f"include/{header}", str(PurePath(path).parent / header)]
    found = [place for place in places if place in SOURCES]
    assert found, f'{path} includes "{header}", which is in neither src nor include'
    return found[0]


@pytest.mark.parametrize("path", SOURCES)
def test_a_file_includes_only_its_own_layer_and_those_below(path):
    own = layer(path)
    assert own in LAYERS, f"{path} belongs to no layer of ARCHITECTURE.md"
    for header in includes(path)[0]:
        other = layer(resolve(header, path))
        assert other in below(own), f'{path} ({own}) includes "{header}" ({other})'


@pytest.mark.parametrize("path", [path for path in SOURCES if PurePath(path).parts[1] in INNER and len(PurePath(path).parts) > 3])
def test_a_folder_inside_a_layer_includes_only_those_below_it(path):
    _, own, inner, *_ = PurePath(path).parts
    allowed = INNER[own][INNER[own].index(inner):]
    for header in includes(path)[0]:
        parts = PurePath(resolve(header, path)).parts
        if parts[1] == own and len(parts) > 3:
            assert parts[2] in allowed, f'{path} includes "{header}"'


def test_every_folder_of_a_layer_is_a_library_of_its_own():
    for folder in LAYERS[1:]:
        name = "wiretag_" + folder.rpartition("/")[2]
        assert f"add_library({name} " in (ROOT / "src" / folder / "CMakeLists.txt").read_text(), folder


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


def test_modules_depend_on_each_other_in_no_circle():
    graph = {}
    for path in SOURCES:
        known = graph.setdefault(module(path), set())
        known |= {module(resolve(header, path)) for header in includes(path)[0]} - {module(path)}
    done = set()

    def visit(name, trail):
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, [*trail, name])
            done.add(name)

    for name in sorted(graph):
        visit(name, [])


def test_public_headers_stand_alone():
    for path in SOURCES:
        if path.startswith("include/"):
            for header in includes(path)[0]:
                assert header.startswith("wiretag/"), f'{path} includes "{header}"'


def test_cpp_is_the_thin_layer_around_libtorch_alone():
    for path in files(".cpp", ".cc", ".cxx", ".hpp"):
        assert re.fullmatch(r"(src/model/torch|tests/[a-z]+)/torch_[a-z0-9_]+\.(cpp|h)", path), path


def test_every_source_is_built():
    listed = "".join((ROOT / path).read_text(encoding="utf-8") for path in files("CMakeLists.txt"))
    for path in SOURCES:
        if path.endswith((".c", ".cpp")):
            assert re.search(rf"\b{re.escape(PurePath(path).name)}", listed), f"no CMakeLists.txt names {path}"
