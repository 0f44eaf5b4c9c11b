"""What a newcomer types: every script explains itself and names a mistake."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from tree import ROOT, files, shell_scripts

SCRIPTS = [path for path in shell_scripts() if path.startswith("scripts/") and (ROOT / path).read_bytes().startswith(b"#!")]


def run(path, *arguments):
    return subprocess.run([ROOT / path, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("path", SCRIPTS)
def test_help_fits_a_screen_and_says_how_to_call(path):
    done = run(path, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert f"Usage: {path}" in done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 120


@pytest.mark.parametrize("path", SCRIPTS)
def test_an_exported_cdpath_leads_nowhere_else(path, tmp_path):
    """With it cd goes to a folder of the same name elsewhere, and prints where it went."""
    (tmp_path / path).parent.mkdir(parents=True)
    for cdpath in (".:/", tmp_path):
        done = subprocess.run(["bash", path, "--help"], cwd=ROOT, env={**os.environ, "CDPATH": str(cdpath)}, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0 and done.stderr == "" and f"Usage: {path}" in done.stdout, done.stderr


@pytest.mark.parametrize("path", SCRIPTS)
def test_an_unknown_argument_is_named_with_status_2(path):
    done = run(path, "--no-such-option")
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr and "--help" in done.stderr


def test_builds_of_one_folder_wait_for_each_other():
    """A second terminal, or a quick start beside a test."""
    with open(ROOT / "build-fake/build.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen([ROOT / "scripts/build", "--fake", "--no-install", "all"], cwd=ROOT, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in second.stderr:
            if "waiting for another scripts/build in build-fake to end" in line:
                break
        else:
            pytest.fail(f"it did not wait, and ended with status {second.wait(60)}")
        assert second.poll() is None
    _, said = second.communicate(timeout=280)
    assert second.returncode == 0, said


@pytest.mark.parametrize("path, arguments, folder", [
    ("scripts/build", ["--fake", "--no-install"], "build-fake"), ("scripts/setup", ["--python"], ".deps/log"),
    ("scripts/package", [], "build"), ("scripts/kafka/start", [], ".deps/kafka/cluster")])
def test_a_folder_that_may_not_be_written_is_told_with_what_to_do(path, arguments, folder, tmp_path):
    """A checkout of somebody else, or one that was built by sudo."""
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may write anywhere")
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    tree = Path(tempfile.mkdtemp(prefix="wiretag-test."))  # pytest's own folder is closed to others
    try:
        shutil.copytree(ROOT / "scripts", tree / "scripts")
        # As far as the scripts look before they write.
        for found in (ROOT / ".deps/librdkafka").glob("*.dist-info"):
            (tree / ".deps/librdkafka" / found.name).mkdir(parents=True)
        (tree / ".deps/kafka/libs").mkdir(parents=True)
        (tree / ".deps/kafka/libs/kafka_2.13-0.jar").touch()
        (tree / folder).mkdir(parents=True, exist_ok=True)
        for one in (tree / folder, tree / ".deps", tree):
            one.chmod(0o555)
        done = subprocess.run([*user, "bash", path, *arguments], cwd=tree, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        error, advice = done.stderr.splitlines()[-2:]
        assert error == f"error: you may not write to {tree / folder}" and advice.strip(), done.stderr
    finally:
        for one in (tree, tree / ".deps"):
            one.chmod(0o755)
        shutil.rmtree(tree)


def test_a_quick_start_without_room_for_temporary_files_says_so():
    done = subprocess.run([ROOT / "scripts/quickstart"], env={**os.environ, "TMPDIR": "/nowhere"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error: no folder can be made in /nowhere", "       Set TMPDIR to a folder that you may write to."]


def test_setup_is_done_at_once_when_nothing_is_missing():
    began = time.monotonic()
    done = run("scripts/setup", "--no-install", "--test")
    assert done.returncode == 0, done.stderr
    assert "everything needed is installed" in done.stderr
    assert time.monotonic() - began < 20


def test_setup_without_install_says_what_is_missing(tmp_path):
    """A machine without the build tools: a PATH that has only what every system has."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "sed", "cmp", "grep", "sort", "head", "cut", "stty", "env"):
        (tools / name).symlink_to(shutil.which(name))
    done = subprocess.run([tools / "bash", "scripts/setup", "--no-install", "--no-torch"], cwd=ROOT,
                          env={"PATH": str(tools)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    for package in ("gcc", "cmake", "librdkafka-dev", "default-jre-headless", "kcat"):
        assert package in done.stderr
    assert "--no-install was given" in done.stderr


def test_a_setup_that_waited_for_another_installs_nothing_twice(tmp_path):
    """What the other one has fetched is built with by now."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / ".deps").mkdir()
    (tmp_path / ".deps/librdkafka").symlink_to(ROOT / ".deps/librdkafka")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in set(os.listdir("/usr/bin")) - {"ninja", "apt-get"}:
        (tools / name).symlink_to(f"/usr/bin/{name}")
    (tools / "apt-get").write_text("#!/bin/sh\necho called >>apt-get.log\nexit 1\n")
    (tools / "apt-get").chmod(0o755)
    with open(tmp_path / ".deps/lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen([tmp_path / "scripts/setup", "--build-only", "--no-torch"], cwd=tmp_path, env={"PATH": str(tools)},
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = []
        for line in second.stderr:
            said.append(line)
            if "waiting for another scripts/setup to end" in line:
                break
        assert "system packages (apt): ninja-build" in said[1], said
        (tools / "ninja").symlink_to(shutil.which("ninja"))
    _, rest = second.communicate(timeout=60)
    assert second.returncode == 0, rest
    assert not (tmp_path / "apt-get.log").exists()


def test_setup_looks_for_each_library_that_the_build_needs():
    needed = {module for path in files("CMakeLists.txt")
              for module in re.findall(r"pkg_check_modules\(\w+ REQUIRED IMPORTED_TARGET ([\w.-]+)",
                                       (ROOT / path).read_text(encoding="utf-8"))}
    looked_for = set(re.findall(r"has_library '?([\w.-]+)", (ROOT / "scripts/setup").read_text(encoding="utf-8")))
    assert needed and needed == looked_for


def test_no_loop_that_waits_substitutes_commands():
    """Bash 5.2 loses a SIGINT that comes in the middle of a command or process substitution, up to 6 of 100 in a
    loop of nothing else: what waits captures by ui_capture."""
    loop = re.compile(r"^( *)(?:while|until) .*?^\1done", re.MULTILINE | re.DOTALL)
    waiting = 0
    for path in shell_scripts():
        for match in loop.finditer((ROOT / path).read_text(encoding="utf-8")):
            if re.search(r"\bsleep\b", match[0]):
                waiting += 1
                assert not re.search(r"\$\((?!\()|`|<\(", match[0]), f"{path}: {match[0]}"
    assert waiting >= 5
