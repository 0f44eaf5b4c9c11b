"""What is in a Debian package, and what its list of parts says."""

import contextlib
import hashlib
import json
import subprocess
import tarfile


@contextlib.contextmanager
def contents(package):
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking:
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tree:
            yield tree


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def list_of_parts(package):
    return json.loads(package.with_suffix(".cdx.json").read_text(encoding="utf-8"))


def check_the_list_of_parts(package):
    """Every library in it is in the list, with its hash."""
    parts = list_of_parts(package)
    listed = {one["name"]: one["hashes"][0]["content"] for part in parts["components"] for one in part.get("components", [])}
    found = {}
    with contents(package) as tree:
        for member in tree:
            if member.isfile() and ".so" in member.name.rsplit("/", 1)[-1]:
                digest = hashlib.sha256(tree.extractfile(member).read()).hexdigest()
                found[member.name.removeprefix("./usr/lib/wiretag/")] = digest
    assert found == listed and len(found) >= 6
    assert parts["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(package.read_bytes()).hexdigest()
