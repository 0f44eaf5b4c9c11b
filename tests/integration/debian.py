"""Bare Debian systems for the tests of the package: trees made by mmdebstrap, in which commands run by chroot."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import client
import pytest
from image import call

# systemd wants a root that is a mount, its cgroups, and the file systems of a machine.
BOOT = """
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
mkdir dev/shm dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
pivot_root . mnt
umount -l mnt
mount --make-rshared /
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=false
"""
HOW = "as root: apt-get install mmdebstrap"


def children(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(word) for word in found.split()]


class System:
    """A release of Debian in `folder`: dpkg, apt and what they need. Its network is this machine's."""

    def __init__(self, folder, release):
        if os.getuid() != 0 or not shutil.which("mmdebstrap"):
            pytest.skip(f"THE PACKAGE WAS NOT INSTALLED: no bare Debian can be made here; {HOW}")
        self.release = release
        self.root = Path(folder) / release
        sources = Path("/etc/apt/sources.list.d/debian.sources")
        here = release in Path("/etc/os-release").read_text() and sources.exists()
        call("mmdebstrap", "--variant=minbase", release, self.root, *([sources] if here else []))
        (self.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (self.root / "usr/sbin/policy-rc.d").chmod(0o755)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(Path("/etc") / name, self.root / "etc" / name)
        certificates = Path("/usr/local/share/ca-certificates")
        if certificates.is_dir():
            shutil.copytree(certificates, self.root / "usr/local/share/ca-certificates", dirs_exist_ok=True)
        call("chroot", self.root, "apt-get", "update")
        (self.root / "dev/null").exists() or call("mknod", self.root / "dev/null", "c", 1, 3)

    def command(self, *words):
        """A command line that runs `words` in it, with a /proc, as processes of its own."""
        script = 'mount -t proc proc "$1/proc" && shift && exec chroot "$@"'
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", str(self.root), str(self.root),
                "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                *map(str, words)]

    def run(self, *words, **options):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=600, check=False, **options)

    def done(self, *words, **options):
        ended = self.run(*words, **options)
        assert ended.returncode == 0, f"{words}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}"
        return ended.stdout

    def files(self):
        """What lies in it, but for the records of apt and dpkg and their logs."""
        others = ("var/lib/apt", "var/lib/dpkg", "var/cache", "var/log", "proc", "usr/share/doc", "etc/ld.so.cache")
        found = set()
        for folder, folders, names in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            folders[:] = [name for name in folders if os.path.normpath(f"{inside}/{name}") not in others]
            found |= {os.path.normpath(f"{inside}/{name}") for name in names + folders}
        return found - set(others)

    @contextlib.contextmanager
    def booted(self):
        """Its systemd as the first process of a container that has this machine's network: a function that runs a
        command in it. Everything in it ends with this process."""
        self.done("apt-get", "install", "-y", "--no-install-recommends", "systemd")
        with open(self.root / "var/log/boot", "w", encoding="utf-8") as log:
            first = subprocess.Popen(["unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "sh", "-ec", BOOT,
                                      "sh", str(self.root)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            client.wait_for("the first process", lambda: children(first.pid) or first.poll() is not None)
            init = children(first.pid)[0]

            def run(*words, **options):
                return subprocess.run(["nsenter", "-t", str(init), "-m", "-p", "-u", "-i", "-C", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                       *map(str, words)], capture_output=True, text=True, timeout=180, check=False, **options)

            client.wait_for("systemd", lambda: run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"))
            yield run
        finally:
            first.kill()
            first.wait(30)

    def close(self):
        shutil.rmtree(self.root)
