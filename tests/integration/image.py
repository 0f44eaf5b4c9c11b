"""The image of the Dockerfile, built and run by Docker where its daemon is there, else by buildah as root.

buildah needs no daemon and no registry: the base image is made of Debian's packages by mmdebstrap, with this machine's
own certificates and pip settings in it, and what is built runs by chroot: as the image's user, on a file system that
is mounted read-only, with a /proc as every container has."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from worker import ROOT

BASE = "docker.io/library/debian:12-slim"
HOW = "install Docker and start it, or, as root: apt-get install buildah mmdebstrap"


def call(*command, timeout=1800, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}"
    return done.stdout.strip()


def build(folder):
    """The image, built by what there is; the test is skipped where there is nothing."""
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "info"], capture_output=True, timeout=60).returncode == 0:
        return Docker()
    if os.getuid() == 0 and all(map(shutil.which, ("buildah", "mmdebstrap", "unshare"))):
        return Buildah(folder)
    pytest.skip(f"THE IMAGE WAS NOT TESTED: nothing here can build one; {HOW}")


class Docker:
    def __init__(self):
        self.name = f"wiretag-test-{os.getpid()}"
        call("docker", "build", "-t", self.name, ROOT)
        self.config = json.loads(call("docker", "image", "inspect", self.name))[0]["Config"]

    def command(self, *words, proc=True):
        """A command line for `words` in a container: without rights, on this machine's network."""
        return ["docker", "run", "--rm", "-i", "--read-only", "--cap-drop", "ALL", "--network", "host",
                "--entrypoint", words[0], self.name, *words[1:]]

    def close(self):
        call("docker", "rmi", self.name)


class Buildah:
    def __init__(self, folder):
        self.folder = folder
        self._store = ["buildah", "--root", folder / "store", "--runroot", folder / "run"]
        self._make_base()
        self._buildah("bud", "--isolation", "chroot", "--pull-never", "--layers=false", "-t", "wiretag", ROOT)
        container = self._buildah("from", "wiretag")
        self.config = json.loads(self._buildah("inspect", "--format", "{{.Config}}", "--type", "image", "wiretag"))["config"]
        self.root = Path(self._buildah("mount", container))

    def _buildah(self, *words):
        return call(*self._store, *words)

    def _make_base(self):
        """Debian as the Dockerfile names it, with what this machine's network asks for."""
        tree = self.folder / "base"
        sources = Path("/etc/apt/sources.list.d/debian.sources")
        here = "bookworm" in Path("/etc/os-release").read_text() and sources.exists()
        call("mmdebstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", tree, *([sources] if here else []))
        certificates = Path("/usr/local/share/ca-certificates")
        if certificates.is_dir():
            shutil.copytree(certificates, tree / "usr/local/share/ca-certificates", dirs_exist_ok=True)
            call("chroot", tree, "update-ca-certificates")
        for settings in ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf"):
            if (path := Path(settings).expanduser()).exists():
                shutil.copy(path, tree / "etc/pip.conf")
        container = self._buildah("from", "scratch")
        self._buildah("add", container, tree, "/")
        for name in ("PIP_INDEX_URL", "PIP_TRUSTED_HOST"):
            if name in os.environ:
                self._buildah("config", "--env", f"{name}={os.environ[name]}", container)
        self._buildah("commit", container, BASE)
        self._buildah("rm", container)
        shutil.rmtree(tree)

    def command(self, *words, proc=True):
        """A command line for `words` in the image: without rights, on this machine's network. `proc`: with a /proc."""
        place = self.folder / "mounted"
        place.mkdir(exist_ok=True)
        script = 'set -e; mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"'
        script += '; mount -t proc proc "$2/proc"' if proc else ""
        script += '; cd "$2"; user=$3; folder=$4; place=$2; shift 4; exec chroot --userspec="$user:$user" "$place" env -i' \
                  ' --chdir="$folder" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"'
        return ["unshare", "--mount", "bash", "-c", script, "bash", self.root, place,
                self.config["User"], self.config["WorkingDir"], *words]

    def close(self):
        self._buildah("umount", "--all")
        self._buildah("rm", "--all")
        self._buildah("rmi", "--all", "--force")
        shutil.rmtree(self.folder)
