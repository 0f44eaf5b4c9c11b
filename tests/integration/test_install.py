"""What cmake --install leaves runs where it is put: without this tree, and with none but the prefix's and the
system's libraries. A librdkafka that is too old is refused, by the build and by the program."""

import os
import re
import shutil
from pathlib import Path

import pytest
import worker
from installed import configure, done, loading, moved_prefix, named, run
from worker import ROOT

PROGRAMS = ["build/wiretag", "build/install/wiretag", "build-fake/wiretag", "build-fake/install/wiretag"]
ARTICLE = '{"id": 1, "text": "Сборная выиграла финал чемпионата Европы по гандболу"}\n'


def wheel_library():
    """The file name of the wheel's librdkafka that the program needs; skips where the build took the system's."""
    for name in named(worker.binary(), "NEEDED"):
        if re.fullmatch(r"librdkafka-\w+\.so\.1", name):
            return name
    pytest.skip("the build took the system's librdkafka, which is new enough")


# --- where the program looks ---


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_library_path_has_neither_empty_entries_nor_places_of_the_build(program):
    """An empty entry is the working directory: whoever can write there would choose the libraries."""
    assert (ROOT / program).exists(), f"{program} is not there: run scripts/build"
    assert named(ROOT / program, "RPATH") == []
    for path in named(ROOT / program, "RUNPATH"):
        for entry in path.split(":"):
            inside = entry.startswith("$ORIGIN/")
            elsewhere = os.environ.get("TORCH_ROOT") and entry.startswith("/") and not entry.startswith(str(ROOT))
            assert inside or elsewhere, path


# --- the prefix ---


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """build/ installed, then moved."""
    folder = tmp_path_factory.mktemp("install")
    yield moved_prefix("build", folder)
    shutil.rmtree(folder)


def from_prefix(prefix, *arguments, **options):
    return loading(prefix, prefix / "bin/wiretag", *arguments, **options)


def test_the_installed_program_says_its_versions(prefix):
    ended, loaded = from_prefix(prefix, "--version")
    assert ended.returncode == 0, ended.stderr
    assert re.match(r"wiretag \S+\nlibrdkafka 2\.\d+\.\d+\nlibtorch \S+\n$", ended.stdout)
    assert {"libtorch_cpu.so", "libc10.so"} <= loaded


def test_the_installed_program_labels_an_article(prefix):
    ended, _ = from_prefix(prefix, "classify", "--model", ROOT / "models/demo.pt", input=ARTICLE)
    assert ended.returncode == 0, ended.stderr
    assert '"category":"sports"' in ended.stdout


def test_the_installed_program_checks_a_model_and_looks_for_a_broker(prefix):
    ended, loaded = from_prefix(
        prefix, "check", "-c", prefix / "share/doc/wiretag/wiretag.yaml", "--set", f"model.path={ROOT}/models/demo.pt",
        "--set", "kafka.common.bootstrap.servers=127.0.0.1:1")
    assert ended.returncode == 1  # no broker is there
    assert "self-test passed" in ended.stdout and "127.0.0.1:1" in ended.stdout
    assert any(name.startswith("librdkafka") for name in loaded)


def test_everybody_may_run_what_was_installed(prefix):
    for path in [prefix, *prefix.rglob("*")]:
        need = 0o555 if path.is_dir() or path.parent.name == "bin" else 0o444
        assert path.stat().st_mode & need == need, path


def test_every_library_has_its_licence(prefix):
    places = {"lib/libwiretag": "LICENSE", "librdkafka": "librdkafka/LICENSE", "torch/lib": "libtorch/torch/licenses/LICENSE",
              "libcudart": "libtorch/nvidia_cuda_runtime/licenses/License.txt",
              "libcupti": "libtorch/nvidia_cuda_cupti/licenses/License.txt"}
    libraries = [str(path.relative_to(prefix)) for path in prefix.rglob("*.so*")]
    assert libraries
    for library in libraries:
        of = [place for part, place in places.items() if part in library]
        if of or not os.environ.get("TORCH_ROOT"):
            assert of and (prefix / "share/doc/wiretag" / of[0]).stat().st_size > 1000, library
    assert (prefix / "share/doc/wiretag/THIRD_PARTY.md").exists()


# --- what is taken of libtorch ---


def libtorch_of(folder, *options, complete):
    """What is installed of a libtorch whose libraries are the system's C library under other names."""
    libraries = ["torch/lib/libtorch_cpu.so", "torch/lib/libtorch_cuda.so", "torch/lib/libtorch_python.so"]
    if complete:
        libraries += ["nvidia/cu13/lib/libcublas.so.13", "nvidia/cudnn/lib/libcudnn_ops.so.9"]
    for library in libraries:
        path = folder / "site-packages" / library
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(re.search(r"=> (/\S*libc\.so\S*)", done("ldd", ROOT / "build/wiretag"))[1], path)
    configured = configure(folder / "build", f"-DTORCH_ROOT={folder}/site-packages/torch", *options)
    assert configured.returncode == 0, configured.stderr
    done("cmake", "--install", folder / "build", "--component", "libtorch", "--prefix", folder / "prefix")
    found = (folder / "prefix").rglob("*.so*")
    return {str(path.relative_to(folder / "prefix/lib/wiretag")) for path in found}


@pytest.mark.skipif(shutil.which("objdump") is None, reason="binutils is not there")
def test_a_libtorch_with_cuda_is_installed_with_cuda_unless_told_otherwise(tmp_path):
    cpu = {"torch/lib/libtorch_cpu.so"}
    cuda = {"torch/lib/libtorch_cuda.so", "nvidia/cu13/lib/libcublas.so.13", "nvidia/cudnn/lib/libcudnn_ops.so.9"}
    assert libtorch_of(tmp_path / "1", complete=True) == cpu | cuda
    assert libtorch_of(tmp_path / "2", complete=False) == cpu
    assert libtorch_of(tmp_path / "3", "-DWIRETAG_INSTALL_TORCH=cpu", complete=True) == cpu
    assert libtorch_of(tmp_path / "4", "-DWIRETAG_INSTALL_TORCH=OFF", complete=True) == set()


# --- an old librdkafka ---


@pytest.fixture
def old_librdkafka(tmp_path):
    """An environment in which the loader takes the system's librdkafka for the wheel's."""
    name = wheel_library()
    folder = done("pkg-config", "--variable=libdir", "rdkafka").strip()
    shutil.copy(Path(folder) / "librdkafka.so.1", tmp_path / name)
    return {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}


@pytest.mark.parametrize("command, status", [
    ("check", 1), ("run", 2), ("redrive", 2), ("replay --from earliest --to latest --name again --same-topic", 2),
    ("explain news.articles:0:0", 2)])
def test_an_old_librdkafka_is_refused_with_a_sentence(command, status, old_librdkafka):
    name, *rest = command.split()
    ended = run(worker.binary(), name, "-c", ROOT / "config/wiretag.yaml", *rest, env=old_librdkafka, cwd=ROOT)
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert re.search(r"librdkafka \d\S+ is too old: wiretag needs 2\.12 or newer", ended.stdout + ended.stderr)
    # Before anything that takes long.
    assert "loading the model" not in ended.stderr


def test_the_version_that_was_found_is_shown_and_labelling_without_kafka_needs_none(old_librdkafka):
    version = done("pkg-config", "--modversion", "rdkafka").strip()
    assert f"\nlibrdkafka {version}\n" in done(worker.binary(), "--version", env=old_librdkafka)
    assert '"category":"sports"' in done(worker.binary(), "classify", "--model", ROOT / "models/demo.pt",
                                         input=ARTICLE, env=old_librdkafka)


@pytest.mark.parametrize("wheel", [None, "2.3.0"])
def test_the_build_refuses_an_old_librdkafka_with_a_sentence(wheel, tmp_path):
    wheel_library()
    root = tmp_path / "wheel"
    if wheel:
        for path in ("confluent_kafka.libs/librdkafka-0a1b2c3d.so.1", f"confluent_kafka-{wheel}.dist-info/METADATA"):
            (root / path).parent.mkdir(parents=True)
            (root / path).touch()
    ended = configure(tmp_path / "build", f"-DRDKAFKA_ROOT={root}", "-DWIRETAG_MODEL=fake")
    said = re.sub(r"\s+", " ", ended.stderr)
    assert ended.returncode != 0
    assert "is too old: wiretag needs 2.12 or newer. Run scripts/setup, which fetches one" in said


def test_the_build_takes_the_systems_librdkafka_where_it_is_new_enough(tmp_path):
    """As pkg-config describes it: of a distribution, or one of one's own with Kerberos."""
    library, packages = tmp_path / "lib/librdkafka.so", tmp_path / "lib/pkgconfig"
    packages.mkdir(parents=True)
    library.touch()
    (packages / "rdkafka.pc").write_text(f"Name: rdkafka\nDescription: its client\nVersion: 2.12.1\n"
                                         f"Libs: -L{tmp_path}/lib -lrdkafka\n", encoding="utf-8")
    ended = configure(tmp_path / "build", "-GNinja", f"-DRDKAFKA_ROOT={tmp_path}/none", "-DWIRETAG_MODEL=fake",
                      env={**os.environ, "PKG_CONFIG_PATH": str(packages)})
    assert ended.returncode == 0, ended.stderr
    assert str(library) in (tmp_path / "build/build.ninja").read_text(encoding="utf-8")
