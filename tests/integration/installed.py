"""A build, installed and moved elsewhere; and running what lies there with no help from this tree."""

import os
import re
import subprocess

from worker import ROOT

SYSTEM = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)


def done(*command, **options):
    """The standard output of a command that must succeed."""
    ended = run(*command, **options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def named(program, tag):
    """The values of a tag of the dynamic section of a program or a library."""
    return re.findall(rf"\({tag}\).*\[(.*)\]", done("readelf", "-d", program))


def configure(folder, *options, **run_options):
    return run("cmake", "-S", ROOT, "-B", folder, "-DBUILD_TESTING=OFF", *options, **run_options)


def moved_prefix(build, folder):
    """Installs `build` under `folder`, as a root with a strict umask would, and moves the prefix."""
    done("sh", "-c", 'umask 077; exec cmake --install "$1" --strip --prefix "$2"', "sh", ROOT / build, folder / "first")
    (folder / "moved to").mkdir()
    (folder / "first").rename(folder / "moved to/here")
    return folder / "moved to/here"


def loading(prefix, *command, **options):
    """Runs a command in a folder and an environment that help it to nothing; asserts that every library it loads is the
    prefix's or the system's, and returns what it said with their names."""
    log = prefix.parent / "loaded"
    for old in prefix.parent.glob("loaded.*"):
        old.unlink()
    ended = run(*command, cwd="/", env={"LC_ALL": "C.UTF-8", "LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(log)}, **options)
    said = "".join(path.read_text(errors="replace") for path in prefix.parent.glob("loaded.*"))
    loaded = set(re.findall(r"calling init: (/.*)", said))
    for path in map(os.path.normpath, loaded):
        assert path.startswith((f"{prefix}/", *SYSTEM)) and not path.startswith(f"{ROOT}/"), path
    return ended, {os.path.basename(path) for path in loaded}
