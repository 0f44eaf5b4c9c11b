"""The Debian package for ARM64, made on another processor and run on an emulated one."""

import json
import os
import re
import shutil
import subprocess

import packaged
import pytest
from image import call
from installed import loading, named
from worker import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
DEBIAN = ROOT / ".deps/arm64/debian"
EMULATOR = ["qemu-aarch64", "-cpu", "max", "-L", DEBIAN]
ARTICLE = '{"id": 1, "text": "Сборная выиграла финал чемпионата Европы по гандболу"}\n'


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    ready = subprocess.run([ROOT / "scripts/setup", "--arm", "--build-only", "--no-install"], capture_output=True, timeout=60)
    if ready.returncode != 0 or os.uname().machine == "aarch64" or not shutil.which("dpkg-shlibdeps"):
        pytest.skip("nothing here can make it: scripts/setup --arm --package, on another processor")
    folder = tmp_path_factory.mktemp("arm")
    call(ROOT / "scripts/package", "--arch", "arm64", "--no-install", "--output", folder)
    made, = folder.glob("wiretag_*_arm64.deb")
    yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def unpacked(package):
    """Its files: as installed, but elsewhere."""
    folder = package.parent / "unpacked"
    call("dpkg-deb", "-x", package, folder)
    return folder


@pytest.fixture(scope="module")
def binaries(unpacked):
    libraries = [path for path in (unpacked / "usr/lib/wiretag").rglob("*.so*") if not path.is_symlink()]
    assert len(libraries) >= 6
    return [unpacked / "usr/bin/wiretag", *libraries]


def emulated(unpacked, *arguments, **options):
    return subprocess.run([*EMULATOR, unpacked / "usr/bin/wiretag", *arguments], cwd=unpacked, env={"LC_ALL": "C.UTF-8"},
                          capture_output=True, text=True, timeout=1500, check=False, **options)


# --- what is in it ---


def test_all_of_it_is_for_arm64(package, binaries):
    assert packaged.field(package, "Architecture") == "arm64"
    for path in binaries:
        assert re.search(r"Machine:\s+AArch64", call("readelf", "-h", path)), path


def test_nothing_of_the_build_is_left_in_the_program(binaries):
    program = binaries[0]
    assert named(program, "RPATH") == []
    assert named(program, "RUNPATH") == ["$ORIGIN/../lib/wiretag:$ORIGIN/../lib/wiretag/torch/lib"]
    assert str(ROOT).encode() not in program.read_bytes()
    assert ".debug_info" not in call("readelf", "-S", "-W", program)


def test_every_library_that_is_needed_is_in_it_or_in_a_package_that_it_depends_on(package, binaries):
    depends = {one.split()[0] for one in packaged.field(package, "Depends").split(", ")}
    inside = {path.name for path in binaries}
    needed = {name for path in binaries for name in named(path, "NEEDED")} - inside
    assert {"libc.so.6", "libcurl.so.4", "libstdc++.so.6"} <= needed
    for name in needed:
        found = call("dpkg-query", f"--admindir={DEBIAN}/var/lib/dpkg", "--search", f"*/{name}")
        assert {line.split(":")[0] for line in found.splitlines()} & depends, f"{name}: {found}"


def test_every_library_in_it_is_in_the_list_of_parts_with_its_hash(package):
    packaged.check_the_list_of_parts(package)
    parts = packaged.list_of_parts(package)
    assert parts["metadata"]["component"]["purl"].endswith("?arch=arm64")
    assert "libc6" in {part["name"] for part in parts["components"]}


def test_it_has_what_the_other_has(unpacked):
    for path in ("usr/share/man/man1/wiretag.1.gz", "usr/share/wiretag/demo.pt", "usr/share/wiretag/alerts.yaml", "etc/wiretag/wiretag.yaml",
                 "usr/lib/systemd/system/wiretag@.service", "usr/share/doc/wiretag/copyright"):
        assert (unpacked / path).stat().st_size > 0


# --- it runs ---


def test_it_starts_with_its_own_libraries(unpacked):
    ended, loaded = loading(unpacked / "usr", *EMULATOR, unpacked / "usr/bin/wiretag", "--version")
    assert ended.returncode == 0, ended.stderr
    assert re.match(r"wiretag \S+\nlibrdkafka 2\.\d+\.\d+\nlibtorch \S+\n$", ended.stdout)
    assert {"libtorch_cpu.so", "libc10.so"} <= loaded and any(name.startswith("librdkafka-") for name in loaded)


def test_it_labels_an_article(unpacked):
    ended = emulated(unpacked, "classify", "--model", "usr/share/wiretag/demo.pt", "--precision", "fp32", "--kernels", "neon", input=ARTICLE)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["category"] == "sports"


def test_it_checks_its_own_configuration_and_looks_for_a_broker(unpacked):
    settings = ("model.path=usr/share/wiretag/demo.pt", "model.precision=fp32", "model.kernels=neon", "kafka.common.bootstrap.servers=127.0.0.1:1")
    ended = emulated(unpacked, "check", "-c", "etc/wiretag/wiretag.yaml", *(word for one in settings for word in ("--set", one)))
    assert ended.returncode == 1, ended.stderr  # no broker is there
    assert "the configuration is complete" in ended.stdout and "self-test passed" in ended.stdout
    assert re.search(r"^error .*127\.0\.0\.1:1 failed: Connection refused", ended.stdout, re.MULTILINE)
