"""THIRD_PARTY.md names a licence for everything that is linked or fetched."""

import re

import pytest
from tree import ROOT, files

TEXT = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
# The first column of the tables, and of those by licence the second: names of what is licensed.
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")]
NAMED = {re.sub(r"[\s(].*", "", name).lower() for row in ROWS for cell in row for name in re.split(r", | with ", cell)}
NAMED |= {name.lower() for name in re.findall(r"\((?:[^()]* )?(lib[\w-]+-dev)\)", TEXT)}


REQUIREMENTS = [path for path in files(".txt") if re.search(r"^scripts/.*\brequirements\b", path)]


@pytest.mark.parametrize("path", REQUIREMENTS)
def test_every_pinned_python_package_is_named(path):
    pinned = re.findall(r"^([\w-]+)==", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned and [name for name in pinned if name.lower() not in NAMED] == []


def test_every_system_package_that_setup_installs_is_named():
    wanted = set(re.findall(r"^ +(?:if .*then )?want ([\w+-]+) ", (ROOT / "scripts/setup").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"gcc", "librdkafka-dev", "maven", "python3"} <= wanted
    assert sorted(name for name in wanted if name not in NAMED) == []


def test_every_version_that_is_named_is_the_pinned_one():
    for line in (ROOT / "scripts/requirements/libtorch.txt").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w-]+)==([\d.]+)", line):
            assert match[2] in TEXT, line
    assert re.search(r"<kafka.version>(.*)</", (ROOT / "scripts/kafka/pom.xml").read_text(encoding="utf-8"))[1] in TEXT


def test_every_jar_of_kafka_is_named():
    jars = sorted((ROOT / ".deps/kafka/libs").glob("*.jar"))
    if not jars:
        pytest.skip("Kafka is not installed here")
    artifacts = {re.sub(r"(_2\.13)?-\d.*", "", jar.name).lower() for jar in jars}
    unnamed = {name for name in artifacts if not any(name == one or name.startswith((one + "-", one + ".")) for one in NAMED)}
    assert sorted(unnamed) == []


def test_every_part_of_the_torch_wheel_is_named():
    licences = list((ROOT / ".deps/libtorch").glob("torch-*.dist-info/licenses/third_party"))
    if not licences:
        pytest.skip("libtorch is not installed here")
    known = re.sub(r"[^a-z0-9]", "", TEXT.lower())
    # Folders that are called otherwise than the project that is in them.
    names = {"protobuf": "protocolbuffers", "miniz302": "miniz", "nlohmann": "nlohmannjson"}
    folders = {re.sub(r"[^a-z0-9]", "", path.name.lower()) for path in licences[0].iterdir()}
    assert len(folders) > 20
    assert sorted(name for name in folders if names.get(name, name) not in known) == []


def test_every_part_of_the_wheels_librdkafka_is_named():
    libraries = list((ROOT / ".deps/librdkafka").glob("confluent_kafka.libs/librdkafka-*.so.1"))
    licences = list((ROOT / ".deps/librdkafka").glob("confluent_kafka-*.dist-info/licenses/LICENSE"))
    if not libraries:
        pytest.skip("the system's librdkafka is used here")
    parts = set(re.findall(r"^LICENSE\.(\w+)$", licences[0].read_text(encoding="utf-8"), re.MULTILINE))
    parts -= {"wingetopt", "unasync"}  # of Windows and of Python
    assert len(parts) > 5 and [part for part in parts if not re.search(rf"\b{part}\b", TEXT)] == []
    library = libraries[0].read_bytes()
    for symbol, name in ((b"curl_easy_init", "libcurl"), (b"cJSON_Parse", "cJSON"), (b"ZSTD_compress", "zstd"), (b"OpenSSL 3.5", "OpenSSL 3.5"),
                         (b"LZ4_compress", "lz4"), (b"pb_encode", "nanopb"), (b"opentelemetry", "OpenTelemetry"), (b"inflate 1.3", "zlib 1.3")):
        assert symbol in library and f"\n| {name}" in TEXT, name
    assert b"sasl_client_init" not in library and "There is no Cyrus SASL in it" in " ".join(TEXT.split())


def test_the_licences_that_bind_whoever_passes_it_on_are_not_overlooked():
    for name in ("LGPL-2.1-or-later", "CUDA Toolkit EULA", "Intel Simplified Software License", "GCC Runtime Library Exception"):
        assert name in TEXT
